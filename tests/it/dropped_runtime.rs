//! A runtime that is dropped without a shutdown.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use triggers::{EventBus, Key, Result, Runtime, Shutdown, TriggerConfig, TriggerEvent};

use crate::common::{config, counts};
use crate::until::until;

#[tokio::test(start_paused = true)]
async fn dropped_runtime_cancels_its_handlers_and_notifies_them() -> Result {
    struct Dropped(mpsc::UnboundedSender<&'static str>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send("cancelled");
        }
    }
    let (sender, mut seen) = mpsc::unbounded_channel();
    let runtime = Runtime::builder()
        .process("held", config([TriggerConfig::event("a")]), move |shutdown: Shutdown| {
            let dropped = Dropped(sender.clone());
            let sender = sender.clone();
            tokio::spawn(async move {
                shutdown.cancelled().await;
                let _ = sender.send("notified");
            });
            async move {
                let _dropped = dropped;
                std::future::pending::<()>().await;
            }
        })
        .start()
        .await?;
    runtime.bus().emit("a", 1).await?;
    until("an event in flight", || runtime.status().processes[0].in_flight > 0).await;
    drop(runtime);
    let mut both = [seen.recv().await, seen.recv().await];
    both.sort_unstable();
    assert_eq!(both, [Some("cancelled"), Some("notified")]);
    Ok(())
}

#[tokio::test]
async fn event_published_while_the_runtime_is_dropped_matches_no_trigger() -> Result {
    let (bus, held) = (EventBus::new(), Arc::<Mutex<Option<Runtime>>>::default());
    // The runtime computes the key while an event is on its way into the queue.
    let end = {
        let held = held.clone();
        move |_: &TriggerEvent| drop(held.lock().expect("the runtime").take())
    };
    let keyed = config([TriggerConfig::event("a")]).key(Key::of(end));
    let runtime =
        Runtime::builder().bus(bus.clone()).process("p", keyed, |_: TriggerEvent| async {}).start().await?;
    held.lock().expect("the runtime").replace(runtime);
    let sent = bus.emit("a", 1).await?;
    assert_eq!(counts(&sent), (0, 0, 0));
    Ok(())
}

#[tokio::test]
async fn dropped_runtime_ends_at_once() -> Result {
    let bus = EventBus::new();
    let triggers = [TriggerConfig::event("a"), TriggerConfig::webhook("/x", 0).host("127.0.0.1")];
    let runtime = Runtime::builder()
        .bus(bus.clone())
        .process("p", config(triggers), |_: TriggerEvent| async {})
        .start()
        .await?;
    let address = runtime.local_addr("webhook-0/x").expect("an address");
    drop(runtime);
    assert_eq!(bus.emit("a", 1).await?.matched(), Some(0));
    until("the port to be free", || TcpListener::bind(address).is_ok()).await;
    Ok(())
}
