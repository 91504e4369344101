//! Properties of the readers of requests for any input. The tests call them with random input and with the corpus of `fuzz`, and
//! the targets of cargo-fuzz, which sets `cfg(fuzzing)`, call them as well.
//!
//! A request is its headers, one in a line as `name: value`, an empty line, and the body.

use std::num::NonZeroU32;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use crate::event::cloudevents::handshake::Handshake;
use crate::event::cloudevents::{CLOUDEVENT, CloudEvent, CloudEventParts, read};
use crate::event::draft::draft;
use crate::event::form_field::form_field;
use crate::event::gzip::gunzip;
use crate::event::headers::Headers;
use crate::event::pairs::decode;
use crate::source::WEBHOOK;
use trigger_core::{Bytes, Context, Frame, FromTrigger, TriggerEvent};

mod clients;
mod connections;
mod signatures;

pub use clients::{clients, grammars};
pub use connections::connections;
pub use signatures::signatures;

/// The limit of an unpacked body, in bytes.
const LIMIT: usize = 64 * 1024;

/// Returns the headers and the body. Lines that are no header are left out.
fn request(input: &[u8]) -> (HeaderMap, &[u8]) {
    let mut headers = HeaderMap::new();
    let mut rest = input;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, behind) = (&rest[..end], &rest[end + 1..]);
        rest = behind;
        if line.is_empty() {
            return (headers, rest);
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    (headers, rest)
}

/// A request with CloudEvents is read or refused. Each event that is read survives its two encoded forms. Its handshake is
/// answered.
pub fn cloudevents(input: &[u8]) {
    let (headers, body) = request(input);
    answers_handshake(&headers);
    for batch_allowed in [false, true] {
        let events = match read(&headers, body, batch_allowed) {
            Ok(events) => events.unwrap_or_default(),
            Err(error) => {
                refusal(error.status, error.reason, &error.message);
                continue;
            }
        };
        assert!(events.len() <= 1000 && (batch_allowed || events.len() <= 1));
        for event in events {
            survives(&event, &Bytes::copy_from_slice(body));
        }
    }
}

/// A refusal blames the client, and its message is short whatever the client has sent.
fn refusal(status: StatusCode, reason: &str, message: &str) {
    assert!(status.is_client_error() && !reason.is_empty());
    assert!((1..500).contains(&message.len()), "{message}");
}

fn survives(parts: &CloudEventParts, body: &Bytes) {
    let (source, id) = parts.dedupe_key();
    let draft = draft("/in", Headers::default(), "127.0.0.1", String::new(), parts.data(body));
    let event = TriggerEvent::from_draft(&WEBHOOK, "in", parts.add_to(draft));
    let frame = Frame::decode(&event.frame().encode());
    assert!(frame.is_ok_and(|frame| frame == *event.frame()));
    let json = serde_json::to_vec(&event).unwrap_or_default();
    let read = serde_json::from_slice::<TriggerEvent>(&json);
    assert!(read.is_ok_and(|read| read.frame() == event.frame()));
    assert_eq!(event.metadata()[CLOUDEVENT]["id"], id);
    // The data need not be JSON, but then the rejection is about the data.
    match CloudEvent::<Value>::from_trigger(&Context::new(&event)) {
        Ok(event) => assert_eq!((&*event.source, &*event.id), (source, id)),
        Err(rejection) => assert!(rejection.to_string().contains("data"), "{rejection}"),
    }
}

/// A handshake is answered. An answer with consent has both headers.
fn answers_handshake(headers: &HeaderMap) {
    let settings = Handshake::new(["a.example.com".to_owned()], NonZeroU32::new(100));
    let answer = settings.answer(headers);
    let has = |name: &str| answer.headers.contains_key(name);
    let consents = has("webhook-allowed-origin");
    assert_eq!((consents, consents), (has("webhook-allowed-rate"), answer.status == StatusCode::OK));
    assert!(!consents || settings.allows_delivery(headers));
}

/// A form is decoded or refused, as a whole and as one field.
pub fn form(input: &[u8]) {
    let (headers, body) = request(input);
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let field = form_field(content_type, body, "payload");
    let pairs = decode::<Vec<(String, String)>>(body, "form").unwrap_or_default();
    match field {
        Ok(field) => assert!(pairs.iter().any(|(key, value)| key == "payload" && field == *value)),
        Err(error) => refusal(error.status(), error.reason(), &error.message("payload")),
    }
    drop(decode::<Map<String, Value>>(body, "form"));
}

/// A body is unpacked within the limit, or refused.
pub fn gzip(input: &[u8]) {
    for limit in [0, 1, LIMIT] {
        match gunzip(input, limit) {
            Ok(body) => assert!(body.len() <= limit),
            Err(error) => refusal(error.status(), error.reason(), error.message()),
        }
    }
}

#[cfg(test)]
mod tests;
