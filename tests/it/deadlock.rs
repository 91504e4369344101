//! Deadlocks: handlers that wait for capacity which only waiting handlers could free. Exactly one of them gets an
//! error.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use triggers::{
    Attempt, EventBus, Json, Key, Outcome, Overflow, ProcessConfig, PublishError, Result, Runtime,
    TriggerConfig, TriggerEvent,
};

use crate::common::{assert_balanced, counts, on, status};

fn waiting(event_type: &str, queue: usize, concurrency: usize) -> ProcessConfig {
    let trigger = TriggerConfig::event(event_type).queue(queue).overflow(Overflow::Wait);
    ProcessConfig::new().trigger(trigger).concurrency(concurrency)
}

#[tokio::test(start_paused = true)]
async fn handler_that_emits_its_own_type_cannot_deadlock_the_runtime() -> Result {
    for concurrency in [1, 2, 5] {
        let deadlocks = Arc::new(AtomicUsize::new(0));
        let runtime = Runtime::builder()
            .process("tick", waiting("tick", 3, concurrency), {
                let deadlocks = deadlocks.clone();
                move |Json(depth): Json<u32>, bus: EventBus| {
                    let deadlocks = deadlocks.clone();
                    async move {
                        for _ in 0..if depth < 6 { 2 } else { 0 } {
                            match bus.emit("tick", depth + 1).await {
                                Err(PublishError::Deadlock { triggers, published, .. }) => {
                                    assert_eq!(triggers, ["event-tick"]);
                                    assert_eq!(counts(&published), (1, 0, 1));
                                    deadlocks.fetch_add(1, Ordering::SeqCst);
                                }
                                sent => assert_eq!(sent.expect("no other error").queued(), Some(1)),
                            }
                        }
                    }
                }
            })
            .start()
            .await?;
        runtime.bus().emit("tick", 0).await?;
        let began = Instant::now();
        let report = runtime.shutdown().await;
        assert_eq!((report.left, began.elapsed()), (0, Duration::ZERO), "{concurrency}");
        let now = status(&runtime);
        assert!(deadlocks.load(Ordering::SeqCst) > 0, "{concurrency}");
        assert_eq!(now.triggers[0].dropped, deadlocks.load(Ordering::SeqCst) as u64);
        assert_balanced(&now);
        for letter in runtime.dead_letters().list().await {
            assert!(
                letter.error.starts_with("every handler that could free capacity waits for capacity"),
                "{}",
                letter.error
            );
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn runtime_breaks_a_cycle_of_processes_that_wait_for_each_other() -> Result {
    let next = |event_type: &'static str| {
        move |Json(left): Json<u32>, bus: EventBus| async move {
            for _ in 0..2 {
                if left > 0 {
                    // The handler ignores an error. The test needs only that the wait ends.
                    let _ = bus.emit(event_type, left - 1).await;
                }
            }
        }
    };
    let runtime = Runtime::builder()
        .process("a", waiting("a", 1, 1), next("b"))
        .process("b", waiting("b", 1, 2), next("c"))
        .process("c", waiting("c", 1, 1), next("a"))
        .start()
        .await?;
    runtime.bus().emit("a", 12).await?;
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.left, began.elapsed()), (0, Duration::ZERO));
    assert!(report.completed > 12);
    runtime.status().processes.iter().for_each(assert_balanced);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handlers_that_wait_for_a_running_handler_get_no_error() -> Result {
    let runtime = Runtime::builder()
        .process("fast", waiting("fast", 1, 3), |Json(n): Json<u32>, bus: EventBus| async move {
            bus.emit("slow", n).await.map(drop)
        })
        .process("slow", waiting("slow", 1, 1), |_: Json<u32>, bus: EventBus| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            bus.emit("nobody", 1).await.map(drop)
        })
        .start()
        .await?;
    for n in 0..20 {
        runtime.bus().emit("fast", n).await?;
    }
    let report = runtime.shutdown().await;
    assert_eq!((report.left, report.dead_lettered), (0, 0));
    let [fast, slow] = &runtime.status().processes[..] else { panic!("two processes") };
    assert_eq!((fast.handled, slow.handled), (20, 20));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn deadlock_over_bytes_is_found_although_the_queue_holds_few_events() -> Result {
    let trigger = TriggerConfig::event("e").queue_bytes(10).overflow(Overflow::Wait);
    let config = ProcessConfig::new().trigger(trigger);
    let runtime = Runtime::builder()
        .process("p", config, |event: TriggerEvent, bus: EventBus| async move {
            if event.raw().is_empty() {
                assert_eq!(bus.emit_raw("e", "123456").await?.queued(), Some(1));
                let sent = bus.emit_raw("e", "123456").await;
                assert!(matches!(sent, Err(PublishError::Deadlock { .. })), "{sent:?}");
            }
            Ok::<_, PublishError>(())
        })
        .start()
        .await?;
    runtime.bus().emit_raw("e", "").await?;
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left, began.elapsed()), (2, 0, Duration::ZERO));
    Ok(())
}

/// Runs a process with two workers and a queue for one event. For each event, the handler sleeps for the first number
/// of seconds, publishes to its own process the second number of times at once, and sleeps for the last number of
/// seconds. Returns the indexes of the events whose handlers got a deadlock error.
async fn handlers_with_a_deadlock_error(events: &'static [(u64, usize, u64)]) -> Result<Vec<usize>> {
    let reported = Arc::new(Mutex::new(Vec::new()));
    let runtime = Runtime::builder()
        .process("p", waiting("e", 1, 2), {
            let reported = reported.clone();
            move |Json(n): Json<usize>, bus: EventBus| {
                let reported = reported.clone();
                async move {
                    let Some((before, times, after)) = events.get(n) else { return };
                    tokio::time::sleep(Duration::from_secs(*before)).await;
                    let emit = || async {
                        if bus.emit("e", events.len()).await.is_err() {
                            reported.lock().expect("the indexes").push(n);
                        }
                    };
                    match times {
                        0 => {}
                        1 => emit().await,
                        _ => drop(tokio::join!(emit(), emit())),
                    }
                    tokio::time::sleep(Duration::from_secs(*after)).await;
                }
            }
        })
        .start()
        .await?;
    for n in 0..events.len() {
        runtime.bus().emit("e", n).await?;
    }
    let report = runtime.shutdown().await;
    assert_eq!((report.dead_lettered, report.left), (0, 0));
    let reported = reported.lock().expect("the indexes").clone();
    Ok(reported)
}

#[tokio::test(start_paused = true)]
async fn only_the_handler_that_closes_the_cycle_gets_a_deadlock_error() -> Result {
    assert_eq!(handlers_with_a_deadlock_error(&[(1, 1, 0), (2, 1, 0), (0, 0, 0)]).await?, [1]);
    assert_eq!(handlers_with_a_deadlock_error(&[(2, 1, 0), (1, 1, 0), (0, 0, 0)]).await?, [0]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handler_is_not_deadlocked_while_another_handler_of_its_process_runs() -> Result {
    let nobody = Vec::<usize>::new();
    assert_eq!(handlers_with_a_deadlock_error(&[(1, 1, 0), (2, 0, 0), (0, 0, 0)]).await?, nobody);
    assert_eq!(
        handlers_with_a_deadlock_error(&[(1, 2, 0), (2, 0, 0), (0, 0, 0)]).await?,
        nobody,
        "the handler waits twice at once"
    );
    assert_eq!(
        handlers_with_a_deadlock_error(&[(1, 1, 10), (2, 0, 0), (1, 1, 0)]).await?,
        nobody,
        "the handler no longer waits"
    );
    Ok(())
}

/// A take has freed capacity, and the publisher that waits for it has not used it yet.
#[tokio::test(start_paused = true)]
async fn handler_that_is_about_to_get_capacity_is_not_deadlocked() -> Result {
    let trigger = |of: &str| TriggerConfig::event(of).queue(1).overflow(Overflow::Wait);
    let config = ProcessConfig::new().triggers([trigger("a"), trigger("b")]).concurrency(2);
    let runtime = Runtime::builder()
        .process("p", config, |Json(what): Json<String>, bus: EventBus| async move {
            match what.as_str() {
                "waits for a" => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    bus.emit("a", "").await?;
                }
                "ends" => tokio::time::sleep(Duration::from_secs(2)).await,
                "waits for b" => drop(bus.emit("b", "").await?),
                _ => {}
            }
            Ok::<_, PublishError>(())
        })
        .start()
        .await?;
    for (of, what) in [("a", "waits for a"), ("b", "ends"), ("a", "waits for b"), ("b", "")] {
        runtime.bus().emit(of, what).await?;
    }
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.dead_lettered, report.left), (6, 0, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handler_that_waits_for_a_retry_gets_no_error() -> Result {
    let config = waiting("e", 1, 2).retry(1);
    let runtime = Runtime::builder()
        .process("p", config, |Json(n): Json<u32>, attempt: Attempt, bus: EventBus| async move {
            match (n, attempt.number()) {
                (0, _) => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    assert_eq!(bus.emit("e", 2).await?.queued(), Some(1));
                }
                (1, 1) => return Ok(Outcome::Retry(Duration::from_secs(60))),
                _ => {}
            }
            Ok::<_, PublishError>(Outcome::Done)
        })
        .start()
        .await?;
    runtime.bus().emit("e", 0).await?;
    runtime.bus().emit("e", 1).await?;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let now = status(&runtime);
    assert_eq!((now.handled, now.dead_lettered, now.triggers[0].dropped), (3, 0, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn deadlock_of_a_key_with_itself_is_found_although_workers_are_idle() -> Result {
    let config = waiting("e", 2, 4).key(Key::of(|_: &u32| 1));
    let runtime = Runtime::builder()
        .process("p", config, |Json(n): Json<u32>, bus: EventBus| async move {
            for _ in 0..if n == 0 { 3 } else { 0 } {
                let sent = bus.emit("e", 1).await;
                if let Err(error) = sent {
                    assert!(
                        error
                            .to_string()
                            .starts_with("the wait for capacity would never end: event-e is full"),
                        "{error}"
                    );
                }
            }
        })
        .start()
        .await?;
    runtime.bus().emit("e", 0).await?;
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left, began.elapsed()), (3, 0, Duration::ZERO));
    assert_eq!(status(&runtime).triggers[0].dropped, 1);
    Ok(())
}

/// Another handler still ran when the handler began to wait.
#[tokio::test(start_paused = true)]
async fn deadlock_that_begins_when_another_handler_ends_is_found() -> Result {
    let key = Key::of(|(key, _): &(u8, u64)| *key);
    let config = waiting("e", 1, 2).key(key);
    let runtime = Runtime::builder()
        .process("p", config, |Json(event): Json<(u8, u64)>, bus: EventBus| async move {
            match event {
                (0, _) => tokio::time::sleep(Duration::from_secs(5)).await,
                (_, 0) => {
                    assert_eq!(bus.emit("e", (1, 1)).await?.queued(), Some(1));
                    assert!(matches!(bus.emit("e", (1, 2)).await, Err(PublishError::Deadlock { .. })));
                }
                _ => {}
            }
            Ok::<_, PublishError>(())
        })
        .start()
        .await?;
    runtime.bus().emit("e", (0, 0)).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    runtime.bus().emit("e", (1, 0)).await?;
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left, began.elapsed()), (3, 0, Duration::from_secs(4)));
    assert_eq!(status(&runtime).triggers[0].dropped, 1);
    Ok(())
}

/// An error for a handler that waits behind the cycle would not break the cycle.
#[tokio::test(start_paused = true)]
async fn handler_in_the_cycle_gets_the_deadlock_error_and_one_behind_it_does_not() -> Result {
    let reported = Arc::new(AtomicUsize::new(0));
    let key = Key::of(|(key, _): &(u8, u64)| *key);
    let config = waiting("e", 1, 2).key(key);
    let runtime = Runtime::builder()
        .process("cycle", config, {
            let reported = reported.clone();
            move |Json(event): Json<(u8, u64)>, bus: EventBus| {
                let reported = reported.clone();
                async move {
                    match event {
                        (0, _) => tokio::time::sleep(Duration::from_secs(5)).await,
                        (1, 0) => {
                            assert_eq!(bus.emit("e", (1, 1)).await?.queued(), Some(1));
                            assert!(matches!(
                                bus.emit("e", (1, 2)).await,
                                Err(PublishError::Deadlock { .. })
                            ));
                            reported.fetch_add(1, Ordering::SeqCst);
                        }
                        _ => {}
                    }
                    Ok::<_, PublishError>(())
                }
            }
        })
        .process("behind", on("go"), |bus: EventBus| async move {
            assert_eq!(bus.emit("e", (9, 9)).await?.queued(), Some(1));
            Ok::<_, PublishError>(())
        })
        .start()
        .await?;
    for (event_type, event) in [("e", (0, 0)), ("e", (1, 0)), ("go", (0, 0))] {
        runtime.bus().emit(event_type, event).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.dead_lettered, report.left, began.elapsed()), (0, 0, Duration::from_secs(2)));
    assert_eq!(reported.load(Ordering::SeqCst), 1);
    Ok(())
}

/// The drain expires the retry that holds the only capacity, so once the other handler has ended, no worker frees it.
#[tokio::test(start_paused = true)]
async fn wait_for_capacity_of_an_expired_retry_ends_with_the_last_handler() -> Result {
    let runtime = Runtime::builder()
        .process("waits", on("go"), |bus: EventBus| async move {
            let sent = bus.emit("e", "").await?;
            assert_eq!(counts(&sent), (1, 0, 1));
            Ok::<_, PublishError>(())
        })
        .process("full", waiting("e", 1, 2).retry(1), |Json(what): Json<String>| async move {
            match what.as_str() {
                "retried" => Outcome::Retry(Duration::from_secs(3600)),
                _ => {
                    tokio::time::sleep(Duration::from_secs(10)).await;
                    Outcome::Done
                }
            }
        })
        .start()
        .await?;
    for (event_type, what) in [("e", "runs"), ("e", "retried"), ("go", "")] {
        runtime.bus().emit(event_type, what).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.dead_lettered, report.left, began.elapsed()), (0, 1, Duration::from_secs(7)));
    Ok(())
}
