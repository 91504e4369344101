//! The connections of a webhook server: who makes way at the limit, and the limits that the webhooks of a port share.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use triggers::{Overflow, Runtime, StandaloneTrigger, Trigger, TriggerConfig};

use crate::common::config;
use crate::http::{Client, post, post_request};
use crate::webhook::{listening, local};

/// The limit that the README documents.
const LIMIT: usize = 4096;

/// Raises the soft limit of open files, up to the hard one.
fn allow_open_files(needed: u64) {
    let allowed = rlimit::increase_nofile_limit(needed).expect("the system has a limit of open files");
    assert!(
        allowed >= needed,
        "this test opens {needed} files, and the hard limit of the system is {allowed}: raise it, as with \
         `ulimit -n {needed}` by root, `LimitNOFILE=` of a service or `--ulimit nofile={needed}` of a container"
    );
}

/// In real time: a paused clock would advance past the idle timeout of the connections.
#[tokio::test]
async fn server_keeps_4096_connections_by_default() {
    // This program opens both ends of each connection, and the tests beside this one open files too.
    allow_open_files(2 * LIMIT as u64 + 1000);
    let (trigger, address) = listening(local()).await;
    let mut connections = Vec::new();
    for _ in 0..LIMIT {
        connections.push(TcpStream::connect(address).await.expect("a connection"));
    }
    assert!(!is_closed(&connections[0]));
    assert_eq!(post(address, "/events", "{}").await.status, 202);
    connections[0].readable().await.expect("a connection");
    assert!(is_closed(&connections[0]), "the oldest connection makes way");
    assert!(!is_closed(&connections[1]));
    trigger.stop().await;
}

#[tokio::test]
async fn oldest_connection_without_a_whole_head_makes_way() {
    let (trigger, address) = limited(|config| config.setting("connections", 8)).await;
    // Silent, with half a head, idle after a request: the oldest in this order.
    let mut first = Client::connect(address).await;
    assert_eq!(first.ask(post_request("/events", "1")).await.status, 202);
    let mut clients = Vec::new();
    for n in 1..8 {
        let mut client = Client::connect(address).await;
        if n % 2 == 0 {
            client.send("POST /events HTTP/1.1\r\nHost:").await;
        } else {
            assert_eq!(client.ask(post_request("/events", "2")).await.status, 202);
        }
        clients.push(client);
    }
    // A request makes this connection the newest.
    assert_eq!(first.ask(post_request("/events", "3")).await.status, 202);
    let mut newcomers = Vec::new();
    for mut gone in clients {
        let mut newcomer = Client::connect(address).await;
        assert_eq!(newcomer.ask(post_request("/events", "4")).await.status, 202);
        assert!(gone.answer().await.is_none(), "the oldest one is closed");
        newcomers.push(newcomer);
    }
    assert_eq!(first.ask(post_request("/events", "5")).await.status, 202);
    trigger.stop().await;
}

#[tokio::test]
async fn burst_of_silent_clients_refuses_no_client_with_a_request() {
    let (trigger, address) = limited(|config| config.setting("connections", 40)).await;
    // The server cannot run while they connect, so it accepts them all at once.
    let connect = |_| std::net::TcpStream::connect(address).expect("a connection");
    let silent: Vec<_> = (0..120).map(connect).collect();
    assert_eq!(post(address, "/events", "{}").await.status, 202);
    drop(silent);
    trigger.stop().await;
}

#[tokio::test]
async fn connection_with_a_request_never_makes_way_and_the_newcomer_is_answered_503() {
    let (trigger, address) =
        limited(|config| config.setting("connections", 2).queue(1).overflow(Overflow::Wait)).await;
    assert_eq!(post(address, "/events", "1").await.status, 202);
    let mut waiting = Vec::new();
    for body in ["2", "3"] {
        let mut client = Client::connect(address).await;
        client.send(post_request("/events", body)).await;
        waiting.push(client);
    }
    crate::until::until("two requests that wait", || trigger.status().publishers_waiting == 2).await;
    let mut newcomer = Client::connect(address).await;
    let refused = newcomer.answer().await.expect("an answer");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.header("connection"), Some("close"));
    assert_eq!(refused.json(), json!({"status": "error", "message": "too many connections"}));
    assert!(newcomer.answer().await.is_none());
    for (mut client, body) in waiting.into_iter().zip(["1", "2"]) {
        assert_eq!(trigger.wait_for_next().await.expect("an event").raw(), body);
        assert_eq!(client.answer().await.expect("an answer").status, 202);
    }
    trigger.wait_for_next().await.expect("an event");
    assert_eq!(post(address, "/events", "4").await.status, 202, "a place is free again");
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn connection_closes_with_an_answer_after_10_minutes() {
    let (trigger, address) = listening(local().capacity(1000)).await;
    let mut client = Client::connect(address).await;
    let begin = Instant::now();
    loop {
        let answer = client.ask(post_request("/events", "{}")).await;
        let is_old = begin.elapsed() >= Duration::from_secs(600);
        assert_eq!((answer.status, answer.header("connection")), (202, is_old.then_some("close")));
        if is_old {
            break;
        }
        sleep(Duration::from_secs(8)).await;
    }
    assert!(client.answer().await.is_none());
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn webhook_takes_the_limit_that_another_one_of_its_port_gives() {
    let (one, other) =
        (hook("/one"), hook("/other").setting("head_timeout", "3s").setting("header_count", 5));
    let runtime = start([one, other]).await.expect("a start");
    let address = runtime.local_addr("webhook-0/one").expect("an address");
    let mut silent = Client::connect(address).await;
    let begin = Instant::now();
    assert!(silent.answer().await.is_none());
    assert_eq!(begin.elapsed().as_secs(), 3);
    let head = format!("POST /one HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X-A: 1\r\n".repeat(5));
    assert_eq!(crate::http::request(address, head).await.status, 431);
    runtime.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn webhooks_of_a_port_that_give_different_limits_do_not_start() {
    let one = hook("/one").setting("head_timeout", "3s").setting("connections", 7);
    let other = hook("/other").setting("head_timeout", "4s").setting("connections", 7);
    let error = start([one, other]).await.expect_err("two values").to_string();
    for text in ["`head_timeout`", "`webhook-0/one` gives 3s", "`webhook-0/other` gives 4s"] {
        assert!(error.contains(text), "{error}");
    }
    let zero = start([hook("/one").setting("connections", 0)]).await.expect_err("no connection").to_string();
    assert!(zero.contains("`connections` is 0"), "{zero}");
}

fn hook(path: &str) -> TriggerConfig {
    TriggerConfig::webhook(path, 0).host("127.0.0.1")
}

async fn start<const N: usize>(triggers: [TriggerConfig; N]) -> Result<Runtime, triggers::StartError> {
    Runtime::builder().process("hooks", config(triggers), async || {}).start().await
}

/// Starts a trigger with limits, and returns it with its address.
async fn limited(limits: impl FnOnce(TriggerConfig) -> TriggerConfig) -> (StandaloneTrigger, SocketAddr) {
    let trigger = StandaloneTrigger::new(limits(hook("/events")));
    trigger.start().await.expect("a free port");
    let address = trigger.local_addr().expect("an address");
    (trigger, address)
}

fn is_closed(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Ok(0))
}
