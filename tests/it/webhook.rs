//! Webhook triggers: the events of requests, the other answers, and several webhooks on one port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use triggers::{Runtime, Trigger, TriggerError, TriggerEvent, TriggerKind, WebhookTrigger};

use crate::common::hook;
use crate::http::{Client, get, post, post_request, post_with, request};
use crate::until::until;

const REDACTION: &str = include_str!("../vectors/header_redaction.json");

// The event of a request.

#[test]
fn webhook_has_the_documented_defaults() {
    let trigger = WebhookTrigger::new();
    assert_eq!((trigger.id(), trigger.status().capacity), ("webhook-9090/webhook", 1000));
    assert_eq!(trigger.path("/events").port(80).id(), "webhook-80/events");
}

#[tokio::test(start_paused = true)]
async fn json_body_is_the_payload_and_raw_its_exact_bytes() {
    let (trigger, address) = listening(local()).await;
    for body in [r#"{"b": 1,  "a": [1.50, null]}"#, " [] ", "7", "-0.5e3", "true", "null", r#""text""#] {
        let event = event_of(&trigger, address, post_request("/events", body)).await;
        assert_eq!(event.payload(), &serde_json::from_str::<Value>(body).expect("JSON"), "{body}");
        assert_eq!(event.raw(), body.as_bytes());
    }
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn payload_of_a_body_that_is_not_json_is_a_string() {
    let (trigger, address) = listening(local()).await;
    let bodies: [(&[u8], &str); 6] = [
        (b"", ""),
        (b"hello", "hello"),
        (b"{\"a\":", "{\"a\":"),
        (b"NaN", "NaN"),
        (b"1 2", "1 2"),
        (b"a\xff\xfeb", "a\u{fffd}\u{fffd}b"),
    ];
    for (body, text) in bodies {
        let event = event_of(&trigger, address, post_request("/events", body)).await;
        assert_eq!((event.payload(), &event.raw()[..]), (&json!(text), body));
    }
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn payload_of_a_request_without_a_body_is_the_empty_string() {
    let (trigger, address) = listening(local()).await;
    let event = event_of(&trigger, address, "POST /events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!((event.payload(), event.raw().len()), (&json!(""), 0));
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn answer_has_the_id_of_the_event() {
    let (trigger, address) = listening(local()).await;
    let answer = post(address, "/events", "{}").await;
    let event = trigger.wait_for_next().await.expect("an event");
    assert_eq!((answer.status, answer.header("content-type")), (202, Some("application/json")));
    assert_eq!(answer.json(), json!({"status": "accepted", "event_id": event.id()}));
    assert_eq!((event.trigger_id(), event.kind()), ("webhook-0/events", TriggerKind::Webhook));
    assert_eq!(trigger.id(), "webhook-0/events");
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn metadata_has_method_path_query_headers_and_remote() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    client.ask(post_with("/events?n=1", "X-GitHub-Event: push\r\n", "{}")).await;
    let event = trigger.wait_for_next().await.expect("an event");
    let metadata = json!({
        "method": "POST",
        "path": "/events",
        "query": {"n": "1"},
        "headers": {"host": "localhost", "content-length": "2", "x-github-event": "push"},
        "remote": "127.0.0.1",
    });
    assert_eq!(&Value::Object(event.metadata().clone()), &metadata);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn repeated_query_keys_and_headers_become_lists() {
    let (trigger, address) = listening(local()).await;
    let request = post_with("/events?a=1&b=2&a=3&a", "X-A: 1\r\nX-B: 2\r\nx-a: 3\r\nX-A:\r\n", "");
    let event = event_of(&trigger, address, request).await;
    assert_eq!(event.metadata()["query"], json!({"a": ["1", "3", ""], "b": "2"}));
    let headers = &event.metadata()["headers"];
    assert_eq!((&headers["x-a"], &headers["x-b"]), (&json!(["1", "3", ""]), &json!("2")));
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_percent_decodes_the_query() {
    let (trigger, address) = listening(local()).await;
    for (query, decoded) in [
        ("", json!({})),
        ("?", json!({})),
        ("?a%20b=c%2Fd+e", json!({"a b": "c/d e"})),
        ("?q=%E4%BD%A0&x=a%26b=c", json!({"q": "你", "x": "a&b=c"})),
        ("?bad=%FF%zz%", json!({"bad": "\u{fffd}%zz%"})),
        ("?flag&&=v", json!({"flag": "", "": "v"})),
    ] {
        let event = event_of(&trigger, address, post_request(&format!("/events{query}"), "")).await;
        assert_eq!(event.metadata()["query"], decoded, "{query}");
    }
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_reads_a_header_that_is_not_utf_8_as_iso_8859_1() {
    let (trigger, address) = listening(local()).await;
    let event =
        event_of(&trigger, address, post_with("/events", b"X-A: caf\xe9\r\nX-B: caf\xc3\xa9\r\n", "")).await;
    let headers = &event.metadata()["headers"];
    assert_eq!((&headers["x-a"], &headers["x-b"]), (&json!("caf\u{e9}"), &json!("caf\u{e9}")));
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn headers_with_secrets_never_reach_the_event() {
    let (trigger, address) = listening(local()).await;
    for name in redaction("strip") {
        for name in spellings(&name) {
            let headers = format!("{name}: hunter2\r\nX-Kept: 1\r\n{name}: hunter2 again\r\n");
            let event = event_of(&trigger, address, post_with("/events", headers, "{}")).await;
            assert_eq!(event.metadata()["headers"].get(name.to_ascii_lowercase()), None, "{name}");
            assert_eq!(event.metadata()["headers"]["x-kept"], "1");
            assert_hides(&event, "hunter2");
        }
    }
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn event_keeps_the_headers_without_secrets() {
    let (trigger, address) = listening(local()).await;
    for name in redaction("keep").filter(|name| !["Host", "Content-Length"].contains(&name.as_str())) {
        for name in spellings(&name) {
            let event =
                event_of(&trigger, address, post_with("/events", format!("{name}: v\r\n"), "{}")).await;
            let headers = &event.metadata()["headers"];
            assert_eq!(headers[name.to_ascii_lowercase()], "v", "{name}");
            assert_eq!((&headers["host"], &headers["content-length"]), (&json!("localhost"), &json!("2")));
        }
    }
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn query_keys_with_secrets_never_reach_the_event() {
    let (trigger, address) = listening(local()).await;
    for key in redaction("query_strip") {
        let escaped: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for key in spellings(&key).into_iter().chain([escaped]) {
            let target = format!("/events?a=1&{key}=hunter2&b=2&{key}=hunter2&{key}");
            let event = event_of(&trigger, address, post_request(&target, "{}")).await;
            assert_eq!(event.metadata()["query"], json!({"a": "1", "b": "2"}), "{key}");
            assert_hides(&event, "hunter2");
        }
    }
    trigger.stop().await;
}

// Other answers of the server.

#[tokio::test(start_paused = true)]
async fn health_shows_the_number_of_queued_events() {
    let (trigger, address) = listening(local()).await;
    for waiting in 0..3 {
        let health = get(address, "/health").await;
        assert_eq!((health.status, health.header("content-type")), (200, Some("application/json")));
        let expected = json!({"status": "healthy", "trigger_id": "webhook-0/events", "queue_size": waiting});
        assert_eq!(health.json(), expected);
        post(address, "/events", "{}").await;
    }
    trigger.drain_pending();
    assert_eq!(get(address, "/health").await.json()["queue_size"], 0);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_answers_head_of_health_without_a_body() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    client.send("HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let head = client.answer_without_body().await.expect("an answer");
    assert_eq!((head.status, head.header("content-type")), (200, Some("application/json")));
    // A body would be taken for the next answer.
    assert_eq!(client.ask(post_request("/events", "{}")).await.status, 202);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_answers_404_to_unknown_paths_and_405_to_wrong_methods_in_json() {
    let (trigger, address) = listening(local()).await;
    let asked = [
        ("GET", "/events", 405, Some("POST")),
        ("PUT", "/events", 405, Some("POST")),
        ("OPTIONS", "/events", 405, Some("POST")),
        ("BREW", "/events", 405, Some("POST")),
        ("POST", "/health", 405, Some("GET,HEAD")),
        ("POST", "/", 404, None),
        ("POST", "/other", 404, None),
        ("POST", "/events/", 404, None),
        ("POST", "//events", 404, None),
        ("POST", "/EVENTS", 404, None),
        ("GET", "/health/", 404, None),
    ];
    for (method, path, status, allow) in asked {
        let answer = request(address, format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        assert_eq!((answer.status, answer.header("allow")), (status, allow), "{method} {path}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!((&answer.json()["status"], answer.json()["message"].is_string()), (&json!("error"), true));
    }
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn webhooks_of_one_runtime_share_a_port() {
    let allowed = Arc::new(Semaphore::new(0));
    let handler = || {
        let allowed = Arc::clone(&allowed);
        move |_: TriggerEvent| {
            let allowed = Arc::clone(&allowed);
            async move { allowed.acquire().await.expect("open").forget() }
        }
    };
    let runtime = Runtime::builder()
        .process("one", hook("/one"), handler())
        .process("two", hook("/two"), handler())
        .start()
        .await
        .expect("a free port");
    let address = runtime.local_addr("webhook-0/one").expect("an address");
    assert_eq!(runtime.local_addr("webhook-0/two"), Some(address));
    // Each process has one event in its handler, which waits. The other events stay queued.
    for (path, events) in [("/one", 3), ("/two", 2)] {
        for _ in 0..events {
            assert_eq!(post(address, path, "{}").await.status, 202);
        }
    }
    let triggers = json!([
        {"trigger_id": "webhook-0/one", "queue_size": 2},
        {"trigger_id": "webhook-0/two", "queue_size": 1},
    ]);
    let health = get(address, "/health").await.json();
    assert_eq!((&health["queue_size"], &health["triggers"]), (&json!(3), &triggers));
    allowed.add_permits(5);
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left), (5, 0));
    assert_is_closed(address).await;
}

#[tokio::test(start_paused = true)]
async fn webhook_of_a_draining_runtime_answers_503() {
    let allowed = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&allowed);
    let handler = move |_: TriggerEvent| {
        let held = Arc::clone(&held);
        async move { held.acquire().await.expect("open").forget() }
    };
    let runtime = Runtime::builder().process("one", hook("/one"), handler).start().await;
    let runtime = runtime.expect("a free port");
    let address = runtime.local_addr("webhook-0/one").expect("an address");
    post(address, "/one", "{}").await;
    let draining = async {
        sleep(Duration::from_secs(1)).await;
        let health = get(address, "/health").await;
        assert_eq!((health.status, &health.json()["status"]), (503, &json!("stopping")));
        let refused = post(address, "/one", "{}").await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
        assert_eq!(refused.json(), json!({"status": "error", "message": "stopping"}));
        allowed.add_permits(1);
    };
    let (report, ()) = tokio::join!(runtime.shutdown(), draining);
    assert_eq!((report.completed, report.left), (1, 0));
}

/// Returns a trigger on a port that the system picks.
pub(crate) fn local() -> WebhookTrigger {
    WebhookTrigger::new().path("/events").host("127.0.0.1").port(0)
}

/// Starts a trigger, and returns it with its address.
pub(crate) async fn listening(trigger: WebhookTrigger) -> (WebhookTrigger, SocketAddr) {
    trigger.start().await.expect("a free port");
    let address = trigger.local_addr().expect("an address");
    (trigger, address)
}

/// Sends a request, asserts that the server accepts it, and returns its event.
async fn event_of(trigger: &WebhookTrigger, address: SocketAddr, bytes: impl AsRef<[u8]>) -> TriggerEvent {
    let answer = request(address, bytes).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    trigger.wait_for_next().await.expect("an event")
}

pub(crate) fn payloads(events: Vec<TriggerEvent>) -> Vec<Value> {
    events.iter().map(|event| event.payload().clone()).collect()
}

/// Returns a list of the redaction vectors.
fn redaction(list: &str) -> impl Iterator<Item = String> + use<> {
    let vectors: Value = serde_json::from_str(REDACTION).expect("JSON");
    let list: Vec<String> = serde_json::from_value(vectors[list].clone()).expect("a list of names");
    assert!(!list.is_empty());
    list.into_iter()
}

/// Returns a name unchanged, in lower case, in upper case, and in alternating case.
fn spellings(name: &str) -> Vec<String> {
    let turns = name
        .char_indices()
        .map(|(at, c)| if at % 2 == 0 { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() });
    vec![name.to_owned(), name.to_ascii_lowercase(), name.to_ascii_uppercase(), turns.collect()]
}

#[track_caller]
fn assert_hides(event: &TriggerEvent, secret: &str) {
    assert!(!format!("{event:?}").contains(secret));
    assert!(!serde_json::to_string(event).expect("JSON").contains(secret));
}

/// Waits until nothing listens at the address. A program that another test starts has every socket of this one until its
/// `exec`, so a port may outlive its listener for a moment.
pub(crate) async fn assert_is_closed(address: SocketAddr) {
    // Without a listener, the system may connect a socket to itself.
    let is_open = || {
        std::net::TcpStream::connect(address)
            .and_then(|stream| stream.local_addr())
            .is_ok_and(|own| own != address)
    };
    until("a closed port", || !is_open()).await;
}

pub(crate) async fn assert_is_refused(trigger: WebhookTrigger, field: &str, value: &str) {
    let Err(TriggerError::Config(error)) = trigger.start().await else { panic!("{field} is wrong") };
    assert_eq!((error.field(), error.value()), (field, value));
    assert_eq!(trigger.local_addr(), None);
}
