//! Webhook triggers: start, stop, and what a stop ends.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use triggers::{Trigger, TriggerError, WebhookTrigger};

use crate::http::{Client, post, post_request};
use crate::webhook::{assert_is_closed, assert_is_refused, listening, local, payloads};

#[tokio::test(start_paused = true)]
async fn stop_closes_the_port_and_the_next_start_has_no_stale_event() {
    let (trigger, address) = listening(local()).await;
    assert_eq!(post(address, "/events", "1").await.status, 202);
    trigger.stop().await;
    assert_eq!(trigger.local_addr(), None);
    assert_is_closed(address).await;
    assert_eq!(trigger.wait_for_next().await.expect("an event").payload(), &json!(1));
    assert_is_stopped(&trigger).await;

    let (trigger, address) = listening(trigger).await;
    assert!(timeout(Duration::from_secs(60), trigger.wait_for_next()).await.is_err(), "no event is left");
    assert_eq!(post(address, "/events", "2").await.status, 202);
    assert_eq!(trigger.wait_for_next().await.expect("an event").payload(), &json!(2));
    trigger.stop().await;
    assert_is_stopped(&trigger).await;
}

#[tokio::test(start_paused = true)]
async fn trigger_can_bind_its_fixed_port_right_after_a_stop() {
    // The listener is dropped here, before the trigger starts.
    let (_, address) = free_port().await;
    let trigger = local().port(address.port());
    for n in 0..3 {
        trigger.start().await.expect("a free port");
        let mut client = Client::connect(address).await;
        assert_eq!(client.ask(post_request("/events", n.to_string())).await.status, 202);
        trigger.stop().await;
        assert_eq!(payloads(trigger.drain_pending()), [json!(n)]);
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_start_and_stop_have_no_effect() {
    let trigger = local();
    trigger.stop().await;
    assert_is_stopped(&trigger).await;
    let (trigger, address) = listening(trigger).await;
    let (trigger, again) = listening(trigger).await;
    assert_eq!(address, again);
    assert_eq!(post(address, "/events", "1").await.status, 202);
    tokio::join!(trigger.stop(), trigger.stop());
    trigger.stop().await;
    assert_eq!(payloads(trigger.drain_pending()), [json!(1)]);
    assert_is_stopped(&trigger).await;
}

#[tokio::test(start_paused = true)]
async fn cancelled_stop_does_not_prevent_the_next_start() {
    let (trigger, address) = listening(local()).await;
    let mut half_sent = Client::connect(address).await;
    half_sent.send("POST /events HTTP/1.1\r\n").await;
    sleep(Duration::from_millis(1)).await;
    assert!(timeout(Duration::from_millis(10), trigger.stop()).await.is_err());
    let (trigger, address) = listening(trigger).await;
    assert_eq!(post(address, "/events", "1").await.status, 202);
    trigger.stop().await;
    assert_is_closed(address).await;
}

#[tokio::test(start_paused = true)]
async fn stop_does_not_wait_for_an_idle_connection() {
    let (trigger, address) = listening(local()).await;
    let mut used = Client::connect(address).await;
    assert_eq!(used.ask(post_request("/events", "1")).await.status, 202);
    let mut unused = Client::connect(address).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(stop_time(&trigger).await, Duration::ZERO);
    assert!(used.answer().await.is_none() && unused.answer().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn stop_waits_half_a_second_for_the_rest_of_a_head() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    client.send("POST /events HTTP/1.1\r\nHost: localhost\r\n").await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(round(stop_time(&trigger).await), Duration::from_millis(500));
    assert!(client.answer().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn stop_waits_a_quarter_of_a_second_for_the_rest_of_a_body_and_answers_503() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    client.send("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{").await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(round(stop_time(&trigger).await), Duration::from_millis(250));
    let answers = client.answers().await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [503]);
    assert_eq!(answers[0].json()["message"], "stopping");
    assert_is_stopped(&trigger).await;
}

#[tokio::test(start_paused = true)]
async fn stopping_trigger_answers_503_to_a_body_that_arrives_meanwhile() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    client.send("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{").await;
    sleep(Duration::from_secs(1)).await;
    let rest = async {
        sleep(Duration::from_millis(100)).await;
        client.ask("}").await
    };
    let (took, answer) = tokio::join!(stop_time(&trigger), rest);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!((&answer.json()["message"], round(took)), (&json!("stopping"), Duration::from_millis(100)));
    assert_is_stopped(&trigger).await;
}

#[tokio::test(start_paused = true)]
async fn dropped_trigger_answers_503_to_a_body_that_arrives_afterwards() {
    let (trigger, address) = listening(local()).await;
    let mut client = Client::connect(address).await;
    client.send("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{").await;
    sleep(Duration::from_secs(1)).await;
    drop(trigger);
    assert_eq!(client.ask("}").await.status, 503);
    assert_is_closed(address).await;
}

#[tokio::test(start_paused = true)]
async fn stopped_trigger_returns_its_queued_events_and_then_stopped_to_every_waiter() {
    for (capacity, waiters) in [(3, 1), (3, 2), (4, 5)] {
        let (trigger, address) = listening(local().capacity(capacity)).await;
        for n in 0..3 {
            assert_eq!(post(address, "/events", &n.to_string()).await.status, 202);
        }
        trigger.stop().await;
        let mut handed_out = Vec::new();
        while let Ok(event) = trigger.wait_for_next().await {
            handed_out.push(event);
        }
        assert_eq!(payloads(handed_out), [json!(0), json!(1), json!(2)]);
        for _ in 0..waiters {
            assert_is_stopped(&trigger).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stop_ends_every_waiter() {
    let (trigger, _) = listening(local()).await;
    let stop = async {
        sleep(Duration::from_secs(1)).await;
        trigger.stop().await;
    };
    let (one, two, three, ()) =
        tokio::join!(trigger.wait_for_next(), trigger.wait_for_next(), trigger.wait_for_next(), stop);
    for waiter in [one, two, three] {
        assert!(matches!(waiter, Err(TriggerError::Stopped)));
    }
    assert_is_stopped(&trigger).await;
}

#[tokio::test(start_paused = true)]
async fn dropped_trigger_closes_its_port() {
    let (trigger, address) = listening(local()).await;
    let clone = trigger.clone();
    drop(trigger);
    assert_eq!(post(address, "/events", "{}").await.status, 202);
    let mut kept_alive = Client::connect(address).await;
    assert_eq!(kept_alive.ask(post_request("/events", "{}")).await.status, 202);
    let begin = Instant::now();
    drop(clone);
    assert!(kept_alive.answer().await.is_none());
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_is_closed(address).await;
}

#[tokio::test(start_paused = true)]
async fn start_on_a_taken_port_is_an_error_that_names_it_and_leaves_nothing() {
    let (taken, address) = free_port().await;
    let trigger = local().port(address.port());
    let taken = taken.into_std().expect("a listener");
    assert_cannot_bind(&trigger, address).await;
    assert_eq!(trigger.local_addr(), None);
    assert_is_stopped(&trigger).await;
    drop(taken);
    let (trigger, again) = listening(trigger).await;
    assert_eq!((again, post(address, "/events", "{}").await.status), (address, 202));
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn triggers_without_a_runtime_do_not_share_a_port() {
    let (first, address) = listening(local()).await;
    let second = local().path("/other").port(address.port());
    assert_cannot_bind(&second, address).await;
    assert_eq!(post(address, "/events", "{}").await.status, 202);
    assert_eq!(post(address, "/other", "{}").await.status, 404);
    first.stop().await;
    second.start().await.expect("the port is free again");
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn start_error_names_a_bad_setting_and_its_value() {
    assert_is_refused(local().path("events"), "webhook_path", "events").await;
    assert_is_refused(local().path("/health"), "webhook_path", "/health").await;
    assert_is_refused(local().path("/a{id}"), "webhook_path", "/a{id}").await;
    assert_is_refused(local().host("http://localhost"), "webhook_host", "http://localhost").await;
    assert_is_refused(local().host(""), "webhook_host", "").await;
    assert_is_refused(local().capacity(0), "queue", "0").await;
    assert_is_refused(local().body_limit(0), "body_limit", "0").await;
}

/// Returns a free port, which the listener holds until it is dropped.
async fn free_port() -> (tokio::net::TcpListener, SocketAddr) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

async fn assert_is_stopped(trigger: &WebhookTrigger) {
    assert!(matches!(trigger.wait_for_next().await, Err(TriggerError::Stopped)));
}

async fn assert_cannot_bind(trigger: &WebhookTrigger, address: SocketAddr) {
    let Err(TriggerError::Bind { host, port, .. }) = trigger.start().await else {
        panic!("{address} is taken")
    };
    assert_eq!((host, port), (address.ip().to_string(), address.port()));
}

/// Returns how long a stop takes.
async fn stop_time(trigger: &WebhookTrigger) -> Duration {
    let begin = Instant::now();
    trigger.stop().await;
    begin.elapsed()
}

/// Rounds down to 10 ms, as timers fire a little late.
fn round(time: Duration) -> Duration {
    Duration::from_millis(time.as_millis() as u64 / 10 * 10)
}
