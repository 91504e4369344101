//! Full queues: what each overflow policy does, by events and by bytes, and what the publisher gets back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;
use triggers::{
    Attempt, DeadLetterReason, EventBus, EventTrigger, Outcome, Overflow, ProcessConfig, PublishError,
    Result, Runtime, Trigger, TriggerConfig, TriggerEvent,
};

use crate::common::{assert_balanced, counts, gated, status};
use crate::http;
use crate::until::until;

/// Starts a process with this trigger for the events `e`. Its only worker is busy until `gate` is notified.
async fn busy(trigger: TriggerConfig, gate: &Arc<Notify>) -> Result<Runtime> {
    let config = ProcessConfig::new().trigger(trigger);
    let runtime = Runtime::builder().process("p", config, gated(gate)).start().await?;
    runtime.bus().emit("e", 0).await?;
    until("an event in flight", || status(&runtime).in_flight > 0).await;
    Ok(runtime)
}

/// Starts the publications of these bodies, each of this number of bytes, one after the other, until all of them wait.
async fn start_waits(bus: &EventBus, bodies: &[usize]) -> Vec<tokio::task::JoinHandle<usize>> {
    let mut waits = Vec::new();
    for bytes in bodies.iter().copied() {
        let bus = bus.clone();
        waits.push(tokio::spawn(async move {
            let sent = bus.emit_raw("e", vec![b'1'; bytes]).await;
            sent.expect("a queue that waits").queued().expect("a count in memory")
        }));
        tokio::task::yield_now().await;
    }
    waits
}

/// Takes the sizes of all queued events of a trigger used by itself, oldest first.
async fn sizes(trigger: &EventTrigger, count: usize) -> Result<Vec<usize>> {
    let mut sizes = Vec::new();
    for _ in 0..count {
        sizes.push(trigger.wait_for_next().await?.raw().len());
    }
    Ok(sizes)
}

#[tokio::test(start_paused = true)]
async fn waiting_events_are_queued_in_order_and_no_later_event_overtakes_them() -> Result {
    let bus = EventBus::new();
    let trigger = EventTrigger::new(&bus, "e").capacity(1).overflow(Overflow::Wait);
    trigger.start().await?;
    let waits = start_waits(&bus, &[1, 2, 3, 4, 5]).await;
    assert_eq!((trigger.status().queue_size, trigger.status().publishers_waiting), (1, 4));
    assert_eq!(trigger.wait_for_next().await?.raw().len(), 1);
    assert_eq!(trigger.status().publishers_waiting, 3);
    // 2 has the place now, before its publisher runs again, so 6 waits behind 5.
    assert_eq!((trigger.status().queue_size, trigger.status().accepted), (1, 2));
    let later = start_waits(&bus, &[6]).await;
    assert_eq!(sizes(&trigger, 5).await?, [2, 3, 4, 5, 6]);
    for wait in waits.into_iter().chain(later) {
        assert_eq!(wait.await?, 1);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn large_event_keeps_its_turn_and_a_take_lets_in_every_event_that_fits() -> Result {
    let bus = EventBus::new();
    let trigger = EventTrigger::new(&bus, "e").capacity(10).queue_bytes(6).overflow(Overflow::Wait);
    trigger.start().await?;
    let waits = start_waits(&bus, &[1, 4, 6, 1, 2, 3]).await;
    assert_eq!(trigger.status().queue_size, 2);
    assert_eq!(sizes(&trigger, 1).await?, [1]);
    assert_eq!(trigger.status().queue_size, 1, "6 does not fit, and 1 waits behind it");
    assert_eq!(sizes(&trigger, 1).await?, [4]);
    assert_eq!(trigger.status().queue_size, 1, "6 alone");
    waits[3].abort();
    tokio::task::yield_now().await;
    assert_eq!(sizes(&trigger, 1).await?, [6]);
    assert_eq!((trigger.status().queue_size, trigger.status().dropped), (2, 1), "2 and 3 in one step");
    assert_eq!(sizes(&trigger, 2).await?, [2, 3]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn departure_of_a_large_waiting_event_lets_in_the_next_one() -> Result {
    let bus = EventBus::new();
    let trigger = EventTrigger::new(&bus, "e").capacity(10).queue_bytes(6).overflow(Overflow::Wait);
    trigger.start().await?;
    let waits = start_waits(&bus, &[3, 6, 1]).await;
    assert_eq!(trigger.status().queue_size, 1);
    waits[1].abort();
    until("the event behind it is queued", || trigger.status().queue_size == 2).await;
    assert_eq!(sizes(&trigger, 2).await?, [3, 1]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_policy_counts_exactly_and_returns_the_counts_to_the_publisher() -> Result {
    let full = |dropped| (1, 1 - dropped, dropped);
    for (overflow, returned, accepted, letters) in [
        (Overflow::DropNewest, Ok(full(1)), 3, 4),
        (Overflow::DropOldest, Ok(full(0)), 7, 4),
        (Overflow::Reject, Err(full(1)), 3, 0),
    ] {
        let gate = Arc::new(Notify::new());
        let runtime = busy(TriggerConfig::event("e").queue(2).overflow(overflow), &gate).await?;
        for n in 1..=6 {
            let sent = match runtime.bus().emit("e", n).await {
                Ok(published) => Ok(counts(&published)),
                Err(PublishError::Full { published, triggers, .. }) => {
                    assert_eq!(triggers, ["event-e"]);
                    Err(counts(&published))
                }
                Err(other) => panic!("{other}"),
            };
            assert_eq!(sent, if n <= 2 { Ok(full(0)) } else { returned }, "{overflow}: {n}");
        }
        let trigger = &status(&runtime).triggers[0];
        assert_eq!((trigger.accepted, trigger.dropped, trigger.queue_size), (accepted, 4, 2), "{overflow}");
        let kept = runtime.dead_letters().list().await;
        assert!(
            kept.iter().all(|letter| letter.reason == DeadLetterReason::Overflow && letter.attempts == 0)
        );
        assert_eq!(kept.len(), letters, "{overflow}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn waiting_publisher_queues_its_event_when_capacity_is_free() -> Result {
    let gate = Arc::new(Notify::new());
    let runtime = busy(TriggerConfig::event("e").queue(1).overflow(Overflow::Wait), &gate).await?;
    runtime.bus().emit("e", 1).await?;
    let bus = runtime.bus();
    let waits = bus.emit("e", 2).into_future();
    tokio::pin!(waits);
    assert!(timeout(Duration::from_secs(60), &mut waits).await.is_err());
    gate.notify_one();
    assert_eq!(counts(&waits.await?), (1, 1, 0));
    assert_eq!(status(&runtime).triggers[0].dropped, 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn queue_bounds_the_bytes_of_its_bodies() -> Result {
    let gate = Arc::new(Notify::new());
    let runtime = busy(TriggerConfig::event("e").queue_bytes(100), &gate).await?;
    let bus = runtime.bus();
    for (bytes, queued) in [(60, 1), (41, 0), (40, 1), (1, 0), (0, 1), (101, 0)] {
        assert_eq!(bus.emit_raw("e", vec![b'x'; bytes]).await?.queued(), Some(queued), "{bytes}");
    }
    let trigger = &status(&runtime).triggers[0];
    assert_eq!((trigger.queue_size, trigger.queue_bytes, trigger.dropped), (3, 100, 3));
    let errors: Vec<_> = runtime.dead_letters().list().await.into_iter().map(|letter| letter.error).collect();
    assert_eq!(errors[0], "the queue of `event-e` was full: it holds 100 events and 100B of bodies");
    assert_eq!(errors[2], "it has 101 bytes, and the queue of `event-e` holds 100");
    gate.notify_one();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(
        bus.emit_raw("e", vec![b'x'; 60]).await?.queued(),
        Some(1),
        "the first event has left the queue"
    );
    for _ in 0..4 {
        gate.notify_one();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(status(&runtime).triggers[0].queue_bytes, 0);
    assert_balanced(&status(&runtime));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn queue_holds_64_mib_of_bodies_unless_the_trigger_says_otherwise() -> Result {
    const MIB: usize = 1 << 20;
    for (trigger, queued) in [
        (TriggerConfig::event("e"), [1, 0, 1, 0]),
        (TriggerConfig::event("e").queue_bytes(65 * MIB), [1, 1, 0, 0]),
        (TriggerConfig::event("e").queue_bytes(usize::MAX), [1, 1, 1, 1]),
    ] {
        let gate = Arc::new(Notify::new());
        let runtime = busy(trigger, &gate).await?;
        let body = triggers::Bytes::from(vec![0; 63 * MIB]);
        for (bytes, queued) in [63 * MIB, 2 * MIB, MIB, 1].into_iter().zip(queued) {
            let sent = runtime.bus().emit_raw("e", body.slice(..bytes)).await?;
            assert_eq!(sent.queued(), Some(queued), "{bytes}");
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_evicts_as_many_small_events_as_a_large_one_needs() -> Result {
    let gate = Arc::new(Notify::new());
    let trigger = TriggerConfig::event("e").queue_bytes(10).overflow(Overflow::DropOldest);
    let runtime = busy(trigger, &gate).await?;
    let bus = runtime.bus();
    for bytes in [3, 3, 3, 7] {
        assert_eq!(bus.emit_raw("e", vec![b'x'; bytes]).await?.queued(), Some(1));
    }
    let trigger = &status(&runtime).triggers[0];
    assert_eq!((trigger.queue_size, trigger.queue_bytes, trigger.dropped), (2, 10, 2));
    assert_eq!(bus.emit_raw("e", vec![b'x'; 11]).await?.dropped(), Some(1), "too large for an empty queue");
    assert_eq!(status(&runtime).triggers[0].queue_size, 2, "it evicts no event");
    assert_eq!(runtime.dead_letters().len().await, 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn push_with_drop_oldest_wakes_an_idle_worker() -> Result {
    let trigger = TriggerConfig::event("e").overflow(Overflow::DropOldest);
    let config = ProcessConfig::new().trigger(trigger);
    let runtime = Runtime::builder().process("p", config, |_: TriggerEvent| async {}).start().await?;
    for handled in 1..3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        runtime.bus().emit("e", 1).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(status(&runtime).handled, handled);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_does_not_evict_an_event_that_waits_for_a_retry() -> Result {
    let trigger = TriggerConfig::event("e").queue(2).queue_bytes(10).overflow(Overflow::DropOldest);
    let config = ProcessConfig::new().trigger(trigger).retry(1);
    let runtime = Runtime::builder()
        .process("p", config, |_: TriggerEvent, attempt: Attempt| async move {
            if attempt.number() == 1 { Outcome::Retry(Duration::from_secs(60)) } else { Outcome::Done }
        })
        .start()
        .await?;
    let bus = runtime.bus();
    // The second event exceeds the bytes of the queue, the fourth its capacity.
    for (bytes, queued) in [(6, 1), (6, 0), (4, 1), (0, 0)] {
        assert_eq!(bus.emit_raw("e", vec![b'x'; bytes]).await?.queued(), Some(queued), "{bytes}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let now = status(&runtime);
    assert_eq!((now.waiting, now.triggers[0].accepted, now.triggers[0].dropped), (2, 2, 2));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(status(&runtime).handled, 2);
    assert_eq!(
        bus.emit_raw("e", vec![b'x'; 10]).await?.queued(),
        Some(1),
        "the capacity of the retries is free"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn publisher_does_not_wait_with_an_event_larger_than_the_queue() -> Result {
    let bus = EventBus::new();
    let trigger = EventTrigger::new(&bus, "e").queue_bytes(10).overflow(Overflow::Wait);
    trigger.start().await?;
    let sent = timeout(Duration::from_secs(1), bus.emit_raw("e", vec![b'x'; 11])).await;
    assert_eq!(sent.expect("the publisher does not wait")?.dropped(), Some(1));
    bus.emit_raw("e", vec![b'x'; 6]).await?;
    // Both publishers wait for bytes, and one take frees enough for both.
    let (first, second) = (bus.emit_raw("e", vec![b'x'; 5]), bus.emit_raw("e", vec![b'x'; 5]));
    let both = async { tokio::join!(first.into_future(), second.into_future()) };
    tokio::pin!(both);
    assert!(timeout(Duration::from_secs(1), &mut both).await.is_err());
    trigger.wait_for_next().await?;
    let (first, second) = timeout(Duration::from_secs(1), both).await.expect("both events fit");
    assert_eq!((first?.queued(), second?.queued()), (Some(1), Some(1)));
    Ok(())
}

#[tokio::test]
async fn webhook_answers_503_when_the_bytes_of_its_queue_are_used_up() -> Result {
    let hook = TriggerConfig::webhook("/x", 0).host("127.0.0.1").id("hook").body_limit(100).queue_bytes(150);
    let config = ProcessConfig::new().trigger(hook);
    let runtime = Runtime::builder().process("p", config, |_: TriggerEvent| async {}).start().await?;
    runtime.pause("p")?;
    let address = runtime.local_addr("hook").expect("it listens");
    for (bytes, expected) in [(100, 202), (51, 503), (50, 202), (1, 503), (101, 413)] {
        assert_eq!(http::post(address, "/x", &"x".repeat(bytes)).await.status, expected, "{bytes}");
    }
    assert_eq!(runtime.shutdown().await.completed, 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn eviction_of_a_large_event_wakes_a_redrive_that_waits_for_capacity() -> Result {
    let trigger = TriggerConfig::event("e").queue_bytes(100).overflow(Overflow::DropOldest);
    let config = ProcessConfig::new().trigger(trigger);
    let runtime = Runtime::builder()
        .process("p", config, |_: TriggerEvent| async { Err::<(), _>("broken") })
        .start()
        .await?;
    let bus = runtime.bus();
    bus.emit_raw("e", vec![b'x'; 50]).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    runtime.pause("p")?;
    bus.emit_raw("e", vec![b'x'; 100]).await?;
    let letters = runtime.dead_letters();
    let (sent, ()) = tokio::join!(
        timeout(Duration::from_secs(60), letters.redrive(|letter| letter.event.raw().len() == 50)),
        async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            bus.emit_raw("e", vec![b'x'; 10]).await.map(drop).expect("the large event is evicted");
        }
    );
    assert_eq!(sent.ok(), Some(1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn queue_is_not_full_while_quick_handlers_keep_up_with_a_thousand_publishers() -> Result {
    let trigger = TriggerConfig::event("e").queue(1000).overflow(Overflow::Reject);
    let config = ProcessConfig::new().trigger(trigger);
    let runtime = Runtime::builder().process("p", config, |_: TriggerEvent| async {}).start().await?;
    let mut publishers = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let bus = runtime.bus();
        publishers.spawn(async move {
            for n in 0..10 {
                bus.emit("e", n).await?;
                tokio::task::yield_now().await;
            }
            Ok::<_, PublishError>(())
        });
    }
    while let Some(published) = publishers.join_next().await {
        published.expect("no panic")?;
    }
    runtime.shutdown().await;
    assert_eq!(status(&runtime).handled, 10_000);
    Ok(())
}
