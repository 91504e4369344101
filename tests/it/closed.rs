//! Publications after the end of a runtime: its own bus and broker refuse them, and those of the program stay open.

use std::sync::{Arc, Mutex};

use triggers::{Builder, EventBus, MessageBroker, PublishError, Result, Runtime, TriggerEvent};

use crate::common::{counts, on};

fn builder() -> Builder {
    Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {})
}

/// Asserts that publications on both are refused, and counted as neither matched nor unmatched.
async fn assert_closed(bus: &EventBus, broker: &MessageBroker) {
    for event_type in ["e", "other"] {
        let error = bus.emit(event_type, 1).await.expect_err("refused");
        assert!(matches!(error, PublishError::Closed), "{error}");
        let error = broker.publish(event_type, 1).await.expect_err("refused");
        assert_eq!(error.to_string(), "the runtime has ended, and nothing handles what is published");
    }
    assert_eq!((bus.unmatched(), broker.unmatched()), (0, 0));
}

#[tokio::test]
async fn publication_after_the_end_of_its_runtime_is_an_error() -> Result {
    let runtime = builder().start().await?;
    let (bus, broker) = (runtime.bus(), runtime.broker());
    bus.emit("e", 1).await?;
    assert_eq!(runtime.shutdown().await.completed, 1);
    assert_closed(&bus, &broker).await;
    assert_closed(&runtime.handle().bus(), &runtime.handle().broker()).await;
    let dropped = builder().start().await?;
    let (bus, broker) = (dropped.bus(), dropped.broker());
    drop(dropped);
    assert_closed(&bus, &broker).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handlers_publish_until_the_last_one_has_ended_and_hooks_do_not() -> Result {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let (chain, at_stop) = (seen.clone(), seen.clone());
    let bus_of_hook = Arc::<Mutex<Option<EventBus>>>::default();
    let bus = bus_of_hook.clone();
    let relays = move |n: triggers::Json<u32>, bus: EventBus| {
        let seen = chain.clone();
        async move {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let sent = bus.emit("e", n.0 + 1).await.map(|sent| sent.queued());
            seen.lock().expect("the results").push(format!("{sent:?}"));
            if n.0 == 3 { Err(triggers::Error::permanent("enough")) } else { Ok(()) }
        }
    };
    let config = on("e").trigger(triggers::TriggerConfig::event("first"));
    let runtime = Runtime::builder()
        .process("p", config, relays)
        .drain_deadline(std::time::Duration::from_millis(2500))
        .on_stop(move || async move {
            let bus = bus.lock().expect("the bus").take().expect("a bus");
            let sent = bus.emit("e", 1).await;
            at_stop.lock().expect("the results").push(format!("{sent:?}"));
            Ok(())
        })
        .start()
        .await?;
    bus_of_hook.lock().expect("the bus").replace(runtime.bus());
    runtime.bus().emit("first", 0).await?;
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left), (2, 1), "{report}");
    assert_eq!(*seen.lock().expect("the results"), ["Ok(Some(1))", "Ok(Some(1))", "Err(Closed)"]);
    Ok(())
}

#[tokio::test]
async fn bus_of_the_program_stays_open_for_its_other_runtimes() -> Result {
    let (bus, broker) = (EventBus::new(), MessageBroker::new());
    let one = builder().bus(bus.clone()).broker(broker.clone()).start().await?;
    let two = builder().bus(bus.clone()).broker(broker.clone()).start().await?;
    assert_eq!(counts(&bus.emit("e", 1).await?), (2, 2, 0));
    one.shutdown().await;
    assert_eq!(counts(&bus.emit("e", 1).await?), (1, 1, 0));
    two.shutdown().await;
    assert_eq!((one.status().processes[0].handled, two.status().processes[0].handled), (1, 2));
    assert_eq!(counts(&bus.emit("e", 1).await?), (0, 0, 0));
    assert_eq!(counts(&broker.publish("e", 1).await?), (0, 0, 0));
    // The same holds for a bus to which the program keeps no handle.
    let given = builder().bus(EventBus::new()).start().await?;
    let bus = given.bus();
    given.shutdown().await;
    assert_eq!(counts(&bus.emit("e", 1).await?), (0, 0, 0));
    Ok(())
}
