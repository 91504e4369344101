//! The routing of requests to a webhook, to `/health` or to an error response, and the reading of a webhook request.

use std::collections::HashMap;
use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::{any, get};
use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use serde::Serialize;
use smol_str::SmolStr;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;
use trigger_grammar::path::HEALTH;

use super::connection::Peer;
use super::form;
use super::headers::Headers;
use super::query::query_without_secrets;
use super::respond::{Answer, accepted, error, filtered, later, queue_full, refused, respond, stopping};
use super::{BODY_GRACE, BODY_TIMEOUT, Endpoint};
use crate::{Bytes, Draft, Offered};

/// The maximum memory that is allocated for a body before it arrives, in bytes. The client declares the length, so it
/// may be false.
const AHEAD: u64 = 64 * 1024;

/// A snapshot of the routes of a server.
#[derive(Debug, Default)]
pub(super) struct Table {
    endpoints: HashMap<SmolStr, Arc<Endpoint>, foldhash::fast::RandomState>,
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
        let by_path = |endpoint: &Arc<Endpoint>| (endpoint.path.clone(), Arc::clone(endpoint));
        Table { endpoints: endpoints.iter().map(by_path).collect(), others }
    }

    /// Returns the webhook of a request.
    pub(super) fn endpoint<B>(&self, request: &Request<B>) -> Option<&Arc<Endpoint>> {
        if request.method() == Method::POST { self.endpoints.get(request.uri().path()) } else { None }
    }

    /// Answers a request that is for no webhook.
    pub(super) async fn other(&self, request: Request<Body>) -> Response<Body> {
        self.others.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }
}

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    /// The id of the first webhook.
    trigger_id: Option<&'a str>,
    queue_size: usize,
    /// Every webhook, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    triggers: Vec<TriggerHealth<'a>>,
}

#[derive(Serialize)]
struct TriggerHealth<'a> {
    trigger_id: &'a str,
    queue_size: usize,
}

/// Answers `healthy` while every webhook of the server accepts. The queue size is their sum.
async fn health(State(endpoints): State<Arc<[Arc<Endpoint>]>>) -> Answer {
    let accepting = !endpoints.is_empty() && endpoints.iter().all(|endpoint| endpoint.sink.is_open());
    let each = endpoints.iter().map(|endpoint| TriggerHealth {
        trigger_id: endpoint.sink.trigger_id(),
        queue_size: endpoint.sink.queue_size(),
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

/// A request to a webhook, while its body arrives.
pub(super) struct RequestReader {
    endpoint: Arc<Endpoint>,
    query: String,
    body: Incoming,
    /// The kept headers, followed by the received part of the body, so that an event needs one allocation for both.
    bytes: Vec<u8>,
    /// The number of these bytes that are the headers.
    headers: usize,
    /// The emptied header map of the request. hyper reuses the map of a response for the next request of the
    /// connection, so one map serves all requests.
    map: HeaderMap,
}

impl RequestReader {
    /// Returns a reader of a request whose headers have `headers` bytes.
    pub(super) fn new(endpoint: &Arc<Endpoint>, request: Request<Incoming>, headers: usize) -> RequestReader {
        let (parts, body) = request.into_parts();
        let ahead = body.size_hint().lower().min(AHEAD) as usize;
        let mut bytes = Vec::with_capacity(headers + ahead);
        Headers::write_without_secrets(&parts.headers, &mut bytes);
        let mut map = parts.headers;
        map.clear();
        RequestReader {
            endpoint: Arc::clone(endpoint),
            query: parts.uri.query().map(query_without_secrets).unwrap_or_default(),
            body,
            headers: bytes.len(),
            bytes,
            map,
        }
    }

    /// Reads the body, offers the event and returns the response: 202 only once the event is queued.
    pub(super) async fn answer(&mut self, peer: &Peer) -> Answer {
        let limit = self.endpoint.body_limit as u64;
        if self.body.size_hint().exact().is_some_and(|declared| declared > limit) {
            return BodyError::TooLarge.answer();
        }
        if let Err(error) = self.read(peer).await {
            return error.answer();
        }
        let (id, time) = self.endpoint.sink.stamp();
        let draft = self.draft(peer).stamped(id, time);
        let mut sending = pin!(self.endpoint.sink.send(draft));
        let offered = match poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx))).await {
            Poll::Ready(offered) => Some(offered),
            // Boxed, because most requests need no timer.
            Poll::Pending => Box::pin(timeout(BODY_TIMEOUT, sending)).await.ok(),
        };
        match offered {
            Some(Offered::Queued(_)) => accepted(id, mem::take(&mut self.map)),
            Some(Offered::Filtered) => filtered(id, mem::take(&mut self.map)),
            Some(Offered::Closed) => stopping(),
            // Also if the queue had no capacity for the whole time.
            _ => queue_full(),
        }
    }

    /// Returns the event of a request whose body was read to its end.
    fn draft(&mut self, peer: &Peer) -> Draft {
        let mut body = Bytes::from(mem::take(&mut self.bytes));
        let headers = Headers::from_written(body.split_to(self.headers));
        form::draft(
            self.endpoint.path.clone(),
            headers,
            peer.remote.clone(),
            mem::take(&mut self.query),
            body,
        )
    }

    /// Reads the body to its end. Only a body that has not arrived yet needs timers.
    async fn read(&mut self, peer: &Peer) -> Result<(), BodyError> {
        let read = poll_fn(|cx| Poll::Ready(self.poll_read(cx))).await;
        match read {
            Poll::Ready(read) => read,
            Poll::Pending => Box::pin(self.wait_for_rest(peer)).await,
        }
    }

    async fn wait_for_rest(&mut self, peer: &Peer) -> Result<(), BodyError> {
        let stopping = async {
            peer.stop.cancelled().await;
            sleep(BODY_GRACE).await;
        };
        tokio::select! {
            biased;
            read = poll_fn(|cx| self.poll_read(cx)) => read,
            () = stopping => Err(BodyError::Timeout(TimeoutKind::Stop)),
            () = sleep(BODY_TIMEOUT) => Err(BodyError::Timeout(TimeoutKind::Client)),
        }
    }

    /// Copies the received part of the body, up to the limit. A reference to it would keep hyper's whole read buffer
    /// alive.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        let limit = self.headers.saturating_add(self.endpoint.body_limit);
        // A body of known length ends without another poll.
        while !self.body.is_end_stream() {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else { break };
            let frame = frame.map_err(|_| BodyError::Incomplete)?;
            let Ok(data) = frame.into_data() else { continue };
            if self.bytes.len() + data.len() > limit {
                return Poll::Ready(Err(BodyError::TooLarge));
            }
            self.bytes.extend_from_slice(&data);
        }
        Poll::Ready(Ok(()))
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug)]
enum BodyError {
    TooLarge,
    Incomplete,
    Timeout(TimeoutKind),
}

/// The time limit that a body has exceeded.
#[derive(Clone, Copy, Debug)]
enum TimeoutKind {
    /// The limit of a client: [`BODY_TIMEOUT`].
    Client,
    /// The limit of a stopping server: [`BODY_GRACE`].
    Stop,
}

impl BodyError {
    fn answer(self) -> Answer {
        match self {
            BodyError::TooLarge => refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is over the limit"),
            BodyError::Incomplete => refused(StatusCode::BAD_REQUEST, "the body is incomplete"),
            BodyError::Timeout(TimeoutKind::Client) => {
                refused(StatusCode::REQUEST_TIMEOUT, "the body took over 30 s")
            }
            BodyError::Timeout(TimeoutKind::Stop) => stopping(),
        }
    }
}
