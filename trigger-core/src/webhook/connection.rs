//! The accept loop, and HTTP/1.1 connections within limits.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use smol_str::{SmolStr, ToSmolStr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::head_deadline::HeadDeadline;
use super::receive::RequestReader;
use super::stream::Stream;
use super::{CONNECTIONS, LINGER, STOP_GRACE, Server, head_checks, respond};

/// The body of a response: our own, or from an axum route.
type Answer = Either<Full<Bytes>, Body>;

/// The size of a head, in bytes, at which hyper stops to read it. It is over [`HEAD_BYTES`](super::HEAD_BYTES), so that
/// a request target over 64 KiB is still answered 414 and not 431. `head_checks` refuses the heads below it.
const READ_BUFFER: usize = 72 * 1024;

/// The pause of the accept loop after an error of the system, such as no free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The data that the requests of one connection share.
#[derive(Debug)]
pub(super) struct Peer {
    /// The IP address of the client.
    pub(super) remote: SmolStr,
    /// The `Host` of its first valid request. Most clients send the same one each time, which then needs no check.
    host: OnceLock<Box<[u8]>>,
    head_deadline: HeadDeadline,
    /// Cancelled when the server stops.
    pub(super) stop: CancellationToken,
}

/// Runs the accept loop of a server. It ends and closes the port when the server stops or is dropped.
pub(super) async fn accept(listener: TcpListener, server: Weak<Server>, stop: CancellationToken) {
    let mut turned_away: u64 = 0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok(connection) => connection,
            Err(error) => {
                if !is_of_the_client(&error) {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        let Some(server) = server.upgrade() else { return };
        // The tasks of the server are one for each connection, and this one.
        if server.tasks.running() > CONNECTIONS {
            turned_away += 1;
            if turned_away == 1 || turned_away.is_multiple_of(100) {
                tracing::warn!(
                    limit = CONNECTIONS,
                    turned_away,
                    "connection limit reached, closing a new connection"
                );
            }
            continue;
        }
        let peer = Peer {
            remote: remote.ip().to_smolstr(),
            head_deadline: HeadDeadline::new(),
            host: OnceLock::new(),
            stop: stop.clone(),
        };
        server.tasks.spawn(serve(stream, peer, Arc::downgrade(&server)));
    }
}

/// Returns `true` if an accept failed because the client had closed the connection.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Reads and answers requests until one side closes the connection.
///
/// This is a block in a fn that is not async. An `async fn` would store its arguments twice, and once more for an async
/// fn that it calls. A server may have thousands of these futures.
fn serve(mut stream: TcpStream, peer: Peer, server: Weak<Server>) -> impl Future<Output = ()> {
    // Responses are small and written at once. A socket that refuses the option still works.
    let _ = stream.set_nodelay(true);
    async move {
        let ended = 'ended: {
            let service = service_fn(|request| answer(&server, &peer, request));
            let connection = http1::Builder::new()
                .max_buf_size(READ_BUFFER)
                .half_close(true)
                // A response is small, so one copied buffer costs less than a vectored write of two.
                .writev(false)
                .serve_connection(TokioIo::new(Stream::new(&mut stream)), service);
            tokio::pin!(connection);
            tokio::select! {
                biased;
                ended = connection.as_mut() => break 'ended ended,
                () = peer.head_deadline.passed() => break 'ended Ok(()),
                () = peer.stop.cancelled() => {}
            }
            connection.as_mut().graceful_shutdown();
            // Boxed, because a connection needs this memory only at its end.
            Box::pin(timeout(STOP_GRACE, connection.as_mut())).await.unwrap_or(Ok(()))
        };
        if ended.as_ref().map_or_else(hyper::Error::is_parse, |()| true) {
            let lingers = async {
                tokio::select! {
                    () = peer.stop.cancelled() => {}
                    _ = timeout(LINGER, linger(&mut stream)) => {}
                }
            };
            Box::pin(lingers).await;
        }
        if let Err(error) = ended {
            tracing::debug!(remote = %peer.remote, %error, "connection ended");
        }
    }
}

/// Continues to read after the last response until the client closes. A socket that is closed with unread bytes resets
/// the connection, and a client that still sends would lose the response (RFC 9112 section 9.6).
async fn linger(stream: &mut TcpStream) {
    let _ = stream.shutdown().await;
    let mut unread = vec![0; 16 * 1024];
    while matches!(stream.read(&mut unread).await, Ok(1..)) {}
}

/// The route of a request.
enum Dispatch {
    /// None: the response is known.
    Known(respond::Answer),
    /// A webhook.
    Webhook(RequestReader),
    /// An axum route.
    Other(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
}

/// Answers a request. A `POST` to a webhook goes directly to its trigger, and every other request to an axum route.
///
/// The work before the body arrives is done outside the future, so that a connection needs memory only for the rest.
fn answer<'a>(
    server: &Weak<Server>,
    peer: &'a Peer,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Answer>, Infallible>> + use<'a> {
    peer.head_deadline.stop();
    let table = server.upgrade().map(|server| server.table.load_full());
    let mut dispatch = match (table, head_checks::check(&request, &peer.host)) {
        (None, _) => Dispatch::Known(respond::stopping()),
        (_, Err((status, message))) => Dispatch::Known(respond::refused(status, message)),
        (Some(table), Ok(headers)) => match table.endpoint(&request) {
            Some(endpoint) => Dispatch::Webhook(RequestReader::new(endpoint, request, headers)),
            None => Dispatch::Other(Box::pin(async move { table.other(request.map(Body::new)).await })),
        },
    };
    async move {
        let answer = match dispatch {
            Dispatch::Known(answer) => answer.map(Either::Left),
            // Borrowed, because it is large.
            Dispatch::Webhook(ref mut reader) => reader.answer(peer).await.map(Either::Left),
            Dispatch::Other(other) => other.await.map(Either::Right),
        };
        peer.head_deadline.start();
        Ok(answer)
    }
}
