//! HTTP/1.1 connections within limits.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, OnceLock, Weak};

use arc_swap::{ArcSwap, Guard};
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::{CONNECTION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Request, Response};
use http_body_util::{Either, Full};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::respond;
use crate::server::check::Check;
use crate::server::dispatch::{Dispatch, dispatch};
use crate::server::framing::Fault;
use crate::server::head_deadline::Late;
use crate::server::limits::{LINGER, STOP_GRACE};
use crate::server::load::Load;
use crate::server::peer::Peer;
use crate::server::settings::ServerSettings;
use crate::server::stream::Stream;
use crate::server::table::Table;
use crate::server::tasks::Tasks;
use crate::server::timed_body::TimedBody;
use crate::server::tls::Tls;
use crate::server::woken::Woken;
use trigger_core::Bytes;

/// The body of a response: our own, or from an axum route.
pub(crate) type Answer = Either<Full<Bytes>, Body>;

/// The minimum size of hyper's read buffer, in bytes. It is over the limit of a head, which `Framing` checks.
const READ_BUFFER: usize = 72 * 1024;

/// The bytes of a request line beside its target, and some white space. `HeadLimits` does not count them, and `Framing` does.
const HEAD_SLACK: usize = 256;

/// The number of headers that hyper accepts by default. It allocates for each request if the number is set.
const HYPER_HEADERS: usize = 100;

/// What the connections of a server share. It ends with the server, and the connections refer to it weakly.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The settings of its webhooks, merged. A connection keeps those that it began with.
    pub(crate) settings: ArcSwap<ServerSettings>,
    pub(crate) table: ArcSwap<Table>,
    pub(crate) tasks: Tasks,
    pub(crate) load: Arc<Load>,
    /// The TLS of every connection, or that they have none. It is set when the server begins to accept, and never changes.
    pub(crate) tls: OnceLock<Option<Arc<Tls>>>,
}

impl Shared {
    pub(crate) fn new(settings: Arc<ServerSettings>) -> Shared {
        let (table, tasks, load) = (ArcSwap::default(), Tasks::default(), Arc::default());
        Shared { settings: ArcSwap::new(settings), table, tasks, load, tls: OnceLock::new() }
    }
}

/// Reads and answers requests until one side closes the connection.
///
/// This is a block in a fn that is not async. An `async fn` would store its arguments twice, and once more for an async
/// fn that it calls. A server may have thousands of these futures.
#[expect(clippy::manual_async_fn, reason = "an async fn would store its arguments twice")]
pub(crate) fn serve<T, C>(stream: T, peer: Peer<C>, shared: Weak<Shared>) -> impl Future<Output = ()> + Send
where
    T: AsyncRead + AsyncWrite + Send + Unpin,
    C: Check,
{
    async move {
        let limits = &peer.settings.limits;
        let mut stream = Stream::new(stream, limits.head_limit.saturating_add(HEAD_SLACK));
        let mut lingers = true;
        let ended = 'ended: {
            let service = service_fn(|request| answer(&shared, &peer, request));
            let mut builder = http1::Builder::new();
            builder
                .max_buf_size(READ_BUFFER.max(limits.head_limit.saturating_mul(2)))
                .half_close(true)
                // A response is small, so one copied buffer costs less than a vectored write of two.
                .writev(false);
            if limits.header_count >= HYPER_HEADERS {
                builder.max_headers(limits.header_count.saturating_add(1));
            }
            let connection = builder.serve_connection(TokioIo::new(&mut stream), service);
            tokio::pin!(connection);
            let ends = pin!(async {
                tokio::select! {
                    biased;
                    late = peer.seat.head().passed() => Some(late),
                    () = peer.stop.cancelled() => None,
                }
            });
            tokio::select! {
                biased;
                ended = connection.as_mut() => break 'ended ended,
                late = Woken::new(ends) => if let Some(late) = late {
                    if late == Late::Timeout {
                        peer.seat.load().counts.add("head_timeout");
                    }
                    // Nothing was answered that the client could lose.
                    lingers = false;
                    break 'ended Ok(());
                }
            }
            connection.as_mut().graceful_shutdown();
            // Boxed, because a connection needs this memory only at its end.
            Box::pin(timeout(STOP_GRACE, connection.as_mut())).await.unwrap_or(Ok(()))
        };
        let is_parse = ended.as_ref().is_err_and(hyper::Error::is_parse);
        let refusal = stream.refusal().or_else(|| is_parse.then_some(Fault::of_hyper(b"400")));
        if let Some(refusal) = refusal {
            Box::pin(refuse(&mut stream, &peer, refusal)).await;
        }
        if lingers && (ended.is_ok() || refusal.is_some()) {
            let lingering = async {
                tokio::select! {
                    () = peer.stop.cancelled() => {}
                    _ = peer.seat.head().passed() => {}
                    _ = timeout(LINGER, linger(stream.io().get_mut())) => {}
                }
            };
            Box::pin(lingering).await;
        }
        if let Err(error) = ended {
            tracing::debug!(remote = %peer.remote, %error, "connection ended");
        }
    }
}

/// Answers a head that ended the connection.
async fn refuse<C>(stream: &mut (impl AsyncWrite + Unpin), peer: &Peer<C>, fault: Fault) {
    let Fault { status, message, reason } = fault;
    tracing::debug!(remote = %peer.remote, status = status.as_u16(), message, "request refused");
    peer.seat.load().counts.add(reason);
    // The client may be gone.
    let _ = stream.write_all(&respond::bytes(status, message)).await;
}

/// Continues to read after the last response until the client closes. A socket that is closed with unread bytes resets
/// the connection, and a client that still sends would lose the response (RFC 9112 section 9.6).
async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let _ = stream.shutdown().await;
    let mut unread = vec![0; 16 * 1024];
    while matches!(stream.read(&mut unread).await, Ok(1..)) {}
}

/// Answers a request. A `POST` to a webhook goes directly to its trigger, and every other request to an axum route.
///
/// The work before the body arrives is done outside the future, so that a connection needs memory only for the rest.
pub(crate) fn answer<'a, C: Check>(
    shared: &Weak<Shared>,
    peer: &'a Peer<C>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Answer>, Infallible>> + use<'a, C> {
    let open = peer.seat.arrived();
    let table = shared.upgrade().map(|shared| shared.table.load());
    let mut dispatch = dispatch(table, &peer.checks, peer, request, |table, request| {
        let (table, request) = (Guard::into_inner(table), for_routes(request, peer));
        Box::pin(async move { table.other(request).await })
    });
    async move {
        let mut answer = match dispatch {
            Dispatch::Known(answer) => answer.map(Either::Left),
            // Borrowed, because it is large.
            Dispatch::Webhook(ref mut reader) => reader.answer(peer).await.map(Either::Left),
            Dispatch::Other(other) => named(other.await).map(Either::Right),
        };
        if open.answered() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(answer)
    }
}

/// Returns the answer of a route with a header that the answers of hyper never have, because the stream replaces an error of
/// hyper, which it recognizes by its headers.
fn named(mut answer: Response<Body>) -> Response<Body> {
    if answer.status().is_client_error() && !answer.headers().contains_key(CONTENT_TYPE) {
        answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    answer
}

/// Returns a request as the routes of the program get it: with the address of its client, and with a body that ends at the
/// time limits of the server.
fn for_routes<C>(mut request: Request<Incoming>, peer: &Peer<C>) -> Request<Body> {
    request.extensions_mut().insert(ConnectInfo(peer.address));
    request.map(|body| match body.is_end_stream() {
        true => Body::empty(),
        false => Body::new(TimedBody::new(body, &peer.settings.limits)),
    })
}

#[cfg(test)]
mod tests;
