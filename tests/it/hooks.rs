//! Hooks of a program: before the first event and after the last.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use triggers::{EventBus, ProcessConfig, Result, Runtime, TriggerConfig, TriggerEvent};

use crate::common::on;

/// Records calls in their order.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<&'static str>>>);

impl Calls {
    fn add(&self, call: &'static str) {
        self.0.lock().expect("the calls").push(call);
    }

    fn all(&self) -> Vec<&'static str> {
        self.0.lock().expect("the calls").clone()
    }
}

#[tokio::test(start_paused = true)]
async fn hooks_run_before_the_first_event_and_after_the_last() -> Result {
    let (calls, bus) = (Calls::default(), EventBus::new());
    let call = |name| {
        let calls = calls.clone();
        move || async move {
            calls.add(name);
            Ok(())
        }
    };
    let runtime = Runtime::builder()
        .bus(bus.clone())
        .on_start({
            let (calls, bus) = (calls.clone(), bus.clone());
            move || async move {
                assert_eq!(bus.emit("e", 0).await?.matched(), Some(0), "no trigger is subscribed yet");
                calls.add("first start");
                Ok(())
            }
        })
        .on_start(call("second start"))
        .on_stop(call("last stop"))
        .on_stop(call("first stop"))
        .process("p", on("e"), {
            let calls = calls.clone();
            move |_: TriggerEvent| {
                let calls = calls.clone();
                async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    calls.add("handled");
                }
            }
        })
        .start()
        .await?;
    assert_eq!(calls.all(), ["first start", "second start"]);
    bus.emit("e", 1).await?;
    runtime.shutdown().await;
    runtime.shutdown().await;
    assert_eq!(calls.all(), ["first start", "second start", "handled", "first stop", "last stop"]);
    Ok(())
}

#[tokio::test]
async fn start_hook_that_fails_or_panics_fails_the_start() {
    let start = |fails: fn() -> Result| {
        let config = ProcessConfig::new().trigger(TriggerConfig::webhook("/x", 0).host("127.0.0.1"));
        let builder = Runtime::builder().process("p", config, |_: TriggerEvent| async {});
        builder.on_start(move || async move { fails() }).start()
    };
    let error = start(|| Err("no database".into())).await.expect_err("it fails").to_string();
    assert!(error.contains("the `on_start` hook at tests/it/hooks.rs:"), "{error}");
    assert!(error.ends_with("failed: no database"), "{error}");
    let error = start(|| panic!("out of cheese")).await.expect_err("it panics").to_string();
    assert!(error.contains("failed: it panicked: out of cheese, at tests/it/hooks.rs:"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn stop_hook_that_hangs_or_panics_does_not_prevent_the_others() -> Result {
    let calls = Calls::default();
    let runtime = Runtime::builder()
        .process("p", on("e"), |_: TriggerEvent| async {})
        .drain_deadline(Duration::from_secs(2))
        .on_stop({
            let calls = calls.clone();
            move || async move {
                calls.add("stopped");
                Ok(())
            }
        })
        .on_stop(|| async { panic!("out of cheese") })
        .on_stop(|| async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            Ok(())
        })
        .start()
        .await?;
    let began = Instant::now();
    runtime.shutdown().await;
    assert_eq!(calls.all(), ["stopped"]);
    assert_eq!(began.elapsed(), Duration::from_secs(4), "hooks have 5 s if the drain leaves less");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn stop_hooks_run_until_the_drain_deadline_and_no_longer() -> Result {
    for (takes, expected) in [(10, 10), (3600, 30)] {
        let calls = Calls::default();
        let call = |takes, name| {
            let calls = calls.clone();
            move || async move {
                tokio::time::sleep(Duration::from_secs(takes)).await;
                calls.add(name);
                Ok(())
            }
        };
        let runtime = Runtime::builder()
            .process("p", on("e"), |_: TriggerEvent| async {})
            .drain_deadline(Duration::from_secs(30))
            .on_stop(call(0, "last"))
            .on_stop(call(takes, "first"))
            .start()
            .await?;
        let began = Instant::now();
        runtime.shutdown().await;
        assert_eq!(began.elapsed(), Duration::from_secs(expected));
        assert_eq!(calls.all(), if takes == expected { vec!["first", "last"] } else { vec!["last"] });
    }
    Ok(())
}
