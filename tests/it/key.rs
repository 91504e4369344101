//! Keys: a process handles the events of one key in order, also while one of them waits for a retry.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;
use triggers::{
    Attempt, DeadLetterReason, EventBus, Json, Key, Outcome, Overflow, ProcessConfig, Result, Runtime,
    TriggerConfig, TriggerEvent,
};

use crate::common::{assert_balanced, status};
use crate::until::until;

/// The body of an event. It says what the handler does.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Task {
    number: usize,
    key: u8,
    /// The duration of each attempt in milliseconds.
    takes: u64,
    /// The delay of the retry after each failed attempt, in milliseconds.
    retries: Vec<u64>,
    /// Selects the trigger of the event.
    trigger: bool,
}

fn task() -> impl Strategy<Value = Task> {
    let retries = proptest::collection::vec(0_u64..50, 0..4);
    (0_u8..5, 0_u64..20, retries, any::<bool>()).prop_map(|(key, takes, retries, trigger)| Task {
        number: 0,
        key,
        takes,
        retries,
        trigger,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn process_completes_the_events_of_each_key_in_order_through_retries(tasks in proptest::collection::vec(task(), 1..60), concurrency in 1_usize..9) {
        let tasks: Vec<_> = tasks.into_iter().enumerate().map(|(number, task)| Task { number, ..task }).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        let completed = runtime.block_on(run(&tasks, concurrency)).expect("it runs");
        for key in 0..5 {
            let of_key = |number: &usize| tasks[*number].key == key;
            let found: Vec<_> = completed.iter().copied().filter(of_key).collect();
            let expected: Vec<_> = (0..tasks.len()).filter(of_key).collect();
            prop_assert_eq!(found, expected, "key {}", key);
        }
    }
}

/// Runs a process on the tasks, and returns their numbers in order of completion. The handler asserts that no two tasks
/// of one key run at once.
async fn run(tasks: &[Task], concurrency: usize) -> Result<Vec<usize>> {
    let completed = Arc::new(Mutex::new(Vec::new()));
    let running = Arc::new(Mutex::new(HashSet::new()));
    let config = ProcessConfig::new()
        .triggers([TriggerConfig::event("a"), TriggerConfig::event("b")])
        .concurrency(concurrency)
        .retry(3)
        .key(Key::of(|task: &Task| task.key));
    let runtime = Runtime::builder()
        .process("p", config, {
            let (completed, running) = (completed.clone(), running.clone());
            move |Json(task): Json<Task>, attempt: Attempt| {
                let (completed, running) = (completed.clone(), running.clone());
                async move {
                    assert!(
                        running.lock().expect("the running").insert(task.key),
                        "two tasks of one key: {task:?}"
                    );
                    tokio::time::sleep(Duration::from_millis(task.takes)).await;
                    running.lock().expect("the running").remove(&task.key);
                    if let Some(after) = task.retries.get(attempt.number() as usize - 1) {
                        return Outcome::Retry(Duration::from_millis(*after));
                    }
                    completed.lock().expect("the completed").push(task.number);
                    Outcome::Done
                }
            }
        })
        .start()
        .await?;
    for task in tasks {
        runtime.bus().emit(if task.trigger { "a" } else { "b" }, task).await?;
        if task.number % 7 == 0 {
            tokio::time::sleep(Duration::from_millis(task.takes / 2)).await;
        }
    }
    let report = runtime.shutdown().await;
    assert_eq!((report.dead_lettered, report.left), (0, 0));
    assert_balanced(&status(&runtime));
    let completed = completed.lock().expect("the completed").clone();
    Ok(completed)
}

fn keyed(triggers: Vec<TriggerConfig>, concurrency: usize) -> ProcessConfig {
    let key = Key::of(|key: &String| key.clone());
    ProcessConfig::new().triggers(triggers).concurrency(concurrency).retry(1).key(key)
}

#[tokio::test(start_paused = true)]
async fn process_handles_different_keys_concurrently() -> Result {
    let runtime = Runtime::builder()
        .process("p", keyed(vec![TriggerConfig::event("e")], 8), |_: TriggerEvent| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
        })
        .start()
        .await?;
    for _ in 0..5 {
        for key in ["a", "b", "c", "d"] {
            runtime.bus().emit("e", key).await?;
        }
    }
    let began = Instant::now();
    assert_eq!(runtime.shutdown().await.completed, 20);
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn retry_of_one_key_does_not_delay_other_keys() -> Result {
    let times = Arc::new(Mutex::new(HashMap::new()));
    let began = Instant::now();
    let runtime = Runtime::builder()
        .process("p", keyed(vec![TriggerConfig::event("e")], 1), {
            let times = times.clone();
            move |Json(key): Json<String>, attempt: Attempt| {
                let times = times.clone();
                async move {
                    if key == "bad" && attempt.number() == 1 {
                        return Outcome::Retry(Duration::from_secs(60));
                    }
                    times
                        .lock()
                        .expect("the times")
                        .entry(key)
                        .or_insert_with(Vec::new)
                        .push(began.elapsed().as_secs());
                    Outcome::Done
                }
            }
        })
        .start()
        .await?;
    for key in ["bad", "bad", "good", "bad", "good"] {
        runtime.bus().emit("e", key).await?;
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    let times = times.lock().expect("the times");
    assert_eq!((&times["good"], &times["bad"]), (&vec![0, 0], &vec![60, 120, 180]));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn due_retry_runs_before_queued_events_of_other_keys() -> Result {
    let order = Arc::new(Mutex::new(Vec::new()));
    let runtime = Runtime::builder()
        .process("p", keyed(vec![TriggerConfig::event("e")], 1), {
            let order = order.clone();
            move |Json(key): Json<String>, attempt: Attempt| {
                let order = order.clone();
                async move {
                    match (key.as_str(), attempt.number()) {
                        ("again", 1) => return Outcome::Retry(Duration::from_secs(1)),
                        ("long", _) => tokio::time::sleep(Duration::from_secs(3)).await,
                        _ => {}
                    }
                    order.lock().expect("the order").push(key);
                    Outcome::Done
                }
            }
        })
        .start()
        .await?;
    for key in ["again", "long", "other", "another"] {
        runtime.bus().emit("e", key).await?;
    }
    runtime.shutdown().await;
    assert_eq!(*order.lock().expect("the order"), ["long", "again", "other", "another"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn process_handles_events_without_a_key_concurrently() -> Result {
    let runtime = Runtime::builder()
        .process("p", keyed(vec![TriggerConfig::event("e")], 4), |event: TriggerEvent| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if event.raw().starts_with(b"\"") { Outcome::Done } else { Outcome::reject("no text") }
        })
        .start()
        .await?;
    for data in ["1", "not json", "\"a\"", "2"] {
        runtime.bus().emit_raw("e", data).await?;
    }
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.dead_lettered), (1, 3));
    assert_eq!(began.elapsed(), Duration::from_secs(1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn process_logs_a_panic_in_its_key_and_handles_the_event() -> Result {
    let key = Key::of(|_: &u32| -> u32 { panic!("no key today") });
    let config = ProcessConfig::new().trigger(TriggerConfig::event("e")).key(key);
    let logs = crate::logs::Logs::capture();
    let runtime = Runtime::builder().process("p", config, |_: TriggerEvent| async {}).start().await?;
    for n in 0..3 {
        assert_eq!(runtime.bus().emit("e", n).await?.queued(), Some(1));
    }
    assert_eq!(runtime.shutdown().await.completed, 3);
    assert_eq!(logs.with("no key today, at tests/it/key.rs:").len(), 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_evicts_the_oldest_event_whatever_its_key() -> Result {
    let gate = Arc::new(Notify::new());
    let order = Arc::new(Mutex::new(Vec::new()));
    let config = keyed(vec![TriggerConfig::event("e").queue(3).overflow(Overflow::DropOldest)], 1)
        .key(Key::of(|(key, _): &(u8, u32)| *key));
    let runtime = Runtime::builder()
        .process("p", config, {
            let (gate, order) = (gate.clone(), order.clone());
            move |Json((_, number)): Json<(u8, u32)>| {
                let (gate, order) = (gate.clone(), order.clone());
                async move {
                    order.lock().expect("the order").push(number);
                    gate.notified().await;
                }
            }
        })
        .start()
        .await?;
    runtime.bus().emit("e", (1, 0)).await?;
    until("an event in flight", || status(&runtime).in_flight > 0).await;
    for (key, number) in [(1, 1), (2, 2), (1, 3), (3, 4), (2, 5)] {
        runtime.bus().emit("e", (key, number)).await?;
    }
    let dropped: Vec<_> = runtime
        .dead_letters()
        .list()
        .await
        .iter()
        .map(|letter| letter.event.payload()["data"][1].clone())
        .collect();
    assert_eq!(dropped, [1, 2]);
    for _ in 0..4 {
        gate.notify_one();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut order = order.lock().expect("the order").clone();
    order.sort_unstable();
    assert_eq!(order, [0, 3, 4, 5]);
    assert_eq!(status(&runtime).triggers[0].dropped, 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_leaves_the_events_behind_an_expired_retry_of_their_key() -> Result {
    let runtime = Runtime::builder()
        .process("p", keyed(vec![TriggerConfig::event("e")], 2), |Json(key): Json<String>| async move {
            if key == "late" { Outcome::Retry(Duration::from_secs(3600)) } else { Outcome::Done }
        })
        .start()
        .await?;
    for key in ["late", "late", "early", "late"] {
        runtime.bus().emit("e", key).await?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left, began.elapsed()), (0, 3, Duration::ZERO));
    let letters = runtime.dead_letters().list().await;
    assert_eq!(letters.iter().map(|letter| letter.attempts).collect::<Vec<_>>(), [1, 0, 0]);
    assert!(letters.iter().all(|letter| letter.reason == DeadLetterReason::Drained));
    assert_balanced(&status(&runtime));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_does_not_wait_for_an_event_published_behind_an_expired_retry() -> Result {
    let config = ProcessConfig::new().trigger(TriggerConfig::event("slow"));
    let runtime = Runtime::builder()
        .process("p", keyed(vec![TriggerConfig::event("e")], 2), |Json(key): Json<String>| async move {
            if key == "late" { Outcome::Retry(Duration::from_secs(3600)) } else { Outcome::Done }
        })
        .process("slow", config, |_: TriggerEvent, bus: EventBus| async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert_eq!(bus.emit("e", "late").await?.queued(), Some(1));
            bus.emit("e", "early").await.map(drop)
        })
        .start()
        .await?;
    runtime.bus().emit("e", "late").await?;
    runtime.bus().emit("slow", 1).await?;
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left, began.elapsed()), (2, 2, Duration::from_secs(2)));
    let now = status(&runtime);
    assert_eq!((now.handled, now.waiting), (1, 2));
    assert_balanced(&now);
    assert_eq!(runtime.dead_letters().len().await, 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn configuration_gives_the_key_as_a_pointer_into_the_body() -> Result {
    let config: ProcessConfig = serde_json::from_value(serde_json::json!({
        "triggers": [{"type": "event", "event_type": "e"}], "concurrency": 4, "key": "/customer/id",
    }))?;
    let runtime = Runtime::builder()
        .process("p", config, |_: TriggerEvent| async { tokio::time::sleep(Duration::from_secs(1)).await })
        .start()
        .await?;
    for id in [1, 1, 1, 2] {
        runtime.bus().emit("e", serde_json::json!({"customer": {"id": id}})).await?;
    }
    let began = Instant::now();
    assert_eq!(runtime.shutdown().await.completed, 4);
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    Ok(())
}
