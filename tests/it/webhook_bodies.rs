//! The bodies of a webhook server that arrive slowly, that use its memory, or that its queue has no capacity for.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use triggers::{Overflow, StandaloneTrigger, Trigger, TriggerConfig};

use crate::http::{Answer, Client, post, post_request};

#[tokio::test(start_paused = true)]
async fn body_below_1_kib_a_second_is_answered_408_after_5_s() {
    let (trigger, address) = start(|config| config).await;
    let mut client = Client::connect(address).await;
    let begin = Instant::now();
    client.send(head(100_000)).await;
    for part in [3000, 3000, 2000] {
        client.send("x".repeat(part)).await;
        sleep(Duration::from_secs(2)).await;
    }
    // 8000 bytes are 7.8 s of the lowest rate.
    assert_closed(client, 408, "the body arrived with under 1KiB a second").await;
    assert_eq!(begin.elapsed().as_millis(), 7813);

    let (mut client, begin) = (Client::connect(address).await, Instant::now());
    client.send(head(1)).await;
    assert_eq!(client.answer().await.expect("an answer").status, 408);
    assert_eq!(begin.elapsed().as_secs(), 5);
    assert!(trigger.drain_pending().is_empty());
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn request_that_waits_for_capacity_is_answered_within_60_s() {
    let limits = |config: TriggerConfig| config.setting("body_rate", 1).queue(1).overflow(Overflow::Wait);
    let (trigger, address) = start(limits).await;
    assert_eq!(post(address, "/events", "1").await.status, 202);
    let (mut client, begin) = (Client::connect(address).await, Instant::now());
    client.send([head(30), "x".repeat(29)].concat()).await;
    sleep(Duration::from_secs(28)).await;
    client.send("x").await;
    assert_eq!(client.answer().await.expect("an answer").status, 503);
    // The head may have taken 10 s more.
    assert_eq!(begin.elapsed().as_secs(), 50);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn unfinished_bodies_are_bounded_together_and_a_finished_one_makes_room() {
    let (trigger, address) =
        start(|config| config.body_limit(60_000).setting("unfinished_bodies", "256KiB")).await;
    let (length, mut held) = (60_000, Vec::new());
    let refused = loop {
        let mut client = Client::connect(address).await;
        client.send([head(length), "x".repeat(length - 1)].concat()).await;
        // The answer to this request says that the server has read what came before.
        assert_eq!(post(address, "/events", "small").await.status, 202, "a whole request needs no room");
        if held.len() == 4 {
            break client;
        }
        held.push(client);
    };
    let refused = assert_closed(refused, 503, "too many bodies are unfinished").await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    for mut client in held {
        client.send("x").await;
        assert_eq!(client.answer().await.expect("an answer").status, 202);
        let mut next = Client::connect(address).await;
        next.send([head(length), "x".repeat(length - 1)].concat()).await;
        sleep(Duration::from_millis(1)).await;
        next.send("x").await;
        assert_eq!(next.answer().await.expect("an answer").status, 202, "there is room again");
    }
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_body_of_the_largest_size_is_always_accepted() {
    let (trigger, address) = start(|config| config.setting("unfinished_bodies", "1B")).await;
    let mut client = Client::connect(address).await;
    let length = 1024 * 1024;
    client.send(head(length)).await;
    for part in ["x".repeat(length / 2), "x".repeat(length / 2 - 1), "x".to_owned()] {
        sleep(Duration::from_secs(1)).await;
        client.send(part).await;
    }
    assert_eq!(client.answer().await.expect("an answer").status, 202);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn full_queue_refuses_a_request_by_its_head() {
    let (trigger, address) = start(|config| config.queue(1)).await;
    assert_eq!(post(address, "/events", "1").await.status, 202);
    let expecting =
        "POST /events HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let chunked = "POST /events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    for request in [expecting.to_owned(), chunked.to_owned(), head(1_000_000), head(2)] {
        let (mut client, begin) = (Client::connect(address).await, Instant::now());
        client.send(&request).await;
        let refused = assert_closed(client, 503, "queue full").await;
        assert_eq!(
            (refused.header("retry-after"), begin.elapsed()),
            (Some("1"), Duration::ZERO),
            "{request}"
        );
    }
    // A whole small request keeps its connection.
    let mut client = Client::connect(address).await;
    for _ in 0..2 {
        assert_eq!(client.ask(post_request("/events", "2")).await.status, 503);
    }
    trigger.drain_pending();
    client.send(expecting).await;
    assert_eq!(client.answer().await.expect("an answer").status, 100);
    assert_eq!(client.ask("{}").await.status, 202);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn full_queue_that_makes_room_reads_the_body() {
    let (trigger, address) = start(|config| config.queue(1).overflow(Overflow::DropOldest)).await;
    assert_eq!(post(address, "/events", "1").await.status, 202);
    let mut client = Client::connect(address).await;
    client.send(head(1)).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(client.ask("2").await.status, 202);
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn unknown_expectation_is_answered_417() {
    let (trigger, address) = start(|config| config).await;
    for (expect, status) in [("200-maybe", 417), ("100-Continue", 100), ("100-continue, b", 417), ("", 417)] {
        let request = format!(
            "POST /events HTTP/1.1\r\nHost: localhost\r\nExpect: {expect}\r\nContent-Length: 2\r\n\r\n"
        );
        let answer = Client::connect(address).await.ask(request).await;
        assert_eq!(answer.status, status, "{expect}");
    }
    trigger.stop().await;
}

/// Starts a trigger with limits, and returns it with its address.
async fn start(limits: impl FnOnce(TriggerConfig) -> TriggerConfig) -> (StandaloneTrigger, SocketAddr) {
    let config = TriggerConfig::webhook("/events", 0).host("127.0.0.1");
    let trigger = StandaloneTrigger::new(limits(config));
    trigger.start().await.expect("a free port");
    let address = trigger.local_addr().expect("an address");
    (trigger, address)
}

/// Returns the head of a request whose body has this length.
fn head(length: usize) -> String {
    format!("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
}

/// Reads the only answer of a connection that the server closes.
async fn assert_closed(mut client: Client, status: u16, message: &str) -> Answer {
    let answer = client.answer().await.expect("an answer");
    assert_eq!((answer.status, answer.header("connection")), (status, Some("close")));
    assert_eq!(answer.json(), json!({"status": "error", "message": message}));
    assert!(client.answer().await.is_none());
    answer
}
