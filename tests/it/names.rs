//! Values as text and as JSON, and back.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use triggers::{
    Backoff, ConfigError, DeadLetterReason, Overflow, ProcessState, Runtime, RuntimeState, TopicPattern,
    TriggerConfig, TriggerEvent, TriggerKind,
};

use crate::common::on;

/// Asserts that a value has this name as text and as JSON, in both directions.
#[track_caller]
fn assert_named<T>(value: T, name: &str)
where
    T: Copy + Debug + Display + DeserializeOwned + FromStr<Err: Debug + PartialEq> + PartialEq + Serialize,
{
    assert_eq!(value.to_string(), name);
    assert_eq!(name.parse::<T>(), Ok(value));
    assert_eq!(serde_json::to_value(value).expect("a text"), name);
    assert_eq!(serde_json::from_value::<T>(json!(name)).expect("a name"), value);
}

#[test]
fn value_has_the_same_name_in_text_and_json() {
    assert_named(Overflow::DropNewest, "drop_newest");
    assert_named(Overflow::DropOldest, "drop_oldest");
    assert_named(Overflow::Wait, "wait");
    assert_named(Overflow::Reject, "reject");
    assert_named(DeadLetterReason::Overflow, "overflow");
    assert_named(DeadLetterReason::Decode, "decode");
    assert_named(DeadLetterReason::Rejected, "rejected");
    assert_named(DeadLetterReason::Failed, "failed");
    assert_named(DeadLetterReason::RetriesExhausted, "retries_exhausted");
    assert_named(DeadLetterReason::Panicked, "panicked");
    assert_named(DeadLetterReason::TimedOut, "timed_out");
    assert_named(DeadLetterReason::Drained, "drained");
    assert_named(DeadLetterReason::Loop, "loop");
    assert_named(ProcessState::Running, "running");
    assert_named(ProcessState::Paused, "paused");
    assert_named(ProcessState::Draining, "draining");
    assert_named(ProcessState::Stopped, "stopped");
    assert_named(RuntimeState::Running, "running");
    assert_named(RuntimeState::Draining, "draining");
    assert_named(RuntimeState::Stopped, "stopped");
    assert_named(TriggerKind::Event, "event");
    assert_named(TriggerKind::Message, "message");
    assert_named(TriggerKind::Webhook, "webhook");
    assert_named(TriggerKind::DeadLetter, "dead_letter");
    assert_named(TriggerKind::Custom, "custom");
    assert_named(Backoff::default(), "200ms..30s");
}

#[test]
fn parser_refuses_an_unknown_name_and_suggests_the_nearest() {
    let refused = |error: ConfigError, field: &str, part: &str| {
        assert_eq!(error.field(), field);
        assert!(error.reason().contains(part), "{error}");
    };
    refused(
        "drop-newest".parse::<Overflow>().expect_err("no name"),
        "overflow",
        "did you mean `drop_newest`?",
    );
    refused("timed out".parse::<DeadLetterReason>().expect_err("no name"), "reason", "`timed_out`");
    refused("Running".parse::<ProcessState>().expect_err("no name"), "state", "`running`");
    refused(
        "".parse::<TriggerKind>().expect_err("no name"),
        "kind",
        "use one of: custom, dead_letter, event, ",
    );
    let error = serde_json::from_value::<Overflow>(json!("Wait")).expect_err("no name").to_string();
    assert!(error.contains("did you mean `wait`?"), "{error}");
    assert!(serde_json::from_value::<Overflow>(json!(1)).is_err());
}

#[test]
fn display_of_a_name_respects_the_width() {
    assert_eq!(format!("[{:<8}]", Overflow::Wait), "[wait    ]");
}

#[test]
fn topic_pattern_serializes_as_its_text() {
    let pattern: TopicPattern = "reports.{region}.>".parse().expect("a pattern");
    let text = serde_json::to_value(&pattern).expect("a text");
    assert_eq!(text, "reports.{region}.>");
    assert_eq!(serde_json::from_value::<TopicPattern>(text).expect("a pattern"), pattern);
    let error = serde_json::from_value::<TopicPattern>(json!("a.#")).expect_err("AMQP").to_string();
    assert!(error.contains("`>`"), "{error}");
}

#[tokio::test]
async fn start_error_serializes_as_a_list_of_problems() {
    let error = Runtime::builder()
        .process("p", on("a b"), |_: TriggerEvent| async {})
        .start()
        .await
        .expect_err("a space in a type");
    let problem = &error.problems()[0];
    let expected = json!({"problems": [{
        "kind": "config",
        "handler": "p",
        "location": problem.location(),
        "message": problem.message(),
    }]});
    assert_eq!(serde_json::to_value(&error).expect("an object"), expected);
    assert!(problem.location().is_some_and(|location| location.contains("names.rs:")));
    let general = Runtime::builder().start().await.expect_err("no process");
    let general = serde_json::to_value(&general.problems()[0]).expect("an object");
    assert_eq!((&general["handler"], &general["location"]), (&json!(null), &json!(null)));
    let wrong = TriggerConfig::event("a").queue(0).validate().expect_err("a queue of 0");
    let wrong = serde_json::to_value(&wrong).expect("an object");
    assert_eq!((&wrong["field"], &wrong["value"]), (&json!("queue"), &json!("0")));
}
