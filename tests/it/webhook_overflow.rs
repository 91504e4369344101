//! Webhook triggers whose queue is full.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use triggers::{Overflow, Trigger};

use crate::http::{Client, get, post, post_request};
use crate::webhook::{assert_is_refused, listening, local, payloads};

#[tokio::test(start_paused = true)]
async fn webhook_with_a_full_queue_answers_503_with_retry_after() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    for n in 0..1000 {
        assert_eq!(client.ask(post_request("/events", n.to_string())).await.status, 202, "{n}");
    }
    let full = client.ask(post_request("/events", "1000")).await;
    assert_eq!((full.status, full.header("retry-after")), (503, Some("1")));
    assert_eq!(full.json(), json!({"status": "error", "message": "queue full"}));
    assert_eq!(get(address, "/health").await.json()["queue_size"], 1000);

    assert_eq!(trigger.wait_for_next().await.expect("an event").payload(), &json!(0));
    assert_eq!(client.ask(post_request("/events", "1001")).await.status, 202);
    let handed_out = payloads(trigger.drain_pending());
    assert_eq!(handed_out, (1..1000).chain([1001]).map(Value::from).collect::<Vec<_>>());
    assert_eq!((trigger.status().accepted, trigger.status().dropped), (1001, 1));
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn webhook_with_drop_oldest_accepts_a_request_and_evicts_the_oldest_event() {
    let (trigger, address) = listening(local().capacity(2).overflow(Overflow::DropOldest)).await;
    for n in 0..5 {
        assert_eq!(post(address, "/events", &n.to_string()).await.status, 202);
    }
    assert_eq!(payloads(trigger.drain_pending()), [json!(3), json!(4)]);
    assert_eq!((trigger.status().accepted, trigger.status().dropped), (5, 3));
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn webhook_with_wait_answers_when_its_queue_has_capacity() {
    let (trigger, address) = listening(local().capacity(1).overflow(Overflow::Wait)).await;
    assert_eq!(post(address, "/events", "1").await.status, 202);
    let begin = Instant::now();
    let taking = async {
        sleep(Duration::from_secs(20)).await;
        trigger.wait_for_next().await.expect("an event").payload().clone()
    };
    let (answer, first) = tokio::join!(post(address, "/events", "2"), taking);
    assert_eq!((answer.status, first, begin.elapsed().as_secs()), (202, json!(1), 20));
    assert_eq!(payloads(trigger.drain_pending()), [json!(2)]);
    assert_eq!((trigger.status().accepted, trigger.status().dropped), (2, 0));
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn webhook_with_wait_answers_503_after_30_s_without_capacity() {
    let (trigger, address) = listening(local().capacity(1).overflow(Overflow::Wait)).await;
    assert_eq!(post(address, "/events", "1").await.status, 202);
    let begin = Instant::now();
    let full = post(address, "/events", "2").await;
    assert_eq!((full.status, full.header("retry-after"), begin.elapsed().as_secs()), (503, Some("1"), 30));
    assert_eq!(payloads(trigger.drain_pending()), [json!(1)]);
    assert_eq!((trigger.status().accepted, trigger.status().dropped), (1, 1));
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn webhook_with_wait_answers_503_at_once_when_it_stops() {
    let (trigger, address) = listening(local().capacity(1).overflow(Overflow::Wait)).await;
    assert_eq!(post(address, "/events", "1").await.status, 202);
    let stopping = async {
        sleep(Duration::from_secs(1)).await;
        let begin = Instant::now();
        trigger.stop().await;
        begin.elapsed()
    };
    let (answer, took) = tokio::join!(post(address, "/events", "2"), stopping);
    assert_eq!((answer.status, &answer.json()["message"], took), (503, &json!("stopping"), Duration::ZERO));
    assert_eq!(payloads(trigger.drain_pending()), [json!(1)]);
}

#[tokio::test(start_paused = true)]
async fn start_refuses_an_overflow_policy_that_would_break_a_202() {
    for overflow in [Overflow::DropNewest, Overflow::Reject] {
        assert_is_refused(local().overflow(overflow), "overflow", &overflow.to_string()).await;
    }
}
