//! The accept loop, and HTTP/1.1 connections within limits.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use axum::body::Body;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use smol_str::ToSmolStr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::check::{Check, Head, HeaderSummary};
use super::head_checks::head_checks;
use super::peer::Peer;
use super::receive::RequestReader;
use super::settings::ServerSettings;
use super::stream::Stream;
use super::table::Table;
use super::tasks::Tasks;
use super::{LINGER, STOP_GRACE, respond, sockets};
use trigger_core::Bytes;

/// The body of a response: our own, or from an axum route.
type Answer = Either<Full<Bytes>, Body>;

/// The size of a head, in bytes, at which hyper stops to read it. It is over the limit of a server, so that a
/// request target over 64 KiB is still answered 414 and not 431. `head_checks` refuses the heads below it.
const READ_BUFFER: usize = 72 * 1024;

/// The pause of the accept loop after an error of the system, such as no free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the connections of a server share. It ends with the server, and the connections refer to it weakly.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Arc<ServerSettings>,
    pub(super) table: ArcSwap<Table>,
    pub(super) tasks: Tasks,
}

impl Shared {
    pub(super) fn new(settings: Arc<ServerSettings>) -> Shared {
        Shared { settings, table: ArcSwap::default(), tasks: Tasks::default() }
    }
}

/// Runs the accept loop of a server. It ends and closes the port when the server stops or is dropped.
pub(super) fn accept(listeners: Vec<TcpListener>, shared: &Arc<Shared>) -> impl Future<Output = ()> + use<> {
    accept_until(shared.tasks.stop_token().clone(), listeners, Arc::downgrade(shared))
}

async fn accept_until(stop: CancellationToken, listeners: Vec<TcpListener>, shared: Weak<Shared>) {
    let mut turned_away: u64 = 0;
    let mut next = 0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = sockets::accept(&listeners, &mut next) => accepted,
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
        let Some(shared) = shared.upgrade() else { return };
        let limit = shared.settings.limits.connections;
        // The tasks of the server are one for each connection, and this one.
        if shared.tasks.running() > limit {
            turned_away += 1;
            if turned_away == 1 || turned_away.is_multiple_of(100) {
                tracing::warn!(limit, turned_away, "connection limit reached, closing a new connection");
            }
            continue;
        }
        // Responses are small and written at once. A socket that refuses the option still works.
        let _ = stream.set_nodelay(true);
        let checks = head_checks(&shared.settings);
        let peer = Peer::new(remote.ip().to_smolstr(), checks, stop.clone());
        shared.tasks.spawn(serve(stream, peer, Arc::downgrade(&shared)));
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
#[expect(clippy::manual_async_fn, reason = "an async fn would store its arguments twice")]
fn serve<T, C>(mut stream: T, peer: Peer<C>, shared: Weak<Shared>) -> impl Future<Output = ()> + Send
where
    T: AsyncRead + AsyncWrite + Send + Unpin,
    C: Check,
{
    async move {
        let ended = 'ended: {
            let service = service_fn(|request| answer(&shared, &peer, request));
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
async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
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
fn answer<'a, C: Check>(
    shared: &Weak<Shared>,
    peer: &'a Peer<C>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Answer>, Infallible>> + use<'a, C> {
    peer.head_deadline.stop();
    let table = shared.upgrade().map(|shared| shared.table.load());
    let head = Head::of(&request, &peer.remote);
    let summary = HeaderSummary::of(head.headers);
    let header_bytes = summary.bytes;
    let checked = peer.checks.head(&head, &summary).inspect_err(|refusal| refusal.log(&head));
    let mut dispatch = match (table, checked) {
        (None, _) => Dispatch::Known(respond::stopping()),
        (_, Err(refusal)) => Dispatch::Known(respond::refused(refusal.status, &refusal.message)),
        (Some(table), Ok(())) => match table.endpoint(&request) {
            Some(endpoint) => Dispatch::Webhook(RequestReader::new(endpoint, request, header_bytes)),
            None => {
                let table = Guard::into_inner(table);
                Dispatch::Other(Box::pin(async move { table.other(request.map(Body::new)).await }))
            }
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

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::OnceLock;

    use http::StatusCode;
    use tokio::io::duplex;

    use super::super::check::Refusal;
    use super::super::table::Endpoint;
    use super::*;
    use trigger_core::{
        Sink, SourceContext, SourceKind, StandaloneTrigger, Trigger, TriggerConfig, TriggerEvent,
        TriggerSource,
    };

    /// A source that gives its sink away.
    struct Opened(Arc<OnceLock<Sink>>);

    impl TriggerSource for Opened {
        fn kind(&self) -> &'static SourceKind {
            &super::super::WEBHOOK
        }

        fn pattern(&self) -> Cow<'_, str> {
            Cow::Borrowed("/in")
        }

        fn accept(&self, cx: &SourceContext) {
            let _ = self.0.set(cx.sink().clone());
        }
    }

    /// Accepts only bodies that their signature header repeats.
    struct Signed;

    impl Check for Signed {
        fn head(&self, head: &Head<'_>, _: &HeaderSummary<'_>) -> Result<(), Refusal> {
            let message = "the signature is missing";
            let refusal = Refusal::new(StatusCode::UNAUTHORIZED, message);
            if head.headers.contains_key("x-hub-signature-256") { Ok(()) } else { Err(refusal) }
        }

        fn body(&self, head: &Head<'_>, body: &[u8]) -> Result<(), Refusal> {
            let is_valid = head.headers["x-hub-signature-256"].as_bytes() == body
                && (head.path, head.query) == ("/in", Some("key=7&ref=main"))
                && (head.method, head.remote) == (&http::Method::POST, "192.0.2.1");
            let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "the signature is invalid");
            if is_valid { Ok(()) } else { Err(refusal) }
        }
    }

    /// Serves the bytes of one connection in memory, with a check of signatures. Returns the answers and the events.
    async fn exchange(request: &str) -> (String, Vec<TriggerEvent>) {
        let sink = Arc::<OnceLock<Sink>>::default();
        let trigger = StandaloneTrigger::new(TriggerConfig::custom(Opened(Arc::clone(&sink))));
        trigger.start().await.expect("a source that starts");
        let endpoint = Endpoint {
            sink: sink.get().expect("a source that accepts").clone(),
            path: "/in".into(),
            body_limit: 1024,
        };
        let shared = Arc::new(Shared::new(Arc::new(ServerSettings::new("in-memory", 0))));
        shared.table.store(Arc::new(Table::new(&[Arc::new(endpoint)])));
        let checks = (head_checks(&shared.settings), Signed);
        let peer = Peer::new("192.0.2.1".into(), checks, shared.tasks.stop_token().clone());
        let (server, mut client) = duplex(64);
        let client = async {
            client.write_all(request.as_bytes()).await.expect("a server that reads");
            client.shutdown().await.expect("an open stream");
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.expect("an answer");
            answer
        };
        let (answer, ()) = tokio::join!(client, serve(server, peer, Arc::downgrade(&shared)));
        (answer, trigger.drain_pending())
    }

    #[tokio::test(start_paused = true)]
    async fn stream_in_memory_is_served_as_a_socket_is() {
        let request = "POST /in?key=7&ref=main HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: paid\r\nX-A: 1\r\n\
                       Content-Length: 4\r\n\r\npaid";
        let (answer, events) = exchange(request).await;
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
        let [event] = &events[..] else { panic!("{} events", events.len()) };
        assert_eq!(event.raw(), "paid");
        assert!(answer.contains(&event.id().to_string()), "{answer}");
        let expected = serde_json::json!({
            "method": "POST", "path": "/in", "query": {"ref": "main"}, "remote": "192.0.2.1",
            "headers": {"host": "a", "x-a": "1", "content-length": "4"},
        });
        assert_eq!(serde_json::to_value(event.metadata()).expect("an object"), expected);
        assert!(!answer.contains("x-hub"), "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn check_sees_the_secrets_of_head_and_body_and_comes_after_the_checks_of_the_server() {
        for (head, answer) in [
            ("Host: a\r\n", "the signature is missing"),
            ("Host: a\r\nX-Hub-Signature-256: free\r\n", "the signature is invalid"),
            ("", "the Host header is missing"),
        ] {
            let request = format!("POST /in?key=7&ref=main HTTP/1.1\r\n{head}Content-Length: 4\r\n\r\npaid");
            let (answered, events) = exchange(&request).await;
            assert!(answered.starts_with("HTTP/1.1 40") && answered.contains(answer), "{answered}");
            assert_eq!(events.len(), 0, "{answer}");
        }
    }
}
