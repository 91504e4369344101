//! `dedupe`: a delivery that comes again makes no second event, and is answered as the first one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::advance;
use triggers::prelude::*;
use triggers::{Filter, Sign};

use crate::common::{config, gated, status};
use crate::http::{Answer, Client, post_request, post_with, request};
use crate::served::{Served, lines, webhook};

/// Returns settings by which `X-Id` is the id of a delivery.
fn by_header() -> Value {
    json!({"dedupe": {"type": "header", "name": "X-Id"}})
}

fn id(id: &str) -> String {
    format!("X-Id: {id}\r\n")
}

/// Returns the id of the event and if it is a duplicate, of a 202.
#[track_caller]
fn accepted(answer: &Answer) -> (String, bool) {
    assert_eq!(answer.status, 202, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["status"], "accepted", "{body}");
    let duplicate = body.get("duplicate").map(|duplicate| duplicate == true);
    (body["event_id"].as_str().expect("an id").to_owned(), duplicate.unwrap_or(false))
}

#[tokio::test(start_paused = true)]
async fn repeated_id_is_answered_with_the_first_event() {
    let served = Served::start(by_header()).await;
    let (first, _) = accepted(&served.post(id("a"), "1").await);
    let (other, is_duplicate) = accepted(&served.post(id("b"), "1").await);
    assert!(first != other && !is_duplicate);
    assert_eq!(accepted(&served.post(id("a"), "another body").await), (first.clone(), true));
    assert_eq!(accepted(&served.post(id("a"), "").await), (first, true));
    assert!(!accepted(&served.post("", "1").await).1 && !accepted(&served.post(id(""), "1").await).1);
    let long = served.post(id(&"x".repeat(1025)), "").await;
    assert_eq!((long.status, served.refused()), (400, json!({"delivery_id": 1})));
    assert_eq!(served.events().await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn id_of_the_scheme_and_an_equal_signed_request_make_one_event() -> Result {
    for (scheme, secret, first, second) in [
        // The body has no id, so only the signature shows that the request is a copy.
        ("stripe", "s3cret", "{}", "{}"),
        ("slack", "s3cret", "{}", "{}"),
        ("zoom", "s3cret", "{}", "{}"),
        ("standard", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "{}", "{}"),
        // The sender signs a second time, at another time.
        ("stripe", "s3cret", r#"{"id":"evt_1"}"#, r#"{"id":"evt_1","a":1}"#),
        ("slack", "s3cret", r#"{"event_id":"Ev1"}"#, r#"{"event_id":"Ev1","a":1}"#),
        ("standard", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "{}", r#"{"a":1}"#),
        ("github", "s3cret", "{}", "[]"),
        ("shopify", "s3cret", "{}", "[]"),
        ("gitlab", "s3cret", "{}", "[]"),
        ("telegram", "s3cret", r#"{"update_id":1}"#, r#"{"update_id":1,"a":2}"#),
    ] {
        let sign = match scheme {
            "stripe" => Sign::stripe(secret),
            "slack" => Sign::slack(secret),
            "zoom" => Sign::zoom(secret),
            "standard" => Sign::standard(secret),
            "github" => Sign::github(secret),
            "shopify" => Sign::shopify(secret),
            "gitlab" => Sign::gitlab(secret),
            _ => Sign::telegram(secret),
        }?;
        for dedupe in [None, Some("off")] {
            let mut settings = json!({"verify": {"scheme": scheme, "env": "S"}});
            if let Some(dedupe) = dedupe {
                settings["dedupe"] = json!(dedupe);
            }
            let served =
                Served::with(settings, |builder| builder.secrets(move |_| Some(secret.into()))).await;
            let now = SystemTime::now();
            let post = async |body: &str| {
                served.post(lines(&sign.headers(body.as_bytes(), now, "7").expect("headers")), body).await
            };
            let (event, is_duplicate) = accepted(&post(first).await);
            assert!(!is_duplicate);
            let (again, is_duplicate) = accepted(&post(second).await);
            // Without ids of deliveries only a copy is refused. The id of `standard` is signed, so it shows a copy too.
            let expected = dedupe.is_none() || first == second || scheme == "standard";
            assert_eq!(is_duplicate, expected, "{scheme} {dedupe:?} {second}");
            assert_eq!(again == event, expected, "{scheme}");
            assert_eq!(served.events().await.len(), 2 - usize::from(expected), "{scheme}");
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Order {
    id: u32,
}

#[on_webhook("/orders", port = 0, host = "127.0.0.1", dedupe = |order: &Order| order.id, dedupe_window = "1m")]
async fn order(_: Text) {}

#[on_webhook("/header", port = 0, host = "127.0.0.1", dedupe = header("X-Id"))]
async fn by_name(_: Text) {}

#[tokio::test(start_paused = true)]
async fn attribute_has_a_closure_or_a_header_for_the_id() -> Result {
    let runtime = Runtime::builder().handlers(handlers![order, by_name]).start().await?;
    let address = runtime.local_addr("webhook-0/orders").expect("an address");
    let post = async |body: &str| accepted(&request(address, post_request("/orders", body)).await);
    let (first, _) = post(r#"{"id": 7}"#).await;
    assert_eq!(post(r#"{"id": 7, "paid": true}"#).await, (first.clone(), true));
    assert!(!post(r#"{"id": 8}"#).await.1);
    // A body that has no id is an event each time.
    assert!(!post("{}").await.1 && !post("{}").await.1);
    advance(Duration::from_secs(61)).await;
    let (later, is_duplicate) = post(r#"{"id": 7}"#).await;
    assert!(later != first && !is_duplicate);
    let address = runtime.local_addr("webhook-0/header").expect("an address");
    let answers = [
        request(address, post_with("/header", id("a"), "")).await,
        request(address, post_with("/header", id("a"), "")).await,
    ];
    assert_eq!(answers.map(|answer| accepted(&answer).1), [false, true]);
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn id_is_forgotten_after_its_window() {
    for (settings, window) in [(json!({}), 600), (json!({"dedupe_window": "2h"}), 7200)] {
        let mut all = by_header();
        all.as_object_mut().expect("an object").extend(settings.as_object().expect("an object").clone());
        let served = Served::start(all).await;
        let (first, _) = accepted(&served.post(id("a"), "").await);
        advance(Duration::from_secs(window - 5)).await;
        assert_eq!(accepted(&served.post(id("a"), "").await), (first.clone(), true));
        advance(Duration::from_secs(10)).await;
        let (second, is_duplicate) = accepted(&served.post(id("a"), "").await);
        assert!(second != first && !is_duplicate);
        served.events().await;
    }
}

#[tokio::test(start_paused = true)]
async fn id_of_an_event_that_was_not_accepted_is_released() -> Result {
    let gate = Arc::new(Notify::new());
    let mut settings = by_header();
    settings["queue"] = json!(1);
    let runtime = Runtime::builder().process("p", config([webhook(settings)]), gated(&gate)).start().await?;
    let address = runtime.local_addr("in").expect("an address");
    let post = async |name: &str| request(address, post_with("/in", id(name), "")).await;
    assert_eq!(post("handled").await.status, 202);
    crate::until::until("an event in flight", || status(&runtime).in_flight == 1).await;
    assert_eq!(post("queued").await.status, 202);
    for _ in 0..2 {
        let full = post("late").await;
        assert_eq!((full.status, full.header("retry-after")), (503, Some("1")), "{full:?}");
    }
    // The id of an accepted event is known while the queue is full.
    assert!(accepted(&post("queued").await).1);
    gate.notify_one();
    crate::until::until("a free slot", || {
        status(&runtime).handled == 1 && status(&runtime).triggers[0].queue_size == 0
    })
    .await;
    assert!(!accepted(&post("late").await).1);
    assert!(accepted(&post("late").await).1);
    gate.notify_one();
    crate::until::until("two handled events", || status(&runtime).handled == 2).await;
    gate.notify_one();
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn id_of_an_event_that_the_filter_refuses_is_released() -> Result {
    let trigger = webhook(by_header()).filter(Filter::of(|event: &TriggerEvent| event.raw() != "no"));
    let runtime =
        Runtime::builder().process("p", config([trigger]), |_: TriggerEvent| async {}).start().await?;
    let address = runtime.local_addr("in").expect("an address");
    let post = async |body: &str| request(address, post_with("/in", id("a"), body)).await;
    for _ in 0..2 {
        let filtered = post("no").await;
        assert_eq!((filtered.status, filtered.json()["status"].as_str()), (200, Some("filtered")));
        assert!(filtered.json().get("duplicate").is_none());
    }
    assert!(!accepted(&post("yes").await).1);
    assert!(accepted(&post("yes").await).1);
    assert_eq!((status(&runtime).triggers[0].accepted, status(&runtime).triggers[0].filtered), (1, 2));
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_posts_of_one_id_make_one_event() {
    let served = Served::start(by_header()).await;
    let mut posts = JoinSet::new();
    for number in 0..64 {
        let address = served.address;
        posts.spawn(async move {
            accepted(&request(address, post_with("/in", id("a"), format!("{number}"))).await)
        });
    }
    let answers = posts.join_all().await;
    assert_eq!(answers.iter().filter(|(_, is_duplicate)| !is_duplicate).count(), 1);
    assert_eq!(answers.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len(), 1);
    let events = served.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].id().to_string(), answers[0].0);
}

/// The number of ids that each sender posts. `DUPLICATE_IDS=10000` makes more of them.
fn ids() -> usize {
    std::env::var("DUPLICATE_IDS").ok().map_or(1000, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_many_senders_post_at_the_same_time_make_one_event_each() {
    const SENDERS: usize = 64;
    let ids = ids();
    let mut settings = by_header();
    settings["queue"] = json!(ids.max(1000));
    let served = Served::start(settings).await;
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let address = served.address;
        senders.spawn(async move {
            let mut client = Client::connect(address).await;
            let mut answers = Vec::with_capacity(ids);
            for number in 0..ids {
                let answer = client.ask(post_with("/in", id(&number.to_string()), format!("{sender}"))).await;
                answers.push((number, accepted(&answer)));
            }
            answers
        });
    }
    let answers: Vec<_> = senders.join_all().await.into_iter().flatten().collect();
    assert_eq!(answers.len(), SENDERS * ids);
    let mut first = BTreeMap::new();
    for (number, (event, _)) in answers.iter().filter(|(_, (_, is_duplicate))| !is_duplicate) {
        assert_eq!(first.insert(*number, event.clone()), None, "the id {number} has two events");
    }
    assert_eq!(first.len(), ids);
    for (number, (event, _)) in &answers {
        assert_eq!(first[number], *event, "the id {number}");
    }
    let events: BTreeSet<String> = served.events().await.iter().map(|event| event.id().to_string()).collect();
    assert_eq!(events, first.into_values().collect());
}
