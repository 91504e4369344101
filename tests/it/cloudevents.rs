//! `CloudEvent<T>`: the events of both modes as a type, by `tests/vectors/cloudevents_http.json`, and their encoded forms.

use std::fmt::Debug;
use std::time::{Duration, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use triggers::{
    Bytes, CloudEvent, Context, Frame, FromTrigger, Headers, Json, ProcessConfig, Rejection, Result, Runtime,
    Text, TriggerConfig, TriggerEvent, WebhookTrigger,
};

const VECTORS: &str = include_str!("../vectors/cloudevents_http.json");

/// Returns the event of a vector with a text as its body. A batch has no event of its own.
fn of_vector(vector: &Value) -> Option<Result<TriggerEvent, Rejection>> {
    let headers = vector["headers"].as_array()?.iter();
    let headers = headers.map(|pair| (pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value")));
    let body = vector["body"]["utf8"].as_str().filter(|_| vector["mode"] != "batched")?;
    Some(WebhookTrigger::cloudevent("/in", headers.collect(), body.to_owned()))
}

fn argument<X: FromTrigger>(event: &TriggerEvent) -> Result<X, Rejection> {
    X::from_trigger(&Context::new(event))
}

/// Returns the event in structured mode, with these members besides the required ones.
fn structured(members: &str) -> TriggerEvent {
    let headers = Headers::from_iter([("content-type", "application/cloudevents+json; charset=utf-8")]);
    let body = format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t"{members}}}"#);
    WebhookTrigger::cloudevent("/in", headers, body).expect(members)
}

fn binary(content_type: Option<&str>, body: impl Into<Bytes>) -> TriggerEvent {
    let headers = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/s"), ("ce-type", "t")];
    let content_type = content_type.map(|text| ("content-type", text));
    WebhookTrigger::cloudevent("/in", headers.into_iter().chain(content_type).collect(), body).expect("valid")
}

fn rejection<T: Debug + DeserializeOwned>(event: &TriggerEvent) -> String {
    let rejection = argument::<CloudEvent<T>>(event).expect_err("a rejection");
    assert!(!rejection.is_absent(), "{rejection}");
    rejection.to_string()
}

#[test]
fn every_vector_of_one_event_gives_its_attributes_and_its_data() {
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    let mut judged = 0;
    for vector in vectors["vectors"].as_array().expect("a list") {
        let Some(event) = of_vector(vector) else { continue };
        let id = &vector["id"];
        judged += 1;
        if vector["expect"] == "reject" || vector["plain"] == true {
            assert!(event.is_err(), "{id}");
            continue;
        }
        let event = event.expect("a valid event");
        assert_eq!(event.metadata()["cloudevent"], vector["attributes"], "{id}");
        if let Some(data) = vector.get("data_json") {
            assert_eq!(argument::<Json<Value>>(&event).expect("JSON").0, *data, "{id}");
            let mut expected = vector["attributes"].as_object().expect("an object").clone();
            let event = argument::<CloudEvent<Value>>(&event).expect("a CloudEvent");
            assert_eq!(event.data, *data, "{id}");
            for (name, value) in [
                ("id", Some(event.id)),
                ("source", Some(event.source)),
                ("type", Some(event.event_type)),
                ("subject", event.subject),
                ("dataschema", event.dataschema),
                ("datacontenttype", event.datacontenttype),
            ] {
                assert_eq!(value.map(Value::String), expected.remove(name), "{id}: {name}");
            }
            assert_eq!(event.time.is_some(), expected.remove("time").is_some(), "{id}");
            expected.remove("specversion");
            assert_eq!(event.extensions, expected, "{id}");
        }
        if let Some(data) = vector["data_text"].as_str() {
            assert_eq!(*argument::<Text>(&event).expect("a text"), *data, "{id}");
        }
    }
    assert_eq!(judged, 58);
}

#[test]
fn event_survives_its_encoded_forms() -> Result {
    let members = r#","time":"2018-04-05T17:31:00Z","n":-5,"flag":true,"datacontenttype":"text/plain","data":"a \u00e9""#;
    for event in [
        structured(members),
        structured(""),
        structured(r#","data":{"b": 1.50}"#),
        binary(Some("application/json"), "{\"a\": 1}"),
        binary(Some("image/png"), &b"\x89PNG\xff"[..]),
        binary(None, ""),
    ] {
        assert_eq!(Frame::decode(&event.frame().encode())?, *event.frame());
        let written = serde_json::to_value(&event)?;
        for key in ["cloudevent", "content_type"] {
            assert_eq!(written["attributes"].get(key), None, "the metadata say it: {written}");
        }
        let read: TriggerEvent = serde_json::from_value(written)?;
        assert_eq!(read.frame(), event.frame());
        let both = [&event, &read].map(argument::<CloudEvent<Option<Bytes>>>);
        assert_eq!(both[0].is_ok(), both[1].is_ok());
        assert_eq!(read.metadata(), event.metadata());
    }
    let event = structured(members);
    assert_eq!(event.frame().content_type(), Some("text/plain"));
    assert_eq!(event.metadata()["cloudevent"]["n"], -5);
    let event = argument::<CloudEvent<String>>(&event)?;
    assert_eq!(event.time, Some(UNIX_EPOCH + Duration::from_secs(1_522_949_460)));
    assert_eq!(json!(event.extensions), json!({"flag": true, "n": -5}));
    assert_eq!(event.data, "a é");
    Ok(())
}

#[derive(Debug, Deserialize, PartialEq)]
struct Order {
    items: Vec<u8>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Level {
    Low,
}

#[test]
fn data_is_decoded_by_its_content_type() -> Result {
    let order = Order { items: vec![7] };
    assert_eq!(argument::<CloudEvent<Order>>(&structured(r#","data":{"items":[7]}"#))?.data, order);
    for content_type in [None, Some("application/json"), Some("application/vnd.order+json; charset=utf-8")] {
        let event = binary(content_type, r#"{"items":[7]}"#);
        assert_eq!(argument::<CloudEvent<Order>>(&event)?.data, order);
        assert_eq!(argument::<Json<Order>>(&event)?.0, order);
        assert_eq!(argument::<CloudEvent<Option<Order>>>(&event)?.data, Some(Order { items: vec![7] }));
    }
    let png = binary(Some("image/png"), &b"\x89PNG\xff"[..]);
    assert_eq!(&argument::<CloudEvent<Bytes>>(&png)?.data[..], b"\x89PNG\xff");
    assert_eq!(&argument::<Bytes>(&png)?[..], b"\x89PNG\xff");
    let text = structured(r#","datacontenttype":"text/plain","data":"low""#);
    assert_eq!(argument::<CloudEvent<String>>(&text)?.data, "low");
    assert_eq!(argument::<CloudEvent<Option<Level>>>(&text)?.data, Some(Level::Low));
    assert_eq!(argument::<CloudEvent<Bytes>>(&text)?.data, "low");
    Ok(())
}

#[test]
fn event_without_data_is_decoded_by_a_type_that_needs_none() -> Result {
    for event in [structured(""), binary(Some("application/json"), ""), binary(Some("text/xml"), "")] {
        assert_eq!(argument::<CloudEvent<Option<Order>>>(&event)?.data, None);
        argument::<CloudEvent<()>>(&event)?;
        assert!(rejection::<Order>(&event).starts_with("the event has no data: "));
    }
    assert_eq!(argument::<CloudEvent<Option<u8>>>(&structured(r#","data":null"#))?.data, None);
    Ok(())
}

#[test]
fn rejection_of_data_names_the_field_or_the_content_type() {
    let text = rejection::<Order>(&structured(r#","data":{"items":[1,-2]}"#));
    assert!(text.starts_with("`items[1]` of the data: invalid value: integer `-2`"), "{text}");
    let text = rejection::<Order>(&binary(Some("application/json"), "{oops"));
    assert!(text.starts_with("the data: key must be a string"), "{text}");
    let text = rejection::<Order>(&binary(Some("application/json"), r#"{"items":[]} x"#));
    assert!(text.starts_with("the data: trailing characters"), "{text}");
    let text = rejection::<Order>(&binary(Some("text/xml; charset=utf-8"), "<a/>"));
    assert_eq!(
        text,
        "the data is `text/xml; charset=utf-8`: invalid type: string \"<a/>\", expected struct Order"
    );
    assert!(
        rejection::<String>(&binary(Some("image/png"), &b"\xff"[..])).starts_with("the data is `image/png`")
    );
    assert!(rejection::<Level>(&binary(Some("image/png"), &b"\xff"[..])).contains("invalid utf-8"));
}

#[test]
fn request_without_a_cloudevent_is_absent() -> Result {
    let plain = WebhookTrigger::event("/in", Headers::from_iter([("ce-id", "1")]), "{}");
    let event = TriggerEvent::new("test", "{}", Map::new());
    for event in [&plain, &event] {
        assert_eq!(argument::<Option<CloudEvent<Value>>>(event)?, None);
        assert!(!event.metadata().contains_key("cloudevent"));
    }
    let error = WebhookTrigger::cloudevent("/in", Headers::default(), "{}").expect_err("no CloudEvent");
    assert!(error.to_string().starts_with("the request has no CloudEvent"), "{error}");
    Ok(())
}

#[test]
fn test_event_has_the_query_and_the_trigger_id_of_its_path() -> Result {
    let headers = Headers::from_iter([("content-type", "application/cloudevents+json")]);
    let body = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
    let event = WebhookTrigger::cloudevent("/in?a=1&token=x", headers, body)?;
    assert_eq!(event.trigger_id(), "webhook-/in");
    assert_eq!((&event.metadata()["path"], &event.metadata()["query"]), (&json!("/in"), &json!({"a": "1"})));
    Ok(())
}

#[tokio::test]
async fn cloudevent_is_refused_as_an_argument_of_another_trigger() {
    let config = ProcessConfig::new().trigger(TriggerConfig::event("e"));
    let process = Runtime::builder().process("p", config, |_: CloudEvent<()>| async {});
    let error = process.start().await.expect_err("an event is no CloudEvent").to_string();
    assert!(error.contains("argument `1` comes only with a webhook request"), "{error}");
}
