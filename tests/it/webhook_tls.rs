//! Webhooks over TLS: the certificate of the server, those of clients, and the handshake.
//!
//! The files are those of `tests/data/tls`, whose `make.sh` says how they were made. A test gives them to the runtime as secrets,
//! so that it can change them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use triggers::{ProcessConfig, Runtime, Sign, StartError, TriggerConfig, TriggerEvent};

use crate::common::{config, status};
use crate::http::{Client, post_request, post_with};
use crate::logs::Logs;
use crate::until::until;
use client::{Roots, TLS12, TLS13, connect, refused};

mod client;
mod files;
mod http2;

const SERVER: (&str, &str) = (include_str!("../data/tls/server.pem"), include_str!("../data/tls/server.key"));
const NEXT: (&str, &str) = (include_str!("../data/tls/next.pem"), include_str!("../data/tls/next.key"));
const EXPIRED: &str = include_str!("../data/tls/expired.pem");
const SERVER_CA: &str = include_str!("../data/tls/server-ca.pem");
const CLIENT: (&str, &str) = (include_str!("../data/tls/client.pem"), include_str!("../data/tls/client.key"));
const CLIENT_CA: &str = include_str!("../data/tls/client-ca.pem");

const SECRET: &str = "s3cret-of-github";

/// The files that a runtime reads as secrets, by name.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Files {
    /// Returns the files of the server's own certificate, and of the CA of clients.
    fn new() -> Files {
        let files = Files::default();
        files.set("./cert.pem", SERVER.0);
        files.set("./key.pem", SERVER.1);
        files.set("./ca.pem", CLIENT_CA);
        files.set("GITHUB", SECRET);
        files
    }

    fn set(&self, name: &'static str, text: &str) {
        self.0.lock().expect("the files").insert(name, text.to_owned());
    }

    fn remove(&self, name: &str) {
        self.0.lock().expect("the files").remove(name);
    }

    fn read(&self, name: &str) -> Option<String> {
        self.0.lock().expect("the files").get(name).cloned()
    }
}

fn own() -> Value {
    json!({"type": "files", "cert": "cert.pem", "key": "key.pem"})
}

fn mutual() -> Value {
    json!({"type": "files", "cert": "cert.pem", "key": "key.pem", "client_ca": "ca.pem"})
}

/// Returns a webhook on a port that the system picks.
fn hook(path: &str, tls: Value) -> TriggerConfig {
    TriggerConfig::webhook(path, 0).host("127.0.0.1").setting("tls", tls)
}

/// A runtime with one process.
struct Server {
    runtime: Runtime,
    address: SocketAddr,
    events: mpsc::UnboundedReceiver<TriggerEvent>,
}

impl Server {
    async fn start(files: &Files, hook: TriggerConfig) -> Server {
        Server::with(files, config([hook])).await.expect("a runtime that starts")
    }

    async fn with(files: &Files, process: ProcessConfig) -> Result<Server, StartError> {
        let (files, (sender, events)) = (files.clone(), mpsc::unbounded_channel());
        let handler = move |event: TriggerEvent| {
            let _ = sender.send(event);
            async {}
        };
        let builder = Runtime::builder().secrets(move |name: &str| files.read(name));
        let runtime = builder.process("p", process, handler).start().await?;
        let address = runtime.local_addr("webhook-0/events").expect("an address");
        Ok(Server { runtime, address, events })
    }

    /// Returns how often the server has refused something for this reason.
    fn refused(&self, reason: &str) -> u64 {
        status(&self.runtime).triggers[0].refused.get(reason).copied().unwrap_or_default()
    }
}

#[tokio::test(start_paused = true)]
async fn signed_webhook_is_accepted_over_tls_1_2_and_1_3() {
    let verify = json!({"scheme": "github", "env": "GITHUB"});
    let mut server = Server::start(&Files::new(), hook("/events", own()).setting("verify", verify)).await;
    // A second request with the body or the delivery id of the first one would be a duplicate.
    for (version, body) in [(&TLS12, r#"{"paid":2}"#), (&TLS13, r#"{"paid":3}"#)] {
        let stream =
            connect(server.address, &Roots::of(SERVER_CA).version(version)).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let mut client = Client::over(stream);
        let headers = Sign::github(SECRET).expect("a sender");
        let headers =
            headers.headers(body.as_bytes(), std::time::SystemTime::UNIX_EPOCH, body).expect("headers");
        let signed: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}\r\n", value.to_str().expect("a text")))
            .collect();
        assert_eq!(client.ask(post_with("/events", signed, body)).await.status, 202);
        assert_eq!(client.ask(post_request("/events", body)).await.status, 401);
        let event = server.events.recv().await.expect("an event");
        assert_eq!(event.raw(), body);
        assert_eq!(event.metadata()["remote"], "127.0.0.1");
        assert_eq!(event.metadata()["signature_scheme"], "github");
    }
    server.runtime.shutdown().await;
    assert!(server.events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn client_refuses_a_certificate_of_another_ca() {
    let server = Server::start(&Files::new(), hook("/events", own())).await;
    for version in [&TLS12, &TLS13] {
        let error =
            connect(server.address, &Roots::of(CLIENT_CA).version(version)).await.expect_err("a wrong CA");
        assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    }
    until("refused handshakes", || server.refused("tls_handshake") == 2).await;
}

#[tokio::test(start_paused = true)]
async fn client_without_a_valid_certificate_is_refused_in_the_handshake() {
    let mut server = Server::start(&Files::new(), hook("/events", mutual())).await;
    for (n, version) in (1..).zip([&TLS12, &TLS13]) {
        let roots = Roots::of(SERVER_CA).version(version);
        for own in [None, Some(NEXT)] {
            assert!(refused(server.address, &Roots { own, ..roots.clone() }).await, "{own:?}");
        }
        until("refused handshakes", || server.refused("tls_handshake") == 2 * n).await;
        let roots = Roots { own: Some(CLIENT), ..roots };
        let mut client = Client::over(connect(server.address, &roots).await.expect("a handshake"));
        assert_eq!(client.ask(post_request("/events", "1")).await.status, 202);
        assert!(server.events.recv().await.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn changed_certificate_is_that_of_the_next_connection_and_an_open_one_stays() {
    let (files, logs) = (Files::new(), Logs::capture());
    // The pauses of this test are longer than those between two requests.
    let hook = hook("/events", own()).setting("head_timeout", "1h");
    let server = Server::start(&files, hook).await;
    let roots = Roots::of(SERVER_CA);
    let stream = connect(server.address, &roots).await.expect("a handshake");
    let first = client::certificate(&stream);
    let mut open = Client::over(stream);
    files.set("./cert.pem", NEXT.0);
    sleep(Duration::from_secs(6)).await;
    let faults = logs.with("the certificate of the webhook server stays as it was");
    assert_eq!(faults.len(), 1, "the key is still that of the other certificate: {faults:?}");
    assert!(faults[0].contains("does not belong to the certificate of `./cert.pem`"), "{faults:?}");
    assert_eq!(client::certificate(&connect(server.address, &roots).await.expect("a handshake")), first);
    files.set("./key.pem", NEXT.1);
    sleep(Duration::from_secs(6)).await;
    assert_eq!(logs.with("the certificate of the webhook server has changed").len(), 1);
    let second = connect(server.address, &roots).await.expect("a handshake");
    assert_ne!(client::certificate(&second), first);
    assert_eq!(open.ask(post_request("/events", "1")).await.status, 202);
    assert_eq!(Client::over(second).ask(post_request("/events", "2")).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn broken_file_keeps_the_certificate_and_is_logged_once() {
    let (files, logs) = (Files::new(), Logs::capture());
    let server = Server::start(&files, hook("/events", own())).await;
    for (n, change) in (1..).zip([
        (|files: &Files| files.set("./cert.pem", "")) as fn(&Files),
        |files| files.set("./cert.pem", "half a file"),
        |files| files.remove("./cert.pem"),
    ]) {
        change(&files);
        sleep(Duration::from_secs(60)).await;
        let faults = logs.with("the certificate of the webhook server stays as it was");
        assert_eq!(faults.len(), n, "{faults:?}");
        let stream = connect(server.address, &Roots::of(SERVER_CA)).await.expect("a handshake");
        assert_eq!(Client::over(stream).ask(post_request("/events", "1")).await.status, 202);
    }
}

#[tokio::test(start_paused = true)]
async fn handshake_that_does_not_end_is_closed_in_time() {
    for (head_timeout, limit) in [("2s", 2), ("60s", 10)] {
        let hook = hook("/events", own()).setting("head_timeout", head_timeout);
        let server = Server::start(&Files::new(), hook).await;
        let begun = client::begun();
        for (n, sent) in (1..).zip([&[][..], &begun[..begun.len() / 2], &begun]) {
            let (mut client, begin) = (Client::connect(server.address).await, Instant::now());
            client.send(sent).await;
            client.closed().await;
            let time = begin.elapsed();
            assert!(time.as_secs() == limit, "{} bytes: {time:?}", sent.len());
            assert_eq!(server.refused("tls_handshake"), n);
        }
        server.runtime.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn request_in_plain_text_to_a_port_with_tls_is_closed_at_once() {
    let mut server = Server::start(&Files::new(), hook("/events", own())).await;
    let (mut client, begin) = (Client::connect(server.address).await, Instant::now());
    client.send(post_request("/events", "1")).await;
    client.closed().await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    until("a refused handshake", || server.refused("tls_handshake") == 1).await;
    assert!(server.events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn connection_in_its_handshake_makes_way_at_the_limit() {
    let server = Server::start(&Files::new(), hook("/events", own()).setting("connections", 1)).await;
    let (mut silent, begin) = (Client::connect(server.address).await, Instant::now());
    let stream = connect(server.address, &Roots::of(SERVER_CA)).await.expect("a handshake");
    silent.closed().await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert_eq!(Client::over(stream).ask(post_request("/events", "1")).await.status, 202);
    assert_eq!((server.refused("connections"), server.refused("tls_handshake")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_a_handshake() {
    let server = Server::start(&Files::new(), hook("/events", own())).await;
    let (mut silent, begin) = (Client::connect(server.address).await, Instant::now());
    sleep(Duration::from_millis(10)).await;
    server.runtime.shutdown().await;
    silent.closed().await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
}
