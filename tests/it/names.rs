//! Values as text and as JSON, and back.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use triggers::{
    Backoff, ConfigError, DeadLetterReason, Overflow, ProcessState, Runtime, TopicPattern, TriggerConfig,
    TriggerEvent, TriggerKind,
};

use crate::process::on;

/// A value that is the same as a text and as JSON.
#[track_caller]
fn named<T>(value: T, name: &str)
where
    T: Copy + Debug + Display + DeserializeOwned + FromStr<Err: Debug + PartialEq> + PartialEq + Serialize,
{
    assert_eq!(value.to_string(), name);
    assert_eq!(name.parse::<T>(), Ok(value));
    assert_eq!(serde_json::to_value(value).expect("a text"), name);
    assert_eq!(serde_json::from_value::<T>(json!(name)).expect("a name"), value);
}

#[test]
fn name_of_a_value_is_the_same_in_text_and_json() {
    named(Overflow::DropNewest, "drop_newest");
    named(Overflow::DropOldest, "drop_oldest");
    named(Overflow::Wait, "wait");
    named(Overflow::Reject, "reject");
    named(DeadLetterReason::Overflow, "overflow");
    named(DeadLetterReason::Decode, "decode");
    named(DeadLetterReason::Rejected, "rejected");
    named(DeadLetterReason::RetriesExhausted, "retries_exhausted");
    named(DeadLetterReason::Panicked, "panicked");
    named(DeadLetterReason::TimedOut, "timed_out");
    named(DeadLetterReason::Drained, "drained");
    named(ProcessState::Running, "running");
    named(ProcessState::Paused, "paused");
    named(ProcessState::Draining, "draining");
    named(ProcessState::Stopped, "stopped");
    named(TriggerKind::Event, "event");
    named(TriggerKind::Message, "message");
    named(TriggerKind::Webhook, "webhook");
    named(TriggerKind::DeadLetter, "dead_letter");
    named(TriggerKind::Custom, "custom");
    named(Backoff::default(), "200ms..30s");
}

#[test]
fn unknown_name_is_refused_with_the_nearest_one() {
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
    refused("".parse::<TriggerKind>().expect_err("no name"), "kind", "use one of: event, message, webhook");
    let error = serde_json::from_value::<Overflow>(json!("Wait")).expect_err("no name").to_string();
    assert!(error.contains("did you mean `wait`?"), "{error}");
    assert!(serde_json::from_value::<Overflow>(json!(1)).is_err());
}

#[test]
fn names_keep_to_the_width_they_are_given() {
    assert_eq!(format!("[{:<8}]", Overflow::Wait), "[wait    ]");
}

#[test]
fn pattern_is_its_text_in_json() {
    let pattern: TopicPattern = "reports.{region}.>".parse().expect("a pattern");
    let text = serde_json::to_value(&pattern).expect("a text");
    assert_eq!(text, "reports.{region}.>");
    assert_eq!(serde_json::from_value::<TopicPattern>(text).expect("a pattern"), pattern);
    let error = serde_json::from_value::<TopicPattern>(json!("a.#")).expect_err("AMQP").to_string();
    assert!(error.contains("`>`"), "{error}");
}

#[tokio::test]
async fn start_error_is_a_list_of_problems_in_json() {
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
    let wrong = TriggerConfig::event("a").queue(0).validate().expect_err("no room");
    let wrong = serde_json::to_value(&wrong).expect("an object");
    assert_eq!((&wrong["field"], &wrong["value"]), (&json!("queue"), &json!("0")));
}
