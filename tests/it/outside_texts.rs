//! Texts from outside in errors and log lines: one line of at most 1 KiB each, without control characters.

use triggers::{
    Attempt, Context, DeadLetter, DeadLetterReason, Error, EventBus, Filter, FromTrigger, Json, Key, Outcome,
    PublishError, Rejection, Result, Runtime, Text, TriggerConfig, TriggerEvent,
};

use crate::common::{config, on};
use crate::logs::Logs;

/// The longest error, in bytes.
const LIMIT: usize = 1024;

/// Texts that forge a log line, control a terminal, reverse the text behind them, or fill the log. With each is a part of
/// what its reader sees.
fn texts() -> [(String, &'static str); 5] {
    [
        ("x\n.. INFO drained \u{1b}[2J".to_owned(), "x\\n.. INFO drained \\u{1b}[2J"),
        ("x".repeat(1 << 20), "xx.. (1048"),
        ("a\r\u{9b}31m\u{85}b\0".to_owned(), "a\\r\\u{9b}31m\\u{85}b\\u{0}"),
        ("\u{202e}diap\u{2028}".to_owned(), "\\u{202e}diap\\u{2028}"),
        ("\u{e9}\n".repeat(100_000), ".. (300"),
    ]
}

#[track_caller]
fn assert_printable(shown: &str, expected: &str) {
    let start: String = shown.chars().take(60).collect();
    assert!(shown.len() <= LIMIT, "{} bytes: {start}", shown.len());
    assert!(!shown.contains(|c: char| c.is_control() || c == '\u{202e}' || c == '\u{2028}'), "{shown:?}");
    assert!(shown.contains(expected), "{expected} in {shown}");
}

/// Asserts that no text has begun a log line or has filled one.
#[track_caller]
fn assert_lines(logs: &Logs, texts: usize) {
    let lines = logs.with("");
    assert!(lines.len() >= texts, "{} lines", lines.len());
    for line in lines {
        assert!(line.contains("trigger_core::") && line.len() < 2 * LIMIT, "{}: {line:.200}", line.len());
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}' || c == '\u{2028}'), "{line:?}");
    }
}

/// Publishes every text to a process `p`, and returns the dead letters.
async fn dead_letters(builder: triggers::Builder) -> Result<Vec<DeadLetter>> {
    let runtime = builder.start().await?;
    for (text, _) in texts() {
        runtime.bus().emit("e", text).await?;
    }
    runtime.shutdown().await;
    Ok(runtime.dead_letters().list().await)
}

fn assert_kept(kept: &[DeadLetter], reason: DeadLetterReason) {
    assert_eq!(kept.len(), texts().len(), "{reason}");
    for (dead_letter, (_, expected)) in kept.iter().zip(texts()) {
        assert_eq!(dead_letter.reason, reason);
        assert_printable(&dead_letter.error, expected);
    }
}

/// An argument whose rejection quotes the body.
struct Quoting;

impl FromTrigger for Quoting {
    fn from_trigger(cx: &Context<'_>) -> Result<Quoting, Rejection> {
        let Text(text) = Text::from_trigger(cx)?;
        Err(Rejection::invalid(text))
    }
}

#[derive(Debug, serde::Deserialize)]
enum Level {
    High,
}

#[tokio::test(start_paused = true)]
async fn error_of_a_handler_is_printable_in_the_log_and_in_the_dead_letter() -> Result {
    use DeadLetterReason::{Decode, Failed, Panicked, Rejected};
    let logs = Logs::capture();
    let fails = |Text(text): Text| async move { Err::<(), _>(Error::from(text)) };
    assert_kept(&dead_letters(Runtime::builder().process("p", on("e"), fails)).await?, Failed);
    let is_permanent = |Text(text): Text| async move { Err::<(), _>(Error::permanent(text)) };
    assert_kept(&dead_letters(Runtime::builder().process("p", on("e"), is_permanent)).await?, Rejected);
    let rejects = |Text(text): Text| async move { Outcome::reject(text) };
    assert_kept(&dead_letters(Runtime::builder().process("p", on("e"), rejects)).await?, Rejected);
    let quotes = |_: Quoting| async {};
    assert_kept(&dead_letters(Runtime::builder().process("p", on("e"), quotes)).await?, Decode);
    let decodes = |Json(Level::High): Json<Level>| async {};
    assert_kept(&dead_letters(Runtime::builder().process("p", on("e"), decodes)).await?, Decode);
    let panics = |Text(text): Text| async move {
        if !text.is_empty() {
            std::panic::panic_any(text)
        }
    };
    let kept = dead_letters(Runtime::builder().process("p", on("e"), panics)).await?;
    assert_kept(&kept, Panicked);
    let place = ", at tests/it/outside_texts.rs:";
    assert!(
        kept.iter().all(|dead_letter| dead_letter.error.contains(place)),
        "a long message hides the place"
    );
    assert_lines(&logs, 6 * texts().len());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn error_of_an_attempt_is_printable_in_the_log_and_for_the_next_attempt() -> Result {
    let logs = Logs::capture();
    let fails_once = |Text(text): Text, attempt: Attempt| async move {
        let Some(error) = attempt.last_error() else { return Err(Error::from(text)) };
        let (_, expected) = texts().into_iter().find(|(other, _)| *other == text).expect("a text");
        assert_printable(error, expected);
        Ok(())
    };
    let kept = dead_letters(Runtime::builder().process("p", on("e").retry(1), fails_once)).await?;
    assert!(kept.is_empty(), "{:?}", kept[0].error);
    assert_lines(&logs, texts().len());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn panic_of_a_filter_or_a_key_is_printable() -> Result {
    let panics = |text: &String| -> bool { std::panic::panic_any(text.clone()) };
    let logs = Logs::capture();
    let trigger = TriggerConfig::event("e").filter(Filter::of(panics));
    let handler = |_: TriggerEvent| async {};
    assert_kept(
        &dead_letters(Runtime::builder().process("p", config([trigger]), handler)).await?,
        DeadLetterReason::Panicked,
    );
    let keyed = on("e").key(Key::of(panics));
    let kept = dead_letters(Runtime::builder().process("p", keyed, handler)).await?;
    assert!(kept.is_empty(), "a key that panics costs no event");
    assert_lines(&logs, 2 * texts().len());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn refused_event_type_is_printable_in_its_error() -> Result {
    let bus = EventBus::new();
    for (text, expected) in texts() {
        let error = bus.emit(&text, 1).await.expect_err("an invalid type");
        let PublishError::InvalidName { name, .. } = &error else { panic!("{error}") };
        assert_printable(name, expected);
        let text = error.to_string();
        assert!(text.starts_with("cannot publish to \"") && text.contains(expected), "{text}");
        assert!(text.len() < LIMIT + 200 && !text.contains(char::is_control), "{}", text.len());
    }
    Ok(())
}

#[test]
fn rejection_that_a_handler_takes_is_printable() {
    for (text, expected) in texts() {
        assert_printable(&Rejection::absent(text).to_string(), expected);
    }
}
