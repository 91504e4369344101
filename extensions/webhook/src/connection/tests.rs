//! Connections in memory, without a socket.

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::IpAddr;

use tokio::io::duplex;
use trigger_core::{
    BoxSource, SourceContext, SourceKind, StandaloneTrigger, Trigger, TriggerConfig, TriggerEvent,
    TriggerSource,
};
use trigger_grammar::kind;

use super::super::client::LocalHost;
use super::super::form;
use super::super::head_checks::head_checks;
use super::super::rules::RuleSet;
use super::super::seat::Seat;
use super::super::signature::OwnVerifier;
use super::super::table::Endpoint;
use super::super::verify::{SignedRequest, Verified, Verifier, VerifyError};
use super::*;

thread_local! {
    /// The endpoint of the source that accepts on this thread.
    static ACCEPTED: RefCell<Option<Endpoint>> = const { RefCell::new(None) };
}

/// A webhook without a server, which gives its endpoint away.
static IN_MEMORY: SourceKind = SourceKind::new("in_memory", "a request in memory")
    .metadata(form::metadata, form::read)
    .settings(kind::WEBHOOK.settings, |settings| Ok(BoxSource::new(InMemory(RuleSet::of(settings)?))));

struct InMemory(RuleSet);

impl TriggerSource for InMemory {
    fn kind(&self) -> &'static SourceKind {
        &IN_MEMORY
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed("/in")
    }

    fn accept(&self, cx: &SourceContext) {
        let rules = self.0.started(cx).expect("rules without secrets");
        let settings = Arc::new(ServerSettings::new("in-memory", 0));
        let endpoint = Endpoint::new(cx.sink().clone(), "/in", 1024, rules, settings);
        ACCEPTED.set(Some(endpoint));
    }
}

/// Accepts only bodies that their signature header repeats.
struct Signed;

impl Verifier for Signed {
    fn verify(&self, request: &SignedRequest<'_>) -> Result<Verified, VerifyError> {
        let signature = request.headers.get("x-hub-signature-256");
        let signature = signature.ok_or_else(|| VerifyError::new("signature_missing", "it is missing"))?;
        let is_valid = signature.as_bytes() == request.body
            && (request.method, request.path, request.query) == ("POST", "/in", Some("key=7&ref=main"));
        if is_valid {
            Ok(Verified::new("own"))
        } else {
            Err(VerifyError::new("signature_mismatch", "it is wrong"))
        }
    }

    fn scheme(&self) -> &str {
        "own"
    }
}

/// Serves the bytes of one connection in memory, with a check of signatures. Returns the answers and the events.
async fn exchange(request: &str) -> (String, Vec<TriggerEvent>) {
    let config = TriggerConfig::of(&IN_MEMORY).value("verify", OwnVerifier::new(Signed));
    let trigger = StandaloneTrigger::new(config);
    trigger.start().await.expect("a source that starts");
    let endpoint = ACCEPTED.take().expect("a source that accepts");
    let settings = Arc::clone(&endpoint.settings);
    let shared = Arc::new(Shared::new(Arc::clone(&settings)));
    shared.table.store(Arc::new(Table::new(&[Arc::new(endpoint)], None)));
    let (checks, address) = (head_checks(&settings), IpAddr::from([192, 0, 2, 1]));
    let seat = Seat::new(&shared.load, &settings, address).expect("the first connection");
    let (remote, stop) = ("192.0.2.1".into(), shared.tasks.stop_token().clone());
    let (address, local_host) = ((address, 443).into(), LocalHost::default());
    let peer = Peer { address, remote, checks, local_host, seat, settings, stop };
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
        "signature_verified": true, "signature_scheme": "own",
    });
    assert_eq!(serde_json::to_value(event.metadata()).expect("an object"), expected);
    assert!(!answer.contains("x-hub"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn verifier_sees_the_secrets_of_head_and_body_after_the_checks_of_the_server() {
    for (head, status, message) in [
        ("Host: a\r\n", 401, "missing or invalid signature"),
        ("Host: a\r\nX-Hub-Signature-256: free\r\n", 401, "missing or invalid signature"),
        ("", 400, "the Host header is missing"),
    ] {
        let request = format!("POST /in?key=7&ref=main HTTP/1.1\r\n{head}Content-Length: 4\r\n\r\npaid");
        let (answer, events) = exchange(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(message), "{answer}");
        assert_eq!(events.len(), 0, "{answer}");
    }
}
