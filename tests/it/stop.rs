//! The stop contract of every trigger with a queue of 10 events.

use std::time::Duration;

use serde_json::Value;
use triggers::{Trigger, TriggerError, TriggerEvent};

/// Checks the stop contract on a trigger that has not been started; `send` publishes a number to it.
pub(crate) async fn contract<T: Trigger + Clone>(trigger: &T, send: impl AsyncFn(u64)) {
    assert_stopped(trigger).await;

    // One waiter.
    start(trigger).await;
    let waiter = wait(trigger);
    tokio::task::yield_now().await;
    trigger.stop().await;
    assert!(matches!(ends_within_a_second(waiter).await, Ok(Err(TriggerError::Stopped))));
    assert_stopped(trigger).await;

    // Two waiters, and two stops.
    start(trigger).await;
    let waiters = [wait(trigger), wait(trigger)];
    tokio::task::yield_now().await;
    trigger.stop().await;
    trigger.stop().await;
    for waiter in waiters {
        assert!(matches!(ends_within_a_second(waiter).await, Ok(Err(TriggerError::Stopped))));
    }

    // A stop ends the wait, although a start follows at once.
    start(trigger).await;
    let waiter = wait(trigger);
    tokio::task::yield_now().await;
    trigger.stop().await;
    start(trigger).await;
    assert!(matches!(ends_within_a_second(waiter).await, Ok(Err(TriggerError::Stopped))));

    // A full queue: the trigger returns all events in order, and then `Stopped`.
    start(trigger).await;
    start(trigger).await;
    for number in 0..10 {
        send(number).await;
    }
    trigger.stop().await;
    assert_eq!(trigger.status().queue_size, 10);
    for number in 0..10 {
        assert_eq!(number_of(&next(trigger).await), number);
    }
    assert_stopped(trigger).await;

    // After another start, the stop has no effect on a new waiter.
    start(trigger).await;
    let waiter = wait(trigger);
    tokio::task::yield_now().await;
    assert!(!waiter.is_finished());
    send(42).await;
    let event = ends_within_a_second(waiter).await.expect("no panic").expect("an event");
    assert_eq!(number_of(&event), 42);

    // A start keeps the events accepted before the stop, ahead of new events.
    send(43).await;
    trigger.stop().await;
    start(trigger).await;
    send(44).await;
    assert_eq!((number_of(&next(trigger).await), number_of(&next(trigger).await)), (43, 44));
    trigger.stop().await;
    assert_stopped(trigger).await;
}

async fn start(trigger: &impl Trigger) {
    ends_within_a_second(trigger.start()).await.expect("the trigger starts");
}

async fn next(trigger: &impl Trigger) -> TriggerEvent {
    ends_within_a_second(trigger.wait_for_next()).await.expect("an event")
}

async fn assert_stopped(trigger: &impl Trigger) {
    for _ in 0..2 {
        let next = ends_within_a_second(trigger.wait_for_next()).await;
        assert!(matches!(next, Err(TriggerError::Stopped)), "{next:?}");
    }
}

fn wait<T: Trigger + Clone>(trigger: &T) -> tokio::task::JoinHandle<Result<TriggerEvent, TriggerError>> {
    let trigger = trigger.clone();
    tokio::spawn(async move { trigger.wait_for_next().await })
}

/// Returns the number that was sent, from the payload of any kind of trigger.
fn number_of(event: &TriggerEvent) -> u64 {
    let payload = event.payload();
    let body = payload.get("data").or(payload.get("content")).unwrap_or(payload);
    body.as_u64().unwrap_or_else(|| panic!("{}", Value::clone(payload)))
}

/// Fails instead of hanging. With the clock paused, a second passes as soon as nothing else can happen.
pub(crate) async fn ends_within_a_second<F: IntoFuture>(future: F) -> F::Output {
    let ended = tokio::time::timeout(Duration::from_secs(1), future.into_future()).await;
    ended.expect("the future ends within a second")
}
