//! Changes of a running runtime: processes that are paused and added, and the report of them.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use triggers::{
    DeadLetterReason, Json, Overflow, ProcessConfig, ProcessState, PublishError, Result, Runtime, Shutdown,
    TriggerConfig, TriggerEvent,
};

use crate::common::{assert_balanced, gated, on, status};
use crate::http;
use crate::until::until;

#[tokio::test(start_paused = true)]
async fn paused_process_accepts_events_and_handles_them_once_it_is_resumed() -> Result {
    let gate = Arc::new(Notify::new());
    let config = ProcessConfig::new().trigger(TriggerConfig::event("e").queue(3));
    let runtime = Runtime::builder()
        .process("p", config, gated(&gate))
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
    assert_eq!(runtime.status().processes[1].handled, 5, "the other process continues");
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
async fn error_names_an_unknown_process_and_suggests_the_nearest() -> Result {
    let runtime = Runtime::builder()
        .process("orders", on("e"), |_: TriggerEvent| async {})
        .process("mail", on("e"), |_: TriggerEvent| async {})
        .start()
        .await?;
    let expected = "there is no process `order`; did you mean `orders`? The processes are: orders, mail";
    assert_eq!(runtime.pause("order").expect_err("no such process").to_string(), expected);
    assert_eq!(runtime.resume("order").expect_err("no such process").to_string(), expected);
    assert_eq!(runtime.remove_process("order").await.expect_err("no such process").to_string(), expected);
    let other = runtime.pause("x").expect_err("no such process").to_string();
    assert_eq!(other, "there is no process `x`; the processes are: orders, mail");
    Ok(())
}

#[tokio::test]
async fn added_process_handles_later_events() -> Result {
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
async fn failed_addition_of_a_process_lists_its_problems_and_leaves_nothing() -> Result {
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

/// Returns a process whose addition looks up a host.
fn looked_up(path: &str) -> ProcessConfig {
    let hook = TriggerConfig::webhook(path, 0).host("localhost");
    ProcessConfig::new().triggers([TriggerConfig::event("e"), hook])
}

#[tokio::test]
async fn two_processes_added_at_once_cannot_share_a_name() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    let add = |path| runtime.add_process("q", looked_up(path), |_: TriggerEvent| async {});
    let (one, other) = tokio::join!(add("/one"), add("/other"));
    assert!(one.is_ok() && other.is_err());
    Ok(())
}

#[tokio::test]
async fn process_added_during_the_shutdown_is_refused_or_drained() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    let late = runtime.add_process("late", looked_up("/late"), |_: TriggerEvent| async {});
    let (added, report) = tokio::join!(late, runtime.shutdown());
    let names: Vec<_> = report.processes.iter().map(|report| report.name.as_str()).collect();
    match added {
        // The lookup of the host took no time.
        Ok(()) => assert_eq!(names, ["p", "late"]),
        Err(error) => {
            assert!(error.to_string().contains("the runtime is ending"), "{error}");
            assert_eq!(names, ["p"]);
        }
    }
    assert!(matches!(runtime.bus().emit("e", 1).await, Err(PublishError::Closed)));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn draining_process_cannot_be_paused() -> Result {
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
    assert_eq!(
        lines[0],
        "drained: 2 completed, 0 dead-lettered, 2 left; since the start: 2 completed, 2 dead-lettered"
    );
    let start = "  stuck: 2 left, 1 of them in `stuck` at tests/it/lifecycle.rs:";
    assert!(lines[1].starts_with(start) && lines.len() == 2, "{shown}");
    let letters = runtime.dead_letters().list().await;
    let drained: Vec<_> = letters.iter().filter(|of| of.reason == DeadLetterReason::Drained).collect();
    assert_eq!(drained.len(), 2);
    assert!(drained.iter().all(|letter| letter.attempts == 0), "a cancelled attempt is not counted");
    assert_eq!(serde_json::to_value(&report)?["processes"][0]["name"], json!("stuck"));
    assert!(
        timeout(Duration::from_secs(1), runtime.dead_letters().redrive(|_| true)).await.is_ok_and(|n| n == 0)
    );
    Ok(())
}

#[tokio::test]
async fn cancelled_addition_of_a_process_frees_its_paths() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    if cancel_an_addition(&runtime).await {
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

/// Polls the addition of a process once and cancels it. The process binds one port and then looks up a host. Returns
/// `true` if the lookup took no time, so that the process was added.
async fn cancel_an_addition(runtime: &Runtime) -> bool {
    let triggers = vec![hook("127.0.0.1", "/first"), hook("localhost", "/second")];
    let config = ProcessConfig::new().triggers(triggers);
    let mut adding = Box::pin(runtime.add_process("late", config, |_: TriggerEvent| async {}));
    std::future::poll_fn(|cx| Poll::Ready(adding.as_mut().poll(cx).is_ready())).await
}
