//! HTTP of the webhook server: the requests that it accepts, its limits, and how it ends malformed, large and slow
//! requests.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use triggers::{Overflow, Trigger};

use crate::http::{Answer, Client, post, post_request, post_with, request};
use crate::webhook::{listening, local};

pub(crate) const VECTORS: &str = include_str!("../vectors/http_malformed.json");

#[tokio::test(start_paused = true)]
async fn server_refuses_malformed_requests_and_serves_the_next_one() {
    let (trigger, address) = listening(local()).await;
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    let vectors = vectors["vectors"].as_array().expect("a list");
    let mut failures = String::new();
    for vector in vectors {
        let raw = raw(vector);
        let begin = Instant::now();
        let mut client = Client::connect(address).await;
        client.send(&raw).await;
        let answers = client.answers().await;
        let open_for = begin.elapsed();
        let events = trigger.drain_pending().len();
        let mut faults = faults(vector, &answers, events);
        if is_framed_twice(&raw) && (answers.len() > 1 || open_for >= Duration::from_secs(1)) {
            faults.push("the connection stays open after the answer");
        }
        let is_json = |answer: &Answer| answer.header("content-type") == Some("application/json");
        if !answers.iter().filter(|answer| answer.status >= 400).all(is_json) {
            faults.push("an error is not answered in JSON");
        }
        if post(address, "/events", "{}").await.status != 202 || trigger.drain_pending().len() != 1 {
            faults.push("the next request is not served");
        }
        if !faults.is_empty() {
            let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
            writeln!(failures, "{}: {faults:?}: answers {statuses:?}, {events} events", vector["id"])
                .expect("text");
        }
    }
    assert!(failures.is_empty(), "of {} vectors:\n{failures}", vectors.len());
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_joins_the_chunks_of_a_body() {
    let (trigger, address) = listening(local()).await;
    let body = "3\r\n{\"a\r\n4;name=value\r\n\":1}\r\n0\r\nTrailer: x\r\n\r\n";
    assert_eq!(request(address, chunked(body)).await.status, 202);
    let event = trigger.wait_for_next().await.expect("an event");
    assert_eq!(event.raw(), &b"{\"a\":1}"[..]);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_answers_pipelined_requests_in_order_on_one_connection() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    client.send((0..50).flat_map(|n| post_request("/events", n.to_string())).collect::<Vec<_>>()).await;
    for n in 0..50 {
        let answer = client.answer().await.expect("an answer");
        let event = trigger.wait_for_next().await.expect("an event");
        assert_eq!((event.payload(), &answer.json()["event_id"]), (&json!(n), &json!(event.id())));
    }
    // The connection stays open.
    assert_eq!(client.ask(post_request("/events", "50")).await.status, 202);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_accepts_http_1_0_without_a_host_and_closes_after_the_answer() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let begin = Instant::now();
    client.send("POST /events HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}").await;
    assert_eq!(statuses(&client.answers().await), [202]);
    assert_eq!(begin.elapsed(), Duration::ZERO);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_answers_100_to_a_client_that_expects_continue() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let head =
        "POST /events HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(client.ask(head).await.status, 100);
    assert_eq!(client.ask("{}").await.status, 202);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_answers_413_instead_of_100_to_a_body_over_the_limit() {
    let (trigger, address) = listening(local().body_limit(1)).await;
    let head =
        "POST /events HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(request(address, head).await.status, 413);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_accepts_the_absolute_form_of_a_target() {
    let (trigger, address) = listening(local()).await;
    assert_eq!(request(address, post_request("http://localhost/events?n=1", "{}")).await.status, 202);
    let event = trigger.wait_for_next().await.expect("an event");
    assert_eq!(
        (&event.metadata()["path"], &event.metadata()["query"]["n"]),
        (&json!("/events"), &json!("1"))
    );
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_answers_a_client_that_closes_its_half_after_the_request() {
    let (trigger, address) = listening(local().capacity(1).overflow(Overflow::Wait)).await;
    assert_eq!(post(address, "/events", "1").await.status, 202);
    let mut client = Client::connect(address).await;
    client.send(post_request("/events", "2")).await;
    client.finish().await;
    sleep(Duration::from_secs(1)).await;
    trigger.wait_for_next().await.expect("an event");
    assert_eq!(statuses(&client.answers().await), [202]);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn truncated_body_becomes_no_event() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    client.send(partial_request(7, "{\"a\"")).await;
    client.finish().await;
    assert!(statuses(&client.answers().await).iter().all(|status| *status == 400));
    assert!(trigger.drain_pending().is_empty());
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_refuses_a_declared_length_over_the_limit_before_the_body() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let refused = client.ask(partial_request(1024 * 1024 + 1, "")).await;
    assert_eq!((refused.status, refused.header("connection")), (413, Some("close")));
    assert_eq!(refused.json()["status"], "error");
    assert!(client.answer().await.is_none());
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn client_that_sends_a_whole_body_over_the_limit_reads_the_413() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let begin = Instant::now();
    client.try_send(&post_request("/events", vec![b'x'; 8 * 1024 * 1024])).await.expect("the body is taken");
    assert_eq!(statuses(&client.answers().await), [413]);
    assert!(begin.elapsed() < Duration::from_secs(5));
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_accepts_a_body_of_exactly_the_limit() {
    let (trigger, address) = listening(local().body_limit(100_000)).await;
    let body = "x".repeat(100_000);
    assert_eq!(post(address, "/events", &body).await.status, 202);
    assert_eq!(
        request(address, chunked(&format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))).await.status,
        202
    );
    for event in trigger.drain_pending() {
        assert_eq!(event.raw(), body.as_bytes());
    }
    assert_eq!(trigger.status().accepted, 2);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_refuses_a_chunked_body_over_the_limit() {
    let (trigger, address) = listening(local().body_limit(10)).await;
    for body in
        ["b\r\n01234567890\r\n0\r\n\r\n", "6\r\n012345\r\n5\r\n67890\r\n0\r\n\r\n", "7fffffff\r\n01234567890"]
    {
        let mut client = Client::connect(address).await;
        client.send(chunked(body)).await;
        assert_eq!(statuses(&client.answers().await), [413], "{body:?}");
    }
    assert_eq!(trigger.status().accepted, 0);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn default_body_limit_is_one_mebibyte() {
    let (trigger, address) = listening(local()).await;
    assert_eq!(post(address, "/events", &"x".repeat(1024 * 1024)).await.status, 202);
    assert_eq!(post(address, "/events", &"x".repeat(1024 * 1024 + 1)).await.status, 413);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_refuses_a_compressed_body() {
    let (trigger, address) = listening(local()).await;
    for (coding, status) in [
        ("gzip", 415),
        ("GZIP", 415),
        ("identity, br", 415),
        (",gzip", 415),
        ("\r\nContent-Encoding: gzip", 415),
        ("identity", 202),
        ("Identity", 202),
        ("", 202),
        (" \t ", 202),
        (",", 202),
        ("identity, ,\tIDENTITY,", 202),
        ("identity\r\nContent-Encoding:", 202),
    ] {
        let header = format!("Content-Encoding: {coding}\r\n");
        assert_eq!(request(address, post_with("/events", header, "{}")).await.status, status, "{coding}");
    }
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_requires_one_valid_host_in_http_1_1() {
    let (trigger, address) = listening(local().setting("hosts", "hooks.example.com")).await;
    let hosts = [
        ("Host: localhost\r\n", 202),
        ("Host: hooks.example.com:8080\r\n", 202),
        ("Host: [::1]:80\r\n", 202),
        ("", 400),
        ("Host:\r\n", 400),
        ("Host: a\r\nHost: a\r\n", 400),
        ("Host: a/b\r\n", 400),
        ("Host: user@a\r\n", 400),
        ("Host: a b\r\n", 400),
        ("Host: a:99999\r\n", 400),
        ("Host: a:b\r\n", 400),
        ("Host: \u{e9}\r\n", 400),
    ];
    for (host, status) in hosts {
        let answer =
            request(address, format!("POST /events HTTP/1.1\r\n{host}Content-Length: 2\r\n\r\n{{}}")).await;
        assert_eq!(answer.status, status, "{host:?}");
    }
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_refuses_a_head_over_a_limit() {
    let (trigger, address) = listening(local()).await;
    let target = |length: usize| format!("/events?{}", "x".repeat(length - "/events?".len()));
    assert_eq!(post(address, &target(8 * 1024), "{}").await.status, 202);
    assert_eq!(post(address, &target(8 * 1024 + 1), "{}").await.status, 414);
    for (headers, status) in [
        ("X-A: 1\r\n".repeat(62), 202),
        ("X-A: 1\r\n".repeat(63), 431),
        (format!("X-A: {}\r\n", "x".repeat(15 * 1024)), 202),
        (format!("X-A: {}\r\n", "x".repeat(16 * 1024)), 431),
        (format!("X-A: {}\r\n", "x".repeat(1024 * 1024)), 431),
    ] {
        let answer = request(address, post_with("/events", &headers, "{}")).await;
        assert_eq!(answer.status, status, "{} bytes of headers", headers.len());
    }
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_closes_a_connection_with_a_slow_head_after_10_s() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let begin = Instant::now();
    for part in ["POST ", "/events", " HTTP/1.1\r\n", "Host: localhost\r\n"] {
        client.send(part).await;
        sleep(Duration::from_secs(2)).await;
    }
    assert!(client.answer().await.is_none());
    assert_eq!(begin.elapsed().as_secs(), 10);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_closes_an_idle_connection_after_10_s() {
    let (trigger, address) = listening(local()).await;
    let mut silent = Client::connect(address).await;
    let begin = Instant::now();
    assert!(silent.answer().await.is_none());
    assert_eq!(begin.elapsed().as_secs(), 10);

    let mut kept_alive = Client::connect(address).await;
    for _ in 0..3 {
        assert_eq!(kept_alive.ask(post_request("/events", "{}")).await.status, 202);
        sleep(Duration::from_secs(9)).await;
    }
    assert_eq!(kept_alive.ask(post_request("/events", "{}")).await.status, 202);
    let begin = Instant::now();
    assert!(kept_alive.answer().await.is_none());
    assert_eq!(begin.elapsed().as_secs(), 10);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_closes_a_connection_10_s_after_a_slow_body() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    sleep(Duration::from_secs(5)).await;
    client.send(partial_request(3, "")).await;
    for _ in 0..3 {
        sleep(Duration::from_millis(1500)).await;
        client.send("x").await;
    }
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(202));
    let begin = Instant::now();
    assert!(client.answer().await.is_none());
    assert_eq!(begin.elapsed().as_secs(), 10);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_answers_408_to_a_slow_body_after_30_s() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let begin = Instant::now();
    client.send(partial_request(100_000, "")).await;
    for _ in 0..29 {
        client.send("x".repeat(1100)).await;
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(statuses(&client.answers().await), [408]);
    assert_eq!(begin.elapsed().as_secs(), 30);
    assert!(trigger.drain_pending().is_empty());
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn server_closes_a_connection_whose_client_reads_no_answers_after_10_s() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let begin = Instant::now();
    // The answers exceed the buffers of the socket many times over.
    let requests = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000_000);
    assert!(client.try_send(requests).await.is_err(), "the server took everything");
    assert_eq!(begin.elapsed().as_secs(), 10);
    trigger.stop().await;
}

/// Returns the bytes that a vector sends.
pub(crate) fn raw(vector: &Value) -> Vec<u8> {
    if let Some(raw) = vector["raw_hex"].as_str() {
        return bytes(raw);
    }
    let parts = vector["raw_parts"].as_array().expect("raw_hex or raw_parts").iter();
    let part = |part: &Value| match part["hex"].as_str() {
        Some(hex) => bytes(hex),
        None => {
            let times = part["times"].as_u64().expect("a number") as usize;
            bytes(part["repeat_hex"].as_str().expect("hex")).repeat(times)
        }
    };
    parts.flat_map(part).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

/// Returns the faults of an outcome, by the `expect` of its vector.
fn faults(vector: &Value, answers: &[Answer], events: usize) -> Vec<&'static str> {
    let first = answers.iter().map(|answer| answer.status).find(|status| *status != 100);
    let at_most = vector["max_events"].as_u64().unwrap_or(1) as usize;
    let (as_expected, fitting) = match vector["expect"].as_str() {
        Some("accept") => (first == Some(202), vector["events"].as_u64().unwrap_or(1) as usize == events),
        Some("reject") => (first.is_none_or(|status| matches!(status, 400..=499 | 501 | 505)), events == 0),
        Some("either") => (true, events <= at_most),
        _ => (false, false),
    };
    let wrong_status = vector["status"].as_u64().is_some_and(|status| first.map(u64::from) != Some(status));
    let faults = [
        (!as_expected, "not answered as expected"),
        (!fitting, "not the number of events"),
        (wrong_status, "not the status"),
    ];
    faults.into_iter().filter(|(is_fault, _)| *is_fault).map(|(_, fault)| fault).collect()
}

/// Returns `true` if a request gives the length of its body in two ways, so that parsers may disagree about its end.
fn is_framed_twice(raw: &[u8]) -> bool {
    let text = String::from_utf8_lossy(raw).to_ascii_lowercase();
    text.contains("\r\ncontent-length:") && text.contains("\r\ntransfer-encoding:")
}

/// Returns the head of a request whose body has this length, and a part of the body.
fn partial_request(length: usize, part: &str) -> String {
    format!("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{part}")
}

fn chunked(body: &str) -> String {
    format!("POST /events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}
