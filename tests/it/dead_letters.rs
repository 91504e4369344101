//! Dead letters: how a program lists, redrives, clears and handles them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};
use triggers::{
    Attempt, Bytes, DeadLetter, DeadLetterReason, DeadLetters, EventBus, Json, Key, Outcome, Overflow,
    ProcessConfig, Result, Runtime, Source, TriggerConfig, TriggerEvent, TriggerKind, handlers,
    on_dead_letter, on_event,
};

use crate::common::{assert_balanced, on, status};
use crate::until::until;

/// Starts a process whose handler fails until `mended` is set.
async fn breakable(config: ProcessConfig, mended: &Arc<AtomicBool>) -> Result<Runtime> {
    let builder = Runtime::builder().process("p", config, {
        let mended = mended.clone();
        move |_: TriggerEvent| {
            let mended = mended.clone();
            async move { if mended.load(Ordering::SeqCst) { Ok(()) } else { Err("broken") } }
        }
    });
    Ok(builder.start().await?)
}

async fn until_idle(runtime: &Runtime) {
    let idle = || status(runtime).triggers[0].queue_size == 0 && status(runtime).in_flight == 0;
    until("an empty process", idle).await;
}

#[tokio::test(start_paused = true)]
async fn redrive_requeues_one_dead_letter_or_all() -> Result {
    let mended = Arc::new(AtomicBool::new(false));
    let runtime = breakable(on("e"), &mended).await?;
    for n in 0..5 {
        runtime.bus().emit("e", n).await?;
    }
    until_idle(&runtime).await;
    let letters = runtime.dead_letters();
    assert_eq!(letters.len().await, 5);
    assert_eq!(letters.redrive(|_| false).await, 0);
    mended.store(true, Ordering::SeqCst);
    let third = letters.list().await[2].event.id();
    assert_eq!(letters.redrive(|letter| letter.event.id() == third).await, 1);
    until_idle(&runtime).await;
    assert_eq!((letters.len().await, status(&runtime).handled), (4, 1));
    assert_eq!(letters.redrive(|_| true).await, 4);
    until_idle(&runtime).await;
    let now = status(&runtime);
    assert_eq!(
        (letters.len().await, now.handled, now.dead_lettered, now.triggers[0].accepted),
        (0, 5, 5, 10)
    );
    assert_balanced(&now);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn redriven_event_that_fails_again_becomes_a_new_dead_letter() -> Result {
    let mended = Arc::new(AtomicBool::new(false));
    let runtime = breakable(on("e").retry(2), &mended).await?;
    runtime.bus().emit("e", 1).await?;
    for sent in 0..3 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let letters = runtime.dead_letters().list().await;
        let [letter] = &letters[..] else { panic!("{letters:?}") };
        assert_eq!((letter.attempts, letter.reason), (3, DeadLetterReason::RetriesExhausted));
        assert_eq!(status(&runtime).failed, 3 * (sent + 1));
        assert_eq!(runtime.dead_letters().redrive(|_| true).await, 1);
    }
    Ok(())
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

#[tokio::test(start_paused = true)]
async fn redrive_waits_for_capacity_and_loses_nothing_when_cancelled() -> Result {
    let config = ProcessConfig::new().trigger(TriggerConfig::event("e").queue(2));
    let mended = Arc::new(AtomicBool::new(false));
    let runtime = breakable(config, &mended).await?;
    for n in 0..6 {
        runtime.bus().emit("e", n).await?;
        until_idle(&runtime).await;
    }
    runtime.pause("p")?;
    mended.store(true, Ordering::SeqCst);
    let letters = runtime.dead_letters();
    assert!(timeout(Duration::from_secs(1), letters.redrive(|_| true)).await.is_err());
    assert_eq!((letters.len().await, status(&runtime).triggers[0].queue_size), (4, 2));
    runtime.resume("p")?;
    assert_eq!(letters.redrive(|_| true).await, 4);
    let report = runtime.shutdown().await;
    assert_eq!((status(&runtime).handled, report.left, letters.len().await), (6, 0, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn redrive_skips_a_dead_letter_that_is_cleared_meanwhile() -> Result {
    let config = ProcessConfig::new().trigger(TriggerConfig::event("e").queue(1));
    let mended = Arc::new(AtomicBool::new(false));
    let runtime = breakable(config, &mended).await?;
    for n in 0..4 {
        runtime.bus().emit("e", n).await?;
        until_idle(&runtime).await;
    }
    runtime.pause("p")?;
    mended.store(true, Ordering::SeqCst);
    let letters = runtime.dead_letters();
    let third = letters.list().await[2].event.id();
    let (sent, ()) = tokio::join!(letters.redrive(|_| true), async {
        assert_eq!(letters.clear(|letter| letter.event.id() == third).await, 1);
        runtime.resume("p").expect("the process");
    });
    assert_eq!((sent, letters.len().await), (3, 0));
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
async fn redrive_keeps_the_dead_letters_of_a_process_that_has_ended() -> Result {
    let runtime = breakable(on("e"), &Arc::default()).await?;
    runtime.bus().emit("e", 1).await?;
    until_idle(&runtime).await;
    runtime.shutdown().await;
    let letters = runtime.dead_letters();
    assert_eq!((letters.redrive(|_| true).await, letters.len().await), (0, 1));
    assert_eq!(status(&runtime).triggers[0].dropped, 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handler_can_redrive_dead_letters() -> Result {
    let mended = Arc::new(AtomicBool::new(false));
    let runtime = Runtime::builder()
        .process("p", on("e"), {
            let mended = mended.clone();
            move |_: TriggerEvent| {
                let mended = mended.clone();
                async move { if mended.load(Ordering::SeqCst) { Ok(()) } else { Err("broken") } }
            }
        })
        .process("again", on("again"), |letters: DeadLetters| async move {
            letters.redrive(|letter| letter.process == "p").await;
        })
        .start()
        .await?;
    runtime.bus().emit("e", 1).await?;
    until_idle(&runtime).await;
    mended.store(true, Ordering::SeqCst);
    runtime.bus().emit("again", 1).await?;
    runtime.shutdown().await;
    assert_eq!(status(&runtime).handled, 1);
    Ok(())
}

/// A handler that redrives its own dead letters would wait for capacity that only it can free.
#[tokio::test(start_paused = true)]
async fn redrive_in_a_handler_ends_when_its_own_queue_is_full() -> Result {
    let config = ProcessConfig::new().trigger(TriggerConfig::event("e").queue(1));
    let runtime = Runtime::builder()
        .process("p", config, |Json(n): Json<u32>, letters: DeadLetters| async move {
            if n < 3 {
                return Err("broken");
            }
            letters.redrive(|_| true).await;
            Ok(())
        })
        .start()
        .await?;
    for n in 0..3 {
        runtime.bus().emit("e", n).await?;
        until_idle(&runtime).await;
    }
    runtime.bus().emit("e", 3).await?;
    let began = Instant::now();
    runtime.shutdown().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(
        runtime.dead_letters().len().await,
        3,
        "one event was redriven and failed again, the others stayed"
    );
    assert_balanced(&status(&runtime));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dead_letter_handler_receives_every_value_of_the_event() -> Result {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observe = |name: &'static str| {
        let seen = seen.clone();
        move |letter: DeadLetter,
              event: TriggerEvent,
              Json(n): Json<u32>,
              Source(source): Source,
              attempt: Attempt| {
            seen.lock().expect("what was seen").push((name, letter.process.clone(), n));
            async move {
                assert_eq!((letter.error.as_str(), letter.attempts, attempt.number()), ("broken", 2, 1));
                assert_eq!((event.kind(), event.id()), (TriggerKind::DeadLetter, letter.event.id()));
                assert_eq!((letter.event.trigger_id(), source.as_str()), ("event-e", "here"));
                assert_eq!(event.payload(), letter.event.payload());
            }
        }
    };
    let on_letters = |config| ProcessConfig::new().trigger(config);
    let fails = |_: TriggerEvent| async { Err::<(), _>("broken") };
    let runtime = Runtime::builder()
        .process("a", on("e").retry(1), fails)
        .process("b", on("e").retry(1), fails)
        .process("all", on_letters(TriggerConfig::dead_letter()), observe("all"))
        .process("of a", on_letters(TriggerConfig::dead_letter().process("a")), observe("of a"))
        .start()
        .await?;
    runtime.bus().emit("e", 7).source("here").await?;
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.dead_lettered), (3, 2));
    let mut seen = seen.lock().expect("what was seen").clone();
    seen.sort();
    let expected = [("all", "a", 7), ("all", "b", 7), ("of a", "a", 7)];
    assert_eq!(seen, expected.map(|(name, process, n)| (name, process.to_owned(), n)));
    let ids: Vec<_> = runtime.status().processes.into_iter().map(|of| of.triggers[0].id.clone()).collect();
    assert_eq!(ids, ["event-e", "event-e", "dead-letter-*", "dead-letter-a"]);
    assert_eq!(runtime.dead_letters().len().await, 2, "a dead-letter trigger removes no dead letter");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dead_letter_of_a_dead_letter_handler_reaches_no_handler() -> Result {
    let calls = Arc::new(AtomicUsize::new(0));
    let config = ProcessConfig::new().trigger(TriggerConfig::dead_letter()).retry(1);
    let fails = {
        let calls = calls.clone();
        move |_: DeadLetter| {
            calls.fetch_add(1, Ordering::SeqCst);
            async { Err::<(), _>("I am broken as well") }
        }
    };
    let runtime = Runtime::builder()
        .process("p", on("e"), |_: TriggerEvent| async { Err::<(), _>("broken") })
        .process("first", config.clone(), fails.clone())
        .process("second", config, fails)
        .start()
        .await?;
    for n in 0..3 {
        runtime.bus().emit("e", n).await?;
    }
    runtime.shutdown().await;
    assert_eq!(calls.load(Ordering::SeqCst), 2 * 3 * 2);
    assert_eq!(runtime.dead_letters().len().await, 3 + 2 * 3);
    runtime.status().processes.iter().for_each(assert_balanced);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dead_letter_that_finds_a_full_queue_is_counted_and_kept_once() -> Result {
    let letters = TriggerConfig::dead_letter().queue(2).overflow(Overflow::DropOldest);
    let config = ProcessConfig::new().trigger(letters);
    let runtime = Runtime::builder()
        .process("observe", config, |_: DeadLetter| async {})
        .process("p", on("e"), |_: TriggerEvent| async { Err::<(), _>("broken") })
        .start()
        .await?;
    runtime.pause("observe")?;
    for n in 0..5 {
        runtime.bus().emit("e", n).await?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let observed = status(&runtime);
    assert_eq!((observed.triggers[0].queue_size, observed.triggers[0].dropped), (2, 3));
    assert_eq!(runtime.dead_letters().len().await, 5);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dead_letters_of_overflow_reach_their_handler_and_can_be_redriven() -> Result {
    let observed = Arc::new(AtomicUsize::new(0));
    let config = ProcessConfig::new().trigger(TriggerConfig::dead_letter());
    let small = ProcessConfig::new().trigger(TriggerConfig::event("e").queue(1));
    let runtime = Runtime::builder()
        .process("p", small, |_: TriggerEvent| async {})
        .process("observe", config, {
            let observed = observed.clone();
            move |letter: DeadLetter| {
                assert_eq!(letter.reason, DeadLetterReason::Overflow);
                observed.fetch_add(1, Ordering::SeqCst);
                async {}
            }
        })
        .start()
        .await?;
    runtime.pause("p")?;
    for n in 0..4 {
        runtime.bus().emit("e", n).await?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(observed.load(Ordering::SeqCst), 3);
    runtime.resume("p")?;
    assert_eq!(runtime.dead_letters().redrive(|_| true).await, 3);
    runtime.shutdown().await;
    assert_eq!(status(&runtime).handled, 4);
    Ok(())
}

/// Therefore a drain waits for the handlers of the dead letter.
#[tokio::test(start_paused = true)]
async fn dead_letter_trigger_fires_before_the_event_is_settled() -> Result {
    let (runtime, seen) = (Arc::<OnceLock<Runtime>>::default(), Arc::<Mutex<Vec<_>>>::default());
    // The runtime computes the key while an event is on its way into the queue.
    let look = {
        let (runtime, seen) = (runtime.clone(), seen.clone());
        move |_: &TriggerEvent| {
            let now = status(runtime.get().expect("the runtime"));
            seen.lock().expect("what was seen").push((now.in_flight, now.dead_lettered));
        }
    };
    let config = ProcessConfig::new().trigger(TriggerConfig::dead_letter()).key(Key::of(look));
    let started = Runtime::builder()
        .process("p", on("e"), |_: TriggerEvent| async { Err::<(), _>("broken") })
        .process("observe", config, |_: DeadLetter| async {})
        .start()
        .await?;
    let runtime = runtime.get_or_init(|| started);
    runtime.bus().emit("e", 1).await?;
    until_idle(runtime).await;
    assert_eq!(*seen.lock().expect("what was seen"), [(1, 0)]);
    Ok(())
}

#[on_event("dead_letters.order")]
#[triggers::process(name = "dead_letters_orders", retry = 2, backoff = "10ms..10ms", timeout = "1s")]
async fn order(event: TriggerEvent) -> Result<()> {
    Err(format!("no stock for {}", event.payload()["data"]).into())
}

#[on_dead_letter("dead_letters_orders")]
async fn observe(letter: DeadLetter, Json(order): Json<u32>, bus: EventBus) -> Result<()> {
    bus.emit("dead_letters.observed", json!([order, letter.attempts, letter.error])).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn attribute_declares_a_dead_letter_handler() -> Result {
    let observed = Arc::new(Mutex::new(Vec::new()));
    let runtime = Runtime::builder()
        .handlers(handlers![order, observe])
        .process("observed", on("dead_letters.observed"), {
            let observed = observed.clone();
            move |Json(what): Json<serde_json::Value>| {
                observed.lock().expect("what was observed").push(what);
                async {}
            }
        })
        .start()
        .await?;
    runtime.bus().emit("dead_letters.order", 7).await?;
    runtime.shutdown().await;
    assert_eq!(*observed.lock().expect("what was observed"), [json!([7, 3, "no stock for 7"])]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dead_letter_serializes_as_json() -> Result {
    let runtime = breakable(on("e"), &Arc::default()).await?;
    runtime.bus().emit("e", 1).await?;
    until_idle(&runtime).await;
    let letter = serde_json::to_value(&runtime.dead_letters().list().await[0])?;
    assert_eq!((&letter["number"], &letter["process"]), (&json!(1), &json!("p")));
    assert_eq!(letter["reason"], "retries_exhausted");
    assert_eq!((&letter["event"]["payload"]["data"], &letter["attempts"]), (&json!(1), &json!(1)));
    assert!(letter["first_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{letter}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dead_letters_that_cannot_be_redriven_keep_their_order() -> Result {
    let broken = |_: TriggerEvent| async { Err::<(), _>("broken") };
    let runtime =
        Runtime::builder().process("a", on("a"), broken).process("b", on("b"), broken).start().await?;
    for event_type in ["a", "b", "a"] {
        runtime.bus().emit(event_type, 1).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    runtime.remove_process("a").await?;
    let letters = runtime.dead_letters();
    let order = async || {
        let kept = letters.list().await;
        kept.iter().map(|letter| (letter.number(), letter.process.clone())).collect::<Vec<_>>()
    };
    let before = [(1, "a"), (2, "b"), (3, "a")].map(|(number, process)| (number, process.to_owned()));
    assert_eq!(order().await, before);
    assert_eq!(letters.redrive(|letter| letter.process == "a").await, 0);
    assert!(!letters.redrive_one(3).await);
    assert_eq!(order().await, before);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dead_letters_of_a_removed_process_reach_the_remaining_handlers() -> Result {
    let observed = Arc::new(AtomicUsize::new(0));
    let config = ProcessConfig::new().trigger(TriggerConfig::dead_letter());
    let runtime = Runtime::builder()
        .process("stuck", on("e"), |_: TriggerEvent| std::future::pending::<()>())
        .process("observe", config, {
            let observed = observed.clone();
            move |letter: DeadLetter| {
                assert_eq!((letter.reason, letter.attempts), (DeadLetterReason::Drained, 0));
                observed.fetch_add(1, Ordering::SeqCst);
                async {}
            }
        })
        .drain_deadline(Duration::from_secs(1))
        .start()
        .await?;
    for n in 0..3 {
        runtime.bus().emit("e", n).await?;
    }
    assert_eq!(runtime.remove_process("stuck").await?.left, 3);
    runtime.shutdown().await;
    assert_eq!(observed.load(Ordering::SeqCst), 3);
    Ok(())
}
