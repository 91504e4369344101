//! The responses of the server: small JSON bodies without internal details.

use std::ops::Range;

use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use uuid::Uuid;

use trigger_core::{Bytes, EventId};

/// A response of our own. Its body is complete.
pub(crate) type Answer = Response<Full<Bytes>>;

/// The value of `Retry-After`, in seconds.
const RETRY_SECONDS: u64 = 1;

#[derive(Serialize)]
struct Failure<'a> {
    status: &'static str,
    message: &'a str,
}

/// The body of the response to a queued event. The id of the event replaces the zeros.
const ACCEPTED: [u8; 71] = *br#"{"status":"accepted","event_id":"00000000-0000-0000-0000-000000000000"}"#;
/// The body of the response to an event that the filter rejected.
const FILTERED: [u8; 71] = *br#"{"status":"filtered","event_id":"00000000-0000-0000-0000-000000000000"}"#;

/// The position of the id in both bodies.
const ID: Range<usize> = 33..69;

/// Returns 202: the event is queued. `map` becomes the headers of the response.
pub(crate) fn accepted(event_id: EventId, map: HeaderMap) -> Answer {
    received(StatusCode::ACCEPTED, ACCEPTED, event_id, map)
}

/// Returns 200: the filter rejected the event. The client need not send it again.
pub(crate) fn filtered(event_id: EventId, map: HeaderMap) -> Answer {
    received(StatusCode::OK, FILTERED, event_id, map)
}

fn received(status: StatusCode, mut text: [u8; 71], id: EventId, map: HeaderMap) -> Answer {
    Uuid::from_bytes(*id.as_bytes()).hyphenated().encode_lower(&mut text[ID]);
    json(status, Bytes::copy_from_slice(&text), map)
}

/// The body of the response to a webhook with rules about its requests.
#[derive(Serialize)]
struct Received<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<EventId>,
    /// Of every event of a batch, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_ids: Option<&'a [EventId]>,
    /// `true` if every event came before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

/// Returns the response to events that are queued, with the status that the webhook has for them.
pub(crate) fn accepted_by_rules(status: StatusCode, ids: &[EventId], is_batch: bool) -> Answer {
    by_rules(status, "accepted", (ids, is_batch), false)
}

/// Returns the response to events that came before. The ids are those of the first ones.
pub(crate) fn duplicates(status: StatusCode, ids: &[EventId], is_batch: bool) -> Answer {
    by_rules(status, "accepted", (ids, is_batch), true)
}

/// Returns 200: the filter rejected the events.
pub(crate) fn filtered_by_rules(ids: &[EventId], is_batch: bool) -> Answer {
    by_rules(StatusCode::OK, "filtered", (ids, is_batch), false)
}

fn by_rules(
    code: StatusCode,
    status: &'static str,
    (ids, is_batch): (&[EventId], bool),
    duplicate: bool,
) -> Answer {
    if code == StatusCode::NO_CONTENT {
        return empty(code, HeaderMap::new());
    }
    let event_id = ids.first().copied().filter(|_| !is_batch);
    respond(code, &Received { status, event_id, event_ids: is_batch.then_some(ids), duplicate })
}

/// Returns a response without a body.
pub(crate) fn empty(status: StatusCode, map: HeaderMap) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    *response.headers_mut() = map;
    response
}

/// Returns an error. The connection stays open.
pub(crate) fn error(status: StatusCode, message: &str) -> Answer {
    respond(status, &Failure { status: "error", message })
}

/// Returns an error that closes the connection, because the rest of the request is not read.
pub(crate) fn refused(status: StatusCode, message: &str) -> Answer {
    let mut response = error(status, message);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Returns 503: the queue is full.
pub(crate) fn queue_full() -> Answer {
    later(error(StatusCode::SERVICE_UNAVAILABLE, "queue full"))
}

/// Returns 503: the store of the program did not keep the event.
pub(crate) fn not_stored() -> Answer {
    later(error(StatusCode::SERVICE_UNAVAILABLE, "not stored"))
}

/// Returns 503: the server stops.
pub(crate) fn stopping() -> Answer {
    later(error(StatusCode::SERVICE_UNAVAILABLE, "stopping"))
}

/// Returns the bytes of an error to a connection without a request that hyper could read. The connection is closed.
pub(crate) fn bytes(status: StatusCode, message: &str) -> Vec<u8> {
    let body = body_of(&Failure { status: "error", message });
    let later = match status {
        StatusCode::SERVICE_UNAVAILABLE => format!("retry-after: {RETRY_SECONDS}\r\n"),
        _ => String::new(),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n{later}content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), &body].concat()
}

/// Adds `Retry-After` to a response.
pub(crate) fn later(mut response: Answer) -> Answer {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    response
}

/// Returns a response with a JSON body.
pub(crate) fn respond(status: StatusCode, body: &impl Serialize) -> Answer {
    json(status, body_of(body), HeaderMap::new())
}

/// Returns the bytes of a JSON body.
fn body_of(body: &impl Serialize) -> Vec<u8> {
    // Every body of the server has a JSON form.
    serde_json::to_vec(body).unwrap_or_default()
}

fn json(status: StatusCode, body: impl Into<Bytes>, map: HeaderMap) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    *response.headers_mut() = map;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
