//! The answers of the server: small JSON bodies that never tell an internal detail.

use std::ops::Range;

use axum::body::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::event::EventId;

/// An answer of ours: all of it is known at once.
pub(super) type Answer = Response<Full<Bytes>>;

/// How soon a sender may try again, in seconds.
const RETRY_SECONDS: u64 = 1;

#[derive(Serialize)]
struct Failure<'a> {
    status: &'static str,
    message: &'a str,
}

/// The answer to nearly every request, with the id of its event to come in place of the zeros.
const ACCEPTED: [u8; 71] = *br#"{"status":"accepted","event_id":"00000000-0000-0000-0000-000000000000"}"#;
const FILTERED: [u8; 71] = *br#"{"status":"filtered","event_id":"00000000-0000-0000-0000-000000000000"}"#;

/// Where the id comes, in both.
const ID: Range<usize> = 33..69;

/// 202: the event is in the queue. The map is for the headers of the answer.
pub(super) fn accepted(event_id: EventId, map: HeaderMap) -> Answer {
    received(StatusCode::ACCEPTED, ACCEPTED, event_id, map)
}

/// 200: the event was looked at, and is none that the webhook takes. The sender need not send it again.
pub(super) fn filtered(event_id: EventId, map: HeaderMap) -> Answer {
    received(StatusCode::OK, FILTERED, event_id, map)
}

fn received(status: StatusCode, mut text: [u8; 71], EventId(id): EventId, map: HeaderMap) -> Answer {
    id.hyphenated().encode_lower(&mut text[ID]);
    json(status, Bytes::copy_from_slice(&text), map)
}

/// An error, after which the connection goes on.
pub(super) fn error(status: StatusCode, message: &str) -> Answer {
    respond(status, &Failure { status: "error", message })
}

/// An error after which the connection is closed, because the rest of the request is not read.
pub(super) fn refused(status: StatusCode, message: &str) -> Answer {
    let mut response = error(status, message);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// 503: the queue has no room.
pub(super) fn queue_full() -> Answer {
    later(error(StatusCode::SERVICE_UNAVAILABLE, "queue full"))
}

/// 503: nothing is accepted any more.
pub(super) fn stopping() -> Answer {
    later(error(StatusCode::SERVICE_UNAVAILABLE, "stopping"))
}

/// An answer that says when to try again.
pub(super) fn later(mut response: Answer) -> Answer {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    response
}

/// An answer in JSON.
pub(super) fn respond(status: StatusCode, body: &impl Serialize) -> Answer {
    // None of our answers holds what JSON cannot.
    json(status, serde_json::to_vec(body).unwrap_or_default(), HeaderMap::new())
}

fn json(status: StatusCode, body: impl Into<Bytes>, map: HeaderMap) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    *response.headers_mut() = map;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
