//! A frame is an event as a whole: its binary form and its JSON form keep every byte and every attribute.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use triggers::{
    Attribute, Draft, EventBus, EventTrigger, Frame, FrameError, Headers, MessageBroker, MessageTrigger,
    PausedClock, ProcessConfig, Result, Runtime, Text, Trigger, TriggerConfig, TriggerEvent, WebhookTrigger,
};

use crate::common::config;
use crate::source_kind::Feed;

/// Emits and publishes the body, and returns the event and the message.
fn published(name: &str, author: Option<&str>, body: &[u8]) -> [TriggerEvent; 2] {
    let threads = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let publish = async {
        let (bus, broker) = (EventBus::new(), MessageBroker::new());
        let (events, messages) = (EventTrigger::new(&bus, name), MessageTrigger::new(&broker, ">"));
        events.start().await?;
        messages.start().await?;
        let emit = bus.emit_raw(name, body.to_vec());
        let publish = broker.publish_raw(name, body.to_vec());
        match author {
            Some(author) => drop((emit.source(author).await?, publish.sender(author).await?)),
            None => drop((emit.await?, publish.await?)),
        }
        Result::<_>::Ok([events.wait_for_next().await?, messages.wait_for_next().await?])
    };
    threads.block_on(publish).expect("an event and a message")
}

/// Offers the draft as an entry of a feed, and returns the event that a handler gets.
fn offered(draft: Draft) -> TriggerEvent {
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let offer = async {
        let (sender, mut seen) = mpsc::unbounded_channel();
        let feed = Feed::new("frames");
        let keep = move |event: TriggerEvent| {
            let sender = sender.clone();
            async move { drop(sender.send(event)) }
        };
        let trigger = TriggerConfig::custom(feed.clone());
        let runtime = Runtime::builder().process("p", config([trigger]), keep).start().await?;
        let sink = feed.sink.lock().expect("the sink").clone().expect("a source that accepts");
        sink.send(draft).await;
        let event = seen.recv().await.expect("an event");
        runtime.shutdown().await;
        Result::<_>::Ok(event)
    };
    threads.block_on(offer).expect("an event")
}

/// Attributes of every form: text, bytes, JSON of any layout, and a text that is no JSON.
fn any_attribute() -> impl Strategy<Value = Attribute> {
    prop_oneof![
        ".{0,40}".prop_map(Attribute::from),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Attribute::Bytes(bytes.into())),
        any_json().prop_map(Attribute::from),
        any_json().prop_map(|value| Attribute::Json(format!("{value:#}").into())),
        ".{0,9}".prop_map(|text| Attribute::Json(text.into())),
    ]
}

/// Events of every kind that can be made without a server.
fn any_event() -> impl Strategy<Value = TriggerEvent> {
    let body = prop::collection::vec(any::<u8>(), 0..200);
    let author = prop::option::of(".{0,40}");
    let metadata = prop::collection::btree_map(".{0,300}", any_json(), 0..6);
    let attributes = prop::collection::vec(("[a-z]{0,9}", any_attribute()), 0..6);
    let parts = (author, body, metadata, attributes);
    (0..5, "[a-z0-9_]{1,9}(\\.[A-Z-]{1,9}){0,4}", "(/[a-z]{1,5}){1,3}", parts).prop_map(
        |(kind, name, path, (author, body, metadata, attributes))| match kind {
            0 | 1 => published(&name, author.as_deref(), &body)[kind as usize].clone(),
            2 => {
                let value = author.unwrap_or_default();
                let headers = Headers::from_iter([("x-a", &*value), ("host", "localhost"), ("x-a", "2")]);
                WebhookTrigger::event(&format!("{path}?n={name}&b=%20&n=2"), headers, body)
            }
            3 => {
                let draft = Draft::new(&name, body);
                offered(
                    attributes.into_iter().fold(draft, |draft, (key, value)| draft.attribute(&key, value)),
                )
            }
            _ => {
                let metadata = metadata.into_iter().filter(|(key, _)| key.len() < 256).collect();
                TriggerEvent::new(&name, body, metadata)
            }
        },
    )
}

fn any_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // serde_json reads some floats back with another last digit.
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 4.0)),
        ".{0,30}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_event_is_the_same_after_its_binary_form(event in any_event()) {
        let bytes = event.frame().encode();
        let frame = Frame::decode(&bytes).expect("a frame");
        prop_assert_eq!(&frame, event.frame());
        prop_assert_eq!(frame.raw(), event.raw());
        prop_assert_eq!(frame.timestamp(), event.timestamp());
        prop_assert_eq!(frame.encode(), bytes);
    }

    #[test]
    fn damaged_frame_is_an_error(event in any_event(), at: prop::sample::Index, flip in 1..=255_u8) {
        let sound = event.frame().encode();
        let mut damaged = sound.clone();
        damaged[at.index(sound.len())] ^= flip;
        prop_assert!(Frame::decode(&damaged).is_err());
        prop_assert!(Frame::decode(&sound[..at.index(sound.len())]).is_err());
        damaged = sound;
        damaged.push(flip);
        prop_assert!(Frame::decode(&damaged).is_err());
    }

    #[test]
    fn bytes_that_are_no_frame_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Frame::decode(&bytes).is_err());
    }

    #[test]
    fn every_event_is_the_same_after_its_json_form(event in any_event()) {
        let text = serde_json::to_string(&event).expect("JSON");
        let read: TriggerEvent = serde_json::from_str(&text).expect("an event");
        prop_assert_eq!(read.frame(), event.frame());
        prop_assert_eq!(read.payload(), &serde_json::from_str::<Value>(&text).expect("JSON")["payload"]);
        prop_assert_eq!((read.trigger_id(), read.kind()), (event.trigger_id(), event.kind()));
        prop_assert_eq!(serde_json::to_string(&read).expect("JSON"), text);
    }
}

/// A frame of a store that an older program wrote must be read for ever.
#[test]
fn frame_of_version_1_is_read() -> Result<(), FrameError> {
    const WRITTEN: &str = "\
        01019b76da900071239acd0123456789ab0000000065920080075bcd15056576656e74000a6f7264\
        65722e70616964000106736f75726365000000000473686f70000000027b7d334e3bc9\
    ";
    let bytes: Vec<u8> = WRITTEN
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16).expect("a byte"))
        .collect();
    let frame = Frame::decode(&bytes)?;
    assert_eq!(frame.id().to_string(), "019b76da-9000-7123-9acd-0123456789ab");
    assert_eq!(frame.timestamp(), UNIX_EPOCH + Duration::new(1_704_067_200, 123_456_789));
    assert_eq!(
        (frame.kind().as_str(), frame.name(), frame.attribute("source")),
        ("event", "order.paid", Some("shop"))
    );
    assert_eq!(frame.raw(), "{}");
    assert_eq!(frame.encode(), bytes);
    Ok(())
}

#[test]
fn frame_of_another_version_or_kind_says_so() {
    let event = TriggerEvent::new("sensor", "1", Map::new());
    let mut bytes = event.frame().encode();
    bytes[0] = 9;
    let error = Frame::decode(&bytes).expect_err("another version");
    assert_eq!(error.to_string(), "the frame has version 9, and this program reads version 1");
}

#[tokio::test(start_paused = true)]
async fn time_before_1970_is_kept() -> Result {
    let time = UNIX_EPOCH - Duration::new(3, 1);
    let runtime = Runtime::builder()
        .clock(PausedClock::at(time))
        .process("p", ProcessConfig::new().trigger(TriggerConfig::event("b")), |_: Text| async {})
        .start()
        .await?;
    let events = EventTrigger::new(&runtime.bus(), "a");
    events.start().await?;
    runtime.bus().emit("a", 1).await?;
    let event = events.wait_for_next().await?;
    assert_eq!(Frame::decode(&event.frame().encode())?.timestamp(), time);
    assert_eq!(serde_json::from_str::<TriggerEvent>(&serde_json::to_string(&event)?)?.timestamp(), time);
    runtime.shutdown().await;
    Ok(())
}

#[test]
fn parts_of_an_event_are_in_its_frame() {
    let [event, message] = published("order.paid", Some("shop"), b"{\"id\": 7}");
    let parts = |event: &TriggerEvent| {
        let frame = event.frame();
        (frame.kind().to_string(), frame.name().to_owned(), frame.raw().clone(), frame.body())
    };
    let expected =
        |kind: &str| (kind.to_owned(), "order.paid".to_owned(), "{\"id\": 7}".into(), json!({"id": 7}));
    assert_eq!(parts(&event), expected("event"));
    assert_eq!(parts(&message), expected("message"));
    assert_eq!(
        (event.frame().attribute("source"), message.frame().attribute("sender")),
        (Some("shop"), Some("shop"))
    );
    assert_eq!(event.frame().attribute("sender"), None);
    let request = WebhookTrigger::event("/orders?id=7", Headers::from_iter([("x-a", "1")]), "hello");
    assert_eq!((request.frame().name(), request.frame().attribute("query")), ("/orders", Some("id=7")));
    assert!(matches!(request.frame().any_attribute("headers"), Some(Attribute::Bytes(_))));
    assert!(request.frame().timestamp() <= SystemTime::now());
}

/// Metadata and payload restore text, most JSON, and the headers and the query of a request in their usual form.
#[test]
fn json_form_has_only_the_attributes_that_nothing_else_restores() {
    let marked = |event: TriggerEvent| {
        let written = serde_json::to_value(&event).expect("JSON");
        let read: TriggerEvent = serde_json::from_value(written.clone()).expect("an event");
        assert_eq!(read.frame(), event.frame());
        written.get("attributes").cloned()
    };
    let draft = Draft::new("a", "1").attribute("author", "ada").attribute("size", json!(7));
    let bytes = Attribute::Bytes(b"\xff".to_vec().into());
    let wide = Attribute::Json("[1, 2]".into());
    assert_eq!(marked(offered(draft.clone())), None);
    assert_eq!(
        marked(offered(draft.attribute("thumbnail", bytes).attribute("wide", wide))),
        Some(json!({"thumbnail": {"base64": "/w=="}, "wide": {"json": "[1, 2]"}}))
    );
    let headers = Headers::from_iter([("host", "localhost"), ("x-a", "1"), ("x-a", "2")]);
    assert_eq!(marked(WebhookTrigger::event("/orders?id=7&n=a+b", headers.clone(), "1")), None);
    let other = json!({"query": {"text": "n=a%20b"}});
    assert_eq!(marked(WebhookTrigger::event("/orders?n=a%20b", headers, "1")), Some(other));
}

/// The bytes of a body, and whether the JSON form can do without `raw`.
#[test]
fn raw_bytes_are_the_same_after_the_json_form() {
    for (body, is_canonical) in [
        (&b"hello"[..], false),
        (b"\xff\xfe", false),
        (b"{\"b\":1.0, \"a\":1}", false),
        (b"", false),
        (b"1.0", true),
        (b"1e2", false),
        (b" 7", false),
        (b"\"text\"", true),
        (b"{\"a\":1}", true),
        (b"null", true),
    ] {
        let [event, message] = published("a", None, body);
        let request = WebhookTrigger::event("/a", Headers::default(), body.to_vec());
        let custom = TriggerEvent::new("a", body.to_vec(), Map::new());
        for event in [event, message, request, custom] {
            let written = serde_json::to_value(&event).expect("JSON");
            assert_eq!(written.get("raw").is_none(), is_canonical, "{written}");
            let read: TriggerEvent = serde_json::from_value(written).expect("an event");
            assert_eq!(&read.raw()[..], body);
        }
    }
}
