//! The tokio runtime under a `Runtime`: it lacks timers, or is dropped. And a worker that panics itself.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use triggers::{
    Clock, Error, EventBus, Json, ProblemKind, ProcessConfig, ProcessState, Result, Runtime, RuntimeState,
    StartError, TriggerConfig, TriggerEvent,
};

use crate::common::{assert_balanced, config, counts, on, status};
use crate::logs::Logs;
use crate::until::until;

fn tokio_runtime(timers: bool) -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    if timers {
        builder.enable_time();
    }
    builder.build().expect("a runtime")
}

fn builder(config: ProcessConfig) -> triggers::Builder {
    Runtime::builder().process("p", config, |_: TriggerEvent| async {})
}

#[track_caller]
fn assert_no_timers(error: &StartError) {
    assert_eq!(error.problems().len(), 1, "{error}");
    assert_eq!(error.problems()[0].kind(), ProblemKind::Tokio);
    assert!(error.to_string().contains("has no timers") && error.to_string().contains("`enable_time()`"));
}

#[test]
fn start_without_timers_is_refused() {
    for config in [on("e"), on("e").retry(3), on("e").timeout(Duration::from_secs(1))] {
        let error = tokio_runtime(false).block_on(builder(config.clone()).start()).expect_err("no timers");
        assert_no_timers(&error);
        let tokio = tokio_runtime(true);
        let runtime = tokio.block_on(builder(config).start()).expect("it has timers");
        assert_eq!(tokio.block_on(runtime.shutdown()).left, 0);
    }
}

#[test]
fn start_outside_of_tokio_is_refused() {
    let start = pin!(builder(on("e")).start());
    let Poll::Ready(started) = start.poll(&mut Context::from_waker(Waker::noop())) else { panic!("pending") };
    assert_no_timers(&started.expect_err("no tokio"));
}

#[test]
fn publication_matches_no_trigger_after_the_tokio_runtime_was_dropped() -> Result {
    let bus = EventBus::new();
    let (gone, other) = (tokio_runtime(true), tokio_runtime(true));
    let hangs = |_: TriggerEvent| std::future::pending::<()>();
    let wide = config([TriggerConfig::event("a"), TriggerConfig::event("b")]).concurrency(3);
    let runtime = gone.block_on(async {
        let builder = Runtime::builder().bus(bus.clone()).process("p", wide, hangs);
        let runtime = builder.process("q", on("a"), hangs).start().await?;
        assert_eq!(counts(&bus.emit("a", 1).await?), (2, 2, 0));
        until("an event in flight", || status(&runtime).in_flight > 0).await;
        Ok::<_, Error>(runtime)
    })?;
    assert_eq!(runtime.handle().state(), RuntimeState::Running);
    drop(gone);
    for event_type in ["a", "b"] {
        assert_eq!(counts(&other.block_on(async { bus.emit(event_type, 2).await })?), (0, 0, 0));
    }
    assert_eq!(runtime.handle().state(), RuntimeState::Stopped);
    for process in runtime.status().processes {
        assert_eq!((process.state, process.in_flight), (ProcessState::Stopped, 0));
        assert_balanced(&process);
    }
    // Nothing is lost: another tokio runtime can end the drain, which waits for nothing.
    let began = tokio::time::Instant::now();
    assert_eq!(other.block_on(runtime.shutdown()).left, 2);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(other.block_on(runtime.dead_letters().len()), 2);
    Ok(())
}

/// A clock that panics once after `fails` was set.
#[derive(Clone, Debug, Default)]
struct Broken {
    fails: Arc<AtomicBool>,
}

impl Clock for Broken {
    fn now(&self) -> SystemTime {
        assert!(!self.fails.swap(false, Ordering::SeqCst), "the clock stands still");
        UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }
}

#[tokio::test(start_paused = true)]
async fn worker_that_panics_itself_is_replaced_and_its_event_is_handled() -> Result {
    let logs = Logs::capture();
    let clock = Broken::default();
    let first = Arc::new(AtomicBool::new(true));
    let fails = Arc::clone(&clock.fails);
    let handler = move |Json(n): Json<u32>| {
        // The worker reads the clock for the dead letter of this event.
        let is_first = n == 1 && first.swap(false, Ordering::SeqCst);
        fails.store(is_first, Ordering::SeqCst);
        async move { if is_first { Err(Error::from("no")) } else { Ok(()) } }
    };
    let runtime = Runtime::builder().clock(clock).process("p", on("e"), handler).start().await?;
    for n in 0..4 {
        runtime.bus().emit("e", n).await?;
    }
    until("4 handled events", || status(&runtime).handled == 4).await;
    let lines = logs.with("a worker panicked, replacing it");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("process=p") && lines[0].contains("the clock stands still"), "{lines:?}");
    assert_balanced(&status(&runtime));
    assert_eq!(runtime.shutdown().await.left, 0);
    Ok(())
}
