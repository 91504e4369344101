//! The routes of a server: one for each webhook, and `/health`.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::{get, post};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde::Serialize;
use tokio::time::timeout;
use trigger_grammar::path::HEALTH;

use super::connection::Peer;
use super::respond::{accepted, error, filtered, later, queue_full, refused, respond, stopping};
use super::{BODY_TIMEOUT, Endpoint};
use crate::clock;
use crate::deadlock::Waited;
use crate::event::{Envelope, Headers, Origin, Request as Kept, TriggerEvent, query_without_secrets};
use crate::trigger::Offer;

pub(super) fn router(endpoints: &[Arc<Endpoint>]) -> Router {
    let all: Arc<[Arc<Endpoint>]> = endpoints.into();
    let mut router = Router::new().route(HEALTH, get(health).with_state(all));
    for endpoint in endpoints {
        router = router.route(&endpoint.path, post(receive).with_state(Arc::clone(endpoint)));
    }
    router
        .method_not_allowed_fallback(async || error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"))
        .fallback(async || error(StatusCode::NOT_FOUND, "not found"))
}

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    /// The first webhook, where there are several.
    trigger_id: Option<&'a str>,
    queue_size: usize,
    /// Each of them, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    triggers: Vec<TriggerHealth<'a>>,
}

#[derive(Serialize)]
struct TriggerHealth<'a> {
    trigger_id: &'a str,
    queue_size: usize,
}

/// Healthy while every webhook of the server accepts; the queue size is their sum.
async fn health(State(endpoints): State<Arc<[Arc<Endpoint>]>>) -> Response<Body> {
    let accepting = !endpoints.is_empty() && endpoints.iter().all(|endpoint| endpoint.intake.queue.is_open());
    let each = endpoints.iter().map(|endpoint| TriggerHealth {
        trigger_id: endpoint.intake.id(),
        queue_size: endpoint.intake.queue.len(),
    });
    let each: Vec<_> = each.collect();
    let health = Health {
        status: if accepting { "healthy" } else { "stopping" },
        trigger_id: each.first().map(|first| first.trigger_id),
        queue_size: each.iter().map(|trigger| trigger.queue_size).sum(),
        triggers: if each.len() > 1 { each } else { Vec::new() },
    };
    if accepting {
        respond(StatusCode::OK, &health)
    } else {
        later(respond(StatusCode::SERVICE_UNAVAILABLE, &health))
    }
}

/// Answers 202 once the event is in the queue, and never before.
async fn receive(State(endpoint): State<Arc<Endpoint>>, request: Request<Body>) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let Some(peer) = parts.extensions.remove::<Arc<Peer>>() else {
        return error(StatusCode::INTERNAL_SERVER_ERROR, "internal error");
    };
    if declared_length(&parts.headers).is_some_and(|length| length > endpoint.body_limit as u64) {
        return too_large();
    }
    let body = tokio::select! {
        biased;
        body = timeout(BODY_TIMEOUT, read(body, endpoint.body_limit)) => body,
        () = peer.given_up() => return stopping(),
    };
    let body = match body {
        Ok(Ok(body)) => body,
        Ok(Err(refusal)) => return refusal,
        Err(_) => return refused(StatusCode::REQUEST_TIMEOUT, "the body took over 30 s"),
    };
    let kept = Kept {
        path: parts.uri.path().to_owned(),
        query: query_without_secrets(parts.uri.query().unwrap_or_default()),
        method: parts.method,
        headers: Headers::without_secrets(parts.headers),
        remote: peer.remote,
    };
    let origin = Origin::Webhook(Box::new(kept));
    let envelope = Arc::new(Envelope::new(clock::stamp(), body, origin));
    match endpoint.intake.offer(TriggerEvent::through(endpoint.intake.info(), &envelope)) {
        Offer::Queued => accepted(envelope.id),
        Offer::Filtered => filtered(envelope.id),
        Offer::Dropped | Offer::Rejected => queue_full(),
        Offer::Closed => stopping(),
        Offer::Waiting(offer) => match timeout(BODY_TIMEOUT, offer.queued()).await {
            Ok(Waited::Queued) => accepted(envelope.id),
            Ok(_) => stopping(),
            Err(_) => queue_full(),
        },
    }
}

/// What the client says the body is long. hyper has refused lengths that are none.
fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large() -> Response<Body> {
    refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is over the limit")
}

/// Reads the body, up to the limit. A body that came in one piece is not copied.
async fn read(mut body: Body, limit: usize) -> Result<Bytes, Response<Body>> {
    let mut first = Bytes::new();
    let mut more: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| refused(StatusCode::BAD_REQUEST, "the body is incomplete"))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len().max(more.len()) + data.len() > limit {
            return Err(too_large());
        }
        if first.is_empty() && more.is_empty() {
            first = data;
            continue;
        }
        if more.is_empty() {
            more.extend_from_slice(&first);
        }
        more.extend_from_slice(&data);
    }
    Ok(if more.is_empty() { first } else { more.into() })
}
