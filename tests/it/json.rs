//! Events as JSON: how their data is written, and how they are read back.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::json;
use triggers::{Bytes, EventBus, Json, MessageBroker, PublishError, Result, Runtime, Trigger, TriggerEvent};

use crate::common::on;
use crate::event::{data, started};
use crate::logs::Logs;

/// Data that emits another event while it is serialized.
struct Nested<'a>(&'a EventBus);

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element("before")?;
        // The call serializes the data, and the drop keeps it from being published.
        drop(self.0.emit("order.paid", "another one"));
        list.serialize_element("behind")?;
        list.end()
    }
}

#[tokio::test]
async fn bus_serializes_data_of_any_length_and_data_that_emits() -> Result {
    let bus = EventBus::new();
    let trigger = started(&bus, "order.paid").await?;
    bus.emit("order.paid", Nested(&bus)).await?;
    assert_eq!(data(&trigger.wait_for_next().await?), json!(["before", "behind"]));
    for length in [0, 1000, 100_000, 1000] {
        let text = "x".repeat(length);
        bus.emit("order.paid", &text).await?;
        assert_eq!(data(&trigger.wait_for_next().await?), json!(text));
    }
    Ok(())
}

/// Publishes data on a bus and on a broker, and returns the text of the error.
async fn refused(data: impl Serialize) -> String {
    let on_bus = EventBus::new().emit("m", &data).await.expect_err("refused");
    let on_broker = MessageBroker::new().publish("m", &data).await.expect_err("refused");
    assert!(matches!((&on_bus, &on_broker), (PublishError::Encode(_), PublishError::Encode(_))));
    assert_eq!(on_bus.to_string(), on_broker.to_string());
    on_bus.to_string()
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Measured {
    Ratio(f64),
    Point(f32, f32),
    Named { value: Option<f64> },
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    more: HashMap<&'static str, f32>,
}

#[tokio::test]
async fn float_without_a_json_form_is_an_error() {
    for (text, error) in [
        ("NaN", refused(f64::NAN).await),
        ("inf", refused(f64::INFINITY).await),
        ("-inf", refused(f32::NEG_INFINITY).await),
        ("inf", refused(HashMap::from([("a", HashMap::from([("b", f32::INFINITY)]))])).await),
        ("NaN", refused(vec![Some(1.0), None, Some(f64::NAN)]).await),
        ("NaN", refused((1, [0.5, f64::NAN])).await),
        ("NaN", refused(Measured::Ratio(f64::NAN)).await),
        ("inf", refused(Measured::Point(1.0, f32::INFINITY)).await),
        ("NaN", refused(Measured::Named { value: Some(f64::NAN) }).await),
        ("NaN", refused(Report { more: HashMap::from([("a", f32::NAN)]) }).await),
    ] {
        let expected =
            format!("the data cannot be written as JSON: {text} is not a number that JSON can hold");
        assert_eq!(error, expected);
    }
}

/// Bytes as `serde_bytes` writes them.
struct Blob(&'static [u8]);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

#[tokio::test]
async fn emit_refuses_bytes_and_names_the_method_that_accepts_them() {
    let json = br#"{"id":7}"#;
    for error in [
        refused(Bytes::from_static(json)).await,
        refused(json.to_vec()).await,
        refused(&json[..]).await,
        refused(Box::<[u8]>::from(&json[..])).await,
        refused(Cow::Borrowed(&json[..])).await,
        refused(Blob(json)).await,
    ] {
        assert!(error.contains("`emit_raw`") && error.contains("`publish_raw`"), "{error}");
    }
}

#[derive(Serialize)]
struct Image {
    name: &'static str,
    bytes: Bytes,
    pixels: Vec<u8>,
}

/// Emits data and returns the bytes of its event.
async fn written(data: impl Serialize) -> Result<String> {
    let bus = EventBus::new();
    let trigger = started(&bus, "m").await?;
    bus.emit("m", data).await?;
    Ok(String::from_utf8(trigger.wait_for_next().await?.raw().to_vec())?)
}

#[tokio::test]
async fn bus_writes_other_data_as_serde_json_does() -> Result {
    let image = Image { name: "a", bytes: Bytes::from_static(&[1]), pixels: vec![2, 3] };
    assert_eq!(written(&image).await?, r#"{"name":"a","bytes":[1],"pixels":[2,3]}"#);
    assert_eq!(written("hello").await?, r#""hello""#);
    assert_eq!(written("{ no JSON").await?, r#""{ no JSON""#);
    assert_eq!(written(vec![1, 2]).await?, "[1,2]");
    assert_eq!(written(Vec::<u8>::new()).await?, "[]");
    assert_eq!(written((1_u8, 2_u8)).await?, "[1,2]");
    assert_eq!(written(vec![(1_u8, 2_u8)]).await?, "[[1,2]]");
    assert_eq!(written([f64::MAX, 0.1]).await?, "[1.7976931348623157e+308,0.1]");
    assert_eq!(written([None, Some(0.5_f32)]).await?, "[null,0.5]");
    assert_eq!(
        written(json!({"a": null, "b": [1, -1, 2.5, "x", true]})).await?,
        r#"{"a":null,"b":[1,-1,2.5,"x",true]}"#
    );
    assert_eq!(
        written(BTreeMap::from([(1, u128::MAX), (2, 0)])).await?,
        format!(r#"{{"1":{},"2":0}}"#, u128::MAX)
    );
    assert_eq!(written(Measured::Point(1.0, 2.0)).await?, r#"{"point":[1.0,2.0]}"#);
    assert_eq!(written(Measured::Named { value: None }).await?, r#"{"named":{"value":null}}"#);
    Ok(())
}

#[tokio::test]
async fn dead_letter_suggests_emit_raw_for_a_text_that_holds_json() -> Result {
    let handler = |_: Json<HashMap<String, u8>>| async {};
    let runtime = Runtime::builder().process("p", on("e"), handler).start().await?;
    let encoded = serde_json::to_string(&json!({"id": 7}))?;
    for body in [&*encoded, "hello", "{ no JSON"] {
        runtime.bus().emit("e", body).await?;
    }
    runtime.bus().emit_raw("e", encoded).await?;
    runtime.shutdown().await;
    let letters = runtime.dead_letters().list().await;
    let hinted: Vec<_> = letters.iter().map(|letter| letter.error.contains("`emit_raw`")).collect();
    assert_eq!(hinted, [true, false, false]);
    Ok(())
}

#[tokio::test]
async fn event_survives_serialization() -> Result {
    let bus = EventBus::new();
    let trigger = started(&bus, "order.paid").await?;
    bus.emit("order.paid", json!({"id": 7})).source("shop").await?;
    let event = trigger.wait_for_next().await?;
    let text = serde_json::to_value(&event)?;
    let keys: Vec<_> = text.as_object().into_iter().flat_map(|object| object.keys()).collect();
    assert_eq!(keys, ["event_id", "metadata", "payload", "timestamp", "trigger_id", "trigger_type"]);
    assert_eq!(text["trigger_type"], "event");
    let back: TriggerEvent = serde_json::from_value(text.clone())?;
    assert_eq!(serde_json::to_value(&back)?, text);
    assert_eq!((back.id(), back.raw(), back.kind()), (event.id(), event.raw(), event.kind()));
    assert_eq!(back.timestamp(), event.timestamp());
    Ok(())
}

#[tokio::test]
async fn event_with_a_timestamp_out_of_range_is_refused() -> Result {
    let bus = EventBus::new();
    let trigger = started(&bus, "order.paid").await?;
    bus.emit("order.paid", 7).await?;
    let mut text = serde_json::to_value(trigger.wait_for_next().await?)?;
    for (timestamp, sound) in [
        ("1969-12-31T23:59:59.999999999Z", true),
        ("1678-01-01T00:00:00Z", true),
        ("2261-12-31T23:59:59Z", true),
        ("1600-01-01T00:00:00Z", true),
        ("2300-01-01T00:00:00Z", true),
        ("12300-01-01T00:00:00Z", false),
        ("yesterday", false),
    ] {
        text["timestamp"] = json!(timestamp);
        let read: Result<TriggerEvent, _> = serde_json::from_value(text.clone());
        assert_eq!(read.is_ok(), sound, "{timestamp}: {read:?}");
        if let Ok(event) = read {
            assert_eq!(serde_json::to_value(event)?, text);
        }
    }
    Ok(())
}

#[tokio::test]
async fn string_that_holds_json_is_logged_once_for_its_name() -> Result {
    let (logs, bus, broker) = (Logs::capture(), EventBus::new(), MessageBroker::new());
    for _ in 0..3 {
        bus.emit("order", r#"{"id":7}"#).await?;
        bus.emit("order", serde_json::to_string(&[7])?).await?;
        broker.publish("orders", r#"["a", {"b": "c"}]"#.to_owned()).await?;
    }
    for (what, raw) in [("event `order`", "`emit_raw`"), ("message `orders`", "`publish_raw`")] {
        let lines = logs.with(&format!("the data of the {what} is a string that holds JSON"));
        assert!(lines.len() == 1 && lines[0].contains("WARN") && lines[0].ends_with(raw), "{lines:?}");
    }
    for text in ["[draft] hello", "{job}", "7", "null", "", "\"x\""] {
        bus.emit("text", text).await?;
    }
    bus.emit("struct", json!({"text": r#"{"id":7}"#})).await?;
    bus.emit("list", [r#"{"id":7}"#]).await?;
    bus.emit_raw("raw", r#""{}""#).await?;
    bus.emit("in.valid.", "{}").await.expect_err("an invalid name");
    assert_eq!(logs.with("holds JSON").len(), 2, "{:?}", logs.with("holds JSON"));
    Ok(())
}
