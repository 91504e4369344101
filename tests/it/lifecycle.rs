//! What may change while a runtime runs: processes that are paused, that come and that go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use triggers::{
    Attempt, DeadLetterReason, Json, Key, Outcome, Overflow, ProcessConfig, ProcessState, Result, Runtime,
    Shutdown, TriggerConfig, TriggerEvent,
};

use crate::http;
use crate::process::{assert_balanced, on, status};
use crate::until::{block_until, until};

#[tokio::test(start_paused = true)]
async fn paused_process_accepts_and_handles_nothing_until_it_is_resumed() -> Result {
    let gate = Arc::new(Notify::new());
    let config = ProcessConfig::new().trigger(TriggerConfig::event("e").queue(3));
    let runtime = Runtime::builder()
        .process("p", config, {
            let gate = gate.clone();
            move |_: TriggerEvent| {
                let gate = gate.clone();
                async move { gate.notified().await }
            }
        })
        .process("other", on("e"), |_: TriggerEvent| async {})
        .start()
        .await?;
    runtime.bus().emit("e", 0).await?;
    until("an event in flight", || status(&runtime).in_flight > 0).await;
    runtime.pause("p")?;
    for _ in 1..5 {
        runtime.bus().emit("e", 1).await?;
    }
    gate.notify_one();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let paused = status(&runtime);
    assert_eq!((paused.state, paused.handled, paused.in_flight), (ProcessState::Paused, 1, 0));
    assert_eq!((paused.triggers[0].queue_size, paused.triggers[0].dropped), (3, 1));
    assert_eq!(runtime.status().processes[1].handled, 5, "the others go on");
    runtime.resume("p")?;
    for _ in 0..3 {
        gate.notify_one();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!((status(&runtime).state, status(&runtime).handled), (ProcessState::Running, 4));
    assert_balanced(&status(&runtime));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_a_pause() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    runtime.pause("p")?;
    for n in 0..5 {
        runtime.bus().emit("e", n).await?;
    }
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left, began.elapsed()), (5, 0, Duration::ZERO));
    Ok(())
}

#[tokio::test]
async fn paused_webhook_answers_503_when_its_queue_is_full() -> Result {
    let config =
        ProcessConfig::new().trigger(TriggerConfig::webhook("/x", 0).host("127.0.0.1").id("hook").queue(2));
    let runtime = Runtime::builder().process("p", config, |_: TriggerEvent| async {}).start().await?;
    let address = runtime.local_addr("hook").expect("it listens");
    runtime.pause("p")?;
    for expected in [202, 202, 503] {
        assert_eq!(http::post(address, "/x", "1").await.status, expected);
    }
    runtime.resume("p")?;
    assert_eq!(runtime.shutdown().await.completed, 2);
    Ok(())
}

#[tokio::test]
async fn unknown_process_is_named_with_the_nearest() -> Result {
    let runtime = Runtime::builder()
        .process("orders", on("e"), |_: TriggerEvent| async {})
        .process("mail", on("e"), |_: TriggerEvent| async {})
        .start()
        .await?;
    let expected = "there is no process `order`; did you mean `orders`? The processes are: orders, mail";
    assert_eq!(runtime.pause("order").expect_err("no such process").to_string(), expected);
    assert_eq!(runtime.resume("order").expect_err("no such process").to_string(), expected);
    assert_eq!(runtime.remove_process("order").await.expect_err("no such process").to_string(), expected);
    Ok(())
}

#[tokio::test]
async fn process_that_is_added_handles_what_comes_after() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    runtime.bus().emit("e", 1).await?;
    let config = ProcessConfig::new().triggers([
        TriggerConfig::event("e"),
        TriggerConfig::webhook("/late", 0).host("127.0.0.1").id("hook"),
    ]);
    runtime.add_process("late", config, |_: TriggerEvent| async {}).await?;
    assert_eq!(runtime.bus().emit("e", 2).await?.queued(), Some(2));
    let address = runtime.local_addr("hook").expect("it listens");
    assert_eq!(http::post(address, "/late", "3").await.status, 202);
    let report = runtime.shutdown().await;
    let completed: Vec<_> = report.processes.iter().map(|report| report.name.as_str()).collect();
    assert_eq!(completed, ["p", "late"]);
    assert_eq!(runtime.status().processes[1].handled, 2);
    Ok(())
}

#[tokio::test]
async fn process_that_cannot_be_added_says_why_and_leaves_nothing() -> Result {
    let hook = || {
        ProcessConfig::new()
            .triggers([TriggerConfig::webhook("/x", 0).host("127.0.0.1"), TriggerConfig::event("e")])
    };
    let runtime = Runtime::builder().process("p", hook(), |_: TriggerEvent| async {}).start().await?;
    let wrong = ProcessConfig::new()
        .triggers([TriggerConfig::event("e").queue(0), TriggerConfig::webhook("/x", 0).host("127.0.0.1")]);
    let error = runtime.add_process("p", wrong, |_: TriggerEvent| async {}).await.expect_err("it is wrong");
    let problems = error.problems().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems.iter().any(|problem| problem.contains("field `queue`")), "{problems:#?}");
    assert!(problems.iter().any(|problem| problem.contains("the process name `p` is taken by")));
    assert!(problems.iter().any(|problem| problem.contains("the path /x of 127.0.0.1:0 is taken by")));
    assert!(
        problems.iter().all(|problem| problem.starts_with("`p` at tests/it/lifecycle.rs:")),
        "{problems:#?}"
    );
    let none = runtime.add_process("q", ProcessConfig::default(), |_: TriggerEvent| async {}).await;
    assert!(none.expect_err("no trigger").to_string().contains("the process has no trigger"));
    assert_eq!(runtime.bus().emit("e", 1).await?.matched(), Some(1));
    runtime.shutdown().await;
    let late = runtime.add_process("late", on("e"), |_: TriggerEvent| async {}).await;
    assert!(late.expect_err("too late").to_string().contains("the runtime is ending"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn process_that_is_removed_finishes_what_it_has_and_is_gone() -> Result {
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
async fn process_that_is_removed_makes_its_retries_first() -> Result {
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
async fn process_that_is_removed_ends_its_pause_and_leaves_what_comes_too_late() -> Result {
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
async fn process_that_is_gone_leaves_nothing_of_the_program_behind() -> Result {
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

/// A process whose host is looked up while it is being added.
fn looked_up(path: &str) -> ProcessConfig {
    let hook = TriggerConfig::webhook(path, 0).host("localhost");
    ProcessConfig::new().triggers([TriggerConfig::event("e"), hook])
}

#[tokio::test]
async fn two_processes_that_are_added_at_once_do_not_get_one_name() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    let add = |path| runtime.add_process("q", looked_up(path), |_: TriggerEvent| async {});
    let (one, other) = tokio::join!(add("/one"), add("/other"));
    assert!(one.is_ok() && other.is_err());
    Ok(())
}

#[tokio::test]
async fn process_that_is_being_added_when_the_runtime_ends_is_refused_or_ends_with_it() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    let late = runtime.add_process("late", looked_up("/late"), |_: TriggerEvent| async {});
    let (added, report) = tokio::join!(late, runtime.shutdown());
    let names: Vec<_> = report.processes.iter().map(|report| report.name.as_str()).collect();
    match added {
        // The name of the host was there at once.
        Ok(()) => assert_eq!(names, ["p", "late"]),
        Err(error) => {
            assert!(error.to_string().contains("the runtime is ending"), "{error}");
            assert_eq!(names, ["p"]);
        }
    }
    assert_eq!(runtime.bus().emit("e", 1).await?.matched(), Some(0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn process_that_ends_cannot_be_paused() -> Result {
    let runtime = Runtime::builder()
        .process("p", on("e"), |_: TriggerEvent| async { tokio::time::sleep(Duration::from_secs(1)).await })
        .start()
        .await?;
    for n in 0..3 {
        runtime.bus().emit("e", n).await?;
    }
    let (report, ()) = tokio::join!(runtime.shutdown(), async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        runtime.pause("p").expect("the process");
    });
    assert_eq!((report.completed, report.left), (3, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn stuck_process_is_removed_at_the_deadline_and_the_shutdown_does_not_wait_for_it() -> Result {
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
async fn paths_of_a_removed_webhook_are_gone_and_its_neighbours_stay() -> Result {
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

#[tokio::test(start_paused = true)]
async fn report_names_each_process_and_the_stuck_handler() -> Result {
    let waits = ProcessConfig::new().trigger(TriggerConfig::event("e").overflow(Overflow::Wait));
    let runtime = Runtime::builder()
        .process("stuck", waits, |_: TriggerEvent| std::future::pending::<()>())
        .process("polite", on("e"), |_: TriggerEvent, shutdown: Shutdown| async move {
            shutdown.cancelled().await;
        })
        .process("picky", on("e"), |_: Json<bool>| async {})
        .drain_deadline(Duration::from_secs(1))
        .start()
        .await?;
    runtime.bus().emit("e", 1).await?;
    runtime.bus().emit("e", 2).await?;
    tokio::task::yield_now().await;
    let report = runtime.shutdown().await;
    let each: Vec<_> = report
        .processes
        .iter()
        .map(|of| (of.name.as_str(), of.completed, of.dead_lettered, of.left, of.stuck))
        .collect();
    assert_eq!(each, [("stuck", 0, 0, 2, 1), ("polite", 2, 0, 0, 0), ("picky", 0, 0, 0, 0)]);
    let shown = report.to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], "drained: 2 completed, 0 dead-lettered, 2 left");
    let start = "  stuck: 2 left, 1 of them in `stuck` at tests/it/lifecycle.rs:";
    assert!(lines[1].starts_with(start) && lines.len() == 2, "{shown}");
    let letters = runtime.dead_letters().list().await;
    let drained: Vec<_> = letters.iter().filter(|of| of.reason == DeadLetterReason::Drained).collect();
    assert_eq!(drained.len(), 2);
    assert!(drained.iter().all(|letter| letter.attempts == 0), "being cancelled is no attempt");
    assert_eq!(serde_json::to_value(&report)?["processes"][0]["name"], json!("stuck"));
    assert!(
        timeout(Duration::from_secs(1), runtime.dead_letters().redrive(|_| true)).await.is_ok_and(|n| n == 0)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_of_a_removed_process_that_comes_back_late_holds_up_no_shutdown() -> Result {
    let (dropped, seen, released) =
        (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::<AtomicBool>::default());
    struct Tell(Arc<Notify>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let runtime = Runtime::builder()
        .process("p", on("e"), {
            let (dropped, seen, released) = (dropped.clone(), seen.clone(), released.clone());
            move |_: TriggerEvent| {
                let tell = Tell(dropped.clone());
                let (seen, released) = (seen.clone(), released.clone());
                async move {
                    let _tell = tell;
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
    // The event goes back right after what its handler held.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(format!("{runtime:?}").contains("pending: 0"), "{runtime:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn process_that_is_removed_during_the_drain_does_not_prolong_it() -> Result {
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

#[tokio::test]
async fn process_whose_adding_was_given_up_leaves_its_paths_free() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    if give_up_adding(&runtime).await {
        runtime.remove_process("late").await?;
    }
    let config = ProcessConfig::new().trigger(hook("127.0.0.1", "/first"));
    runtime.add_process("late", config, |_: TriggerEvent| async {}).await?;
    let address = runtime.local_addr("/first").expect("it listens");
    assert_eq!(crate::http::post(address, "/first", "1").await.status, 202);
    Ok(())
}

fn hook(host: &str, path: &str) -> TriggerConfig {
    TriggerConfig::webhook(path, 0).host(host).id(path)
}

/// Gives up the adding of a process that takes one port and then looks up the name of a host, unless that took no time:
/// whether it was added.
async fn give_up_adding(runtime: &Runtime) -> bool {
    let triggers = vec![hook("127.0.0.1", "/first"), hook("localhost", "/second")];
    let config = ProcessConfig::new().triggers(triggers);
    let mut adding = Box::pin(runtime.add_process("late", config, |_: TriggerEvent| async {}));
    std::future::poll_fn(|cx| Poll::Ready(adding.as_mut().poll(cx).is_ready())).await
}
