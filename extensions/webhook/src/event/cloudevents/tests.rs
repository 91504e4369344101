//! The reader of requests, by `tests/vectors/cloudevents_http.json`.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::*;
use trigger_core::Bytes;

const VECTORS: &str = include_str!("../../../../../tests/vectors/cloudevents_http.json");

/// Returns the headers and the body of a vector.
fn request_of(vector: &Value) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    for pair in vector["headers"].as_array().expect("the headers") {
        let text = |at: usize| pair[at].as_str().expect("a text").as_bytes();
        let name = HeaderName::from_bytes(text(0)).expect("a name");
        headers.append(name, HeaderValue::from_bytes(text(1)).expect("a value"));
    }
    let body = &vector["body"];
    let hex = |text: &str| {
        let digits = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).expect("ASCII"));
        digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
    };
    let body: Vec<u8> = match (body["utf8"].as_str(), body["hex"].as_str()) {
        (Some(text), None) => text.into(),
        (None, Some(text)) => hex(text),
        _ => panic!("one body in {}", vector["id"]),
    };
    (headers, body.into())
}

/// Judges the event of a vector that is to be accepted.
fn judge_event(vector: &Value, event: &CloudEventParts, body: &Bytes) {
    let id = &vector["id"];
    let data = event.data(body);
    assert_eq!(Value::from(event.attributes.map().clone()), vector["attributes"], "{id}");
    if let Some(expected) = vector.get("data_json") {
        assert_eq!(serde_json::from_slice::<Value>(&data).expect("JSON"), *expected, "{id}");
    }
    if let Some(expected) = vector["data_text"].as_str() {
        assert_eq!(data, expected, "{id}");
    }
    if let Some(expected) = vector["data_hex"].as_str() {
        let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected, "{id}");
    }
    let kinds = ["data_json", "data_text", "data_hex", "data_absent"];
    if kinds.iter().all(|kind| vector.get(*kind).is_none()) {
        assert_eq!(data, *body, "{id} says nothing of its data, so this is the body");
    }
    assert_eq!(data.is_empty(), vector["data_absent"] == true, "{id}");
}

#[test]
fn every_vector_is_judged_as_it_says() {
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    let vectors = vectors["vectors"].as_array().expect("a list");
    for vector in vectors {
        let (id, (headers, body)) = (&vector["id"], request_of(vector));
        let endpoint = vector["endpoint"].as_str().expect("an endpoint");
        let batch_allowed = endpoint == "strict+batch";
        let read = read(&headers, &body, batch_allowed);
        // A strict webhook takes nothing but CloudEvents.
        let read = read.and_then(|events| match events {
            None if endpoint != "auto" => Err(CloudEventError::missing()),
            events => Ok(events),
        });
        match vector["expect"].as_str().expect("an expectation") {
            // The queue has no room for both, and refuses them together. The reader returns both or none.
            "reject" if vector["precondition"] == "queue has room for 1" => {
                assert_eq!(read.expect("valid events").map(|events| events.len()), Some(2), "{id}");
            }
            "reject" => {
                let error = read.expect_err("a refusal");
                assert_eq!(u64::from(error.status.as_u16()), vector["status"], "{id}: {error:?}");
            }
            "accept" => match (read.expect("valid events"), vector["ids"].as_array()) {
                (None, None) => assert_eq!(vector["plain"], true, "{id}"),
                (Some(events), Some(ids)) => {
                    let read: Vec<_> = events.iter().map(|event| event.dedupe_key().1).collect();
                    assert_eq!(json!(read), json!(ids), "{id}");
                    assert_eq!(vector["events"], ids.len(), "{id}");
                }
                (Some(events), None) => {
                    let [event] = &events[..] else { panic!("{id} is one event") };
                    judge_event(vector, event, &body);
                }
                (None, Some(_)) => panic!("{id} is read as a plain request"),
            },
            other => panic!("{id} expects {other}"),
        }
    }
    assert_eq!(vectors.len(), 70);
}

fn structured(members: &str) -> Result<CloudEventParts, CloudEventError> {
    let headers =
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/cloudevents+json"))]);
    let body = format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t"{members}}}"#);
    read(&headers, body.as_bytes(), false).map(|events| events.expect("a CloudEvent").remove(0))
}

#[test]
fn dedupe_key_is_the_source_and_the_id() {
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    for pair in vectors["dedupe"].as_array().expect("a list") {
        let event = |side: &str| {
            let (source, id) = (pair[side]["source"].as_str(), pair[side]["id"].as_str());
            let mut headers = HeaderMap::new();
            for (name, value) in [
                ("ce-specversion", "1.0"),
                ("ce-type", "t"),
                ("ce-source", source.expect("a source")),
                ("ce-id", id.expect("an id")),
            ] {
                headers.insert(name, HeaderValue::from_str(value).expect("a value"));
            }
            read(&headers, b"", false).expect("valid").expect("a CloudEvent").remove(0)
        };
        assert_eq!(event("a").dedupe_key() == event("b").dedupe_key(), pair["same"] == true, "{pair}");
    }
}

#[test]
fn data_keeps_the_bytes_of_its_json() {
    let data = |members: &str| structured(members).map(|event| event.data(&Bytes::new()));
    for (members, expected) in [
        (r#","data": {"b" : 1.50, "a":"\u00e9"} "#, r#"{"b" : 1.50, "a":"\u00e9"}"#),
        (r#","data":123456789012345678901234567890"#, "123456789012345678901234567890"),
        (r#","data":"x","datacontenttype":"application/cbor+json""#, "\"x\""),
        (r#","data":"a\nb","datacontenttype":"text/plain""#, "a\nb"),
        (r#","data_base64":"aGk=","datacontenttype":"application/json""#, "hi"),
        (r#","data_base64":"""#, ""),
        ("", ""),
    ] {
        assert_eq!(data(members), Ok(expected.into()), "{members}");
    }
}

#[test]
fn event_that_two_readers_could_understand_differently_is_refused() {
    for (members, expected) in [
        (r#","data":1,"data_base64":"aGk=""#, "more than one of `data` and `data_base64`"),
        (r#","data":1,"data":1"#, "a member is there twice"),
        (r#","a":1,"\u0061":1"#, "a member is there twice"),
        (r#","a":null,"a":1"#, "a member is there twice"),
        (
            r#","data":{},"datacontenttype":"text/plain""#,
            "`data` is no string, and `datacontenttype` is not JSON",
        ),
        (r#","data_base64":"aGk""#, "is no string in base64"),
        (r#","data_base64":"aG k=""#, "is no string in base64"),
        (r#","data_base64":null"#, "is no string in base64"),
        (r#","subject":"""#, "`subject` is empty"),
        (r#","subject":1"#, "`subject` is no string"),
        (r#","subject":"\u0007""#, "`subject` has a control character"),
        (r#","subject":"\ud800""#, "`subject` is no valid string"),
        (r#","datacontenttype":"json""#, "`datacontenttype` is no media type"),
        (r#","a":1e2"#, "`a` is no integer"),
        (r#","a":-0.0"#, "`a` is no integer"),
        (r#","Ab":"x""#, "the name of an attribute"),
        (r#","":"x""#, "the name of an attribute"),
        (r#","abcdefghijklmnopqrstu":"x""#, "the name of an attribute"),
        (r#"}, {"a":1"#, "trailing characters"),
        (r#","a":1,"#, "trailing comma"),
    ] {
        let error = structured(members).expect_err(members);
        assert!(error.message.contains(expected), "{members}: {error:?}");
        assert_eq!((error.status.as_u16(), error.reason), (400, "cloudevent_invalid"), "{members}");
    }
    let long = "x".repeat(2000);
    for members in
        [format!(r#","{long}":1.5"#), format!(r#","a":"\u0001{long}""#), format!(r#","a":[{long:?}]"#)]
    {
        let error = structured(&members).expect_err("a long text");
        assert!(error.message.len() < 200, "the answer does not repeat it: {error:?}");
    }
    let many: String = (0..200).map(|number| format!(r#","a{number}":null"#)).collect();
    assert!(structured(&many).expect_err("over 128").message.contains("over 128 members"));
}

#[test]
fn attributes_of_a_batch_are_checked_before_any_event_is_returned() {
    let headers = HeaderMap::from_iter([(
        CONTENT_TYPE,
        HeaderValue::from_static("application/cloudevents-batch+json"),
    )]);
    let good = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
    let error = read(&headers, format!("[{good},{good},{{}}]").as_bytes(), true).expect_err("an empty event");
    assert_eq!(error.message, "event 3 of the batch: the attribute `specversion` is missing");
    let most = |count: usize| read(&headers, format!("[{}]", vec![good; count].join(",")).as_bytes(), true);
    assert_eq!(most(1000).map(|events| events.map(|events| events.len())), Ok(Some(1000)));
    let error = most(1001).expect_err("over 1000");
    assert_eq!((error.status.as_u16(), error.reason), (413, "cloudevent_batch_too_large"));
}

#[test]
fn content_type_decides_between_the_modes() {
    let with = |pairs: &[(HeaderName, &'static str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_static(value));
        }
        read(&headers, b"{}", false).map(|events| events.is_some()).map_err(|error| error.reason)
    };
    let id = HeaderName::from_static("ce-id");
    let long = format!("{:?}", "x".repeat(2000));
    for content_type in ["application/cloudevents+json", "application/cloudevents-batch+json"] {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        let error = read(&headers, long.as_bytes(), true).expect_err("a text");
        assert!(error.message.len() < 200, "the answer does not repeat it: {error:?}");
    }
    assert_eq!(with(&[]), Ok(false));
    assert_eq!(with(&[(CONTENT_TYPE, "text/plain"), (CONTENT_TYPE, "text/html")]), Ok(false));
    assert_eq!(with(&[(id, "1")]), Err("cloudevent_invalid"), "a CloudEvent without its version");
    assert_eq!(with(&[(HeaderName::from_static("ce-"), "1")]), Err("cloudevent_invalid"));
    for content_type in
        ["application/cloudevents", "Application/CloudEvents+XML", "application/cloudevents-x"]
    {
        assert_eq!(with(&[(CONTENT_TYPE, content_type)]), Err("cloudevent_format"), "{content_type}");
    }
    let two = [(CONTENT_TYPE, "text/plain"), (CONTENT_TYPE, "application/cloudevents+json")];
    assert_eq!(with(&two), Err("cloudevent_invalid"));
    assert_eq!(
        with(&[(CONTENT_TYPE, "application/cloudevents+json; charset=latin1")]),
        Err("cloudevent_charset")
    );
    assert_eq!(CloudEventError::missing().reason, "cloudevent_missing");
}

#[test]
fn content_type_of_binary_mode_is_that_of_the_data_alone() {
    let with = |more: &[(&'static str, &'static str)]| {
        let required =
            [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/s"), ("ce-type", "t")].into_iter();
        let mut headers = HeaderMap::new();
        for (name, value) in required.chain(more.iter().copied()) {
            headers.append(name, HeaderValue::from_static(value));
        }
        read(&headers, b"{}", false).map(|events| events.map(|events| events.len()))
    };
    assert_eq!(with(&[("content-type", "text/plain")]), Ok(Some(1)));
    for more in [
        &[("ce-datacontenttype", "text/plain")][..],
        &[("content-type", "text/plain"), ("content-type", "text/html")],
        &[("content-type", "text")],
        &[("content-type", "")],
    ] {
        let error = with(more).expect_err("ambiguous");
        assert_eq!(error.reason, "cloudevent_invalid", "{more:?}");
    }
}
