//! Handlers that publish in a loop: the depth of an event ends it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use triggers::{
    DeadLetter, DeadLetterReason, DropReason, EventBus, Json, MessageBroker, ObservedEvent, Observer,
    Overflow, ProcessConfig, Result, Runtime, TriggerConfig, TriggerEvent,
};

use crate::common::{assert_balanced, config, counts, on, status};
use crate::until::until;

/// The number of events of a loop that publishes one event each time: depth 0 to 32.
const HANDLED: u64 = 33;

/// Handles an event `e` by another one. Returns what the last publication returned.
async fn again(bus: EventBus, Json(n): Json<u64>) -> Result {
    let sent = bus.emit("e", n + 1).await?;
    let expected = if n % HANDLED < 32 { (1, 1, 0) } else { (1, 0, 1) };
    assert_eq!(counts(&sent), expected, "{n}");
    Ok(())
}

/// Waits until no event is queued or in flight.
async fn at_rest(runtime: &Runtime) {
    let rests = || {
        runtime.status().processes.iter().all(|process| {
            process.in_flight == 0 && process.triggers.iter().all(|trigger| trigger.queue_size == 0)
        })
    };
    until("no event", rests).await;
}

#[tokio::test(start_paused = true)]
async fn loop_ends_with_a_dead_letter_that_names_the_depth() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), again).start().await?;
    // A worker keeps no depth from the event before, nor does this task from the handlers on its thread.
    for round in 1..=3 {
        runtime.bus().emit("e", 0).await?;
        at_rest(&runtime).await;
        let status = status(&runtime);
        assert_eq!((status.handled, status.dead_lettered, status.failed), (round * HANDLED, 0, 0));
        assert_eq!((status.triggers[0].accepted, status.triggers[0].dropped), (round * HANDLED, round));
        assert_eq!(status.dead_letters.get(DeadLetterReason::Loop), round);
        assert_balanced(&status);
    }
    let kept = runtime.dead_letters().list().await;
    assert_eq!(kept.len(), 3);
    assert_eq!(
        (kept[0].reason, kept[0].attempts, kept[0].event.payload()["data"].as_u64()),
        (DeadLetterReason::Loop, 0, Some(HANDLED))
    );
    assert!(kept[0].error.starts_with("its depth is 33, and at most 32 is queued"), "{}", kept[0].error);
    Ok(())
}

/// Without the limit it would not end, with every policy.
#[tokio::test(start_paused = true)]
async fn handler_that_publishes_its_event_twice_ends_by_itself() -> Result {
    let twice = |bus: EventBus, _: TriggerEvent| async move {
        for _ in 0..2 {
            // A full queue is an error of the policies `reject` and `wait`.
            let _ = bus.emit("e", 0).await;
        }
    };
    for overflow in [Overflow::DropNewest, Overflow::DropOldest, Overflow::Reject, Overflow::Wait] {
        let trigger = TriggerConfig::event("e").queue(20).overflow(overflow);
        let config = config([trigger]).concurrency(3);
        let runtime = Runtime::builder().process("p", config, twice).start().await?;
        runtime.bus().emit("e", 0).await?;
        at_rest(&runtime).await;
        let status = status(&runtime);
        assert!((HANDLED..HANDLED * 1000).contains(&status.handled), "{overflow}: {}", status.handled);
        assert!(status.dead_letters.get(DeadLetterReason::Loop) >= 1, "{overflow}");
        assert_balanced(&status);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn loop_through_the_bus_the_broker_and_waiting_handlers_ends() -> Result {
    let to_broker = |broker: MessageBroker, _: TriggerEvent| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        broker.publish("m", 0).await.map(drop)
    };
    let to_bus = |bus: EventBus, _: TriggerEvent| async move {
        tokio::task::yield_now().await;
        bus.emit("e", 0).await.map(drop)
    };
    let runtime = Runtime::builder()
        .process("to broker", on("e"), to_broker)
        .process("to bus", config([TriggerConfig::message("m")]), to_bus)
        .start()
        .await?;
    runtime.bus().emit("e", 0).await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    at_rest(&runtime).await;
    let handled = runtime.status().processes.iter().map(|process| process.handled).collect::<Vec<_>>();
    assert_eq!(handled, [17, 16]);
    assert_eq!(runtime.dead_letters().list().await[0].reason, DeadLetterReason::Loop);
    Ok(())
}

/// Its publication is refused, the dead letter of that is handled once more, and the next one is handled by nobody.
#[tokio::test(start_paused = true)]
async fn loop_through_a_dead_letter_handler_ends() -> Result {
    let fails = |_: TriggerEvent| async { Err::<(), _>(triggers::Error::from("no")) };
    let publishes = |bus: EventBus, _: DeadLetter| async move { bus.emit("e", 0).await.map(drop) };
    let runtime = Runtime::builder()
        .process("p", on("e"), fails)
        .process("again", config([TriggerConfig::dead_letter()]), publishes)
        .start()
        .await?;
    runtime.bus().emit("e", 0).await?;
    until("2 loops", || status(&runtime).dead_letters.get(DeadLetterReason::Loop) == 2).await;
    at_rest(&runtime).await;
    let processes = runtime.status().processes;
    assert_eq!((processes[0].dead_lettered, processes[1].handled), (HANDLED, HANDLED + 1));
    assert_eq!(processes[0].dead_letters.get(DeadLetterReason::Loop), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn redriven_dead_letter_of_a_loop_begins_a_new_cascade() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), again).start().await?;
    runtime.bus().emit("e", 0).await?;
    at_rest(&runtime).await;
    for round in 2..=3 {
        assert_eq!(runtime.dead_letters().redrive(|_| true).await, 1);
        at_rest(&runtime).await;
        assert_eq!(status(&runtime).handled, round * HANDLED);
    }
    assert_eq!(runtime.dead_letters().len().await, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn event_of_a_spawned_task_begins_a_new_cascade() -> Result {
    const ROUNDS: usize = 100;
    let rounds = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&rounds);
    let spawns = move |bus: EventBus, _: TriggerEvent| {
        let more = counted.fetch_add(1, Ordering::Relaxed) + 1 < ROUNDS;
        async move {
            if more {
                drop(tokio::spawn(async move { bus.emit("e", 0).await }));
            }
        }
    };
    let runtime = Runtime::builder().process("p", on("e"), spawns).start().await?;
    runtime.bus().emit("e", 0).await?;
    until("100 rounds", || rounds.load(Ordering::Relaxed) == ROUNDS).await;
    assert!(runtime.dead_letters().is_empty().await);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn retried_event_keeps_its_depth_and_observers_see_the_loop() -> Result {
    #[derive(Clone, Default)]
    struct Drops(Arc<Mutex<Vec<DropReason>>>);
    impl Observer for Drops {
        fn dropped(&self, _: &ObservedEvent<'_>, reason: DropReason) {
            self.0.lock().expect("the list").push(reason);
        }
    }
    let drops = Drops::default();
    let fails_first = |attempt: triggers::Attempt, bus: EventBus, number: Json<u64>| async move {
        match attempt.number() {
            1 => Err("again".into()),
            _ => again(bus, number).await,
        }
    };
    let config: ProcessConfig = on("e").retry(1);
    let builder = Runtime::builder().observer(drops.clone()).process("p", config, fails_first);
    let runtime = builder.start().await?;
    runtime.bus().emit("e", 0).await?;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!((status(&runtime).handled, status(&runtime).retried), (HANDLED, HANDLED));
    assert_eq!(*drops.0.lock().expect("the list"), [DropReason::Loop]);
    Ok(())
}
