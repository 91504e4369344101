//! Triggers and processes declared as data.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::json;
use triggers::prelude::*;
use triggers::{
    Backoff, ConfigError, ConfigErrorKind, Filter, Key, SourceContext, SourceKind, TriggerError,
    TriggerSource,
};

use crate::common::config;
use crate::http;

#[test]
fn documented_keys_deserialize_to_the_values_of_the_constructors() {
    for (data, config) in [
        (json!({"type": "event", "event_type": "a.b"}), TriggerConfig::event("a.b")),
        (
            json!({"type": "event", "event_type": "a.b", "event_source": "s", "id": "x", "queue": 7, "overflow": "wait"}),
            TriggerConfig::event("a.b").source("s").id("x").queue(7).overflow(Overflow::Wait),
        ),
        (json!({"type": "event", "event_type": "a", "source": "s"}), TriggerConfig::event("a").source("s")),
        (
            json!({"type": "webhook", "path": "/e", "port": 80, "host": "::1"}),
            TriggerConfig::webhook("/e", 80).host("::1"),
        ),
        (json!({"type": "message", "topic": "reports.*"}), TriggerConfig::message("reports.*")),
        (json!({"type": "webhook"}), TriggerConfig::webhook("/webhook", 9090)),
        (json!({"type": "dead_letter"}), TriggerConfig::dead_letter()),
        (
            json!({"type": "dead_letter", "process": "orders", "queue_bytes": 4096, "overflow": "drop_oldest"}),
            TriggerConfig::dead_letter().process("orders").queue_bytes(4096).overflow(Overflow::DropOldest),
        ),
        (
            json!({"type": "webhook", "webhook_path": "/e", "webhook_port": 80, "webhook_host": "::1", "body_limit": "2KiB", "queue_bytes": "8MiB"}),
            TriggerConfig::webhook("/e", 80).host("::1").body_limit(2048).queue_bytes(8 << 20),
        ),
    ] {
        let read: TriggerConfig = serde_json::from_value(data).expect("documented keys");
        assert_eq!(read, config);
        let written = serde_json::to_value(&config).expect("a configuration");
        assert_eq!(
            serde_json::from_value::<TriggerConfig>(written.clone()).expect("the same keys"),
            config,
            "{written}"
        );
    }
}

#[test]
fn process_deserializes_from_toml() {
    let text = r#"
        concurrency = 4
        timeout = "1m30s"
        retry = 5
        backoff = "1s..5m"
        key = "/customer/id"
        [[triggers]]
        type = "message"
        topic = "reports.*"
        [[triggers]]
        type = "webhook"
        webhook_port = 0
    "#;
    let config: ProcessConfig = toml::from_str(text).expect("documented keys");
    let expected = ProcessConfig::new()
        .trigger(TriggerConfig::message("reports.*"))
        .triggers([TriggerConfig::webhook("/webhook", 0)])
        .concurrency(4)
        .timeout(Duration::from_secs(90))
        .retry(5)
        .backoff(Backoff::new(Duration::from_secs(1), Duration::from_secs(300)))
        .key(Key::pointer("/customer/id"));
    assert_eq!(config, expected);
    let written = toml::to_string(&config).expect("a configuration");
    assert_eq!(toml::from_str::<ProcessConfig>(&written).expect("the same keys"), expected, "{written}");
    let empty: ProcessConfig = toml::from_str("").expect("no key is required");
    assert_eq!(empty, ProcessConfig::default());
}

/// Otherwise a program that reads it again would take other events, or handle them in another order.
#[test]
fn config_with_code_does_not_serialize() {
    let filtered = TriggerConfig::event("a").filter(Filter::of(|_: &TriggerEvent| true));
    let error = serde_json::to_value(filtered).expect_err("a filter").to_string();
    assert_eq!(error, "the trigger `event-a` has a filter, which is code, so a file cannot have it");
    let keyed = ProcessConfig::new().key(Key::of(|event: &TriggerEvent| event.raw().len()));
    let error = serde_json::to_value(keyed).expect_err("a closure").to_string();
    assert!(error.contains("is code, so a file cannot have it; use a pointer"), "{error}");
    let made = TriggerConfig::custom(Never);
    assert!(
        serde_json::to_value(made).expect_err("a source").to_string().contains("a source of the program")
    );
}

static NEVER: SourceKind = SourceKind::new("never", "nothing");

struct Never;

impl TriggerSource for Never {
    fn kind(&self) -> &'static SourceKind {
        &NEVER
    }

    fn pattern(&self) -> Cow<'_, str> {
        "".into()
    }

    fn accept(&self, _: &SourceContext) {}
}

#[track_caller]
fn refused(data: serde_json::Value, parts: &[&str]) {
    let error = serde_json::from_value::<TriggerConfig>(data).expect_err("refused").to_string();
    for part in parts {
        assert!(error.contains(part), "{part} in: {error}");
    }
}

#[test]
fn error_names_field_value_and_right_form_of_a_bad_trigger_value() {
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
    refused(json!({"type": "event", "event_type": "a", "queue": 0}), &["`queue`", "1 to 10000000"]);
    refused(json!({"type": "event", "event_type": "a", "queue": -1}), &["`queue`", "-1", "1 to 10000000"]);
    let event = |key: &str, value| json!({"type": "event", "event_type": "a", key: value});
    refused(event("queue_bytes", json!(0)), &["`queue_bytes`", "at least 1 byte"]);
    refused(event("queue_bytes", json!("0B")), &["`queue_bytes`", "at least 1 byte"]);
    refused(event("queue_bytes", json!("8MB")), &["`queue_bytes`", "8MB", "MiB"]);
    refused(event("queue_bytes", json!(-1)), &["`queue_bytes`", "-1", "`\"1MiB\"`"]);
    refused(
        json!({"type": "webhook", "queue_bytes": "512KiB"}),
        &["`queue_bytes`", "\"512KiB\"", "raise `queue_bytes` to 1MiB or lower `body_limit` to 512KiB"],
    );
    refused(json!({"type": "dead_letter", "process": ""}), &["`process`", "leave the key out"]);
    refused(
        json!({"type": "dead_letter", "overflow": "wait"}),
        &["`overflow`", "no publisher that could wait"],
    );
    refused(
        json!({"type": "dead_letter", "overflow": "reject"}),
        &["`overflow`", "`drop_newest` or `drop_oldest`"],
    );
    refused(json!({"type": "cron"}), &["`type`", "cron", "use one of: dead_letter, event, "]);
    refused(json!({}), &["`type`", "missing"]);
}

#[test]
fn error_names_field_value_and_right_form_of_a_bad_process_value() {
    for (key, value, parts) in [
        ("concurrency", json!(0), &["\"0\"", "1 to 1000000"][..]),
        ("timeout", json!(30), &["\"30\"", "`\"30s\"`", "with its unit"]),
        ("timeout", json!("30"), &["\"30\"", "a number needs a unit", "`30s`"]),
        ("timeout", json!("30sec"), &["not a unit of time (at byte 2)", "use h, m, s or ms"]),
        ("timeout", json!("0s"), &["at least `1ms`"]),
        ("retry", json!(-1), &["\"-1\"", "from 0 to 4294967295"]),
        ("retry", json!(4_294_967_296_u64), &["from 0 to 4294967295"]),
        ("retry", json!("5"), &["without quotes"]),
        ("backoff", json!(200), &["two durations", "`\"200ms..30s\"`"]),
        ("backoff", json!("200ms"), &["two durations", "`200ms..30s`"]),
        ("backoff", json!("30s..200ms"), &["shorter than the first (at byte 5)"]),
        ("backoff", json!("1s..5m"), &["\"1s..5m\"", "no effect without `retry`"]),
        ("key", json!("customer"), &["\"customer\"", "write `/customer`"]),
        ("key", json!(""), &["such as `/customer`"]),
        ("key", json!("/a~b"), &["`~0` for `~`"]),
        ("key", json!(7), &["\"7\"", "pointer into the body"]),
        ("timout", json!("1s"), &["did you mean `timeout`?"]),
    ] {
        let data = json!({key: value});
        let error = serde_json::from_value::<ProcessConfig>(data.clone()).expect_err("refused").to_string();
        for part in [&[&*format!("`{key}`")], parts].concat() {
            assert!(error.contains(part), "{part} in: {error}");
        }
    }
    let backoff = json!({"retry": 0, "backoff": "1s..5m"});
    let error = serde_json::from_value::<ProcessConfig>(backoff).expect_err("contradictory").to_string();
    assert!(error.contains("no effect without `retry`"), "{error}");
    serde_json::from_value::<ProcessConfig>(json!({"retry": 1})).expect("a retry has a backoff");
}

#[tokio::test]
async fn start_error_lists_every_wrong_setting_of_a_process() {
    let wrong = config([TriggerConfig::event("a").queue_bytes(0)])
        .concurrency(0)
        .timeout(Duration::ZERO)
        .key(Key::pointer("customer"));
    let error = Runtime::builder()
        .process("orders", wrong, |_: TriggerEvent| async {})
        .start()
        .await
        .expect_err("four wrong settings");
    assert_eq!(error.problems().len(), 4);
    for field in ["concurrency", "timeout", "key", "queue_bytes"] {
        assert!(error.to_string().contains(&format!("field `{field}`")), "{field} in: {error}");
    }
}

#[tokio::test]
async fn dead_letter_trigger_must_name_another_process_that_exists() {
    let of = |process: &str| config([TriggerConfig::dead_letter().process(process)]);
    let start = async |asked: &str| {
        let error = Runtime::builder()
            .process("orders", config([TriggerConfig::event("a")]), |_: TriggerEvent| async {})
            .process("observer", of(asked), |_: TriggerEvent| async {})
            .start()
            .await
            .expect_err(asked);
        assert_eq!(error.problems().len(), 1, "{error}");
        error.to_string()
    };
    let error = start("order").await;
    assert!(error.contains("`order`, which does not exist; did you mean `orders`?"), "{error}");
    assert!(error.contains("`observer` at tests/it/config.rs:"), "{error}");
    let error = start("billing").await;
    assert!(error.contains("`billing`, which does not exist; the other processes are: orders"), "{error}");
    let error = start("observer").await;
    assert!(error.contains("`observer`, which is its own process"), "{error}");
    let error = start("").await;
    assert!(error.contains("field `process`"), "{error}");
}

#[test]
fn error_of_an_unknown_key_suggests_the_nearest_known_one() {
    refused(json!({"type": "event", "event_typ": "a"}), &["`event_typ`", "did you mean `event_type`?"]);
    refused(
        json!({"type": "event", "event_type": "a", "event_sorce": "s"}),
        &["`event_sorce`", "did you mean `event_source`?"],
    );
    refused(
        json!({"type": "webhook", "prot": 1}),
        &["`prot`", "the keys of a trigger of type `webhook` are:"],
    );
    refused(
        json!({"type": "webhook", "webhook_prot": 1}),
        &["`webhook_prot`", "did you mean `webhook_port`?"],
    );
    let twice = json!({"type": "webhook", "port": 1, "webhook_port": 1});
    refused(twice, &["`port`", "\"1\"", "it is the same as `webhook_port`"]);
    refused(json!({"type": "event", "event_type": "a", "queue": "4"}), &["`queue`", "without quotes"]);
    refused(
        json!({"type": "message", "topic": "a", "webhook_port": 1}),
        &[
            "`webhook_port`",
            "the keys of a trigger of type `message` are: type, topic, id, queue, queue_bytes, overflow",
        ],
    );
    let error =
        serde_json::from_value::<ProcessConfig>(json!({"concurency": 2})).expect_err("unknown").to_string();
    assert!(error.contains("did you mean `concurrency`?"), "{error}");
    let error =
        serde_json::from_value::<ProcessConfig>(json!({"retries": 2})).expect_err("unknown").to_string();
    assert!(error.contains("did you mean `retry`?"), "{error}");
}

#[test]
fn error_names_the_index_of_a_faulty_trigger() {
    let data =
        json!({"triggers": [{"type": "event", "event_type": "a"}, {"type": "message", "topic": "a..b"}]});
    let error = serde_json::from_value::<ProcessConfig>(data).expect_err("a bad topic").to_string();
    assert!(error.contains("`triggers[1].topic`") && error.contains("\"a..b\""), "{error}");
    let error =
        serde_json::from_value::<ProcessConfig>(json!({"concurrency": 0})).expect_err("0").to_string();
    assert!(error.contains("`concurrency`") && error.contains("1 to 1000000"), "{error}");
}

#[test]
fn validation_refuses_a_setting_of_another_trigger_type() {
    for (config, field) in [
        (TriggerConfig::message("a").source("s"), "event_source"),
        (TriggerConfig::event("a").host("::1"), "webhook_host"),
        (TriggerConfig::event("a").body_limit(1), "body_limit"),
        (TriggerConfig::event("a").process("p"), "process"),
    ] {
        let error = config.validate().expect_err(field);
        assert_eq!(error.field(), field);
        assert!(error.reason().contains("belongs to"), "{error}");
    }
}

#[test]
fn config_with_a_repeated_key_is_refused() {
    for (text, key) in [
        (r#"{"type": "event", "event_type": "a", "event_type": "b"}"#, "event_type"),
        (r#"{"type": "event", "type": "event", "event_type": "a"}"#, "type"),
        (r#"{"type": "message", "topic": "a", "queue": 1, "queue": 1}"#, "queue"),
    ] {
        let error = serde_json::from_str::<TriggerConfig>(text).expect_err(text).to_string();
        assert!(error.contains(&format!("`{key}` is given twice")), "{error}");
    }
    for (text, key) in [
        (r#"{"concurrency": 1, "retry": 1, "concurrency": 2}"#, "concurrency"),
        (r#"{"triggers": [{"type": "event", "event_type": "a", "event_type": "b"}]}"#, "event_type"),
        (r#"{"triggers": [], "triggers": []}"#, "triggers"),
    ] {
        let error = serde_json::from_str::<ProcessConfig>(text).expect_err(text).to_string();
        assert!(error.contains(&format!("`{key}` is given twice")), "{error}");
    }
    toml::from_str::<TriggerConfig>("type = 'event'\nevent_type = 'a'\nevent_type = 'b'").expect_err("twice");
}

#[tokio::test]
async fn largest_numbers_work_or_are_refused_with_their_bound() -> Result {
    let assert_out_of_range = |error: ConfigError, field: &str, value: &str, bound: &str| {
        assert_eq!((error.field(), error.value(), error.kind()), (field, value, ConfigErrorKind::OutOfRange));
        assert!(error.reason().contains(bound), "{error}");
    };
    let text = "concurrency = 1_000_000_000_000";
    let error = toml::from_str::<ProcessConfig>(text).expect_err("too many").to_string();
    assert!(
        ["`concurrency`", "\"1000000000000\"", "1 to 1000000,"].iter().all(|part| error.contains(part)),
        "{error}"
    );
    let large = ProcessConfig::try_from(json!({"concurrency": 1_000_001})).expect_err("too many");
    assert_out_of_range(large, "concurrency", "1000001", "1 to 1000000,");
    let large = TriggerConfig::event("a").queue(usize::MAX).validate().expect_err("too long");
    assert_out_of_range(large, "queue", &usize::MAX.to_string(), "1 to 10000000,");
    let large = TriggerConfig::try_from(json!({"type": "message", "topic": "a", "queue": 10_000_001}));
    assert_out_of_range(large.expect_err("too long"), "queue", "10000001", "1 to 10000000,");
    let negative = TriggerConfig::try_from(json!({"type": "message", "topic": "a", "queue": -1}));
    assert_out_of_range(negative.expect_err("negative"), "queue", "-1", "1 to 10000000,");
    TriggerConfig::event("a").queue(10_000_000).queue_bytes(usize::MAX).validate()?;

    let handler = |_: TriggerEvent| async {};
    let wide = config([TriggerConfig::event("a")]).concurrency(usize::MAX);
    let problems = Runtime::builder().process("p", wide, handler).check().expect_err("too many");
    assert!(problems.to_string().contains("1 to 1000000,"), "{problems}");
    let direct = EventTrigger::new(&EventBus::new(), "a").capacity(usize::MAX);
    assert!(matches!(direct.start().await, Err(TriggerError::Config(error)) if error.field() == "queue"));

    let most = TriggerConfig::event("a").queue(10_000_000).queue_bytes(usize::MAX);
    let runtime = Runtime::builder().process("p", config([most]).retry(u32::MAX), handler).start().await?;
    assert_eq!(runtime.bus().emit("a", 1).await?.queued(), Some(1));
    assert_eq!(runtime.shutdown().await.completed, 1);
    Ok(())
}

#[test]
fn body_limit_over_the_default_of_queue_bytes_needs_a_larger_one() -> Result {
    let large = || TriggerConfig::webhook("/x", 0).body_limit(100 << 20);
    let error = large().validate().expect_err("no room for a body");
    assert_eq!(
        (error.field(), error.value(), error.kind()),
        ("queue_bytes", "64MiB", ConfigErrorKind::Conflict)
    );
    let expected = "a body may have 100MiB (`body_limit`) and would never find room; raise `queue_bytes` to 100MiB or \
                    lower `body_limit` to 64MiB";
    assert_eq!(error.reason(), expected);
    large().queue_bytes(100 << 20).validate()?;
    TriggerConfig::webhook("/x", 0).body_limit(64 << 20).validate()?;
    let read = json!({"type": "webhook", "body_limit": "65MiB"});
    assert_eq!(TriggerConfig::try_from(read).expect_err("no room").field(), "queue_bytes");
    let builder = Runtime::builder().process("p", config([large()]), |_: TriggerEvent| async {});
    assert!(builder.check().expect_err("no room").to_string().contains("raise `queue_bytes` to 100MiB"));
    Ok(())
}

#[tokio::test]
async fn body_limit_may_be_the_largest_number() -> Result {
    let trigger = WebhookTrigger::new().host("127.0.0.1").port(0).body_limit(usize::MAX);
    let trigger = trigger.queue_bytes(usize::MAX);
    trigger.start().await?;
    let address = trigger.local_addr().ok_or("no port")?;
    assert_eq!(http::post(address, "/webhook", "a body").await.status, 202);
    assert_eq!(*trigger.wait_for_next().await?.raw(), "a body");
    Ok(())
}
