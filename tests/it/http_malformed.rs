//! HTTP as the webhook server speaks it: the forms of a request it takes, the limits it sets, and how it ends what
//! is malformed, too large or too slow.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use triggers::{Overflow, Trigger};

use crate::http::{Answer, Client, post, post_request, post_with, request};
use crate::webhook::{listening, local};

const VECTORS: &str = include_str!("../vectors/http_malformed.json");

#[tokio::test(start_paused = true)]
async fn malformed_requests_are_refused_and_the_next_one_is_served() {
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
            faults.push("the connection goes on after the answer");
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
async fn chunked_body_arrives_as_one() {
    let (trigger, address) = listening(local()).await;
    let body = "3\r\n{\"a\r\n4;name=value\r\n\":1}\r\n0\r\nTrailer: x\r\n\r\n";
    assert_eq!(request(address, chunked(body)).await.status, 202);
    let event = trigger.wait_for_next().await.expect("an event");
    assert_eq!(event.raw(), &b"{\"a\":1}"[..]);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_order_on_one_connection() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    client.send((0..50).flat_map(|n| post_request("/events", n.to_string())).collect::<Vec<_>>()).await;
    for n in 0..50 {
        let answer = client.answer().await.expect("an answer");
        let event = trigger.wait_for_next().await.expect("an event");
        assert_eq!((event.payload(), &answer.json()["event_id"]), (&json!(n), &json!(event.id())));
    }
    // And the connection goes on.
    assert_eq!(client.ask(post_request("/events", "50")).await.status, 202);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn http_1_0_needs_no_host_and_closes_after_the_answer() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let begin = Instant::now();
    client.send("POST /events HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}").await;
    assert_eq!(statuses(&client.answers().await), [202]);
    assert_eq!(begin.elapsed(), Duration::ZERO);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn client_that_expects_continue_is_told_to_go_on() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let head =
        "POST /events HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(client.ask(head).await.status, 100);
    assert_eq!(client.ask("{}").await.status, 202);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn client_that_expects_continue_for_a_body_over_the_limit_is_refused_instead() {
    let (trigger, address) = listening(local().body_limit(1)).await;
    let head =
        "POST /events HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(request(address, head).await.status, 413);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn absolute_form_of_the_target_is_taken() {
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
async fn client_that_closes_its_half_after_the_request_is_answered() {
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
async fn body_that_ends_too_early_is_no_event() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    client.send(begun(7, "{\"a\"")).await;
    client.finish().await;
    assert!(statuses(&client.answers().await).iter().all(|status| *status == 400));
    assert!(trigger.drain_pending().is_empty());
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn declared_length_over_the_limit_is_refused_before_the_body_comes() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let refused = client.ask(begun(1024 * 1024 + 1, "")).await;
    assert_eq!((refused.status, refused.header("connection")), (413, Some("close")));
    assert_eq!(refused.json()["status"], "error");
    assert!(client.answer().await.is_none());
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn client_that_sends_a_body_over_the_limit_regardless_still_reads_why_it_is_refused() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let begin = Instant::now();
    client.try_send(&post_request("/events", vec![b'x'; 8 * 1024 * 1024])).await.expect("the body is taken");
    assert_eq!(statuses(&client.answers().await), [413]);
    assert!(begin.elapsed() < Duration::from_secs(5));
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn body_of_exactly_the_limit_is_accepted() {
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
async fn chunked_body_over_the_limit_is_refused() {
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
async fn limit_of_the_body_is_one_mebibyte_unless_set() {
    let (trigger, address) = listening(local()).await;
    assert_eq!(post(address, "/events", &"x".repeat(1024 * 1024)).await.status, 202);
    assert_eq!(post(address, "/events", &"x".repeat(1024 * 1024 + 1)).await.status, 413);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn compressed_body_is_refused() {
    let (trigger, address) = listening(local()).await;
    for (coding, status) in
        [("gzip", 415), ("GZIP", 415), ("identity, br", 415), ("identity", 202), ("Identity", 202)]
    {
        let header = format!("Content-Encoding: {coding}\r\n");
        assert_eq!(request(address, post_with("/events", header, "{}")).await.status, status, "{coding}");
    }
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn request_of_http_1_1_has_one_valid_host() {
    let (trigger, address) = listening(local()).await;
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
async fn head_over_a_limit_is_refused() {
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
async fn slow_head_is_closed_after_10_s() {
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
async fn connection_that_is_idle_is_closed_after_10_s() {
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
async fn connection_that_is_idle_after_a_slow_body_is_closed_after_10_s() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    sleep(Duration::from_secs(5)).await;
    client.send(begun(3, "")).await;
    for _ in 0..3 {
        sleep(Duration::from_secs(3)).await;
        client.send("x").await;
    }
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(202));
    let begin = Instant::now();
    assert!(client.answer().await.is_none());
    assert_eq!(begin.elapsed().as_secs(), 10);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn slow_body_is_answered_408_after_30_s() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let begin = Instant::now();
    client.send(begun(10, "")).await;
    for _ in 0..5 {
        sleep(Duration::from_secs(5)).await;
        client.send("x").await;
    }
    assert_eq!(statuses(&client.answers().await), [408]);
    assert_eq!(begin.elapsed().as_secs(), 30);
    assert!(trigger.drain_pending().is_empty());
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn client_that_takes_no_answers_is_closed_after_10_s() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    let begin = Instant::now();
    // The answers to these fill what the system holds for the client many times over.
    let requests = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000_000);
    assert!(client.try_send(requests).await.is_err(), "the server took everything");
    assert_eq!(begin.elapsed().as_secs(), 10);
    trigger.stop().await;
}

/// What a vector sends.
fn raw(vector: &Value) -> Vec<u8> {
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

/// What is wrong with the outcome of a vector, by what its `expect` means.
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
        (!as_expected, "not judged as expected"),
        (!fitting, "not the number of events"),
        (wrong_status, "not the status"),
    ];
    faults.into_iter().filter(|(is_fault, _)| *is_fault).map(|(_, fault)| fault).collect()
}

/// Whether the length of the body is told in two ways, so that two readers may see two ends of it.
fn is_framed_twice(raw: &[u8]) -> bool {
    let text = String::from_utf8_lossy(raw).to_ascii_lowercase();
    text.contains("\r\ncontent-length:") && text.contains("\r\ntransfer-encoding:")
}

/// A request of which only a part is sent.
fn begun(length: usize, part: &str) -> String {
    format!("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{part}")
}

fn chunked(body: &str) -> String {
    format!("POST /events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}
