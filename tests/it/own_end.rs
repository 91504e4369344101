//! A handler, a task of a source or a hook that awaits its own end gets an error at once.

use std::borrow::Cow;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use triggers::{
    DeadLetterReason, Json, ProcessState, RemoveError, Result, Runtime, RuntimeState, SourceContext,
    SourceKind, State, TriggerConfig, TriggerEvent, TriggerSource,
};

use crate::common::{config, on, status};
use crate::logs::Logs;
use crate::until::until;

/// The runtime of the handlers, which is made after them.
type Own = Arc<OnceLock<Runtime>>;

fn of(own: &Own) -> &Runtime {
    own.get().expect("it has started")
}

fn own(runtime: Runtime, own: &Own) -> &Runtime {
    own.set(runtime).expect("it is set once");
    of(own)
}

#[tokio::test(start_paused = true)]
async fn handler_that_awaits_the_removal_of_its_process_gets_an_error_at_once() -> Result {
    async fn end(Json(case): Json<u8>, State(own): State<Own>) -> Result<(), RemoveError> {
        let runtime = of(&own);
        match case {
            0 => runtime.remove_process("p").await?,
            1 => timeout(Duration::from_secs(1), runtime.remove_process("p")).await.expect("no wait")?,
            // After a wait, another poll.
            _ => {
                tokio::task::yield_now().await;
                tokio::join!(runtime.remove_process("p"), async {}).0?
            }
        };
        Ok(())
    }
    let slot = Own::default();
    let builder = Runtime::builder().state(Arc::clone(&slot)).process("p", on("e").concurrency(2), end);
    let runtime = own(builder.start().await?, &slot);
    let began = Instant::now();
    for case in 0..3 {
        runtime.bus().emit("e", case).await?;
    }
    until("three dead letters", || status(runtime).dead_lettered == 3).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    for dead_letter in runtime.dead_letters().list().await {
        let text = "a handler of `p` awaits the removal of its process, which waits for it: spawn a task";
        assert!(dead_letter.error.starts_with(text), "{}", dead_letter.error);
    }
    assert_eq!(status(runtime).state, ProcessState::Running, "the process goes on");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handler_may_remove_another_process_and_spawn_the_removal_of_its_own() -> Result {
    async fn end(State(own): State<Own>) -> Result<(), RemoveError> {
        of(&own).remove_process("q").await?;
        tokio::spawn(async move { of(&own).remove_process("p").await });
        Ok(())
    }
    let slot = Own::default();
    let builder = Runtime::builder().state(Arc::clone(&slot)).process("p", on("e"), end).process(
        "q",
        on("q"),
        |_: TriggerEvent| async {},
    );
    let runtime = own(builder.start().await?, &slot);
    runtime.bus().emit("e", 1).await?;
    until("no process", || runtime.status().processes.is_empty()).await;
    assert_eq!(runtime.dead_letters().list().await.len(), 0);
    let unknown = runtime.remove_process("p").await.expect_err("it is removed");
    assert!(matches!(&unknown, RemoveError::Unknown(_)), "{unknown:?}");
    assert!(unknown.to_string().starts_with("there is no process `p`"), "{unknown}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handler_that_awaits_the_shutdown_of_its_runtime_panics_at_once() -> Result {
    async fn end(Json(case): Json<u8>, State(own): State<Own>) {
        match case {
            0 => drop(of(&own).shutdown().await),
            1 => drop(timeout(Duration::from_secs(1), of(&own).shutdown()).await),
            _ => drop(tokio::join!(of(&own).shutdown(), of(&own).shutdown())),
        }
    }
    let slot = Own::default();
    let builder = Runtime::builder().state(Arc::clone(&slot)).process("p", on("e").concurrency(2), end);
    let runtime = own(builder.start().await?, &slot);
    let began = Instant::now();
    for case in 0..3 {
        runtime.bus().emit("e", case).await?;
    }
    until("three dead letters", || status(runtime).dead_lettered == 3).await;
    assert_eq!(runtime.handle().state(), RuntimeState::Running, "the drain has not begun");
    for dead_letter in runtime.dead_letters().list().await {
        assert_eq!(dead_letter.reason, DeadLetterReason::Panicked);
        let text = "a handler of `p` awaits the shutdown of its runtime, which waits for it: spawn a task";
        assert!(dead_letter.error.starts_with(text), "{}", dead_letter.error);
    }
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left), (0, 0));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handler_may_spawn_the_shutdown_and_await_that_of_another_runtime() -> Result {
    async fn end(State(slots): State<[Own; 2]>) {
        let [one, other] = slots;
        assert_eq!(of(&other).shutdown().await.left, 0);
        tokio::spawn(async move { of(&one).shutdown().await });
    }
    let slots = [Own::default(), Own::default()];
    let builder = Runtime::builder().state(slots.clone()).process("p", on("e"), end);
    let runtime = own(builder.start().await?, &slots[0]);
    let other = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    own(other, &slots[1]);
    runtime.bus().emit("e", 1).await?;
    until("a stopped runtime", || runtime.handle().state() == RuntimeState::Stopped).await;
    assert_eq!(of(&slots[1]).handle().state(), RuntimeState::Stopped);
    assert_eq!(runtime.dead_letters().list().await.len(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn stop_hook_that_awaits_the_shutdown_fails_at_once() -> Result {
    let (logs, slot) = (Logs::capture(), Own::default());
    let (hook, in_time) = (Arc::clone(&slot), Arc::clone(&slot));
    let builder = Runtime::builder()
        .process("p", on("e"), |_: TriggerEvent| async {})
        .on_stop(|| async move {
            of(&hook).shutdown().await;
            Ok(())
        })
        .on_stop(|| async move {
            let _ = timeout(Duration::from_secs(1), of(&in_time).shutdown()).await;
            Ok(())
        });
    let runtime = own(builder.start().await?, &slot);
    let began = Instant::now();
    runtime.shutdown().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    let failed = logs.with("an `on_stop` hook awaits the shutdown that waits for the hook");
    assert_eq!(
        failed.iter().filter(|line| line.contains("an `on_stop` hook failed")).count(),
        2,
        "{failed:?}"
    );
    Ok(())
}

/// A source whose task ends its process, or the runtime.
struct Ends<F>(Mutex<Option<F>>);

impl<F: Future<Output = ()> + Send + 'static> TriggerSource for Ends<F> {
    fn kind(&self) -> &'static SourceKind {
        static ENDS: SourceKind = SourceKind::new("ends", "an end");
        &ENDS
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed("end")
    }

    fn accept(&self, cx: &SourceContext) {
        if let Some(task) = self.0.lock().expect("the task").take() {
            cx.spawn(task);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn task_of_a_source_that_awaits_its_own_end_gets_an_error_at_once() -> Result {
    let (logs, slot) = (Logs::capture(), Own::default());
    let removed = Arc::new(OnceLock::new());
    let (own_runtime, result) = (Arc::clone(&slot), Arc::clone(&removed));
    let task = async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _ = result.set(of(&own_runtime).remove_process("p").await);
        of(&own_runtime).shutdown().await;
    };
    let source = TriggerConfig::custom(Ends(Mutex::new(Some(task))));
    let builder = Runtime::builder().process("p", config([source]), |_: TriggerEvent| async {});
    let runtime = own(builder.start().await?, &slot);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(logs.with("a task of the source panicked").len(), 1);
    let error = removed.get().expect("a result").as_ref().expect_err("it is its own process").to_string();
    assert!(error.starts_with("a task of a source of `p` awaits the removal of its process"), "{error}");
    assert_eq!(logs.with("a task of a source of `p` awaits the shutdown of its runtime").len(), 1);
    assert_eq!(runtime.handle().state(), RuntimeState::Running);
    runtime.shutdown().await;
    Ok(())
}
