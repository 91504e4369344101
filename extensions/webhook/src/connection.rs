//! HTTP/1.1 connections within limits.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use arc_swap::{ArcSwap, Guard};
use axum::body::Body;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::check::{Check, Head, HeaderSummary};
use super::framing::Fault;
use super::head_deadline::Late;
use super::load::Load;
use super::peer::Peer;
use super::receive::RequestReader;
use super::settings::ServerSettings;
use super::stream::Stream;
use super::table::Table;
use super::tasks::Tasks;
use super::{LINGER, STOP_GRACE, respond};
use trigger_core::Bytes;

/// The body of a response: our own, or from an axum route.
type Answer = Either<Full<Bytes>, Body>;

/// The minimum size of hyper's read buffer, in bytes. It is over the limit of a head, which `Framing` checks.
const READ_BUFFER: usize = 72 * 1024;

/// The bytes of a request line beside its target, and some white space. `HeadLimits` does not count them, and `Framing` does.
const HEAD_SLACK: usize = 256;

/// The number of headers that hyper accepts by default. It allocates for each request if the number is set.
const HYPER_HEADERS: usize = 100;

/// What the connections of a server share. It ends with the server, and the connections refer to it weakly.
#[derive(Debug)]
pub(super) struct Shared {
    /// The settings of its webhooks, merged. A connection keeps those that it began with.
    pub(super) settings: ArcSwap<ServerSettings>,
    pub(super) table: ArcSwap<Table>,
    pub(super) tasks: Tasks,
    pub(super) load: Arc<Load>,
}

impl Shared {
    pub(super) fn new(settings: Arc<ServerSettings>) -> Shared {
        let (table, tasks, load) = (ArcSwap::default(), Tasks::default(), Arc::default());
        Shared { settings: ArcSwap::new(settings), table, tasks, load }
    }
}

/// Reads and answers requests until one side closes the connection.
///
/// This is a block in a fn that is not async. An `async fn` would store its arguments twice, and once more for an async
/// fn that it calls. A server may have thousands of these futures.
#[expect(clippy::manual_async_fn, reason = "an async fn would store its arguments twice")]
pub(super) fn serve<T, C>(stream: T, peer: Peer<C>, shared: Weak<Shared>) -> impl Future<Output = ()> + Send
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
            tokio::select! {
                biased;
                ended = connection.as_mut() => break 'ended ended,
                late = peer.seat.head().passed() => {
                    if late == Late::Timeout {
                        peer.seat.load().counts.add("head_timeout");
                    }
                    // Nothing was answered that the client could lose.
                    lingers = false;
                    break 'ended Ok(());
                }
                () = peer.stop.cancelled() => {}
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
    peer.seat.arrived();
    let table = shared.upgrade().map(|shared| shared.table.load());
    let head = Head::of(&request, &peer.remote);
    let summary = HeaderSummary::of(head.headers);
    let (header_bytes, expects) = (summary.bytes, summary.expects);
    let checked = peer.checks.head(&head, &summary).inspect_err(|refusal| {
        refusal.log(&head);
        peer.seat.load().counts.add(refusal.reason);
    });
    let mut dispatch = match (table, checked) {
        (None, _) => Dispatch::Known(respond::stopping()),
        (_, Err(refusal)) => Dispatch::Known(respond::refused(refusal.status, &refusal.message)),
        (Some(table), Ok(())) => match table.endpoint(&request) {
            Some(endpoint) => Dispatch::Webhook(RequestReader::new(endpoint, request, header_bytes, expects)),
            None => {
                let table = Guard::into_inner(table);
                Dispatch::Other(Box::pin(async move { table.other(request.map(Body::new)).await }))
            }
        },
    };
    async move {
        let mut answer = match dispatch {
            Dispatch::Known(answer) => answer.map(Either::Left),
            // Borrowed, because it is large.
            Dispatch::Webhook(ref mut reader) => reader.answer(peer).await.map(Either::Left),
            Dispatch::Other(other) => other.await.map(Either::Right),
        };
        if peer.seat.answered() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
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
    use super::super::head_checks::head_checks;
    use super::super::seat::Seat;
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
        let sink = sink.get().expect("a source that accepts").clone();
        let settings = Arc::new(ServerSettings::new("in-memory", 0));
        let endpoint = Endpoint::new(sink, "/in", 1024, Arc::clone(&settings));
        let shared = Arc::new(Shared::new(Arc::clone(&settings)));
        shared.table.store(Arc::new(Table::new(&[Arc::new(endpoint)])));
        let checks = (head_checks(&settings), Signed);
        let seat = Seat::new(&shared.load, &settings, [192, 0, 2, 1].into()).expect("the first connection");
        let (remote, stop) = ("192.0.2.1".into(), shared.tasks.stop_token().clone());
        let peer = Peer { remote, checks, seat, settings, stop };
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
