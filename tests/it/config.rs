//! Triggers and processes declared as data.

use serde_json::json;
use triggers::{Overflow, ProcessConfig, TriggerConfig};

#[test]
fn documented_keys_read_as_the_constructors_make_them() {
    for (data, config) in [
        (json!({"type": "event", "event_type": "a.b"}), TriggerConfig::event("a.b")),
        (
            json!({"type": "event", "event_type": "a.b", "event_source": "s", "id": "x", "queue": 7, "overflow": "wait"}),
            TriggerConfig::event("a.b").source("s").id("x").queue(7).overflow(Overflow::Wait),
        ),
        (json!({"type": "message", "topic": "reports.*"}), TriggerConfig::message("reports.*")),
        (json!({"type": "webhook"}), TriggerConfig::webhook("/webhook", 9090)),
        (
            json!({"type": "webhook", "webhook_path": "/e", "webhook_port": 80, "webhook_host": "::1", "body_limit": "2KiB"}),
            TriggerConfig::webhook("/e", 80).host("::1").body_limit(2048),
        ),
    ] {
        let read: TriggerConfig = serde_json::from_value(data).expect("documented keys");
        assert_eq!(read, config);
    }
}

#[test]
fn process_reads_from_toml() {
    let text = r#"
        concurrency = 4
        [[triggers]]
        type = "message"
        topic = "reports.*"
        [[triggers]]
        type = "webhook"
        webhook_port = 0
    "#;
    let config: ProcessConfig = toml::from_str(text).expect("documented keys");
    let expected = ProcessConfig {
        triggers: vec![TriggerConfig::message("reports.*"), TriggerConfig::webhook("/webhook", 0)],
        concurrency: 4,
    };
    assert_eq!(config, expected);
    let empty: ProcessConfig = toml::from_str("").expect("no key is required");
    assert_eq!(empty, ProcessConfig::default());
}

#[track_caller]
fn refused(data: serde_json::Value, parts: &[&str]) {
    let error = serde_json::from_value::<TriggerConfig>(data).expect_err("refused").to_string();
    for part in parts {
        assert!(error.contains(part), "{part} in: {error}");
    }
}

#[test]
fn bad_values_are_told_by_field_value_and_form() {
    refused(json!({"type": "event"}), &["`event_type`", "missing"]);
    refused(json!({"type": "event", "event_type": "a.*"}), &["`event_type`", "\"a.*\"", "name one topic"]);
    refused(json!({"type": "message", "topic": "a.#"}), &["`topic`", "\"a.#\"", "use `>`"]);
    refused(json!({"type": "message", "topic": 7}), &["`topic`", "\"7\"", "use a string"]);
    refused(
        json!({"type": "webhook", "webhook_path": "e"}),
        &["`webhook_path`", "\"e\"", "put a `/` in front"],
    );
    refused(
        json!({"type": "webhook", "webhook_path": "/health"}),
        &["`webhook_path`", "answered by the server"],
    );
    refused(json!({"type": "webhook", "webhook_host": "a b"}), &["`webhook_host`", "\"a b\"", "127.0.0.1"]);
    refused(json!({"type": "webhook", "webhook_port": 70000}), &["`webhook_port`", "70000", "1 to 65535"]);
    refused(json!({"type": "webhook", "webhook_port": "80"}), &["`webhook_port`", "1 to 65535"]);
    refused(json!({"type": "webhook", "body_limit": "1MB"}), &["`body_limit`", "1MB", "MiB"]);
    refused(json!({"type": "webhook", "overflow": "reject"}), &["`overflow`", "503"]);
    refused(json!({"type": "webhook", "overflow": "drop_newest"}), &["`overflow`", "202"]);
    refused(json!({"type": "event", "event_type": "a", "overflow": "block"}), &["`overflow`", "drop_newest"]);
    refused(json!({"type": "event", "event_type": "a", "queue": 0}), &["`queue`", "1 or more"]);
    refused(json!({"type": "event", "event_type": "a", "queue": -1}), &["`queue`", "-1", "whole number"]);
    refused(json!({"type": "cron"}), &["`type`", "cron", "`event`, `message` or `webhook`"]);
    refused(json!({}), &["`type`", "missing"]);
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    refused(json!({"type": "event", "event_typ": "a"}), &["`event_typ`", "did you mean `event_type`?"]);
    refused(
        json!({"type": "event", "event_type": "a", "event_sorce": "s"}),
        &["`event_sorce`", "did you mean `event_source`?"],
    );
    refused(json!({"type": "webhook", "port": 1}), &["`port`", "did you mean `webhook_port`?"]);
    refused(json!({"type": "event", "event_type": "a", "queue": "4"}), &["`queue`", "without quotes"]);
    refused(
        json!({"type": "message", "topic": "a", "webhook_port": 1}),
        &["`webhook_port`", "the keys of a trigger of type `message` are: type, topic, id, queue, overflow"],
    );
    let error =
        serde_json::from_value::<ProcessConfig>(json!({"concurency": 2})).expect_err("unknown").to_string();
    assert!(error.contains("did you mean `concurrency`?"), "{error}");
}

#[test]
fn fault_in_a_list_of_triggers_is_named_by_its_place() {
    let data =
        json!({"triggers": [{"type": "event", "event_type": "a"}, {"type": "message", "topic": "a..b"}]});
    let error = serde_json::from_value::<ProcessConfig>(data).expect_err("a bad topic").to_string();
    assert!(error.contains("`triggers[1].topic`") && error.contains("\"a..b\""), "{error}");
    let error =
        serde_json::from_value::<ProcessConfig>(json!({"concurrency": 0})).expect_err("0").to_string();
    assert!(error.contains("`concurrency`") && error.contains("1 or more"), "{error}");
}

#[test]
fn setter_of_another_type_is_told() {
    for (config, field) in [
        (TriggerConfig::message("a").source("s"), "event_source"),
        (TriggerConfig::event("a").host("::1"), "webhook_host"),
        (TriggerConfig::event("a").body_limit(1), "body_limit"),
    ] {
        let error = config.validate().expect_err(field);
        assert_eq!(error.field(), field);
        assert!(error.reason().contains("belongs to"), "{error}");
    }
}
