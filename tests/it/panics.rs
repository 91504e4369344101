//! Panics, wherever a user's code may raise them: each costs one event and no worker.

use std::pin::Pin;
use std::task::Poll;

use triggers::{
    Bytes, Context, DeadLetterReason, Error, Handler, HandlerFuture, Json, Needs, Outcome, Rejection, Result,
    Runtime, TriggerEvent,
};

use crate::process::{assert_balanced, on, status};

#[tokio::test]
async fn panics_wherever_they_happen_cost_one_event_each() -> Result {
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("in drop");
            }
        }
    }
    /// A handler of its own kind: its future is dropped after it has ended, and panics then.
    struct Own;
    impl Handler<()> for Own {
        fn call(&self, _: &Context<'_>) -> Result<HandlerFuture, Rejection> {
            Ok(Box::pin(EndsThenPanics(PanicsOnDrop)))
        }

        fn needs(_: &mut Needs) {}
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
    let letters = runtime.dead_letters().list();
    assert!(letters.iter().all(|letter| letter.reason == DeadLetterReason::Panicked));
    for (process, error) in [
        ("own", "in drop"),
        ("body", "in body"),
        ("later", "a panic without a message"),
        ("drop", "in drop"),
        ("decode", "in decode"),
    ] {
        assert!(
            letters.iter().filter(|letter| letter.process == process).all(|letter| letter.error == error),
            "{process}"
        );
    }
    Ok(())
}

/// Panics when it is dropped, as an error and as the owner of an event's bytes.
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
async fn panics_in_what_a_handler_returns_and_an_event_owns_end_no_worker() -> Result {
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
    assert_eq!(runtime.dead_letters().list()[0].error, "a grenade");
    assert_balanced(&status(&runtime));
    Ok(())
}

fn panics(place: &str) {
    panic!("in {place}");
}

fn panics_without_a_message() {
    std::panic::panic_any(7_u8);
}
