//! A webhook by hand with axum: a route, a bounded channel, and a receiving task.

use std::hint::black_box;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use benches::request::SECRET;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::mpsc::{Sender, channel};
use uuid::Uuid;

use crate::{Accepted, CAPACITY, Outcome, listen};

/// An event with its body as JSON.
struct Parsed {
    id: Uuid,
    payload: Value,
}

/// An event with the whole request as it arrived.
struct Raw {
    id: Uuid,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// Parses each body before it answers.
pub(crate) async fn parsed() -> Outcome {
    let events = receiving(|Parsed { id, payload }| drop(black_box((id, payload))));
    let route = post(async |State(events): State<Sender<Parsed>>, body: Bytes| {
        let Ok(payload) = serde_json::from_slice(&body) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let id = Uuid::now_v7();
        answer(id, events.try_send(Parsed { id, payload }).is_ok())
    });
    serve(Router::new().route("/events", route).with_state(events)).await
}

/// Verifies the signature of GitHub over each body, and parses it before it answers.
pub(crate) async fn verified() -> Outcome {
    let events = receiving(|Parsed { id, payload }| drop(black_box((id, payload))));
    let route = post(async |State(events): State<Sender<Parsed>>, headers: HeaderMap, body: Bytes| {
        if !is_signed(&headers, &body) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let Ok(payload) = serde_json::from_slice(&body) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let id = Uuid::now_v7();
        answer(id, events.try_send(Parsed { id, payload }).is_ok())
    });
    serve(Router::new().route("/events", route).with_state(events)).await
}

/// Returns `true` if a body has a valid signature.
fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let signature = headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok());
    let Some(hex) = signature.and_then(|signature| signature.strip_prefix("sha256=")) else { return false };
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let Some(tag) = (0..hex.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>() else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()) else { return false };
    mac.update(body);
    mac.verify_slice(&tag).is_ok()
}

/// Keeps each body as it is, with the headers.
pub(crate) async fn bytes() -> Outcome {
    let events = receiving(|Raw { id, uri, headers, body }| drop(black_box((id, uri, headers, body))));
    let route = post(async |State(events): State<Sender<Raw>>, uri: Uri, headers: HeaderMap, body: Bytes| {
        let id = Uuid::now_v7();
        answer(id, events.try_send(Raw { id, uri, headers, body }).is_ok())
    });
    serve(Router::new().route("/events", route).with_state(events)).await
}

async fn serve(router: Router) -> Outcome {
    Ok(axum::serve(listen().await?, router).await?)
}

fn receiving<E: Send + 'static>(handle: fn(E)) -> Sender<E> {
    let (sender, mut receiver) = channel(CAPACITY);
    tokio::spawn(async move {
        while let Some(event) = receiver.recv().await {
            handle(event);
        }
    });
    sender
}

fn answer(event_id: Uuid, queued: bool) -> Response {
    if !queued {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match serde_json::to_vec(&Accepted { status: "accepted", event_id }) {
        Ok(body) => (StatusCode::ACCEPTED, [(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
