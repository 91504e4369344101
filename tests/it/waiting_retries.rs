//! Events that wait for a retry: what they occupy, and when they run.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use triggers::{Attempt, Backoff, DeadLetterReason, Json, Outcome, Result, Runtime, TriggerConfig};

use crate::common::{alive_tasks, assert_balanced, config, status};
use crate::retry::retrying;

#[tokio::test(start_paused = true)]
async fn waiting_retry_occupies_no_worker_and_no_task() -> Result {
    let order = Arc::new(Mutex::new(Vec::new()));
    let runtime = Runtime::builder()
        .process("p", retrying(1, Backoff::default()), {
            let order = order.clone();
            move |Json(n): Json<u32>, attempt: Attempt| {
                order.lock().expect("the order").push((n, attempt.number()));
                async move {
                    if n < 50 && attempt.number() == 1 {
                        Outcome::Retry(Duration::from_secs(60))
                    } else {
                        Outcome::Done
                    }
                }
            }
        })
        .start()
        .await?;
    let tasks = alive_tasks();
    for n in 0..60 {
        runtime.bus().emit("job", n).await?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let now = status(&runtime);
    assert_eq!((now.handled, now.waiting, now.in_flight), (10, 50, 0));
    assert_eq!((now.triggers[0].queue_size, now.triggers[0].waiting), (50, 50));
    assert_balanced(&now);
    assert_eq!(alive_tasks(), tasks + 1, "the worker");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(status(&runtime).handled, 60);
    let expected: Vec<_> = (0..60).map(|n| (n, 1)).chain((0..50).map(|n| (n, 2))).collect();
    assert_eq!(*order.lock().expect("the order"), expected);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn waiting_retries_count_towards_the_capacity_of_the_queue() -> Result {
    let config = config([TriggerConfig::event("job").queue(3)]).retry(1);
    let runtime = Runtime::builder()
        .process("p", config, |attempt: Attempt| async move {
            if attempt.number() == 1 { Outcome::Retry(Duration::from_secs(60)) } else { Outcome::Done }
        })
        .start()
        .await?;
    for expected in [1, 1, 1, 0, 0] {
        assert_eq!(runtime.bus().emit("job", 1).await?.queued(), Some(expected));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let now = status(&runtime);
    assert_eq!((now.waiting, now.triggers[0].dropped), (3, 2));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(status(&runtime).handled, 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_runs_the_retries_due_before_its_deadline_and_leaves_the_others_at_once() -> Result {
    let runtime = Runtime::builder()
        .process(
            "p",
            retrying(1, Backoff::default()),
            |Json(after): Json<u64>, attempt: Attempt| async move {
                if attempt.number() == 1 { Outcome::Retry(Duration::from_secs(after)) } else { Outcome::Done }
            },
        )
        .drain_deadline(Duration::from_secs(30))
        .start()
        .await?;
    runtime.bus().emit("job", 20).await?;
    runtime.bus().emit("job", 3600).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // This event fails after the drain has begun.
    runtime.bus().emit("job", 1800).await?;
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!(began.elapsed(), Duration::from_secs(19));
    assert_eq!((report.completed, report.dead_lettered, report.left), (1, 0, 2));
    assert_eq!(
        report.to_string(),
        "drained: 1 completed, 0 dead-lettered, 2 left; since the start: 1 completed, 0 dead-lettered\n  p: 2 left"
    );
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(alive_tasks(), 0, "no task watches the clock");
    let letters = runtime.dead_letters().list().await;
    assert_eq!(letters.len(), 2);
    for letter in letters {
        assert_eq!((letter.reason, letter.attempts), (DeadLetterReason::Drained, 1));
        let expected = "there was no time for a retry after: the handler asked for a retry after";
        assert!(letter.error.starts_with(expected), "{}", letter.error);
    }
    assert_balanced(&status(&runtime));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn retries_that_find_every_worker_busy_run_in_due_order() -> Result {
    let order = Arc::new(Mutex::new(Vec::new()));
    let runtime = Runtime::builder()
        .process("p", retrying(1, Backoff::default()), {
            let order = order.clone();
            move |Json(n): Json<u64>, attempt: Attempt| {
                order.lock().expect("the order").push((n, attempt.number()));
                async move {
                    match (n, attempt.number()) {
                        (0..3, 1) => return Outcome::Retry(Duration::from_secs(10 + n)),
                        (7, _) => tokio::time::sleep(Duration::from_secs(60)).await,
                        _ => {}
                    }
                    Outcome::Done
                }
            }
        })
        .start()
        .await?;
    for n in [0, 1, 2, 7, 8] {
        runtime.bus().emit("job", n).await?;
    }
    tokio::time::sleep(Duration::from_secs(61)).await;
    let expected = [(0, 1), (1, 1), (2, 1), (7, 1), (0, 2), (1, 2), (2, 2), (8, 1)];
    assert_eq!(*order.lock().expect("the order"), expected);
    Ok(())
}
