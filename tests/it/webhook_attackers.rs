//! Many clients of each kind that send no whole request: the server closes each within its limit, and answers all others.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use triggers::{StandaloneTrigger, Trigger, TriggerConfig};

use crate::http::{Client, post_request};

const ATTACKERS: usize = 1000;
const LIMIT: Duration = Duration::from_millis(500);

/// The time that a busy machine may need beyond the limit.
const SLACK: Duration = Duration::from_secs(20);

const HEAD: &str = "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n";

/// In real time: a paused clock would advance past the limits while the clients send.
#[tokio::test]
async fn server_closes_1000_attackers_of_each_kind_in_time_and_answers_every_request() {
    let needed = 2 * ATTACKERS as u64 + 6000;
    let files = rlimit::increase_nofile_limit(needed).expect("the system has a limit of open files");
    assert!(files >= needed, "this test opens {needed} files, and the hard limit of the system is {files}");
    let limits = |config: TriggerConfig| {
        config.setting("head_timeout", "500ms").setting("body_timeout", "500ms").setting("header_count", 1000)
    };
    let config = TriggerConfig::webhook("/events", 0).host("127.0.0.1").queue(10_000);
    let trigger = StandaloneTrigger::new(limits(config));
    trigger.start().await.expect("a free port");
    let address = trigger.local_addr().expect("an address");
    for (kind, first, drip, status) in [
        ("silent", "", None, None),
        ("half a head", HEAD, None, None),
        ("dripping head", HEAD, Some("X: 1\r\n"), None),
        ("slow body", &*format!("{HEAD}\r\n"), Some("x"), Some(408)),
    ] {
        let mut attackers = JoinSet::new();
        for _ in 0..ATTACKERS {
            attackers.spawn(attack(address, first.to_owned(), drip));
        }
        let mut answered = 0;
        while let Some(ended) = {
            let mut client = Client::connect(address).await;
            assert_eq!(client.ask(post_request("/events", "{}")).await.status, 202, "{kind}");
            answered += 1;
            attackers.join_next().await
        } {
            let (answer, time) = ended.expect("an attacker");
            assert_eq!(answer, status, "{kind}");
            assert!(time >= LIMIT - Duration::from_millis(50) && time < LIMIT + SLACK, "{kind}: {time:?}");
        }
        assert_eq!(answered, ATTACKERS + 1);
        assert_eq!(trigger.drain_pending().len(), answered, "{kind}");
    }
    trigger.stop().await;
}

/// Sends the begin of a request, and more every 100 ms. Returns the status of an answer, and the time until the server closed.
async fn attack(address: SocketAddr, first: String, drip: Option<&'static str>) -> (Option<u16>, Duration) {
    let mut client = Client::connect(address).await;
    let begin = Instant::now();
    client.send(first).await;
    let answer = loop {
        match timeout(Duration::from_millis(100), client.readable()).await {
            Ok(()) => break client.answer().await,
            Err(_) if begin.elapsed() > LIMIT + SLACK => break None,
            Err(_) => client.send(drip.unwrap_or_default()).await,
        }
    };
    (answer.map(|answer| answer.status), begin.elapsed())
}
