//! The malformed requests of the vectors to the webhook server and to a plain axum server: where they answer differently, and
//! why our answer is right.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::timeout;
use triggers::{Bytes, Trigger};

use crate::http::Client;
use crate::http_malformed::{VECTORS, raw};
use crate::webhook::{listening, local};

/// The time after which the other server is left alone: it has no time limits.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a server makes of the bytes of one connection: the statuses of its answers without 100, and the number of events.
type Outcome = (Vec<u16>, usize);

/// Requests to which both servers give other answers.
struct Difference {
    /// The ids of their vectors.
    ids: &'static [&'static str],
    /// The status of our answer. There is no event.
    ours: u16,
    /// The statuses of the other answers. An answer with 202 has an event.
    by_hand: &'static [u16],
    /// Why our answer is right.
    why: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        ids: &["no-host", "two-hosts", "two-same-hosts", "host-bad-char"],
        ours: 400,
        by_hand: &[202],
        why: "RFC 9112 section 3.2: a server must answer 400 without exactly one valid Host. hyper leaves it to the program.",
    },
    Difference {
        ids: &["cl-te", "te-cl", "smuggled-body"],
        ours: 400,
        by_hand: &[202],
        why: "RFC 9112 section 6.1: Content-Length beside Transfer-Encoding may be request smuggling. A proxy in front that reads \
              the length sees another end of the body.",
    },
    Difference {
        ids: &["te-double"],
        ours: 400,
        by_hand: &[202],
        why: "RFC 9112 section 6.1: a sender must not apply chunked more than once. hyper reads only the last coding.",
    },
    Difference {
        ids: &["te-cow-chunked", "te-two-lines"],
        ours: 501,
        by_hand: &[202],
        why: "RFC 9112 section 6.1: a server should answer 501 to a coding that it does not know. hyper would pass on the encoded \
              body.",
    },
    Difference {
        ids: &["te-gzip", "te-xchunked", "te-chunked-gzip"],
        ours: 501,
        by_hand: &[400],
        why: "RFC 9112 section 6.1: 501 names the cause, which is the transfer coding and not the form of the head.",
    },
    Difference {
        ids: &["same-header-99", "header-value-64k"],
        ours: 431,
        by_hand: &[202],
        why: "A head has at most 64 headers and 16 KiB, as the README documents. Known senders use far less.",
    },
    Difference {
        ids: &["cl-2^63"],
        ours: 413,
        by_hand: &[],
        why: "The declared length is over the limit, so the body is not awaited. The other server waits for it for ever, because \
              its extractor reads before it compares.",
    },
    Difference {
        ids: &["chunk-ffff"],
        ours: 408,
        by_hand: &[],
        why: "The chunk does not arrive. A body has a time limit here, and none in the other server.",
    },
    Difference {
        ids: &["h2-preface"],
        ours: 400,
        by_hand: &[],
        why: "Neither server speaks HTTP/2. An answer tells the client why the connection ends.",
    },
];

/// Starts an axum server by hand, which counts the requests that reach its handler.
async fn axum_by_hand() -> (SocketAddr, Arc<AtomicUsize>) {
    let events = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&events);
    let handler = async move |_: Bytes| {
        counted.fetch_add(1, Ordering::Relaxed);
        StatusCode::ACCEPTED
    };
    let router = Router::new().route("/events", post(handler)).layer(DefaultBodyLimit::max(1024 * 1024));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    #[expect(clippy::disallowed_methods, reason = "the server of another program")]
    tokio::spawn(async { axum::serve(listener, router).await });
    (address, events)
}

/// Sends bytes on a connection, and returns the statuses of the answers.
async fn statuses(address: SocketAddr, bytes: &[u8]) -> Vec<u16> {
    let mut client = Client::connect(address).await;
    client.send(bytes).await;
    let mut statuses = Vec::new();
    while let Ok(Some(answer)) = timeout(PATIENCE, client.answer()).await {
        statuses.push(answer.status);
    }
    statuses.retain(|status| *status != 100);
    statuses
}

#[tokio::test(start_paused = true)]
async fn server_differs_from_axum_by_hand_only_where_it_is_stricter() {
    let (trigger, ours) = listening(local()).await;
    let (by_hand, events) = axum_by_hand().await;
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    let vectors = vectors["vectors"].as_array().expect("a list");
    let mut found = BTreeMap::new();
    for vector in vectors {
        let (id, bytes) = (vector["id"].as_str().expect("an id"), raw(vector));
        let ours: Outcome = (statuses(ours, &bytes).await, trigger.drain_pending().len());
        let by_hand: Outcome = (statuses(by_hand, &bytes).await, events.swap(0, Ordering::Relaxed));
        if ours != by_hand {
            found.insert(id, (ours, by_hand));
        }
    }
    let expected = DIFFERENCES.iter().flat_map(|Difference { ids, ours, by_hand, .. }| {
        let by_hand = (by_hand.to_vec(), by_hand.iter().filter(|status| **status == 202).count());
        ids.iter().map(move |id| (*id, ((vec![*ours], 0), by_hand.clone())))
    });
    assert_eq!(found, expected.collect::<BTreeMap<_, _>>());
    for Difference { ids, why, .. } in DIFFERENCES {
        assert!(why.ends_with('.'), "{ids:?}");
    }
    trigger.stop().await;
}
