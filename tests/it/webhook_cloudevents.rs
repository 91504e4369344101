//! CloudEvents over a socket, by `tests/vectors/cloudevents_http.json`, and the handshake of their senders, by
//! `tests/vectors/cloudevents_webhook_handshake.json`.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;
use triggers::{Result, Runtime, TriggerEvent};

use crate::common::{config, gated, status};
use crate::http::{post_with, request};
use crate::served::{Served, webhook};
use crate::until::until;
use crate::verify::vectors::{bytes, latin_1};

const VECTORS: &str = include_str!("../vectors/cloudevents_http.json");
const HANDSHAKES: &str = include_str!("../vectors/cloudevents_webhook_handshake.json");

const BATCH: &str = "Content-Type: application/cloudevents-batch+json\r\n";
const ONE: &str = "Content-Type: application/cloudevents+json\r\n";

fn vectors(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).expect("JSON");
    file["vectors"].as_array().expect("a list").clone()
}

fn lines(pairs: &Value) -> Vec<u8> {
    let line = |pair: &Value| {
        let name = pair[0].as_str().expect("a name").as_bytes();
        [name, b": ", &bytes(&pair[1], latin_1), b"\r\n"].concat()
    };
    pairs.as_array().expect("a list").iter().flat_map(line).collect()
}

fn body(vector: &Value) -> Vec<u8> {
    bytes(&vector["body"], |text| text.as_bytes().to_vec())
}

/// Returns an event in JSON.
fn event(source: &str, id: &str) -> Value {
    json!({"specversion": "1.0", "type": "t", "source": source, "id": id, "data": id})
}

/// Returns the value of `cloudevents` for a vector.
fn mode(vector: &Value) -> Option<&'static str> {
    match vector["endpoint"].as_str() {
        Some("strict+batch") => Some("batch"),
        Some("auto") => None,
        _ => Some("only"),
    }
}

#[tokio::test]
async fn every_vector_is_accepted_or_refused_over_a_socket() {
    let (mut accepted, mut refused) = (0, 0);
    for vector in vectors(VECTORS) {
        let id = &vector["id"];
        // The queue of this one is full, which another test judges.
        if vector["status"] == 503 {
            continue;
        }
        let settings = mode(&vector).map_or(json!({}), |mode| json!({"cloudevents": mode}));
        let served = Served::start(settings).await;
        let answer = served.post(lines(&vector["headers"]), body(&vector)).await;
        let counts = served.refused();
        let events = served.events().await;
        if vector["expect"] == "reject" {
            assert_eq!(
                u64::from(answer.status),
                vector["status"].as_u64().expect("a status"),
                "{id}: {answer:?}"
            );
            assert_eq!((&answer.json()["status"], events.len()), (&json!("error"), 0), "{id}");
            assert_eq!(counts.as_object().map(|counts| counts.len()), Some(1), "{id}: {counts}");
            refused += 1;
            continue;
        }
        accepted += 1;
        assert_eq!(answer.status, 202, "{id}: {answer:?}");
        if let Some(count) = vector["events"].as_u64() {
            let ids: Vec<_> = events.iter().map(|event| json!(event.id())).collect();
            assert_eq!(answer.json(), json!({"status": "accepted", "event_ids": ids}), "{id}");
            assert_eq!(events.len() as u64, count, "{id}");
            let own: Vec<_> =
                events.iter().map(|event| event.metadata()["cloudevent"]["id"].clone()).collect();
            assert_eq!(json!(own), vector["ids"], "{id}");
            continue;
        }
        let [event] = &events[..] else { panic!("{id}: {events:?}") };
        assert_eq!(answer.json(), json!({"status": "accepted", "event_id": event.id()}), "{id}");
        if vector["plain"] == true {
            assert!(!event.metadata().contains_key("cloudevent"), "{id}");
            continue;
        }
        assert_eq!(event.metadata()["cloudevent"], vector["attributes"], "{id}");
        if let Some(data) = vector["data_text"].as_str() {
            assert_eq!(event.raw(), data.as_bytes(), "{id}");
        }
        if let Some(data) = vector.get("data_json") {
            assert_eq!(event.payload(), data, "{id}");
        }
    }
    assert_eq!((accepted, refused), (26, 43));
}

#[tokio::test(start_paused = true)]
async fn batch_that_does_not_fit_the_queue_is_refused_as_a_whole() -> Result {
    let gate = Arc::new(Notify::new());
    let settings = json!({"cloudevents": "batch", "queue": 2});
    let runtime = Runtime::builder().process("p", config([webhook(settings)]), gated(&gate)).start().await?;
    let address = runtime.local_addr("in").expect("an address");
    let post =
        async |events: &[Value]| request(address, post_with("/in", BATCH, json!(events).to_string())).await;
    assert_eq!(post(&[event("/a", "0")]).await.status, 202);
    until("an event in flight", || status(&runtime).in_flight == 1).await;
    assert_eq!(post(&[event("/a", "1")]).await.status, 202);
    let two = [event("/a", "2"), event("/a", "3")];
    for _ in 0..2 {
        let answer = post(&two).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
        assert_eq!(status(&runtime).triggers[0].queue_size, 1);
    }
    gate.notify_one();
    until("a free slot", || status(&runtime).handled == 1 && status(&runtime).in_flight == 1).await;
    // Their ids were released.
    let answer = post(&two).await.json();
    assert!(
        answer.get("duplicate").is_none() && answer["event_ids"].as_array().map(Vec::len) == Some(2),
        "{answer}"
    );
    for handled in 2..=4 {
        gate.notify_one();
        until("a handled event", || status(&runtime).handled == handled).await;
    }
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn source_and_id_of_an_event_show_that_it_came_before() {
    let served = Served::start(json!({"cloudevents": "batch"})).await;
    let post = async |events: Value| {
        let answer = served.post(BATCH, events.to_string()).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()
    };
    let first = post(json!([event("/a", "1"), event("/b", "1"), event("/a", "2"), event("/a", "1")])).await;
    let ids = first["event_ids"].as_array().expect("ids").clone();
    assert_eq!((ids.len(), &ids[0], first.get("duplicate")), (4, &ids[3], None));
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    let partly = post(json!([event("/a", "2"), event("/c", "1"), event("/a", "1")])).await;
    assert_eq!([&partly["event_ids"][0], &partly["event_ids"][2]], [&ids[2], &ids[0]]);
    assert_eq!(partly.get("duplicate"), None);
    let all = post(json!([event("/a", "1"), event("/b", "1")])).await;
    assert_eq!(all, json!({"status": "accepted", "event_ids": [ids[0], ids[1]], "duplicate": true}));
    // A batch of one event has a list of one id, and another mode has no list.
    let alone = post(json!([event("/b", "1")])).await;
    assert_eq!(alone, json!({"status": "accepted", "event_ids": [ids[1]], "duplicate": true}));
    let one = served.post(ONE, event("/b", "1").to_string()).await.json();
    assert_eq!(one, json!({"status": "accepted", "event_id": ids[1], "duplicate": true}));
    let binary = "ce-specversion: 1.0\r\nce-type: t\r\nce-source: /a\r\nce-id: 2\r\n";
    assert_eq!(served.post(binary, "").await.json()["event_id"], ids[2]);
    assert_eq!(post(json!([])).await, json!({"status": "accepted", "event_ids": []}));
    let events = served.events().await;
    let own = |event: &TriggerEvent| json!([event.metadata()["cloudevent"]["source"], event.payload()]);
    let expected = [json!(["/a", "1"]), json!(["/b", "1"]), json!(["/a", "2"]), json!(["/c", "1"])];
    assert_eq!(events.iter().map(own).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn plain_webhook_takes_a_cloudevent_as_one_unless_it_is_off() {
    let binary = "ce-specversion: 1.0\r\nce-type: t\r\nce-source: /a\r\nce-id: 1\r\n";
    let structured = event("/a", "2").to_string();
    for (settings, is_one) in [(json!({}), true), (json!({"cloudevents": "off"}), false)] {
        let served = Served::start(settings.clone()).await;
        assert_eq!(served.post(binary, "data").await.status, 202, "{settings}");
        assert_eq!(served.post(ONE, &structured).await.status, 202, "{settings}");
        let invalid = served.post(ONE, "{}").await;
        assert_eq!(invalid.status, if is_one { 400 } else { 202 }, "{settings}: {invalid:?}");
        assert_eq!(served.post(BATCH, "[]").await.status, if is_one { 415 } else { 202 }, "{settings}");
        assert_eq!(served.post("ce-id: 1\r\n", "plain").await.status, 202, "{settings}");
        let events = served.events().await;
        let marks: Vec<bool> =
            events.iter().map(|event| event.metadata().contains_key("cloudevent")).collect();
        if is_one {
            assert_eq!(marks, [true, true, false], "{settings}");
            assert_eq!(events[1].payload(), "2");
        } else {
            assert_eq!(marks, [false; 5], "{settings}");
            assert_eq!(events[1].raw(), structured.as_bytes());
        }
    }
}

#[tokio::test]
async fn every_vector_of_the_handshake_gets_its_answer_over_a_socket() {
    let all = vectors(HANDSHAKES);
    assert_eq!(all.len(), 15);
    for vector in all {
        let (id, asked, expect) = (&vector["id"], &vector["config"], &vector["expect"]);
        let mut settings = json!({});
        if asked["handshake"] != false {
            settings["handshake"] = json!({"type": "cloudevents", "origins": asked["allowed_origins"]});
            if let Some(rate) = asked["rate_per_minute"].as_u64() {
                settings["handshake"]["rate"] = json!(rate);
            }
        }
        let served = Served::start(settings).await;
        let head =
            [b"OPTIONS /in HTTP/1.1\r\nHost: localhost\r\n", &lines(&vector["request_headers"])[..], b"\r\n"];
        let answer = request(served.address, head.concat()).await;
        if let Some(status) = expect["status"].as_u64() {
            assert_eq!(u64::from(answer.status), status, "{id}: {answer:?}");
        }
        for pair in expect["headers"].as_array().into_iter().flatten() {
            let name = pair[0].as_str().expect("a name").to_ascii_lowercase();
            assert_eq!(answer.header(&name), pair[1].as_str(), "{id}: {name}");
        }
        for name in expect["headers_absent"].as_array().into_iter().flatten() {
            let name = name.as_str().expect("a name").to_ascii_lowercase();
            assert_eq!(answer.header(&name), None, "{id}: {name}");
        }
        assert!(served.events().await.is_empty(), "{id}");
    }
}

#[tokio::test]
async fn delivery_after_the_handshake_names_an_allowed_origin() {
    let served = Served::start(json!({"handshake": {"type": "cloudevents", "origins": ["a.example"]}})).await;
    let one = event("/a", "1").to_string();
    for (origin, status) in [
        ("WebHook-Request-Origin: A.example\r\n", 202),
        ("WebHook-Request-Origin: b.example\r\n", 403),
        ("", 403),
    ] {
        assert_eq!(served.post(format!("{ONE}{origin}"), &one).await.status, status, "{origin}");
        // The same holds for a request that is no CloudEvent.
        assert_eq!(served.post(origin, "{}").await.status, status, "{origin}");
    }
    assert_eq!(served.refused(), json!({"origin_not_allowed": 4}));
    assert_eq!(served.events().await.len(), 2);
}
