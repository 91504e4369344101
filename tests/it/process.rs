//! Processes: the order, the concurrency, the outcomes and the counts of their events.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Notify, mpsc};
use triggers::{
    Attempt, Bytes, DeadLetterReason, EventId, Json, Outcome, Overflow, ProcessConfig, ProcessState,
    Rejection, Result, Runtime, State, Text, Topic, TriggerConfig, TriggerEvent,
};

use crate::common::{assert_balanced, counts, gated, on, status};
use crate::until::until;

#[tokio::test]
async fn process_with_concurrency_1_keeps_the_order() -> Result {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let runtime = Runtime::builder()
        .process("p", on("n"), move |Json(n): Json<u32>| {
            let sender = sender.clone();
            async move {
                if n.is_multiple_of(3) {
                    tokio::task::yield_now().await;
                }
                let _ = sender.send(n);
            }
        })
        .start()
        .await?;
    for n in 0..100 {
        runtime.bus().emit("n", n).await?;
    }
    let report = runtime.shutdown().await;
    assert_eq!((report.dead_lettered, report.left), (0, 0));
    for n in 0..100 {
        assert_eq!(seen.recv().await, Some(n));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn process_with_concurrency_n_runs_at_most_n_handlers_at_once() -> Result {
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let config = on("n").concurrency(8);
    let runtime = Runtime::builder()
        .process("p", config, {
            let (running, most) = (running.clone(), most.clone());
            move |_: TriggerEvent| {
                let (running, most) = (running.clone(), most.clone());
                async move {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    running.fetch_sub(1, Ordering::SeqCst);
                }
            }
        })
        .start()
        .await?;
    let began = tokio::time::Instant::now();
    for n in 0..40 {
        runtime.bus().emit("n", n).await?;
    }
    runtime.shutdown().await;
    assert_eq!(most.load(Ordering::SeqCst), 8);
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    Ok(())
}

#[tokio::test]
async fn process_counts_a_burst_exactly() -> Result {
    let handled = Arc::new(AtomicUsize::new(0));
    let config = on("burst").concurrency(100);
    let runtime = Runtime::builder()
        .process("p", config, {
            let handled = handled.clone();
            move |_: TriggerEvent| {
                handled.fetch_add(1, Ordering::SeqCst);
                async {}
            }
        })
        .start()
        .await?;
    let mut sums = (0, 0);
    for n in 0..500 {
        let sent = runtime.bus().emit("burst", n).await?;
        let (matched, queued, dropped) = counts(&sent);
        assert_eq!((matched, queued + dropped), (1, 1));
        sums = (sums.0 + queued as u64, sums.1 + dropped as u64);
        assert_balanced(&status(&runtime));
    }
    runtime.shutdown().await;
    let status = status(&runtime);
    let trigger = &status.triggers[0];
    assert_eq!((trigger.accepted, trigger.dropped, trigger.queue_size), (sums.0, sums.1, 0));
    assert_eq!((status.handled, status.in_flight), (sums.0, 0));
    assert_eq!(handled.load(Ordering::SeqCst) as u64, sums.0);
    assert_eq!(runtime.dead_letters().len().await as u64, sums.1, "every dropped event is a dead letter");
    Ok(())
}

/// Four publishers that wait for capacity, two triggers and four workers. A lost wake-up would block the test, and a
/// lost event would change the counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publishers_and_workers_on_several_threads_lose_no_event() -> Result {
    let wait = |event_type| TriggerConfig::event(event_type).queue(2).overflow(Overflow::Wait);
    let config = ProcessConfig::new().triggers([wait("a"), wait("b")]).concurrency(4);
    let handled = Arc::new(AtomicUsize::new(0));
    let runtime = Runtime::builder()
        .process("p", config, {
            let handled = handled.clone();
            move |_: TriggerEvent| {
                let handled = handled.clone();
                async move {
                    tokio::task::yield_now().await;
                    handled.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
        .start()
        .await?;
    let publishers: Vec<_> = (0..4)
        .map(|publisher| {
            let bus = runtime.bus();
            tokio::spawn(async move {
                for n in 0..5000 {
                    let event_type = if (publisher + n) % 2 == 0 { "a" } else { "b" };
                    assert_eq!(bus.emit(event_type, n).await.expect("a valid type").queued(), Some(1));
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await?;
        assert_balanced(&status(&runtime));
    }
    runtime.shutdown().await;
    let status = status(&runtime);
    assert_eq!((handled.load(Ordering::Relaxed), status.handled), (20_000, 20_000));
    assert_balanced(&status);
    Ok(())
}

#[tokio::test]
async fn process_settles_each_outcome_as_documented() -> Result {
    let runtime = Runtime::builder()
        .process("p", on("job"), |event: TriggerEvent, attempt: Attempt| async move {
            assert_eq!(attempt.number(), 1);
            match event.payload()["data"].as_str() {
                Some("done") => Ok(Outcome::Done),
                Some("reject") => Ok(Outcome::reject("a bad order")),
                Some("retry") => Ok(Outcome::Retry(Duration::from_secs(1))),
                Some("panic") => panic!("out of cheese"),
                _ => Err("the database is gone"),
            }
        })
        .start()
        .await?;
    for data in ["done", "reject", "retry", "panic", "error"] {
        runtime.bus().emit("job", data).await?;
    }
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.dead_lettered, report.left), (1, 4, 0));
    let letters: Vec<_> = runtime
        .dead_letters()
        .list()
        .await
        .into_iter()
        .map(|letter| {
            let error = letter.error.split(", at tests/it/").next().unwrap_or_default().to_owned();
            (letter.event.payload()["data"].clone(), letter.reason, error, letter.attempts)
        })
        .collect();
    let expected = [
        ("reject", DeadLetterReason::Rejected, "a bad order"),
        ("retry", DeadLetterReason::Failed, "the handler asked for a retry after 1s"),
        ("panic", DeadLetterReason::Panicked, "out of cheese"),
        ("error", DeadLetterReason::Failed, "the database is gone"),
    ];
    assert_eq!(letters, expected.map(|(data, reason, error)| (json!(data), reason, error.to_owned(), 1)));
    let status = status(&runtime);
    assert_eq!((status.handled, status.failed, status.dead_lettered, status.retried), (1, 3, 4, 0));
    assert_balanced(&status);
    Ok(())
}

#[tokio::test]
async fn process_dead_letters_an_undecodable_body_with_its_bytes() -> Result {
    #[derive(Debug, serde::Deserialize)]
    struct Order {
        #[expect(dead_code, reason = "only decoded")]
        id: u32,
    }
    let runtime = Runtime::builder()
        .process("p", on("order"), |_: State<u8>, _: Json<Order>| async {})
        .state(1_u8)
        .start()
        .await?;
    runtime.bus().emit_raw("order", Bytes::from_static(b"{\"id\": ")).await?;
    runtime.bus().emit("order", json!({"id": "seven"})).await?;
    runtime.bus().emit("order", json!({"id": 7})).await?;
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.dead_lettered), (1, 2));
    let letters = runtime.dead_letters().list().await;
    assert_eq!(letters[0].event.raw().as_ref(), b"{\"id\": ");
    for letter in &letters {
        assert_eq!((letter.reason, letter.attempts), (DeadLetterReason::Decode, 0));
        assert!(letter.error.starts_with("argument `2`: not the JSON it needs: "), "{}", letter.error);
    }
    assert!(letters[1].error.contains("invalid type: string \"seven\""), "{}", letters[1].error);
    assert_eq!(status(&runtime).failed, 0, "no attempt was made");
    Ok(())
}

#[tokio::test]
async fn full_queue_dead_letters_dropped_events_and_the_newest_1000_are_kept() -> Result {
    let gate = Arc::new(Notify::new());
    let config = ProcessConfig::new().trigger(TriggerConfig::event("n").queue(1));
    let runtime = Runtime::builder().process("p", config, gated(&gate)).start().await?;
    runtime.bus().emit("n", "in the handler").await?;
    until("an event in flight", || status(&runtime).in_flight > 0).await;
    runtime.bus().emit("n", "in the queue").await?;
    for n in 0..1500 {
        assert_eq!(runtime.bus().emit("n", n).await?.dropped(), Some(1));
    }
    let letters = runtime.dead_letters().list().await;
    assert_eq!((letters.len(), runtime.dead_letters().len().await), (1000, 1000));
    assert_eq!(
        (&letters[0].event.payload()["data"], &letters[999].event.payload()["data"]),
        (&json!(500), &json!(1499))
    );
    assert!(letters.iter().all(|letter| letter.reason == DeadLetterReason::Overflow && letter.attempts == 0));
    let status = status(&runtime);
    assert_eq!((status.in_flight, status.dead_lettered, status.triggers[0].dropped), (1, 0, 1500));
    gate.notify_one();
    gate.notify_one();
    Ok(())
}

#[tokio::test]
async fn drop_oldest_counts_evicted_events_as_dropped_and_dead_letters_them() -> Result {
    let config =
        ProcessConfig::new().trigger(TriggerConfig::event("n").queue(2).overflow(Overflow::DropOldest));
    let runtime = Runtime::builder().process("p", config, |_: TriggerEvent| async {}).start().await?;
    for n in 0..5 {
        // The loop never yields, so the worker, on the same thread, takes no event meanwhile.
        assert_eq!(runtime.bus().emit("n", n).await?.queued(), Some(1));
    }
    runtime.shutdown().await;
    let status = status(&runtime);
    assert_eq!((status.triggers[0].accepted, status.triggers[0].dropped, status.handled), (5, 3, 2));
    assert_eq!(runtime.dead_letters().len().await, 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn flooded_trigger_does_not_starve_the_others() -> Result {
    let order = Arc::new(Mutex::new(Vec::new()));
    let config = ProcessConfig::new()
        .triggers([TriggerConfig::event("flood").queue(1000), TriggerConfig::event("rare")]);
    let runtime = Runtime::builder()
        .process("p", config, {
            let order = order.clone();
            move |topic: Topic| {
                order.lock().expect("the order").push(topic.to_string());
                async {}
            }
        })
        .start()
        .await?;
    for n in 0..100 {
        runtime.bus().emit("flood", n).await?;
    }
    runtime.bus().emit("rare", 0).await?;
    runtime.shutdown().await;
    let order = order.lock().expect("the order").clone();
    let rare = order.iter().position(|topic| topic == "rare").expect("it was handled");
    assert!(rare <= 2, "the rare event came after {rare} events of the busy trigger");
    Ok(())
}

/// The paused clock stands still, so only the most events of one turn end the turn of the worker.
#[tokio::test(start_paused = true)]
async fn worker_yields_to_other_tasks_although_its_handler_never_waits() -> Result {
    let config = ProcessConfig::new().trigger(TriggerConfig::event("n").queue(5000));
    let runtime = Runtime::builder().process("p", config, |_: TriggerEvent| async {}).start().await?;
    runtime.pause("p")?;
    for n in 0..5000 {
        runtime.bus().emit("n", n).await?;
    }
    runtime.resume("p")?;
    until("a handled event", || status(&runtime).handled > 0).await;
    assert!(status(&runtime).handled < 5000);
    Ok(())
}

#[tokio::test]
async fn handler_takes_options_and_results_of_extractors() -> Result {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let config = ProcessConfig::new().triggers([TriggerConfig::event("e"), TriggerConfig::message("m.*")]);
    let runtime = Runtime::builder()
        .process(
            "p",
            config,
            move |id: EventId,
                  source: Option<triggers::Source>,
                  from: Option<triggers::Sender>,
                  headers: Option<triggers::Headers>,
                  number: Result<Json<u32>, Rejection>,
                  text: Text| {
                let sender = sender.clone();
                async move {
                    assert!(!id.to_string().is_empty() && headers.is_none());
                    let number = number.map(|Json(n)| n).map_err(|rejection| rejection.to_string());
                    let _ = sender.send((source.map(|s| s.0), from.map(|s| s.0), number.is_ok(), text.0));
                }
            },
        )
        .start()
        .await?;
    runtime.bus().emit("e", 7).source("here").await?;
    runtime.broker().publish("m.x", "a \"quoted\" text").sender("there").await?;
    runtime.shutdown().await;
    assert_eq!(seen.recv().await, Some((Some("here".to_owned()), None, true, "7".to_owned())));
    let text = "a \"quoted\" text".to_owned();
    assert_eq!(seen.recv().await, Some((None, Some("there".to_owned()), false, text)));
    Ok(())
}

#[tokio::test]
async fn status_serializes_with_the_documented_keys() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    runtime.bus().emit("e", 1).await?;
    assert_eq!(runtime.status().processes[0].state, ProcessState::Running);
    runtime.shutdown().await;
    let mut status = serde_json::to_value(runtime.status())?;
    let fired = status["processes"][0]["triggers"][0]["last_fired"].take();
    assert!(fired.as_str().is_some_and(|time| time.ends_with('Z')), "{fired}");
    assert_eq!(
        status,
        json!({"processes": [{
            "name": "p", "handler": "p", "state": "stopped", "concurrency": 1, "in_flight": 0, "handled": 1,
            "failed": 0, "retried": 0, "waiting": 0, "dead_lettered": 0,
            "dead_letters": {
                "overflow": 0, "decode": 0, "rejected": 0, "failed": 0, "retries_exhausted": 0,
                "panicked": 0, "timed_out": 0, "drained": 0, "loop": 0,
            },
            "triggers": [{
                "id": "event-e", "kind": "event", "pattern": "e", "queue_size": 0, "queue_bytes": 0, "waiting": 0, "publishers_waiting": 0, "oldest": null,
                "capacity": 100, "accepted": 1, "dropped": 0, "evicted": 0, "released": 0, "filtered": 0,
                "undecodable": 0, "filter": null, "last_fired": null,
            }],
        }], "dead_letters": {"kept": 0, "bytes": 0}})
    );
    Ok(())
}
