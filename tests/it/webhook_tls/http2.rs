//! HTTP/2, which a client chooses in the handshake.

use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use triggers::Bytes;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A client of HTTP/2. Its task drives the connection, and ends with it.
struct Http2 {
    send: SendRequest<Bytes>,
    driver: JoinHandle<Result<(), h2::Error>>,
}

fn h2() -> Roots {
    Roots { protocols: &["h2", "http/1.1"], ..Roots::of(SERVER_CA) }
}

impl Http2 {
    async fn connect(address: SocketAddr) -> Http2 {
        let stream = connect(address, &h2()).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (send, connection) = h2::client::handshake(stream).await.expect("settings");
        Http2 { send, driver: tokio::spawn(connection) }
    }

    /// Sends the head of a `POST`.
    async fn begin(&mut self, header: Option<(&str, &str)>) -> (ResponseFuture, SendStream<Bytes>) {
        let mut request = Request::post("https://localhost/events");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let mut send = self.send.clone().ready().await.expect("an open connection");
        send.send_request(request.body(()).expect("a request"), false).expect("a stream")
    }

    async fn post(&mut self, header: Option<(&str, &str)>, body: &str) -> StatusCode {
        let (answer, mut stream) = self.begin(header).await;
        // The server may have refused the head.
        let _ = stream.send_data(Bytes::from(body.to_owned()), true);
        answer.await.expect("an answer").status()
    }
}

#[tokio::test(start_paused = true)]
async fn request_over_http_2_is_an_event_as_one_over_http_1() {
    let hook = hook("/events", own()).setting("body_limit", "1KiB");
    let mut server = Server::start(&Files::new(), hook).await;
    let mut client = Http2::connect(server.address).await;
    assert_eq!(client.post(Some(("x-order", "7")), "paid").await, 202);
    let event = server.events.recv().await.expect("an event");
    assert_eq!(event.raw(), "paid");
    let expected = json!({
        "method": "POST", "path": "/events", "query": {}, "remote": "127.0.0.1",
        "headers": {"x-order": "7", "host": "localhost"},
    });
    assert_eq!(serde_json::to_value(event.metadata()).expect("an object"), expected);
    for (header, body, status) in [
        (None, "a".repeat(1025), 413),
        (Some(("host", "other")), String::new(), 400),
        (Some(("content-encoding", "gzip")), String::new(), 415),
        (Some(("host", "localhost")), "1".to_owned(), 202),
    ] {
        assert_eq!(client.post(header, &body).await, status, "{header:?}");
    }
    let (refused, _stream) = client.begin(Some(("content-length", "1025"))).await;
    assert_eq!(refused.await.expect("an answer").status(), 413);
    assert_eq!(server.refused("malformed"), 1);
    assert_eq!(server.refused("body_size"), 2);
}

#[tokio::test(start_paused = true)]
async fn client_without_alpn_or_with_http_1_alone_has_http_1() {
    let server = Server::start(&Files::new(), hook("/events", own())).await;
    for protocols in [&[][..], &["http/1.1"]] {
        let roots = Roots { protocols, ..h2() };
        let stream = connect(server.address, &roots).await.expect("a handshake");
        assert_eq!(Client::over(stream).ask(post_request("/events", "1")).await.status, 202);
    }
    assert!(refused(server.address, &Roots { protocols: &["h3"], ..h2() }).await);
}

#[tokio::test(start_paused = true)]
async fn connection_has_100_streams_and_another_one_waits() {
    let server = Server::start(&Files::new(), hook("/events", own())).await;
    let mut client = Http2::connect(server.address).await;
    assert_eq!(client.post(None, "0").await, 202);
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(client.begin(None).await);
    }
    let mut next = client.begin(None).await;
    next.1.send_data(Bytes::from("101"), true).expect("an open stream");
    assert!(timeout(SECOND, &mut next.0).await.is_err(), "100 streams are open");
    let (answer, mut stream) = open.remove(0);
    stream.send_data(Bytes::from("1"), true).expect("an open stream");
    assert_eq!(answer.await.expect("an answer").status(), 202);
    assert_eq!(timeout(SECOND, next.0).await.expect("a free stream").expect("an answer").status(), 202);
}

/// Returns a frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test(start_paused = true)]
async fn rapid_reset_ends_the_connection_and_is_counted() {
    let server = Server::start(&Files::new(), hook("/events", own())).await;
    for (resets, ends) in [(20, false), (200, true)] {
        let mut stream = connect(server.address, &h2()).await.expect("a handshake");
        let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        sent.extend(frame(4, 0, 0, &[]));
        for n in 0..resets {
            let id = 2 * n + 1;
            // `POST / https localhost`, in the static table of HPACK.
            sent.extend(frame(1, 4, id, b"\x83\x84\x87\x41\x09localhost"));
            sent.extend(frame(3, 0, id, &8_u32.to_be_bytes()));
        }
        stream.write_all(&sent).await.expect("an open connection");
        let (mut answer, begin) = (Vec::new(), Instant::now());
        let _ = stream.read_to_end(&mut answer).await;
        // GOAWAY with ENHANCE_YOUR_CALM.
        let is_calm = |frame: &[u8]| frame[0] == 7 && frame[1..6] == [0; 5] && frame[10..] == [0, 0, 0, 11];
        let calm = answer.windows(14).any(is_calm);
        assert_eq!(calm, ends, "{resets} resets");
        assert_eq!(begin.elapsed() < SECOND, ends, "{resets} resets");
        assert_eq!(server.refused("h2_resets"), u64::from(ends));
    }
}

#[tokio::test(start_paused = true)]
async fn idle_connection_is_asked_to_go_away_in_time() {
    let hook = hook("/events", own()).setting("head_timeout", "3s");
    let server = Server::start(&Files::new(), hook).await;
    let mut client = Http2::connect(server.address).await;
    assert_eq!(client.post(None, "1").await, 202);
    let begin = Instant::now();
    client.driver.await.expect("a driver").expect("a connection that ends without a fault");
    let time = begin.elapsed();
    assert!(time >= 3 * SECOND && time < 4 * SECOND, "{time:?}");
    // One that sends no preface of HTTP/2.
    let (mut silent, begin) = (connect(server.address, &h2()).await.expect("a handshake"), Instant::now());
    let _ = silent.read_to_end(&mut Vec::new()).await;
    let time = begin.elapsed();
    assert!(time >= 2 * SECOND && time < 4 * SECOND, "{time:?}");
    assert_eq!(server.refused("head_timeout"), 2);
}

#[tokio::test(start_paused = true)]
async fn connection_whose_streams_all_wait_for_bodies_makes_way_at_the_limit() {
    let server = Server::start(&Files::new(), hook("/events", own()).setting("connections", 1)).await;
    let mut client = Http2::connect(server.address).await;
    let (first, second) = (client.begin(None).await, client.begin(None).await);
    // The server has read both heads before this request.
    assert_eq!(client.post(None, "0").await, 202);
    let mut other = Http2::connect(server.address).await;
    assert_eq!(other.post(None, "1").await, 202);
    assert!(first.0.await.is_err() && second.0.await.is_err());
    assert_eq!(server.refused("connections"), 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_answers_the_streams_of_a_connection_and_ends_it() {
    let mut server = Server::start(&Files::new(), hook("/events", own())).await;
    let mut client = Http2::connect(server.address).await;
    assert_eq!(client.post(None, "1").await, 202);
    let (unfinished, mut stream) = client.begin(None).await;
    stream.send_data(Bytes::from("half"), false).expect("an open stream");
    let (idle, begin) = (Http2::connect(server.address).await, Instant::now());
    server.runtime.shutdown().await;
    assert!(begin.elapsed() < SECOND, "{:?}", begin.elapsed());
    assert_eq!(unfinished.await.expect("an answer").status(), 503);
    for driver in [client.driver, idle.driver] {
        let ended = driver.await.expect("a driver");
        let is_clean = ended.as_ref().err().is_none_or(|error| error.reason() == Some(Reason::NO_ERROR));
        assert!(is_clean, "{ended:?}");
    }
    assert!(server.events.recv().await.is_some());
}
