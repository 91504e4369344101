//! A dead letter is data: it names its process and its trigger, and what the runtime keeps of it is bounded in bytes.

use std::time::Duration;

use triggers::{
    Bytes, DeadLetter, DeadLetterReason, Error, Outcome, ProcessConfig, Result, Runtime, TriggerConfig,
    TriggerEvent,
};

use crate::until::until;

fn on(event_type: &str) -> ProcessConfig {
    ProcessConfig::new().trigger(TriggerConfig::event(event_type))
}

/// A runtime with the dead letter of one event, whose process has been removed.
async fn with_the_letter_of_a_removed_process() -> Result<Runtime> {
    let runtime = Runtime::builder()
        .process("orders", on("order"), |_: TriggerEvent| async { Err::<(), Error>("broken".into()) })
        .process("other", on("other"), |_: TriggerEvent| async {})
        .start()
        .await?;
    runtime.bus().emit("order", 7).await?;
    runtime.remove_process("orders").await?;
    assert_eq!(runtime.dead_letters().len().await, 1);
    Ok(runtime)
}

/// The event goes to the new process, whose one handled event is the redriven one.
async fn assert_redriven_to_the_new_process(runtime: &Runtime) {
    assert_eq!(runtime.dead_letters().redrive(|_| true).await, 1);
    let handled = || runtime.status().processes.iter().map(|process| process.handled).sum::<u64>();
    until("the redriven event", || handled() == 1).await;
    assert!(runtime.dead_letters().is_empty().await);
}

#[tokio::test(start_paused = true)]
async fn process_that_was_removed_and_added_again_gets_its_redriven_event() -> Result {
    let runtime = with_the_letter_of_a_removed_process().await?;
    assert_eq!(runtime.dead_letters().redrive(|_| true).await, 0, "there is no such process");
    runtime.add_process("orders", on("order"), |_: TriggerEvent| async {}).await?;
    assert_redriven_to_the_new_process(&runtime).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn redriven_event_finds_a_trigger_of_its_kind_under_another_id() -> Result {
    let runtime = with_the_letter_of_a_removed_process().await?;
    let config = ProcessConfig::new()
        .triggers([TriggerConfig::message("order"), TriggerConfig::event("orders").id("renamed")]);
    runtime.add_process("orders", config, |_: TriggerEvent| async {}).await?;
    assert_redriven_to_the_new_process(&runtime).await;
    let triggers = &runtime.status().processes[1].triggers;
    assert_eq!([triggers[0].accepted, triggers[1].accepted], [0, 1]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dead_letter_stays_while_its_process_has_no_trigger_of_its_kind() -> Result {
    let runtime = with_the_letter_of_a_removed_process().await?;
    runtime
        .add_process(
            "orders",
            ProcessConfig::new().trigger(TriggerConfig::message("order")),
            async |_: TriggerEvent| {},
        )
        .await?;
    assert_eq!(runtime.dead_letters().redrive(|_| true).await, 0);
    assert_eq!(runtime.dead_letters().len().await, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dead_letters_keep_at_most_64_mib_of_bodies() -> Result {
    let runtime = Runtime::builder()
        .process("p", on("e"), |_: Bytes| async { Err::<(), Error>("broken".into()) })
        .start()
        .await?;
    let body = Bytes::from(vec![b'x'; 1024 * 1024]);
    for _ in 0..100 {
        runtime.bus().emit_raw("e", body.clone()).await?;
        tokio::task::yield_now().await;
    }
    runtime.shutdown().await;
    let letters = runtime.dead_letters().list().await;
    assert_eq!(letters.len(), 63, "each letter is a little over 1 MiB");
    assert_eq!(letters.last().map(DeadLetter::number), Some(100), "the newest ones are kept");
    assert_eq!(runtime.status().processes[0].dead_lettered, 100);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn error_of_a_dead_letter_is_cut_to_1_kib() -> Result {
    let runtime = Runtime::builder()
        .process("p", on("e"), |_: Bytes| async { Err::<(), Error>("ö".repeat(1024 * 1024).into()) })
        .start()
        .await?;
    runtime.bus().emit("e", 1).await?;
    runtime.shutdown().await;
    let letter = runtime.dead_letters().list().await.remove(0);
    assert_eq!(letter.reason, DeadLetterReason::Failed);
    assert!(letter.error.len() <= 1024 && letter.error.len() > 1000, "{}", letter.error.len());
    assert!(letter.error.ends_with("ö.. (2097152 bytes)"), "{}", letter.error);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn error_of_an_event_that_waits_for_its_retry_is_cut_to_1_kib() -> Result {
    let (sent, received) = tokio::sync::mpsc::unbounded_channel();
    let runtime = Runtime::builder()
        .process("p", on("e").retry(1), move |attempt: triggers::Attempt| {
            let sent = sent.clone();
            async move {
                match attempt.last_error() {
                    None => Err(Error::from("x".repeat(1024 * 1024))),
                    Some(error) => {
                        let _ = sent.send(error.len());
                        Ok(Outcome::Done)
                    }
                }
            }
        })
        .start()
        .await?;
    runtime.bus().emit("e", 1).await?;
    tokio::time::sleep(Duration::from_secs(60)).await;
    runtime.shutdown().await;
    let mut received = received;
    assert_eq!(received.recv().await, Some(1024));
    Ok(())
}
