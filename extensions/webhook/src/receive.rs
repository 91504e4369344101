//! The reading of a webhook request, from its head to the answer.

use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::check::{Check, Head, Refusal};
use super::form;
use super::headers::Headers;
use super::peer::Peer;
use super::query::query_without_secrets;
use super::respond::{Answer, accepted, error, filtered, not_stored, queue_full, refused, stopping};
use super::table::Endpoint;
use super::{BODY_GRACE, QUEUE_TIMEOUT};
use trigger_core::{Bytes, Draft, Offered};
use trigger_grammar::duration::show_duration;

/// The maximum memory that is allocated for a body before it arrives, in bytes. The client declares the length, so it
/// may be false.
const AHEAD: u64 = 64 * 1024;

/// A request to a webhook, while its body arrives.
pub(super) struct RequestReader {
    endpoint: Arc<Endpoint>,
    /// The target of the request, if it has a query, with its secrets, until the checks have seen the body.
    target: Option<PathAndQuery>,
    /// The headers with their secrets, until the checks have seen the body. The emptied map is that of the response, which hyper
    /// reuses for the next request of the connection, so one map serves all requests.
    headers: HeaderMap,
    body: Incoming,
    /// The kept headers, followed by the received part of the body, so that an event needs one allocation for both.
    bytes: Vec<u8>,
    /// The number of these bytes that are the headers. A head is far smaller than 4 GiB.
    kept: u32,
    version: Version,
}

impl RequestReader {
    /// Returns a reader of a request whose headers have `header_bytes`.
    // So that the reader is made in the place of its future, and not copied to it.
    #[inline(always)]
    pub(super) fn new(
        endpoint: &Arc<Endpoint>,
        request: Request<Incoming>,
        header_bytes: usize,
    ) -> RequestReader {
        let (parts, body) = request.into_parts();
        let ahead = body.size_hint().lower().min(AHEAD) as usize;
        let mut bytes = Vec::with_capacity(header_bytes + ahead);
        Headers::write_without_secrets(&parts.headers, &mut bytes);
        RequestReader {
            endpoint: Arc::clone(endpoint),
            target: parts.uri.path_and_query().filter(|target| target.query().is_some()).cloned(),
            version: parts.version,
            headers: parts.headers,
            body,
            kept: bytes.len() as u32,
            bytes,
        }
    }

    /// Reads the body, offers the event and returns the response: 202 only once the event is queued.
    pub(super) async fn answer(&mut self, peer: &Peer<impl Check>) -> Answer {
        let limit = self.endpoint.body_limit as u64;
        if self.body.size_hint().exact().is_some_and(|declared| declared > limit) {
            return BodyError::TooLarge.answer();
        }
        let time_limit = peer.settings.limits.body_timeout;
        if let Err(error) = self.read(&peer.stop, time_limit).await {
            return error.answer();
        }
        if let Err(refusal) = self.check(peer) {
            return error(refusal.status, &refusal.message);
        }
        let (id, time) = self.endpoint.sink.stamp();
        let draft = self.draft(peer).stamped(id, time);
        let mut sending = pin!(self.endpoint.sink.send(draft));
        let offered = match poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx))).await {
            Poll::Ready(offered) => Some(offered),
            // Boxed, because most requests need no timer.
            Poll::Pending => Box::pin(timeout(QUEUE_TIMEOUT, sending)).await.ok(),
        };
        match offered {
            Some(Offered::Queued(_)) => accepted(id, mem::take(&mut self.headers)),
            Some(Offered::Filtered) => filtered(id, mem::take(&mut self.headers)),
            Some(Offered::Closed) => stopping(),
            Some(Offered::NotStored) => not_stored(),
            // Also if the queue had no capacity for the whole time.
            _ => queue_full(),
        }
    }

    /// Checks a request whose body was read to its end.
    fn check(&self, peer: &Peer<impl Check>) -> Result<(), Refusal> {
        let head = Head {
            // A webhook accepts no other method.
            method: &Method::POST,
            path: &self.endpoint.path,
            query: self.target.as_ref().and_then(PathAndQuery::query),
            version: self.version,
            headers: &self.headers,
            remote: &peer.remote,
        };
        peer.checks.body(&head, &self.bytes[self.kept as usize..]).inspect_err(|refusal| refusal.log(&head))
    }

    /// Returns the event of a request that was checked, and drops what carries secrets.
    fn draft<C>(&mut self, peer: &Peer<C>) -> Draft {
        self.headers.clear();
        let target = self.target.take();
        let query = target.as_ref().and_then(PathAndQuery::query).map(query_without_secrets);
        let mut body = Bytes::from(mem::take(&mut self.bytes));
        let headers = Headers::from_written(body.split_to(self.kept as usize));
        form::draft(self.endpoint.path.clone(), headers, peer.remote.clone(), query.unwrap_or_default(), body)
    }

    /// Reads the body to its end. Only a body that has not arrived yet needs timers.
    async fn read(&mut self, stop: &CancellationToken, time_limit: Duration) -> Result<(), BodyError> {
        let read = poll_fn(|cx| Poll::Ready(self.poll_read(cx))).await;
        match read {
            Poll::Ready(read) => read,
            Poll::Pending => Box::pin(self.wait_for_rest(stop, time_limit)).await,
        }
    }

    async fn wait_for_rest(
        &mut self,
        stop: &CancellationToken,
        time_limit: Duration,
    ) -> Result<(), BodyError> {
        let stopping = async {
            stop.cancelled().await;
            sleep(BODY_GRACE).await;
        };
        tokio::select! {
            biased;
            read = poll_fn(|cx| self.poll_read(cx)) => read,
            () = stopping => Err(BodyError::Timeout(TimeoutKind::Stop)),
            () = sleep(time_limit) => Err(BodyError::Timeout(TimeoutKind::Client(time_limit))),
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
    /// The limit of a client.
    Client(Duration),
    /// The limit of a stopping server: [`BODY_GRACE`].
    Stop,
}

impl BodyError {
    fn answer(self) -> Answer {
        match self {
            BodyError::TooLarge => refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is over the limit"),
            BodyError::Incomplete => refused(StatusCode::BAD_REQUEST, "the body is incomplete"),
            BodyError::Timeout(TimeoutKind::Client(limit)) => {
                let message = format!("the body took over {}", show_duration(limit.as_millis() as u64));
                refused(StatusCode::REQUEST_TIMEOUT, &message)
            }
            BodyError::Timeout(TimeoutKind::Stop) => stopping(),
        }
    }
}
