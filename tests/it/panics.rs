//! Panics in user code: each costs one event and no worker.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use triggers::{
    Backoff, Bytes, Context, DeadLetter, DeadLetterReason, Error, Handler, Json, Outcome, Overflow,
    ProcessConfig, Rejection, Result, Runtime, TriggerConfig, TriggerEvent,
};

use crate::common::{alive_tasks, assert_balanced, on, status};
use crate::until::until;

#[tokio::test]
async fn each_panic_in_user_code_costs_one_event() -> Result {
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("in drop");
            }
        }
    }
    /// A handler without a closure. Its future completes, and panics when it is dropped afterwards.
    struct Own;
    impl Handler<()> for Own {
        type Future = EndsThenPanics;

        fn call(&self, _: &Context<'_>) -> Result<EndsThenPanics, Rejection> {
            Ok(EndsThenPanics(PanicsOnDrop))
        }
    }
    struct EndsThenPanics(PanicsOnDrop);
    impl Future for EndsThenPanics {
        type Output = Result<Outcome>;

        fn poll(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Result<Outcome>> {
            Poll::Ready(Ok(Outcome::Done))
        }
    }
    #[derive(Debug)]
    struct PanicsOnDecode;
    impl<'de> serde::Deserialize<'de> for PanicsOnDecode {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("in decode")
        }
    }
    let runtime = Runtime::builder()
        .process("body", on("x"), |_: TriggerEvent| async { panics("body") })
        .process("later", on("x"), |_: TriggerEvent| async {
            tokio::task::yield_now().await;
            panics_without_a_message();
        })
        .process("drop", on("x"), |_: TriggerEvent| async {
            let _held = PanicsOnDrop;
        })
        .process("own", on("x"), Own)
        .process("decode", on("x"), |_: Json<PanicsOnDecode>| async {})
        .process("sound", on("x"), |_: TriggerEvent| async {})
        .start()
        .await?;
    for n in 0..10 {
        runtime.bus().emit("x", n).await?;
    }
    runtime.shutdown().await;
    for status in runtime.status().processes {
        let panics = status.name != "sound";
        assert_eq!(
            (status.handled, status.dead_lettered),
            if panics { (0, 10) } else { (10, 0) },
            "{}",
            status.name
        );
        assert_balanced(&status);
    }
    let letters = runtime.dead_letters().list().await;
    assert!(letters.iter().all(|letter| letter.reason == DeadLetterReason::Panicked));
    for (process, error) in [
        ("own", "in drop, at tests/it/panics.rs:"),
        ("body", "in body, at tests/it/panics.rs:"),
        ("later", "a panic without a message, at tests/it/panics.rs:"),
        ("drop", "in drop, at tests/it/panics.rs:"),
        ("decode", "in decode, at tests/it/panics.rs:"),
    ] {
        let mut of_process = letters.iter().filter(|letter| letter.process == process);
        assert!(of_process.all(|letter| letter.error.starts_with(error)), "{process}");
    }
    Ok(())
}

/// Panics when it is dropped. Tests use it as an error, and as the owner of an event's bytes.
#[derive(Debug)]
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("in drop");
        }
    }
}

impl std::fmt::Display for Grenade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a grenade")
    }
}

impl std::error::Error for Grenade {}

impl AsRef<[u8]> for Grenade {
    fn as_ref(&self) -> &[u8] {
        b"0"
    }
}

#[tokio::test(start_paused = true)]
async fn panic_in_the_drop_of_an_error_or_of_event_bytes_ends_no_worker() -> Result {
    let runtime = Runtime::builder()
        .process("p", on("x"), |Json(n): Json<u32>| async move {
            if n == 1 { Err(Error::from(Grenade)) } else { Ok(()) }
        })
        .start()
        .await?;
    for n in 0..3 {
        runtime.bus().emit_raw("x", Bytes::from_owner(Grenade)).await?;
        runtime.bus().emit("x", n).await?;
    }
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.dead_lettered, report.left), (5, 1, 0));
    assert_eq!(runtime.dead_letters().list().await[0].error, "a grenade");
    assert_balanced(&status(&runtime));
    Ok(())
}

/// The drop of an error has panicked before, at another location.
#[tokio::test(start_paused = true)]
async fn resumed_panic_is_reported_without_the_location_of_an_earlier_panic() -> Result {
    let runtime = Runtime::builder()
        .process("p", on("x"), |Json(n): Json<u32>| async move {
            if n == 0 {
                Err::<(), _>(Error::from(Grenade))
            } else {
                std::panic::resume_unwind(Box::new("again"))
            }
        })
        .start()
        .await?;
    for n in 0..2 {
        runtime.bus().emit("x", n).await?;
    }
    runtime.shutdown().await;
    let errors: Vec<_> = runtime.dead_letters().list().await.into_iter().map(|letter| letter.error).collect();
    assert_eq!(errors, ["a grenade", "again"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn panic_in_the_drop_of_a_panic_payload_or_a_cancelled_future_ends_no_worker() -> Result {
    let config = on("x").timeout(Duration::from_secs(1));
    let runtime = Runtime::builder()
        .process("p", config, |Json(n): Json<u32>| async move {
            match n {
                0 => std::panic::panic_any(Grenade),
                1 => {
                    let _held = Grenade;
                    std::future::pending().await
                }
                _ => {}
            }
        })
        .start()
        .await?;
    for n in 0..3 {
        runtime.bus().emit("x", n).await?;
    }
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.dead_lettered, report.left), (1, 2, 0));
    let letters = runtime.dead_letters().list().await;
    assert!(letters[0].error.starts_with("a panic without a message, at tests/it/panics.rs:"), "{letters:?}");
    assert_eq!(letters[1].reason, DeadLetterReason::TimedOut);
    Ok(())
}

/// Each attempt costs its event one attempt, and the worker nothing.
#[tokio::test(start_paused = true)]
async fn panic_whose_payload_panics_again_after_an_await_is_one_failed_attempt() -> Result {
    let config = on("x").retry(2).backoff(Backoff::new(Duration::ZERO, Duration::ZERO));
    let runtime = Runtime::builder()
        .process("p", config, |Json(n): Json<u32>| async move {
            tokio::task::yield_now().await;
            if n < 2 {
                std::panic::panic_any(Grenade)
            }
        })
        .start()
        .await?;
    for n in [0, 2, 0] {
        runtime.bus().emit("x", n).await?;
    }
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.dead_lettered, report.left), (1, 2, 0));
    let now = status(&runtime);
    assert_eq!((now.failed, now.retried), (6, 4));
    assert_balanced(&now);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn thousand_panics_in_ten_thousand_events_do_not_affect_the_other_events() -> Result {
    let config = ProcessConfig::new().trigger(TriggerConfig::event("x").queue(10_000)).concurrency(4);
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let runtime = Runtime::builder()
        .process("p", config, {
            let (running, most) = (running.clone(), most.clone());
            move |Json(n): Json<u32>| {
                let (running, most) = (running.clone(), most.clone());
                async move {
                    let _running = Counted::new(&running, &most);
                    tokio::task::yield_now().await;
                    assert!(n % 10 != 3, "number {n} is unlucky");
                }
            }
        })
        .start()
        .await?;
    let tasks = alive_tasks();
    for n in 0..10_000 {
        runtime.bus().emit("x", n).await?;
    }
    let settled = || status(&runtime).handled >= 9_000 && status(&runtime).in_flight == 0;
    until("9,000 handled events and none in flight", settled).await;
    let now = status(&runtime);
    assert_eq!((now.handled, now.failed, now.dead_lettered), (9_000, 1_000, 1_000));
    assert_balanced(&now);
    let letters = runtime.dead_letters().list().await;
    assert_eq!(letters.len(), 1_000);
    for letter in letters {
        assert_eq!((letter.reason, letter.attempts), (DeadLetterReason::Panicked, 1));
        let expected =
            format!("number {} is unlucky, at tests/it/panics.rs:", letter.event.payload()["data"]);
        assert!(letter.error.starts_with(&expected), "{}", letter.error);
    }
    assert_eq!(alive_tasks(), tasks + 4, "the workers");
    // No worker was lost: four handlers still run at once.
    most.store(0, Ordering::SeqCst);
    for _ in 0..8 {
        runtime.bus().emit("x", 0).await?;
    }
    runtime.shutdown().await;
    assert_eq!(most.load(Ordering::SeqCst), 4);
    Ok(())
}

/// Counts its live values, and the most that were alive at once.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(running: &Arc<AtomicUsize>, most: &AtomicUsize) -> Counted {
        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Counted(running.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn panics(place: &str) {
    panic!("in {place}");
}

fn panics_without_a_message() {
    std::panic::panic_any(7_u8);
}

#[tokio::test(start_paused = true)]
async fn panic_in_the_drop_of_an_evicted_dead_letter_ends_no_worker() -> Result {
    let trigger = TriggerConfig::dead_letter().queue(1).overflow(Overflow::DropOldest);
    let letters = ProcessConfig::new().trigger(trigger);
    let runtime = Runtime::builder()
        .process("p", on("e"), |_: TriggerEvent| async { Err::<(), _>("broken") })
        .process("letters", letters, |_: DeadLetter| async {})
        .start()
        .await?;
    runtime.pause("letters")?;
    for _ in 0..3 {
        runtime.bus().emit_raw("e", Bytes::from_owner(Grenade)).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        // The dead letter in the queue of `letters` now holds the last reference to the bytes.
        runtime.dead_letters().clear(|_| true).await;
    }
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.left, began.elapsed()), (0, Duration::ZERO));
    assert_eq!(status(&runtime).dead_lettered, 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn panics_in_the_drops_of_an_error_and_of_its_future_end_no_worker() -> Result {
    struct Own;
    impl Handler<()> for Own {
        type Future = FailsThenPanics;

        fn call(&self, _: &Context<'_>) -> Result<FailsThenPanics, Rejection> {
            Ok(FailsThenPanics(Grenade))
        }
    }
    struct FailsThenPanics(#[allow(dead_code, reason = "only dropped")] Grenade);
    impl Future for FailsThenPanics {
        type Output = Result<Outcome>;

        fn poll(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Result<Outcome>> {
            Poll::Ready(Err(Error::from(Grenade)))
        }
    }
    let runtime = Runtime::builder().process("p", on("e"), Own).start().await?;
    for n in 0..3 {
        runtime.bus().emit("e", n).await?;
    }
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.dead_lettered, report.left, began.elapsed()), (3, 0, Duration::ZERO));
    Ok(())
}
