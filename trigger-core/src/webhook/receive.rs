//! Where the requests of a server go: to a webhook, to `/health`, or nowhere.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::{any, get};
use http::header::ALLOW;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::{Body as _, Frame, Incoming};
use serde::Serialize;
use tokio::time::timeout;
use tower::ServiceExt;
use trigger_grammar::path::HEALTH;

use super::connection::Peer;
use super::patience::{Over, Patience};
use super::respond::{Answer, accepted, error, filtered, later, queue_full, refused, respond, stopping};
use super::{BODY_TIMEOUT, Endpoint};
use crate::clock;
use crate::deadlock::Waited;
use crate::event::{Envelope, Headers, Origin, Request as Kept, SharedEnvelope, query_without_secrets};
use crate::trigger::Offer;

/// Where requests go, as of now.
#[derive(Debug, Default)]
pub(super) struct Table {
    endpoints: HashMap<Arc<str>, Arc<Endpoint>, foldhash::fast::RandomState>,
    others: Router,
}

impl Table {
    pub(super) fn new(endpoints: &[Arc<Endpoint>]) -> Table {
        let all: Arc<[Arc<Endpoint>]> = endpoints.into();
        let not_allowed = async || error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
        let webhook = async move || ([(ALLOW, HeaderValue::from_static("POST"))], not_allowed().await);
        let mut others = Router::new().route(HEALTH, get(health).with_state(all));
        for endpoint in endpoints {
            others = others.route(&endpoint.path, any(webhook));
        }
        let others = others
            .method_not_allowed_fallback(not_allowed)
            .fallback(async || error(StatusCode::NOT_FOUND, "not found"));
        let by_path = |endpoint: &Arc<Endpoint>| (Arc::clone(&endpoint.path), Arc::clone(endpoint));
        Table { endpoints: endpoints.iter().map(by_path).collect(), others }
    }

    /// The webhook that a request is for.
    pub(super) fn endpoint<B>(&self, request: &Request<B>) -> Option<&Arc<Endpoint>> {
        if request.method() == Method::POST { self.endpoints.get(request.uri().path()) } else { None }
    }

    /// Answers what is for no webhook.
    pub(super) async fn other(&self, request: Request<Body>) -> Response<Body> {
        self.others.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }
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
async fn health(State(endpoints): State<Arc<[Arc<Endpoint>]>>) -> Answer {
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
pub(super) fn receive(
    endpoint: &Arc<Endpoint>,
    peer: &Arc<Peer>,
    request: Request<Incoming>,
) -> impl Future<Output = Answer> + use<> {
    let (parts, body) = request.into_parts();
    let kept = Box::new(Kept {
        path: Arc::clone(&endpoint.path),
        query: parts.uri.query().map(query_without_secrets).unwrap_or_default(),
        method: parts.method,
        headers: Headers::without_secrets(parts.headers),
        remote: peer.remote,
    });
    let (endpoint, peer) = (Arc::clone(endpoint), Arc::clone(peer));
    async move {
        // As the client says.
        if body.size_hint().exact().is_some_and(|length| length > endpoint.body_limit as u64) {
            return Unread::TooLarge.answer();
        }
        match read(body, endpoint.body_limit, &peer.patience).await {
            Ok(body) => offer(&endpoint, kept, body).await,
            Err(unread) => unread.answer(),
        }
    }
}

async fn offer(endpoint: &Endpoint, kept: Box<Kept>, body: Bytes) -> Answer {
    let envelope = Envelope::new(clock::stamp(), body, Origin::Webhook(kept));
    let id = envelope.id;
    match endpoint.intake.offer(SharedEnvelope::new(envelope)) {
        Offer::Queued => accepted(id),
        Offer::Filtered => filtered(id),
        Offer::Dropped | Offer::Rejected => queue_full(),
        Offer::Closed => stopping(),
        // In a box, so that its size is not that of every request.
        Offer::Waiting(offer) => match Box::pin(timeout(BODY_TIMEOUT, offer.queued())).await {
            Ok(Waited::Queued) => accepted(id),
            Ok(_) => stopping(),
            Err(_) => queue_full(),
        },
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug)]
enum Unread {
    TooLarge,
    Incomplete,
    Over(Over),
}

impl Unread {
    fn answer(self) -> Answer {
        match self {
            Unread::TooLarge => refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is over the limit"),
            Unread::Incomplete => refused(StatusCode::BAD_REQUEST, "the body is incomplete"),
            Unread::Over(Over::TimedOut) => refused(StatusCode::REQUEST_TIMEOUT, "the body took over 30 s"),
            Unread::Over(Over::Stopping) => stopping(),
        }
    }
}

/// Reads the body, up to the limit. A body that came in one piece is not copied.
async fn read(mut body: Incoming, limit: usize, patience: &Patience) -> Result<Bytes, Unread> {
    let mut first = Bytes::new();
    let mut more: Vec<u8> = Vec::new();
    // Where its length was told, its end need not be waited for.
    while !body.is_end_stream()
        && let Some(frame) = frame(&mut body, patience).await
    {
        let Ok(data) = frame?.into_data() else { continue };
        if first.len().max(more.len()) + data.len() > limit {
            return Err(Unread::TooLarge);
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

/// The next piece of a body, while the patience with the client lasts.
async fn frame(body: &mut Incoming, patience: &Patience) -> Option<Result<Frame<Bytes>, Unread>> {
    poll_fn(|cx| match (Pin::new(&mut *body).poll_frame(cx), patience.over()) {
        (Poll::Ready(frame), _) => Poll::Ready(frame.map(|frame| frame.map_err(|_| Unread::Incomplete))),
        (Poll::Pending, Some(over)) => Poll::Ready(Some(Err(Unread::Over(over)))),
        (Poll::Pending, None) => {
            patience.of_body();
            Poll::Pending
        }
    })
    .await
}
