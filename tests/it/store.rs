//! A runtime with a store: what a publisher waits for, what survives, and what a failure of the store does.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use triggers::{
    Attempt, Backoff, Ended, ObservedEnd, ObservedEvent, Observer, Outcome, Overflow, ProcessConfig,
    PublishError, Result, Runtime, StoreError, Text, TriggerConfig, TriggerEvent,
};

use self::log::Log;
use crate::common::{self, assert_balanced, counts, gated, hook, on, status};
use crate::http;
use crate::until::until;

mod log;
mod unreadable;

/// Starts a process `p` with this handler for the events `e`, with a queue for two events.
async fn start<Args>(
    log: &Log,
    config: ProcessConfig,
    handler: impl triggers::Handler<Args>,
) -> Result<Runtime> {
    Ok(Runtime::builder().store(log.clone()).process("p", config, handler).start().await?)
}

fn two(overflow: Overflow) -> ProcessConfig {
    ProcessConfig::new().trigger(TriggerConfig::event("e").queue(2).overflow(overflow))
}

#[tokio::test(start_paused = true)]
async fn publisher_waits_until_its_event_is_safe_and_no_handler_sees_it_before() -> Result {
    let log = Log::default();
    let config = ["e", "*"].map(TriggerConfig::message);
    let runtime = start(&log, common::config(config), |_: TriggerEvent| async {}).await?;
    let broker = runtime.broker();
    {
        let mut first = pin!(broker.publish("e", 1).into_future());
        assert!(timeout(Duration::from_secs(60), &mut first).await.is_err());
        let now = status(&runtime);
        assert_eq!((now.handled, now.triggers[0].accepted, now.triggers[0].queue_size), (0, 0, 0));
        log.commit();
        assert_eq!(counts(&first.await?), (2, 2, 0));
    }
    until("both are handled", || status(&runtime).handled == 2).await;
    assert!(log.left().is_empty());
    assert_balanced(&status(&runtime));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn event_that_is_being_stored_has_its_capacity() -> Result {
    for overflow in [Overflow::Reject, Overflow::DropNewest, Overflow::Wait] {
        let log = Log::default();
        let runtime = start(&log, two(overflow), |_: TriggerEvent| async {}).await?;
        let bus = runtime.bus();
        let emit = |n| {
            let bus = bus.clone();
            tokio::spawn(async move { bus.emit("e", n).await.map(|sent| counts(&sent)) })
        };
        let stored = [emit(1), emit(2)];
        tokio::task::yield_now().await;
        let third = emit(3);
        tokio::task::yield_now().await;
        match overflow {
            Overflow::Reject => assert!(matches!(third.await?, Err(PublishError::Full { .. }))),
            Overflow::DropNewest => assert_eq!(third.await?.expect("a drop"), (1, 0, 1)),
            _ => {
                sleep(Duration::from_secs(60)).await;
                assert!(!third.is_finished());
                log.commit();
                until("the third is being stored", || !log.contents().waiting.is_empty()).await;
                log.commit();
                assert_eq!(third.await?.expect("a place"), (1, 1, 0));
            }
        }
        log.commit();
        for sent in stored {
            assert_eq!(sent.await?.expect("stored"), (1, 1, 0));
        }
        assert_eq!(runtime.shutdown().await.left, 0);
        assert_balanced(&status(&runtime));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn failed_store_is_an_error_and_gives_the_capacity_back() -> Result {
    let log = Log::default();
    let runtime = start(&log, two(Overflow::Reject), |_: TriggerEvent| async {}).await?;
    let bus = runtime.bus();
    for (n, fail) in [
        (1, Some(StoreError::new("the disk is full"))),
        (2, Some(StoreError::unknown("the disk is gone"))),
        // The store drops the answer.
        (3, None),
    ] {
        let sent = tokio::spawn({
            let bus = bus.clone();
            async move { bus.emit("e", n).await }
        });
        until("it is being stored", || !log.contents().waiting.is_empty()).await;
        let (_, commit) = log.contents().waiting.remove(0);
        let unknown = fail.as_ref().is_none_or(StoreError::is_unknown);
        match fail {
            Some(error) => commit.failed(error),
            None => drop(commit),
        }
        let Err(PublishError::NotStored { error, published, .. }) = sent.await? else {
            panic!("it is not stored")
        };
        assert_eq!((error.is_unknown(), counts(&published)), (unknown, (1, 0, 1)), "{error}");
        assert_eq!(status(&runtime).triggers[0].dropped, n);
    }
    log.contents().is_quick = true;
    for n in [4, 5] {
        assert_eq!(counts(&bus.emit("e", n).await?), (1, 1, 0));
    }
    assert_eq!(runtime.shutdown().await.completed, 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dropped_publisher_gives_a_reservation_back_and_changes_nothing_once_the_event_is_stored() -> Result {
    let log = Log::default();
    let runtime = start(&log, two(Overflow::Wait), |_: TriggerEvent| async {}).await?;
    let bus = runtime.bus();
    let emit = |n| {
        let bus = bus.clone();
        tokio::spawn(async move { bus.emit("e", n).await })
    };
    let publishers = [emit(1), emit(2), emit(3), emit(4)];
    until("two are being stored", || log.contents().waiting.len() == 2).await;
    let [first, _second, third, fourth] = publishers;
    first.abort();
    third.abort();
    tokio::task::yield_now().await;
    assert_eq!(status(&runtime).triggers[0].dropped, 1, "the third waited for capacity");
    log.commit();
    until("the fourth is being stored", || log.contents().waiting.len() == 1).await;
    fourth.abort();
    tokio::task::yield_now().await;
    log.commit();
    until("three are handled", || status(&runtime).handled == 3).await;
    assert_balanced(&status(&runtime));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_survives_a_crash_with_its_attempts_and_comes_before_new_events() -> Result {
    let log = Log::quick();
    let config = || on("e").retry(3).backoff(Backoff::new(Duration::ZERO, Duration::ZERO));
    let failing = |_: TriggerEvent| async { Outcome::Retry(Duration::from_secs(100)) };
    let runtime = start(&log, config(), failing).await?;
    runtime.bus().emit("e", "failing").await?;
    until("it waits for its retry", || status(&runtime).waiting == 1).await;
    runtime.pause("p")?;
    for n in ["a", "b"] {
        runtime.bus().emit("e", n).await?;
    }
    drop(runtime);
    assert_eq!(log.left(), ["\"failing\" to event-e", "\"a\" to event-e", "\"b\" to event-e"]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let handler = move |text: Text, attempt: Attempt| {
        noted.lock().expect("the events").push((text.0, attempt.number()));
        async {}
    };
    let runtime = start(&log, config(), handler).await?;
    runtime.bus().emit("e", "new").await?;
    sleep(Duration::from_secs(200)).await;
    let seen = seen.lock().expect("the events").clone();
    let seen: Vec<_> = seen.iter().map(|(text, attempt)| (&**text, *attempt)).collect();
    assert_eq!(seen, [("a", 1), ("b", 1), ("new", 1), ("failing", 2)]);
    assert!(log.left().is_empty());
    runtime.shutdown().await;
    assert_eq!(log.contents().closed, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_and_removal_leave_in_the_store_what_they_do_not_handle() -> Result {
    let (log, gate) = (Log::quick(), Arc::new(Notify::new()));
    let builder = Runtime::builder().store(log.clone()).drain_deadline(Duration::from_secs(1));
    let runtime = builder.process("p", two(Overflow::Reject), gated(&gate)).start().await?;
    for n in [1, 2] {
        runtime.bus().emit("e", n).await?;
    }
    let report = runtime.remove_process("p").await?;
    assert_eq!((report.released, report.left), (2, 0));
    assert_eq!(log.left().len(), 2);
    runtime.add_process("p", two(Overflow::Reject), gated(&gate)).await?;
    assert_eq!(status(&runtime).triggers[0].accepted, 2);
    let report = runtime.shutdown().await;
    assert_eq!((report.released, report.left), (2, 0));
    assert_eq!((log.left().len(), runtime.dead_letters().len().await), (2, 0));
    Ok(())
}

/// Makes what is being stored safe when its handler is cancelled.
struct CommitsWhenDropped(Log);

impl Drop for CommitsWhenDropped {
    fn drop(&mut self) {
        self.0.commit();
    }
}

/// At that moment no worker takes an event any more, and the queues are still open.
#[tokio::test(start_paused = true)]
async fn event_that_is_stored_while_the_handlers_are_cancelled_stays_stored() -> Result {
    let log = Log::quick();
    let handler = {
        let log = log.clone();
        move |_: TriggerEvent| {
            let commits = CommitsWhenDropped(log.clone());
            async move {
                let _commits = commits;
                std::future::pending::<()>().await;
            }
        }
    };
    let builder = Runtime::builder().store(log.clone()).drain_deadline(Duration::from_secs(1));
    let runtime = builder.process("p", two(Overflow::Reject), handler).start().await?;
    runtime.bus().emit("e", 1).await?;
    until("it runs", || status(&runtime).in_flight == 1).await;
    log.contents().is_quick = false;
    let bus = runtime.bus();
    let second = tokio::spawn(async move { bus.emit("e", 2).await });
    until("it is being stored", || !log.contents().waiting.is_empty()).await;
    let report = runtime.shutdown().await;
    assert_eq!((report.left, report.released), (0, 1));
    assert_eq!(counts(&second.await??), (1, 1, 0));
    assert_eq!(log.left(), ["1 to event-e", "2 to event-e"]);
    assert_balanced(&status(&runtime));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn events_of_a_missing_trigger_stay_stored() -> Result {
    let (log, gate) = (Log::quick(), Arc::new(Notify::new()));
    let runtime = start(&log, two(Overflow::Reject), gated(&gate)).await?;
    runtime.bus().emit("e", 1).await?;
    drop(runtime);
    let runtime = start(&log, on("other"), |_: TriggerEvent| async {}).await?;
    runtime.shutdown().await;
    assert_eq!(log.left(), ["1 to event-e"]);
    Ok(())
}

/// Counts the events that were queued, and those that were evicted.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<(usize, usize)>>);

impl Observer for Seen {
    fn queued(&self, _: &ObservedEvent<'_>) {
        self.0.lock().expect("the counts").0 += 1;
    }

    fn settled(&self, end: &ObservedEnd<'_>) {
        self.0.lock().expect("the counts").1 += usize::from(end.how == Ended::Evicted);
    }
}

#[tokio::test(start_paused = true)]
async fn evicted_and_failed_events_are_dead_letters_and_leave_the_store() -> Result {
    let (log, seen) = (Log::quick(), Seen::default());
    let gate = Arc::new(Notify::new());
    let builder = Runtime::builder().store(log.clone()).observer(seen.clone());
    let runtime = builder.process("p", two(Overflow::DropOldest), gated(&gate)).start().await?;
    runtime.bus().emit("e", 0).await?;
    until("one runs", || status(&runtime).in_flight == 1).await;
    for n in 1..=3 {
        assert_eq!(counts(&runtime.bus().emit("e", n).await?), (1, 1, 0));
    }
    assert_eq!(log.left().len(), 3);
    assert_eq!((runtime.dead_letters().len().await, status(&runtime).triggers[0].evicted), (1, 1));
    assert_eq!(*seen.0.lock().expect("the counts"), (4, 1));
    assert_balanced(&status(&runtime));
    Ok(())
}

/// The runtimes share a bus, and each has a store of its own.
#[tokio::test(start_paused = true)]
async fn each_runtime_of_a_bus_stores_in_its_own_store() -> Result {
    let (bus, logs, gate) =
        (triggers::EventBus::new(), [Log::quick(), Log::quick()], Arc::new(Notify::new()));
    let mut runtimes = Vec::new();
    for (name, log) in ["p", "q"].into_iter().zip(&logs) {
        let builder = Runtime::builder().bus(bus.clone()).store(log.clone());
        runtimes.push(builder.process(name, on("e"), gated(&gate)).start().await?);
    }
    assert_eq!(counts(&bus.emit("e", 1).await?), (2, 2, 0));
    let processes =
        |log: &Log| log.contents().deliveries.values().map(|one| one.target.process.to_string()).collect();
    let stored: Vec<Vec<String>> = logs.iter().map(processes).collect();
    assert_eq!(stored, [["p"], ["q"]]);
    logs[1].contents().is_quick = false;
    let sent = tokio::spawn(async move { bus.emit("e", 2).await });
    until("one is being stored", || !logs[1].contents().waiting.is_empty()).await;
    logs[1].contents().waiting.clear();
    let Err(PublishError::NotStored { published, .. }) = sent.await? else { panic!("one store has failed") };
    assert_eq!(counts(&published), (2, 1, 1));
    Ok(())
}

#[tokio::test]
async fn request_is_answered_once_its_event_is_safe() -> Result {
    let log = Log::default();
    let runtime = start(&log, hook("/orders"), |_: TriggerEvent| async {}).await?;
    let address = runtime.local_addr(&status(&runtime).triggers[0].id).expect("a port");
    for stored in [true, false] {
        let post = tokio::spawn(http::post(address, "/orders", "1"));
        until("it is being stored", || !log.contents().waiting.is_empty()).await;
        assert!(!post.is_finished());
        if stored {
            log.commit();
        } else {
            log.contents().waiting.clear();
        }
        let answer = post.await?;
        assert_eq!(answer.status, if stored { 202 } else { 503 });
    }
    until("one is handled", || status(&runtime).handled == 1).await;
    assert_eq!(status(&runtime).triggers[0].dropped, 1);
    Ok(())
}
