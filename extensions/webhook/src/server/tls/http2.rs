//! HTTP/2 connections within limits. A client chooses HTTP/2 in the handshake of TLS, and no port in plain text has it.
//!
//! A stream is a request as any other: it has the same routes, checks and limits. The deadline of the next head runs while no
//! stream is open, so it is also the limit of an idle connection.

use std::convert::Infallible;
use std::error::Error;
use std::sync::{Arc, Weak};

use h2::Reason;
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;

use crate::server::check::{Check, Head, Refusal};
use crate::server::connection::{Answer, Shared, answer};
use crate::server::head_deadline::Late;
use crate::server::limits::STOP_GRACE;
use crate::server::peer::Peer;
use crate::server::settings::Limits;
use crate::server::write_limit::WriteLimit;

/// The maximum number of open streams of a connection.
const STREAMS: u32 = 100;

/// The maximum number of streams that a client has reset before the server saw them. One more ends the connection, because
/// each cost the server more than the client (CVE-2023-44487).
const RESETS_BY_CLIENT: usize = 20;

/// The maximum number of streams that the server has reset because of a fault of the client. One more ends the connection.
const RESETS_BY_SERVER: usize = 1024;

/// The bytes that a client may send before the server has read them, of a stream and of a connection. It is the default of RFC 9113.
const WINDOW: u32 = 65_535;

/// The maximum number of bytes of an answer that wait for the client. Answers are small.
const UNSENT: usize = 16 * 1024;

/// Runs the streams of a connection as tasks of its server. Without a server a stream is reset.
#[derive(Clone)]
struct Streams(Weak<Shared>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        if let Some(shared) = self.0.upgrade() {
            shared.tasks.spawn(stream);
        }
    }
}

/// Reads and answers requests until one side closes the connection.
pub(crate) async fn serve<T, C>(stream: T, peer: Peer<C>, shared: Weak<Shared>)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    C: Check,
{
    let peer = Arc::new(peer);
    let service = service_fn(|request| answer_stream(Weak::clone(&shared), Arc::clone(&peer), request));
    let mut builder = http2::Builder::new(Streams(Weak::clone(&shared)));
    builder
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(peer.settings.limits.head_limit).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(RESETS_BY_CLIENT)
        .max_local_error_reset_streams(RESETS_BY_SERVER)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(UNSENT);
    let connection = builder.serve_connection(TokioIo::new(WriteLimit::new(stream)), service);
    tokio::pin!(connection);
    let ended = 'ended: {
        tokio::select! {
            biased;
            ended = connection.as_mut() => break 'ended ended,
            late = peer.seat.head().passed() => {
                if late == Late::Evicted {
                    return;
                }
                peer.seat.load().counts.add("head_timeout");
            }
            () = peer.stop.cancelled() => {}
            () = sleep(Limits::LIFETIME) => {}
        }
        // The client learns which streams are answered, and sends the others to the next connection.
        connection.as_mut().graceful_shutdown();
        let stopped = async {
            peer.stop.cancelled().await;
            sleep(STOP_GRACE).await;
        };
        let late = async {
            peer.seat.head().passed().await;
            sleep(STOP_GRACE).await;
        };
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped => return,
            () = late => return,
            () = sleep(Limits::REQUEST_TIMEOUT) => return,
        }
    };
    if let Err(error) = ended {
        if is_flood(&error) {
            peer.seat.load().counts.add("h2_resets");
        }
        tracing::debug!(remote = %peer.remote, %error, "connection ended");
    }
}

/// Returns `true` if the server has ended the connection of a client that makes more work than requests.
fn is_flood(error: &hyper::Error) -> bool {
    let error = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    error.is_some_and(|error| error.reason() == Some(Reason::ENHANCE_YOUR_CALM) && error.is_library())
}

async fn answer_stream<C: Check>(
    shared: Weak<Shared>,
    peer: Arc<Peer<C>>,
    mut request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let mut answered = match name_host(&mut request) {
        Ok(()) => answer(&shared, &peer, request).await?,
        Err(refusal) => {
            refusal.log(&Head::of(&request, &peer.remote));
            peer.seat.load().counts.add(refusal.reason);
            refusal.answer().map(Either::Left)
        }
    };
    // HTTP/2 has no such header (RFC 9113 section 8.2.2). A refusal ends its stream alone.
    answered.headers_mut().remove(CONNECTION);
    Ok(answered)
}

/// Makes `:authority` the `Host` of a request, so that the checks and handlers see the same as of HTTP/1.1.
///
/// # Errors
///
/// The refusal of a request that has both with different values (RFC 9113 section 8.3.1).
fn name_host<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    let Some(authority) = request.uri().authority() else { return Ok(()) };
    match request.headers().get(HOST) {
        Some(host) if host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => Ok(()),
        Some(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the Host header differs from the authority")),
        None => {
            // An authority has no byte that a value cannot have.
            if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
                request.headers_mut().insert(HOST, host);
            }
            Ok(())
        }
    }
}
