//! The clock of a runtime: ids, timestamps and dead letters follow it, and it is virtual while tokio's is paused.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::advance;
use triggers::{
    DeadLetter, Error, EventBus, EventId, EventTrigger, MessageBroker, PausedClock, Result, Runtime, Text,
    Trigger, TriggerConfig, TriggerEvent,
};

use crate::common::{config, on};

const HOUR: Duration = Duration::from_secs(3600);

/// 2027-01-15T08:00:00Z.
const START: Duration = Duration::from_secs(1_800_000_000);

/// Returns the time in an id: its first 48 bits are milliseconds since 1970 (RFC 9562 section 5.7).
fn time_of(id: EventId) -> Duration {
    let digits: String = id.to_string().split('-').take(2).collect();
    Duration::from_millis(u64::from_str_radix(&digits, 16).expect("hexadecimal digits"))
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).expect("a time after 1970")
}

#[tokio::test(start_paused = true)]
async fn ids_and_timestamps_follow_the_clock_of_the_runtime() -> Result {
    let (bus, broker) = (EventBus::new(), MessageBroker::new());
    let event = EventTrigger::new(&bus, "a");
    let message = triggers::MessageTrigger::new(&broker, "a");
    event.start().await?;
    message.start().await?;
    let runtime = Runtime::builder()
        .clock(PausedClock::at(UNIX_EPOCH + START))
        .bus(bus.clone())
        .broker(broker.clone())
        .process("p", on("b"), |_: Text| async {})
        .start()
        .await?;
    for hours in 0..3 {
        bus.emit("a", 1).await?;
        broker.publish("a", 1).await?;
        for event in [event.wait_for_next().await?, message.wait_for_next().await?] {
            assert_eq!(since_1970(event.timestamp()), START + hours * HOUR);
            assert_eq!(time_of(event.id()), START + hours * HOUR);
        }
        advance(HOUR).await;
    }
    assert_eq!(runtime.shutdown().await.left, 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn default_clock_is_virtual_while_tokio_is_paused() -> Result {
    let runtime = Runtime::builder()
        .process("p", on("a"), |_: Text| async { Err::<(), Error>("broken".into()) })
        .start()
        .await?;
    let events = EventTrigger::new(&runtime.bus(), "a");
    events.start().await?;
    let mut times = Vec::new();
    for _ in 0..2 {
        runtime.bus().emit("a", 1).await?;
        times.push(since_1970(events.wait_for_next().await?.timestamp()));
        // The worker handles its event before the clock advances.
        tokio::task::yield_now().await;
        advance(HOUR).await;
    }
    assert_eq!(times[1] - times[0], HOUR);
    let report = runtime.shutdown().await;
    let letters = runtime.dead_letters().list().await;
    assert_eq!((report.left, letters.len()), (0, 2));
    let [first, second] = [0, 1].map(|index: usize| since_1970(letters[index].last_at));
    assert_eq!(second - first, HOUR);
    assert_eq!(first, times[0]);
    Ok(())
}

#[tokio::test]
async fn default_clock_is_the_system_clock() -> Result {
    let runtime = Runtime::builder().process("p", on("b"), |_: TriggerEvent| async {}).start().await?;
    let events = EventTrigger::new(&runtime.bus(), "a");
    events.start().await?;
    let before = SystemTime::now();
    runtime.bus().emit("a", 1).await?;
    let timestamp = events.wait_for_next().await?.timestamp();
    assert!((before..=SystemTime::now()).contains(&timestamp), "{timestamp:?}");
    runtime.shutdown().await;
    Ok(())
}

/// Ids of one thread sort in the order in which they were made, so a test can sort events by them.
#[tokio::test(start_paused = true)]
async fn ids_of_one_millisecond_sort_in_the_order_of_emits() -> Result {
    let bus = EventBus::new();
    let events = EventTrigger::new(&bus, "a").capacity(1000);
    events.start().await?;
    for _ in 0..1000 {
        bus.emit("a", 1).await?;
    }
    let ids: Vec<EventId> = events.drain_pending().iter().map(TriggerEvent::id).collect();
    assert!(ids.is_sorted());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn second_runtime_of_a_bus_shares_its_clock_and_cannot_set_another() -> Result {
    let bus = EventBus::new();
    let builder = |bus: &EventBus, name: &str| {
        Runtime::builder().bus(bus.clone()).process(name, on("a"), |_: Text| async {})
    };
    let first = builder(&bus, "first").clock(PausedClock::at(UNIX_EPOCH + START)).start().await?;
    let error =
        builder(&bus, "second").clock(PausedClock::at(UNIX_EPOCH)).start().await.expect_err("a clock");
    assert_eq!(
        error.to_string(),
        "the runtime cannot start: the bus has the clock of another runtime; leave `.clock(..)` out to use that one, \
         or give this runtime a bus of its own"
    );
    let second = builder(&bus, "second").start().await?;
    let letters = config([TriggerConfig::dead_letter()]);
    let (sent, received) = tokio::sync::oneshot::channel();
    let sent = std::sync::Mutex::new(Some(sent));
    second.add_process("fails", on("fail"), |_: Text| async { Err::<(), Error>("broken".into()) }).await?;
    second
        .add_process("letters", letters, move |letter: DeadLetter| {
            let sent = sent.lock().expect("a sender").take();
            async move {
                let _ = sent.map(|sent| sent.send(letter.last_at));
            }
        })
        .await?;
    bus.emit("fail", 1).await?;
    assert_eq!(since_1970(received.await?), START);
    first.shutdown().await;
    second.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn check_reports_a_second_clock_of_a_broker() -> Result {
    let broker = MessageBroker::new();
    let builder = || {
        let process = config([TriggerConfig::message("a")]);
        Runtime::builder().broker(broker.clone()).process("p", process, |_: Text| async {})
    };
    let runtime = builder().start().await?;
    let error = builder().clock(PausedClock::at(UNIX_EPOCH)).check().expect_err("another clock");
    assert!(error.to_string().contains("the broker has the clock of another runtime"), "{error}");
    assert_eq!(builder().check(), Ok(()));
    runtime.shutdown().await;
    Ok(())
}
