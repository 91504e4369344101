//! Processes that are removed from a running runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use triggers::{
    Attempt, DeadLetterReason, Json, Key, Outcome, ProcessConfig, Result, Runtime, TriggerConfig,
    TriggerEvent,
};

use crate::common::on;
use crate::http;
use crate::until::block_until;

#[tokio::test(start_paused = true)]
async fn removed_process_finishes_its_events_and_frees_its_name() -> Result {
    let runtime = Runtime::builder()
        .process("p", on("e"), |_: TriggerEvent| async { tokio::time::sleep(Duration::from_secs(1)).await })
        .process("other", on("e"), |_: TriggerEvent| async {})
        .start()
        .await?;
    for n in 0..3 {
        runtime.bus().emit("e", n).await?;
    }
    let began = Instant::now();
    let report = runtime.remove_process("p").await?;
    assert_eq!((report.completed, report.left, report.stuck), (3, 0, 0));
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    assert_eq!(runtime.bus().emit("e", 3).await?.matched(), Some(1));
    let names: Vec<_> = runtime.status().processes.into_iter().map(|process| process.name).collect();
    assert_eq!(names, ["other"]);
    runtime.add_process("p", on("e"), |_: TriggerEvent| async {}).await?;
    assert_eq!(runtime.bus().emit("e", 4).await?.matched(), Some(2), "its name is free again");
    assert_eq!(runtime.shutdown().await.left, 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn removed_process_runs_its_retries_first() -> Result {
    for key in [None, Some(Key::of(|_: &u32| 1))] {
        let mut config = on("e").retry(1).concurrency(2);
        config.key = key;
        let runtime = Runtime::builder()
            .process("p", config, |Json(n): Json<u32>, attempt: Attempt| async move {
                if n == 0 && attempt.number() == 1 {
                    return Outcome::Retry(Duration::from_secs(10));
                }
                Outcome::Done
            })
            .start()
            .await?;
        for n in 0..3 {
            runtime.bus().emit("e", n).await?;
        }
        let began = Instant::now();
        let report = runtime.remove_process("p").await?;
        assert_eq!((report.completed, report.left), (3, 0));
        assert_eq!(began.elapsed(), Duration::from_secs(10));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn removed_process_ends_its_pause_and_leaves_late_retries() -> Result {
    let config = on("e").retry(1);
    let runtime = Runtime::builder()
        .process("p", config, |Json(after): Json<u64>| async move {
            if after > 0 { Outcome::Retry(Duration::from_secs(after)) } else { Outcome::Done }
        })
        .start()
        .await?;
    runtime.bus().emit("e", 0).await?;
    runtime.bus().emit("e", 3600).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    runtime.pause("p")?;
    runtime.bus().emit("e", 0).await?;
    let began = Instant::now();
    let report = runtime.remove_process("p").await?;
    assert_eq!((report.completed, report.left, began.elapsed()), (1, 1, Duration::ZERO));
    Ok(())
}

#[tokio::test]
async fn removed_process_drops_every_value_of_the_program() -> Result {
    let held = Arc::new(());
    let key = || {
        let held = held.clone();
        Key::of(move |_: &TriggerEvent| Arc::strong_count(&held))
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port();
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    for trigger in [
        TriggerConfig::event("e"),
        TriggerConfig::dead_letter(),
        TriggerConfig::webhook("/x", 0).host("127.0.0.1"),
        TriggerConfig::webhook("/x", port).host("127.0.0.1"),
    ] {
        let config = ProcessConfig::new().trigger(trigger).key(key());
        if runtime.add_process("q", config, |_: TriggerEvent| async {}).await.is_ok() {
            runtime.remove_process("q").await?;
        }
        assert_eq!(Arc::strong_count(&held), 1);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn stuck_process_is_removed_at_the_deadline_and_shutdown_does_not_wait_for_it() -> Result {
    let runtime = Runtime::builder()
        .process("stuck", on("e"), |_: TriggerEvent| std::future::pending::<()>())
        .process("other", on("e"), |_: TriggerEvent| async {})
        .drain_deadline(Duration::from_secs(5))
        .start()
        .await?;
    for n in 0..3 {
        runtime.bus().emit("e", n).await?;
    }
    tokio::task::yield_now().await;
    let began = Instant::now();
    let report = runtime.remove_process("stuck").await?;
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert_eq!((report.completed, report.left, report.stuck), (0, 3, 1));
    let letters = runtime.dead_letters().list().await;
    assert!(
        letters.iter().all(|letter| letter.reason == DeadLetterReason::Drained && letter.process == "stuck")
    );
    assert_eq!(letters.len(), 3);
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.left, began.elapsed()), (0, Duration::ZERO));
    Ok(())
}

#[tokio::test]
async fn removed_webhook_frees_its_path_and_the_others_stay() -> Result {
    let hook = |path: &str, id: &str| {
        ProcessConfig::new().trigger(TriggerConfig::webhook(path, 0).host("127.0.0.1").id(id))
    };
    let runtime = Runtime::builder()
        .process("a", hook("/a", "a"), |_: TriggerEvent| async {})
        .process("b", hook("/b", "b"), |_: TriggerEvent| async {})
        .start()
        .await?;
    let address = runtime.local_addr("a").expect("it listens");
    assert_eq!(runtime.local_addr("b"), Some(address));
    runtime.remove_process("a").await?;
    assert_eq!(http::post(address, "/a", "1").await.status, 404);
    assert_eq!(http::post(address, "/b", "1").await.status, 202);
    runtime.add_process("a", hook("/a", "a"), |_: TriggerEvent| async {}).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_does_not_wait_for_an_event_that_a_removed_process_requeues_late() -> Result {
    let (dropped, seen, released) =
        (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::<AtomicBool>::default());
    struct NotifyOnDrop(Arc<Notify>);
    impl Drop for NotifyOnDrop {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let runtime = Runtime::builder()
        .process("p", on("e"), {
            let (dropped, seen, released) = (dropped.clone(), seen.clone(), released.clone());
            move |_: TriggerEvent| {
                let on_drop = NotifyOnDrop(dropped.clone());
                let (seen, released) = (seen.clone(), released.clone());
                async move {
                    let _on_drop = on_drop;
                    seen.notify_one();
                    block_until("the end of the removal", || released.load(Ordering::SeqCst));
                    std::future::pending::<()>().await;
                }
            }
        })
        .process("other", on("f"), |_: TriggerEvent| async {})
        .drain_deadline(Duration::from_millis(20))
        .start()
        .await?;
    runtime.bus().emit("e", 1).await?;
    seen.notified().await;
    let report = runtime.remove_process("p").await?;
    assert_eq!((report.left, report.stuck), (1, 1));
    assert!(format!("{runtime:?}").contains("pending: 0"), "{runtime:?}");
    released.store(true, Ordering::SeqCst);
    dropped.notified().await;
    // The worker requeues the event right after it drops the values of the handler.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(format!("{runtime:?}").contains("pending: 0"), "{runtime:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn removal_of_a_process_during_the_drain_does_not_prolong_it() -> Result {
    let runtime = Runtime::builder()
        .process("p", on("e"), |_: TriggerEvent| std::future::pending::<()>())
        .drain_deadline(Duration::from_secs(10))
        .start()
        .await?;
    runtime.bus().emit("e", 1).await?;
    let began = Instant::now();
    let (report, removed) = tokio::join!(runtime.shutdown(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        runtime.remove_process("p").await
    });
    assert_eq!(began.elapsed(), Duration::from_secs(10));
    assert_eq!((report.left, removed?.left), (1, 1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn process_that_is_removed_during_the_drain_does_not_retry_after_its_deadline() -> Result {
    let runtime = Runtime::builder()
        .process("p", on("e").retry(1), |_: TriggerEvent| async {
            tokio::time::sleep(Duration::from_secs(6)).await;
            Outcome::Retry(Duration::from_secs(6))
        })
        .drain_deadline(Duration::from_secs(10))
        .start()
        .await?;
    runtime.bus().emit("e", 1).await?;
    let began = Instant::now();
    let (report, removed) = tokio::join!(runtime.shutdown(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        runtime.remove_process("p").await
    });
    assert_eq!(began.elapsed(), Duration::from_secs(6), "a retry after 12 s is not waited for");
    assert_eq!((report.left, removed?.left), (1, 1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn report_of_the_drain_has_the_events_since_the_start_with_those_of_removed_processes() -> Result {
    let handler = |Json(n): Json<u64>| async move {
        tokio::time::sleep(Duration::from_secs(n)).await;
        if n == 1 { Outcome::reject("a one") } else { Outcome::Done }
    };
    let builder = Runtime::builder().process("p", on("a"), handler).process("other", on("b"), handler);
    let runtime = builder.start().await?;
    for n in [0, 0, 1] {
        runtime.bus().emit("a", n).await?;
        runtime.bus().emit("b", n).await?;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let removed = runtime.remove_process("p").await?;
    assert_eq!((removed.completed, removed.dead_lettered), (0, 0), "since it began to end");
    assert_eq!((removed.total_completed, removed.total_dead_lettered), (2, 1));
    runtime.bus().emit("b", 2).await?;
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.dead_lettered, report.left), (1, 0, 0));
    assert_eq!((report.total_completed, report.total_dead_lettered), (5, 2));
    let expected =
        "drained: 1 completed, 0 dead-lettered, 0 left; since the start: 5 completed, 2 dead-lettered";
    assert_eq!(report.to_string(), expected);
    Ok(())
}
