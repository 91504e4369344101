//! Where the requests of a server go: to a webhook, to `/health`, or nowhere.

use std::collections::HashMap;
use std::future::poll_fn;
use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::{any, get};
use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
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
use crate::event::{Envelope, Headers, Origin, Request as Kept, query_without_secrets};
use crate::trigger::Offer;

/// How much of a body is made room for before it came, by what the client says of its length, which may be a lie.
const AHEAD: u64 = 64 * 1024;

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

/// A request to a webhook, while its body comes.
pub(super) struct Arriving {
    endpoint: Arc<Endpoint>,
    query: String,
    body: Incoming,
    /// The headers as they are kept, and behind them what has come of the body: an event needs one piece of memory for both.
    bytes: Vec<u8>,
    /// The map of its headers, empty. hyper puts those of the next request into the one that it got with an answer, so that
    /// one map serves a connection.
    map: HeaderMap,
}

impl Arriving {
    /// `headers` is how many bytes the headers of the request have.
    pub(super) fn new(endpoint: &Arc<Endpoint>, request: Request<Incoming>, headers: usize) -> Arriving {
        let (parts, body) = request.into_parts();
        let ahead = body.size_hint().lower().min(AHEAD) as usize;
        let mut bytes = Vec::with_capacity(headers + ahead);
        Headers::write_without_secrets(&parts.headers, &mut bytes);
        let mut map = parts.headers;
        map.clear();
        Arriving {
            endpoint: Arc::clone(endpoint),
            query: parts.uri.query().map(query_without_secrets).unwrap_or_default(),
            body,
            bytes,
            map,
        }
    }

    /// Answers 202 once the event is in the queue, and never before.
    pub(super) async fn answer(&mut self, peer: &Peer) -> Answer {
        let (headers, limit) = (self.bytes.len(), self.endpoint.body_limit);
        // As the client says.
        if self.body.size_hint().exact().is_some_and(|length| length > limit as u64) {
            return Unread::TooLarge.answer();
        }
        if let Err(unread) = poll_fn(|cx| self.poll_read(headers + limit, &peer.patience, cx)).await {
            return unread.answer();
        }
        let envelope = self.envelope(headers, peer.remote);
        let id = envelope.id;
        let intake = &self.endpoint.intake;
        match intake.offer(Arc::new(envelope)) {
            Offer::Queued => accepted(id, mem::take(&mut self.map)),
            Offer::Filtered => filtered(id, mem::take(&mut self.map)),
            Offer::Dropped | Offer::Rejected => queue_full(),
            Offer::Closed => stopping(),
            // In a box, so that its size is not that of every request.
            Offer::Waiting(offer) => match Box::pin(timeout(BODY_TIMEOUT, offer.queued())).await {
                Ok(Waited::Queued) => accepted(id, mem::take(&mut self.map)),
                Ok(_) => stopping(),
                Err(_) => queue_full(),
            },
        }
    }

    /// The event that the request is, read to its end. So many of its bytes are those of its headers.
    fn envelope(&mut self, headers: usize, remote: SocketAddr) -> Envelope {
        let mut body = Bytes::from(mem::take(&mut self.bytes));
        let kept = Kept {
            path: Arc::clone(&self.endpoint.path),
            query: mem::take(&mut self.query),
            headers: Headers::written(body.split_to(headers)),
            remote,
        };
        Envelope::new(clock::stamp(), body, Origin::Webhook(Box::new(kept)))
    }

    /// Reads the body, up to a limit of all bytes, while the patience with the client lasts. It is copied even if it came in
    /// one piece, as that would keep alive all that was read from the connection with it.
    fn poll_read(
        &mut self,
        limit: usize,
        patience: &Patience,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Unread>> {
        // Where its length was told, its end need not be waited for.
        while !self.body.is_end_stream() {
            let frame = match (Pin::new(&mut self.body).poll_frame(cx), patience.over()) {
                (Poll::Ready(Some(frame)), _) => frame.map_err(|_| Unread::Incomplete)?,
                (Poll::Ready(None), _) => break,
                (Poll::Pending, Some(over)) => return Poll::Ready(Err(Unread::Over(over))),
                (Poll::Pending, None) => {
                    patience.of_body();
                    return Poll::Pending;
                }
            };
            let Ok(data) = frame.into_data() else { continue };
            if self.bytes.len() + data.len() > limit {
                return Poll::Ready(Err(Unread::TooLarge));
            }
            self.bytes.extend_from_slice(&data);
        }
        Poll::Ready(Ok(()))
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
