//! How a program redrives dead letters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use triggers::{
    DeadLetterReason, DeadLetters, Json, ProcessConfig, Result, Runtime, TriggerConfig, TriggerEvent,
};

use crate::common::{assert_balanced, on, status};
use crate::dead_letters::{breakable, until_idle};

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
