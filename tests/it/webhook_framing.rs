//! The heads about which parsers disagree, and the answers to heads that are no HTTP/1.

use std::net::SocketAddr;

use triggers::Trigger;

use crate::http::{Answer, Client, post_request};
use crate::webhook::{listening, local};

#[tokio::test(start_paused = true)]
async fn head_that_parsers_disagree_on_is_refused_in_json_and_closes_the_connection() {
    let (trigger, address) = listening(local()).await;
    let long = "x".repeat(70_000);
    for (head, status) in [
        (
            "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        (
            "POST /events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\ncontent-length: 5\r\n\r\n",
            400,
        ),
        ("POST /events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400),
        (
            "POST /events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        ("POST /events HTTP/1.1\r\nHost: localhost\r\nTRANSFER-encoding: gzip, Chunked\r\n\r\n", 501),
        ("POST /events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("POST /events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity\r\n\r\n", 501),
        ("POST /events HTTP/1.1\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 400),
        ("POST /events HTTP/1.1\r\nHost: a\nContent-Length: 0\r\n\r\n", 400),
        ("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\n\r\n", 400),
        ("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\n", 400),
        ("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n", 400),
        ("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2, 2\r\n\r\n", 400),
        ("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\n", 400),
        // hyper cannot read these.
        ("P@ST /events HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("POST /events HTTP/7.1\r\nHost: localhost\r\n\r\n", 400),
        ("POST /events HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("POST /events HTTP/1.1\r\nHost: localhost\r\nX: 1\r\n 2\r\n\r\n", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (&format!("POST /events HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: 1\r\n".repeat(200)), 431),
        (&format!("POST /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 414),
        (&format!("POST /events HTTP/1.1\r\nHost: localhost\r\nX: {long}"), 431),
    ] {
        let shown = &head[..head.len().min(120)];
        let answers = exchange(address, head.as_bytes()).await;
        assert_refused(&answers, status, shown);
        // The head arrives behind whole requests, in the same packet.
        let chunked = "POST /events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\n\n\r\n\r\n0\r\nT: 1\r\n\r\n";
        let before = [
            post_request("/events", "a\n\nb"),
            chunked.into(),
            "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
        ];
        let mut answers = exchange(address, &[before.concat(), head.into()].concat()).await;
        let refused = answers.split_off(3.min(answers.len()));
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [202, 202, 200], "{shown}");
        assert_refused(&refused, status, shown);
        let events = trigger.drain_pending();
        assert_eq!(
            events.iter().map(|event| &event.raw()[..]).collect::<Vec<_>>(),
            [&b"a\n\nb"[..], b"\n\r\n"]
        );
    }
    trigger.stop().await;
}

/// In real time: the system delays small packets, and a paused clock would advance past the limit of a head.
#[tokio::test]
async fn head_is_framed_alike_in_every_division_into_packets() {
    let (trigger, address) = listening(local()).await;
    let chunked = "POST /events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
    let bad = "POST /events HTTP/1.1\r\nHost: a\nContent-Length: 0\r\n\r\n";
    let bytes =
        [post_request("/events", "x\ny"), chunked.into(), post_request("/events", ""), bad.into()].concat();
    for size in [1, 2, 3, 7, 61] {
        let mut client = Client::connect(address).await;
        for part in bytes.chunks(size) {
            client.send(part).await;
            // So that the server reads each part by itself.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        }
        let answers = client.answers().await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [202, 202, 202, 400], "{size}");
        let events = trigger.drain_pending();
        assert_eq!(
            events.iter().map(|event| &event.raw()[..]).collect::<Vec<_>>(),
            [&b"x\ny"[..], b"0123456789", b""]
        );
    }
    trigger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn equal_lengths_and_empty_lines_before_a_request_are_accepted() {
    let (trigger, address) = listening(local()).await;
    let request = "\r\n\r\nPOST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}";
    let mut client = Client::connect(address).await;
    for _ in 0..2 {
        assert_eq!(client.ask(request).await.status, 202);
    }
    trigger.stop().await;
}

/// Sends bytes, and reads the answers until the server closes.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<Answer> {
    let mut client = Client::connect(address).await;
    client.send(bytes).await;
    client.answers().await
}

fn assert_refused(answers: &[Answer], status: u16, shown: &str) {
    let [answer] = answers else { panic!("{} answers to {shown:?}", answers.len()) };
    assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{shown:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{shown:?}");
    assert_eq!(answer.json()["status"], "error", "{shown:?}");
}
