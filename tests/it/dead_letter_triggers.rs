//! Dead-letter triggers: the handlers of dead letters.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::json;
use triggers::{
    Attempt, DeadLetter, DeadLetterReason, EventBus, Json, Key, Overflow, ProcessConfig, Result, Runtime,
    Source, TriggerConfig, TriggerEvent, TriggerKind, handlers, on_dead_letter, on_event,
};

use crate::common::{assert_balanced, on, status};
use crate::dead_letters::until_idle;

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
