//! Dead letters: how a program lists, finds and clears them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use triggers::{
    Bytes, DeadLetter, DeadLetterReason, DeadLetters, Json, Outcome, ProcessConfig, Result, Runtime,
    TriggerEvent,
};

use crate::common::{on, status};
use crate::until::until;

/// Starts a process whose handler fails until `mended` is set.
pub(crate) async fn breakable(config: ProcessConfig, mended: &Arc<AtomicBool>) -> Result<Runtime> {
    let builder = Runtime::builder().process("p", config, {
        let mended = mended.clone();
        move |_: TriggerEvent| {
            let mended = mended.clone();
            async move { if mended.load(Ordering::SeqCst) { Ok(()) } else { Err("broken") } }
        }
    });
    Ok(builder.start().await?)
}

pub(crate) async fn until_idle(runtime: &Runtime) {
    let idle = || status(runtime).triggers[0].queue_size == 0 && status(runtime).in_flight == 0;
    until("an empty process", idle).await;
}

#[tokio::test(start_paused = true)]
async fn clear_removes_dead_letters_by_process_and_reason() -> Result {
    let runtime = Runtime::builder()
        .process("a", on("e"), |_: Json<u32>| async { Outcome::reject("no") })
        .process("b", on("e"), |_: Json<u32>| async { Err::<(), _>("no") })
        .start()
        .await?;
    for data in ["1", "2", "\"three\""] {
        runtime.bus().emit_raw("e", data).await?;
    }
    let dead_lettered =
        || runtime.status().processes.iter().map(|process| process.dead_lettered).sum::<u64>();
    until("6 dead letters", || dead_lettered() >= 6).await;
    let letters = runtime.dead_letters();
    assert_eq!(
        letters.clear(|letter| letter.process == "a" && letter.reason == DeadLetterReason::Decode).await,
        1
    );
    assert_eq!(letters.clear(|letter| letter.process == "b").await, 3);
    assert_eq!(
        letters.list().await.iter().map(|letter| letter.process.as_str()).collect::<Vec<_>>(),
        ["a", "a"]
    );
    assert_eq!(letters.clear(|_| true).await, 2);
    assert!(letters.is_empty().await);
    Ok(())
}

/// Returns the output of a future that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the future waits"),
    }
}

/// The owner of an event's bytes. Its drop counts the dead letters.
struct CountsOnDrop(DeadLetters, Arc<AtomicUsize>);

impl AsRef<[u8]> for CountsOnDrop {
    fn as_ref(&self) -> &[u8] {
        b"0"
    }
}

impl Drop for CountsOnDrop {
    fn drop(&mut self) {
        self.1.store(at_once(self.0.len()), Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn user_code_runs_without_the_lock_of_the_dead_letters() -> Result {
    let runtime = breakable(on("e"), &Arc::default()).await?;
    let (letters, found) = (runtime.dead_letters(), Arc::<AtomicUsize>::default());
    runtime.bus().emit_raw("e", Bytes::from_owner(CountsOnDrop(letters.clone(), found.clone()))).await?;
    for _ in 0..1000 {
        until_idle(&runtime).await;
        runtime.bus().emit("e", 1).await?;
    }
    until_idle(&runtime).await;
    assert_eq!(found.load(Ordering::SeqCst), 1000, "the newest dead letter evicted the oldest");
    assert_eq!(letters.clear(|_| at_once(letters.len()) < 1000).await, 0);
    Ok(())
}

fn numbers(letters: &[DeadLetter]) -> Vec<u64> {
    letters.iter().map(DeadLetter::number).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_of_dead_letters_stay_consistent_while_others_come_and_go() -> Result {
    let runtime = breakable(on("e"), &Arc::default()).await?;
    let letters = runtime.dead_letters();
    let fail = async |events: u32| {
        for n in 0..events {
            runtime.bus().emit("e", n).await.expect("a type");
            until_idle(&runtime).await;
        }
    };
    assert!(letters.page(None, 10).await.is_empty());
    fail(5).await;
    assert_eq!(numbers(&letters.page(None, 2).await), [1, 2]);
    assert_eq!(letters.clear(|letter| letter.number() <= 3).await, 3);
    fail(1).await;
    assert_eq!(numbers(&letters.page(Some(2), 2).await), [4, 5], "after the number of a cleared dead letter");
    assert_eq!(numbers(&letters.page(Some(5), 2).await), [6]);
    assert!(letters.page(Some(6), 2).await.is_empty() && letters.page(Some(u64::MAX), 2).await.is_empty());
    assert!(letters.page(None, 0).await.is_empty());
    assert_eq!(numbers(&letters.page(Some(0), usize::MAX).await), [4, 5, 6]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn program_finds_and_redrives_a_dead_letter_by_its_number() -> Result {
    let mended = Arc::new(AtomicBool::new(false));
    let runtime = breakable(on("e"), &mended).await?;
    let letters = runtime.dead_letters();
    for n in 0..2 {
        runtime.bus().emit("e", n).await?;
        until_idle(&runtime).await;
    }
    let second = letters.get(2).await.ok_or("no dead letter")?;
    assert_eq!((second.number(), &second.event.payload()["data"]), (2, &json!(1)));
    assert!(letters.get(0).await.is_none() && letters.get(3).await.is_none());

    assert!(letters.redrive_one(2).await);
    until_idle(&runtime).await;
    assert_eq!(numbers(&letters.list().await), [1, 3], "the event failed again and is a new dead letter");
    assert_eq!(letters.get(3).await.ok_or("no dead letter")?.event.id(), second.event.id());
    mended.store(true, Ordering::SeqCst);
    assert!(letters.redrive_one(3).await);
    assert!(!letters.redrive_one(3).await, "the dead letter is gone");
    until_idle(&runtime).await;
    assert_eq!((numbers(&letters.list().await), status(&runtime).handled), (vec![1], 1));
    assert!(!letters.is_empty().await);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dead_letter_serializes_as_json() -> Result {
    let runtime = breakable(on("e"), &Arc::default()).await?;
    runtime.bus().emit("e", 1).await?;
    until_idle(&runtime).await;
    let letter = serde_json::to_value(&runtime.dead_letters().list().await[0])?;
    assert_eq!((&letter["number"], &letter["process"]), (&json!(1), &json!("p")));
    assert_eq!(letter["reason"], "failed");
    assert_eq!((&letter["event"]["payload"]["data"], &letter["attempts"]), (&json!(1), &json!(1)));
    assert!(letter["first_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{letter}");
    Ok(())
}
