//! The answers of the server: small JSON bodies that never tell an internal detail.

use axum::body::Body;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::event::EventId;

/// How soon a sender may try again, in seconds.
const RETRY_SECONDS: u64 = 1;

#[derive(Serialize)]
struct Received {
    status: &'static str,
    event_id: EventId,
}

#[derive(Serialize)]
struct Failure<'a> {
    status: &'static str,
    message: &'a str,
}

/// 202: the event is in the queue.
pub(super) fn accepted(event_id: EventId) -> Response<Body> {
    respond(StatusCode::ACCEPTED, &Received { status: "accepted", event_id })
}

/// 200: the event was looked at, and is none that the webhook takes. The sender need not send it again.
pub(super) fn filtered(event_id: EventId) -> Response<Body> {
    respond(StatusCode::OK, &Received { status: "filtered", event_id })
}

/// An error, after which the connection goes on.
pub(super) fn error(status: StatusCode, message: &str) -> Response<Body> {
    respond(status, &Failure { status: "error", message })
}

/// An error after which the connection is closed, because the rest of the request is not read.
pub(super) fn refused(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = error(status, message);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// 503: the queue has no room.
pub(super) fn queue_full() -> Response<Body> {
    later(error(StatusCode::SERVICE_UNAVAILABLE, "queue full"))
}

/// 503: nothing is accepted any more.
pub(super) fn stopping() -> Response<Body> {
    later(error(StatusCode::SERVICE_UNAVAILABLE, "stopping"))
}

/// An answer that says when to try again.
pub(super) fn later(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    response
}

/// An answer in JSON.
pub(super) fn respond(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    // None of our answers holds what JSON cannot.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
