//! The reading of a webhook request, from its head to the answer.

use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::{Body, Incoming};
use smol_str::SmolStr;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::event::draft;
use crate::event::headers::Headers;
use crate::event::query::query_without_secrets;
use crate::respond::{Answer, accepted, filtered, later, not_stored, queue_full, refused, stopping};
use crate::server::bodies::Share;
use crate::server::body_clock::{BodyClock, Slow};
use crate::server::limits::{BODY_GRACE, QUEUE_TIMEOUT};
use crate::server::peer::Origin;
use crate::server::table::Endpoint;
use trigger_core::{Bytes, Draft, Offered};
use trigger_grammar::duration::show_duration;
use trigger_grammar::size::show_size;

/// The maximum memory that is allocated for a body before it arrives, in bytes. The client declares the length, so it
/// may be false.
const AHEAD: u64 = 8 * 1024;

mod once;
mod steps;

/// What the checks of the head have seen of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) header_bytes: usize,
    /// `true` if the client waits for `100 Continue` before it sends the body.
    pub(crate) expects: bool,
    /// `true` if the request is a CloudEvent.
    pub(crate) is_cloudevent: bool,
}

/// A request to a webhook, while its body arrives.
pub(crate) struct RequestReader<B = Incoming> {
    endpoint: Arc<Endpoint>,
    /// The target of the request, if it has a query or captures. The query has its secrets until the checks have seen the body.
    target: Option<PathAndQuery>,
    /// The headers with their secrets, until the checks have seen the body. The emptied map is that of the response, which hyper
    /// reuses for the next request of the connection, so one map serves all requests.
    headers: HeaderMap,
    body: B,
    method: Method,
    /// The address of the client, if it is not that of the connection.
    client: Option<SmolStr>,
    /// `true` if the request is a CloudEvent.
    is_cloudevent: bool,
    /// `true` if the client waits for `100 Continue` before it sends the body.
    expects: bool,
    /// The time for which the rest of the body was awaited.
    reading: Duration,
    /// The kept headers, followed by the received part of the body, so that an event needs one allocation for both.
    bytes: Vec<u8>,
    /// The number of these bytes that are the headers. A head is far smaller than 4 GiB.
    kept: u32,
}

impl<B: Body<Data = Bytes> + Unpin> RequestReader<B> {
    /// Returns a reader of a request. `client` is the address of its client, if it is not that of the connection.
    // So that the reader is made in the place of its future, and not copied to it.
    #[inline(always)]
    pub(crate) fn new(
        endpoint: &Arc<Endpoint>,
        request: Request<B>,
        seen: Seen,
        client: Option<SmolStr>,
    ) -> RequestReader<B> {
        let Seen { header_bytes, expects, is_cloudevent } = seen;
        let (parts, body) = request.into_parts();
        let ahead = body.size_hint().lower().min(AHEAD) as usize;
        let mut bytes = Vec::with_capacity(header_bytes + ahead);
        Headers::write_without_secrets(&parts.headers, endpoint.rules.signature_header.as_ref(), &mut bytes);
        RequestReader {
            endpoint: Arc::clone(endpoint),
            target: parts
                .uri
                .path_and_query()
                .filter(|target| target.query().is_some() || endpoint.has_captures)
                .cloned(),
            method: parts.method,
            client,
            is_cloudevent,
            expects,
            reading: Duration::ZERO,
            headers: parts.headers,
            body,
            kept: bytes.len() as u32,
            bytes,
        }
    }

    /// Reads the body, offers the event and returns the response: 202 only once the event is queued.
    pub(crate) async fn answer<P: Origin>(&mut self, peer: &P) -> Answer {
        if let Err(error) = self.read(peer).await {
            return error.answer(peer);
        }
        if !self.endpoint.takes_plain_bodies || self.is_cloudevent || self.method != Method::POST {
            // Boxed, because most webhooks need no memory for it.
            return Box::pin(self.answer_by_rules(peer)).await;
        }
        let (id, time) = self.endpoint.sink.stamp();
        let draft = self.draft(peer).stamped(id, time);
        match self.offer(draft, peer).await {
            Offered::Queued(_) => accepted(id, mem::take(&mut self.headers)),
            Offered::Filtered => filtered(id, mem::take(&mut self.headers)),
            refused => refused_offer(refused, peer),
        }
    }

    /// Offers an event. It waits for capacity for a limited time, and is then [`Offered::Rejected`].
    // `&mut`, because a body of axum cannot be shared by threads.
    async fn offer<P: Origin>(&mut self, draft: Draft, peer: &P) -> Offered {
        let mut sending = pin!(self.endpoint.sink.send(draft));
        match poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx))).await {
            Poll::Ready(offered) => offered,
            // Boxed, because most requests need no timer.
            Poll::Pending => {
                let left = peer.limits().after_head().saturating_sub(self.reading);
                let sent = Box::pin(timeout(QUEUE_TIMEOUT.min(left), sending)).await;
                sent.unwrap_or(Offered::Rejected)
            }
        }
    }

    /// Refuses a request by its head: a declared length over the limit, or a large body or one that waits for `100 Continue`
    /// while the queue is full. A small body is read anyway, because that costs less than a new connection.
    fn check_head(&self) -> Result<(), BodyError> {
        let declared = self.body.size_hint().exact();
        if declared.is_some_and(|declared| declared > self.endpoint.body_limit as u64) {
            return Err(BodyError::TooLarge);
        }
        if declared.is_some_and(|declared| declared <= AHEAD) && !self.expects {
            return Ok(());
        }
        self.check_room()
    }

    /// Refuses a body that the queue has no capacity for. The client may still send less than it declared.
    fn check_room(&self) -> Result<(), BodyError> {
        let least = self.body.size_hint().lower() as usize;
        let body = least.max(self.bytes.len() - self.kept as usize);
        if self.endpoint.sink.has_room(body) { Ok(()) } else { Err(BodyError::QueueFull) }
    }

    /// Returns the received bytes of the body.
    fn received(&self) -> &[u8] {
        &self.bytes[self.kept as usize..]
    }

    /// Replaces the body, such as by what it unpacks to.
    fn replace_body(&mut self, body: &[u8]) {
        self.bytes.truncate(self.kept as usize);
        self.bytes.extend_from_slice(body);
    }

    /// Returns the path of the request.
    fn path(&self) -> &str {
        self.target.as_ref().map_or(&*self.endpoint.path, PathAndQuery::path)
    }

    /// Returns the query with its secrets.
    fn query(&self) -> Option<&str> {
        self.target.as_ref().and_then(PathAndQuery::query)
    }

    /// Returns the address of the client.
    fn remote<'a, P: Origin>(&'a self, peer: &'a P) -> &'a str {
        self.client.as_ref().unwrap_or(peer.remote())
    }

    /// Returns the event of a request whose body is complete, and drops what carries secrets.
    fn draft<P: Origin>(&mut self, peer: &P) -> Draft {
        let parts = self.event_parts(peer);
        let body = parts.body.clone();
        parts.draft(body)
    }

    /// Returns the parts of the events of a request, and drops what carries secrets.
    #[inline(always)]
    fn event_parts<P: Origin>(&mut self, peer: &P) -> EventParts {
        self.headers.clear();
        let target = self.target.take();
        let query = target.as_ref().and_then(PathAndQuery::query).map(query_without_secrets);
        let mut body = Bytes::from(mem::take(&mut self.bytes));
        let headers = Headers::from_written(body.split_to(self.kept as usize));
        let has_captures = self.endpoint.has_captures;
        let path = match &target {
            Some(target) if has_captures => target.path().into(),
            _ => self.endpoint.path.clone(),
        };
        EventParts {
            path,
            route: has_captures.then(|| self.endpoint.path.clone()),
            headers,
            remote: self.client.take().unwrap_or_else(|| peer.remote().clone()),
            query: query.unwrap_or_default(),
            method: self.method.clone(),
            body,
        }
    }

    /// Reads the body to its end. Only a body that has not arrived yet needs timers, and counts as unfinished.
    async fn read<P: Origin>(&mut self, peer: &P) -> Result<(), BodyError> {
        self.check_head()?;
        let read = poll_fn(|cx| Poll::Ready(self.poll_read(cx))).await;
        match read {
            Poll::Ready(read) => read,
            Poll::Pending => {
                self.check_room()?;
                let clock = BodyClock::new(peer.limits());
                let awaited = peer.awaits_body();
                let read = Box::pin(self.wait_for_rest(peer, &clock)).await;
                drop(awaited);
                self.reading = clock.elapsed();
                read
            }
        }
    }

    async fn wait_for_rest<P: Origin>(&mut self, peer: &P, clock: &BodyClock) -> Result<(), BodyError> {
        let stopping = async {
            peer.stop().cancelled().await;
            sleep(BODY_GRACE).await;
        };
        // One body of the largest size always fits.
        let largest = (self.kept as usize).saturating_add(self.endpoint.body_limit);
        let limit = peer.limits().unfinished_bodies.max(largest);
        let mut share = Share::new(&peer.load().bodies, limit);
        let mut timer = pin!(sleep_until(clock.deadline(0).0));
        let reading = poll_fn(|cx| {
            if let Poll::Ready(read) = self.poll_read(cx) {
                return Poll::Ready(read);
            }
            if !share.grow_to(self.bytes.capacity()) {
                return Poll::Ready(Err(BodyError::TooMany));
            }
            while timer.as_mut().poll(cx).is_ready() {
                // What has arrived since then has moved the deadline.
                let (deadline, slow) = clock.deadline(self.bytes.len() - self.kept as usize);
                if deadline <= Instant::now() {
                    return Poll::Ready(Err(BodyError::Slow(slow)));
                }
                timer.as_mut().reset(deadline);
            }
            Poll::Pending
        });
        tokio::select! {
            biased;
            read = reading => read,
            () = stopping => Err(BodyError::Stopping),
        }
    }

    /// Copies the received part of the body, up to the limit. A reference to it would keep hyper's whole read buffer
    /// alive.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        let limit = (self.kept as usize).saturating_add(self.endpoint.body_limit);
        // A body of known length ends without another poll.
        while !self.body.is_end_stream() {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else { break };
            let frame = frame.map_err(|_| BodyError::Incomplete)?;
            let Ok(data) = frame.into_data() else { continue };
            if self.bytes.len() + data.len() > limit {
                return Poll::Ready(Err(BodyError::TooLarge));
            }
            self.grow(data.len(), limit);
            self.bytes.extend_from_slice(&data);
        }
        Poll::Ready(Ok(()))
    }

    /// Makes space for received bytes: twice as much as before, and no more than the rest of the body can need.
    fn grow(&mut self, more: usize, limit: usize) {
        let (length, capacity) = (self.bytes.len(), self.bytes.capacity());
        if capacity - length < more {
            let rest = self.body.size_hint().upper().and_then(|rest| usize::try_from(rest).ok());
            let most = rest.map_or(limit, |rest| limit.min((length + more).saturating_add(rest)));
            let capacity = capacity.saturating_mul(2).min(most).max(length + more);
            self.bytes.reserve_exact(capacity - length);
        }
    }
}

/// What the events of one request have in common, and its body.
#[derive(Clone)]
struct EventParts {
    path: SmolStr,
    /// The path of the trigger, if it has captures.
    route: Option<SmolStr>,
    headers: Headers,
    remote: SmolStr,
    query: String,
    method: Method,
    body: Bytes,
}

impl EventParts {
    /// Returns an event of the request with this body.
    #[inline(always)]
    fn draft(self, body: Bytes) -> Draft {
        let draft = draft::draft(self.path, self.headers, self.remote, self.query, body);
        let draft = match self.route {
            Some(route) => draft.route(route),
            None => draft,
        };
        if self.method == Method::POST { draft } else { draft.attribute(draft::METHOD, self.method.as_str()) }
    }
}

/// Returns the answer to an event that was not accepted.
#[cold]
fn refused_offer<P: Origin>(offered: Offered, peer: &P) -> Answer {
    match offered {
        Offered::Closed => stopping(),
        Offered::NotStored => not_stored(),
        // Also if the queue had no capacity for the whole time.
        _ => {
            peer.load().counts.add("queue_full");
            queue_full()
        }
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug)]
enum BodyError {
    TooLarge,
    Incomplete,
    /// It exceeded a time limit.
    Slow(Slow),
    /// The unfinished bodies of the server are over their limit.
    TooMany,
    QueueFull,
    /// The server stops, and [`BODY_GRACE`] is over.
    Stopping,
}

impl BodyError {
    /// Counts the error, and returns its answer, which closes the connection.
    #[cold]
    fn answer<P: Origin>(self, peer: &P) -> Answer {
        let (reason, answer) = match self {
            BodyError::TooLarge => {
                ("body_size", refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is over the limit"))
            }
            BodyError::Incomplete => {
                ("body_incomplete", refused(StatusCode::BAD_REQUEST, "the body is incomplete"))
            }
            BodyError::Slow(Slow::Total(limit)) => {
                let message = format!("the body took over {}", show_duration(limit.as_millis() as u64));
                ("body_timeout", refused(StatusCode::REQUEST_TIMEOUT, &message))
            }
            BodyError::Slow(Slow::Rate(rate)) => {
                let message = format!("the body arrived with under {} a second", show_size(rate as u64));
                ("body_rate", refused(StatusCode::REQUEST_TIMEOUT, &message))
            }
            BodyError::TooMany => {
                let message = "too many bodies are unfinished";
                ("body_bytes", later(refused(StatusCode::SERVICE_UNAVAILABLE, message)))
            }
            BodyError::QueueFull => {
                ("queue_full", later(refused(StatusCode::SERVICE_UNAVAILABLE, "queue full")))
            }
            BodyError::Stopping => return stopping(),
        };
        peer.load().counts.add(reason);
        answer
    }
}
