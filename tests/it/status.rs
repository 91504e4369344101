//! The status of a runtime: what its counts include, and how they change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use triggers::{
    Attempt, DeadLetterReason, Error, EventBus, Filter, Json, Key, MessageBroker, Outcome, Overflow, Result,
    Runtime, TriggerConfig, TriggerEvent,
};

use crate::common::{assert_balanced, config, gated, on, status};
use crate::until::until;

#[tokio::test(start_paused = true)]
async fn status_counts_evicted_events_apart_from_refused_ones() -> Result {
    let gate = Arc::new(Notify::new());
    let trigger = TriggerConfig::event("e").queue(2).queue_bytes(10).overflow(Overflow::DropOldest);
    let runtime = Runtime::builder().process("p", config([trigger]), gated(&gate)).start().await?;
    let bus = runtime.bus();
    bus.emit("e", 0).await?;
    until("an event in flight", || status(&runtime).in_flight == 1).await;
    for n in 1..=5 {
        bus.emit("e", n).await?;
    }
    bus.emit_raw("e", vec![b'x'; 11]).await?;
    let now = status(&runtime);
    let trigger = &now.triggers[0];
    assert_eq!((trigger.accepted, trigger.evicted, trigger.dropped, trigger.queue_size), (6, 3, 4, 2));
    assert_balanced(&now);
    let json = serde_json::to_value(trigger)?;
    assert_eq!((&json["evicted"], &json["dropped"]), (&3.into(), &4.into()));
    Ok(())
}

/// Returns the age of the oldest event of the first trigger, in seconds.
fn oldest(runtime: &Runtime) -> Option<u64> {
    status(runtime).triggers[0].oldest.map(|age| age.as_secs())
}

#[tokio::test(start_paused = true)]
async fn status_has_the_age_of_the_oldest_event_that_waits_for_the_handler() -> Result {
    let gate = Arc::new(Notify::new());
    let runtime = Runtime::builder().process("p", on("e"), gated(&gate)).start().await?;
    let (bus, second) = (runtime.bus(), Duration::from_secs(1));
    assert_eq!(oldest(&runtime), None);
    bus.emit("e", 0).await?;
    until("an event in flight", || status(&runtime).in_flight == 1).await;
    assert_eq!(oldest(&runtime), None, "the handler has the event");
    for n in 1..=3 {
        bus.emit("e", n).await?;
        tokio::time::sleep(second).await;
    }
    assert_eq!(oldest(&runtime), Some(3));
    for left in [2, 1] {
        gate.notify_one();
        until("an event handled", || status(&runtime).triggers[0].queue_size == left).await;
        assert_eq!(oldest(&runtime), Some(left as u64));
    }
    tokio::time::sleep(second / 2).await;
    assert_eq!(serde_json::to_value(&status(&runtime).triggers[0])?["oldest"], 1.5);
    gate.notify_one();
    until("no queued event", || status(&runtime).triggers[0].queue_size == 0).await;
    assert_eq!(oldest(&runtime), None);
    assert!(serde_json::to_value(&status(&runtime).triggers[0])?["oldest"].is_null());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn age_of_a_retried_and_of_a_redriven_event_counts_since_its_publication() -> Result {
    let second = Duration::from_secs(1);
    let config = on("e").retry(1);
    let retried = |attempt: Attempt| async move {
        if attempt.number() == 1 { Ok(Outcome::Retry(Duration::from_secs(4))) } else { Err("broken") }
    };
    let runtime = Runtime::builder().process("p", config, retried).start().await?;
    runtime.bus().emit("e", 1).await?;
    tokio::time::sleep(second).await;
    assert_eq!((status(&runtime).waiting, oldest(&runtime)), (1, None));
    runtime.pause("p")?;
    tokio::time::sleep(4 * second).await;
    assert_eq!((status(&runtime).waiting, oldest(&runtime)), (0, Some(5)));
    runtime.resume("p")?;
    until("a dead letter", || status(&runtime).dead_lettered == 1).await;
    runtime.pause("p")?;
    tokio::time::sleep(second).await;
    runtime.bus().emit("e", 2).await?;
    assert_eq!(runtime.dead_letters().redrive(|_| true).await, 1);
    assert_eq!(oldest(&runtime), Some(0), "the redriven event is not the next one");
    runtime.resume("p")?;
    until("both wait for a retry", || status(&runtime).waiting == 2).await;
    tokio::time::sleep(10 * second).await;
    runtime.pause("p")?;
    assert_eq!(runtime.dead_letters().redrive(|letter| letter.event.raw() == "1").await, 1);
    assert_eq!(oldest(&runtime), Some(16), "it is the first one, and was published 16 s ago");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn oldest_event_of_a_process_with_a_key_is_the_oldest_of_the_next_ones() -> Result {
    let gate = Arc::new(Notify::new());
    let mut config = config([TriggerConfig::event("e"), TriggerConfig::event("f")]).concurrency(2);
    config.key = Some(Key::of(|key: &String| key.clone()));
    let runtime = Runtime::builder().process("p", config, gated(&gate)).start().await?;
    let ages =
        || status(&runtime).triggers.iter().map(|t| t.oldest.map(|age| age.as_secs())).collect::<Vec<_>>();
    for key in ["a", "b"] {
        runtime.bus().emit("e", key).await?;
    }
    until("two events in flight", || status(&runtime).in_flight == 2).await;
    assert_eq!(ages(), [None, None]);
    for (event_type, key) in [("f", "a"), ("e", "a"), ("e", "b"), ("f", "b")] {
        runtime.bus().emit(event_type, key).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(ages(), [Some(2), Some(4)], "the lanes are busy, and `f` is the next one of `a`");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn oldest_event_of_a_process_with_many_keys_is_the_next_one_or_the_oldest_of_all() -> Result {
    for (overflow, expected) in [(Overflow::DropNewest, 1), (Overflow::DropOldest, 2)] {
        let gate = Arc::new(Notify::new());
        let mut config = config([TriggerConfig::event("e").queue(2000).overflow(overflow)]);
        config.key = Some(Key::of(|key: &u32| *key));
        let runtime = Runtime::builder().process("p", config, gated(&gate)).start().await?;
        runtime.bus().emit("e", 0).await?;
        until("an event in flight", || status(&runtime).in_flight == 1).await;
        // The lane of this event is busy, so a worker takes the event after it first.
        runtime.bus().emit("e", 0).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        for key in 1..=1001 {
            runtime.bus().emit("e", key).await?;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(oldest(&runtime), Some(expected), "{overflow:?}");
    }
    Ok(())
}

/// Fails in the way that the event names.
async fn fail(Json(how): Json<String>) -> Result<Outcome> {
    match how.as_str() {
        "reject" => Ok(Outcome::reject("unwanted")),
        "permanent" => Err(Error::permanent("broken for good")),
        "error" => Err(Error::from("broken")),
        // A panic that the panic hook does not print.
        "panic" => std::panic::resume_unwind(Box::new("a panic")),
        _ => std::future::pending().await,
    }
}

const REASONS: [DeadLetterReason; 9] = [
    DeadLetterReason::Overflow,
    DeadLetterReason::Decode,
    DeadLetterReason::Rejected,
    DeadLetterReason::Failed,
    DeadLetterReason::RetriesExhausted,
    DeadLetterReason::Panicked,
    DeadLetterReason::TimedOut,
    DeadLetterReason::Drained,
    DeadLetterReason::Loop,
];

/// Returns the number of dead letters of the first process for each of [`REASONS`].
fn by_reason(runtime: &Runtime) -> [u64; 9] {
    let counts = status(runtime).dead_letters;
    REASONS.map(|reason| counts.get(reason))
}

#[tokio::test(start_paused = true)]
async fn status_counts_dead_letters_by_reason() -> Result {
    let runtime =
        Runtime::builder().process("p", on("e").timeout(Duration::from_secs(1)), fail).start().await?;
    let bus = runtime.bus();
    bus.emit("e", 1).await?;
    for how in ["reject", "permanent", "error", "error", "error", "panic", "panic", "hang", "hang"] {
        bus.emit("e", how).await?;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(status(&runtime).dead_lettered, 10);
    assert_eq!(by_reason(&runtime), [0, 1, 2, 3, 0, 2, 2, 0, 0]);
    runtime.pause("p")?;
    for _ in 0..104 {
        bus.emit("e", "error").await?;
    }
    assert_eq!(by_reason(&runtime), [4, 1, 2, 3, 0, 2, 2, 0, 0]);
    let json = serde_json::to_value(status(&runtime).dead_letters)?;
    for reason in REASONS {
        assert_eq!(json[reason.as_str()], status(&runtime).dead_letters.get(reason), "{reason}");
    }
    runtime.dead_letters().clear(|_| true).await;
    assert_eq!(by_reason(&runtime), [4, 1, 2, 3, 0, 2, 2, 0, 0]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn counts_of_dead_letters_list_every_reason_and_add_up() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), fail).start().await?;
    for how in ["reject", "error", "error"] {
        runtime.bus().emit("e", how).await?;
    }
    runtime.shutdown().await;
    let counts = status(&runtime).dead_letters;
    let listed: Vec<_> = counts.iter().collect();
    assert_eq!(listed, REASONS.map(|reason| (reason, counts.get(reason))));
    assert_eq!(listed[2..4], [(DeadLetterReason::Rejected, 1), (DeadLetterReason::Failed, 2)]);
    assert_eq!(counts.total(), 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dead_letters_of_the_drain_count_for_their_process_alone() -> Result {
    let builder = Runtime::builder().drain_deadline(Duration::from_secs(1));
    let hang = |_: Json<u32>| std::future::pending::<()>();
    let runtime = builder.process("p", on("e"), hang).start().await?;
    for n in 0..3 {
        runtime.bus().emit("e", n).await?;
    }
    assert_eq!(runtime.remove_process("p").await?.left, 3);
    runtime.add_process("p", on("e"), hang).await?;
    assert_eq!(by_reason(&runtime), [0; 9]);
    runtime.bus().emit("e", 3).await?;
    assert_eq!(runtime.shutdown().await.left, 1);
    assert_eq!(by_reason(&runtime), [0, 0, 0, 0, 0, 0, 0, 1, 0]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn status_has_the_number_and_the_bytes_of_the_kept_dead_letters() -> Result {
    let broken = |_: TriggerEvent| async { Err::<(), _>("broken") };
    let runtime = Runtime::builder().process("p", on("e"), broken).start().await?;
    let letters = runtime.dead_letters();
    let kept = || {
        let now = runtime.status().dead_letters;
        (now.kept, now.bytes)
    };
    assert_eq!(kept(), (0, 0));
    let mut bytes = Vec::new();
    for size in [0, 1000] {
        let before = kept().1;
        runtime.bus().emit_raw("e", vec![b'x'; size]).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        bytes.push(kept().1 - before);
    }
    assert_eq!(kept(), (2, bytes[0] + bytes[1]));
    assert_eq!(bytes[1] - bytes[0], 1000);
    letters.clear(|letter| letter.number() == 1).await;
    assert_eq!(kept(), (1, bytes[1]));
    let json = serde_json::to_value(runtime.status())?;
    assert_eq!(json["dead_letters"], serde_json::json!({"kept": 1, "bytes": bytes[1]}));
    letters.clear(|_| true).await;
    assert_eq!(kept(), (0, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn bus_and_broker_count_the_publications_that_match_no_subscription() -> Result {
    let refuse_all = TriggerConfig::event("filtered").filter(Filter::of(|_: &TriggerEvent| false));
    let triggers = [
        TriggerConfig::event("e"),
        TriggerConfig::event("sourced").source("s"),
        refuse_all,
        TriggerConfig::message("m.*"),
    ];
    let runtime =
        Runtime::builder().process("p", config(triggers), |_: TriggerEvent| async {}).start().await?;
    let (bus, broker) = (runtime.bus(), runtime.broker());
    for event_type in ["e", "sourced", "filtered"] {
        bus.emit(event_type, 1).await?;
    }
    broker.publish("m.x", 1).await?;
    assert_eq!((bus.unmatched(), broker.unmatched()), (0, 0));
    for name in ["m.x", "e.x", "other"] {
        bus.emit(name, 1).await?;
    }
    broker.publish("m.x.y", 1).await?;
    assert!(bus.emit("not a type", 1).await.is_err());
    drop(bus.emit("other", 1));
    assert_eq!((bus.unmatched(), broker.unmatched()), (3, 1));
    runtime.remove_process("p").await?;
    bus.emit("e", 1).await?;
    assert_eq!(runtime.bus().unmatched(), 4);
    assert_eq!((EventBus::new().unmatched(), MessageBroker::new().unmatched()), (0, 0));
    Ok(())
}
