//! Handlers declared with attributes, end to end. Each test lists the handlers of its runtime with `handlers![..]`.

use std::sync::{Arc, Mutex};

use serde_json::json;
use triggers::prelude::*;
use triggers::{DeadLetterReason, HandlerRecord, PublishError, Rejection};

use crate::http;

type Seen = Arc<Mutex<Vec<serde_json::Value>>>;

#[derive(Deserialize)]
struct PipelineError {
    job: String,
    code: u16,
}

/// A pattern that a program uses in several places.
const ANY_ALERT: &str = "alerts.>";

#[on_event("pipeline.error", source = "data-pipeline")]
async fn page_oncall(Json(error): Json<PipelineError>, State(seen): State<Seen>) -> Result<()> {
    seen.lock().expect("the list").push(json!(["page", error.job, error.code]));
    Ok(())
}

#[on_message("reports.{region}.{day}")]
async fn archive(region: String, day: u8, report: Text, topic: Topic, State(seen): State<Seen>) {
    seen.lock().expect("the list").push(json!(["archive", region, day, report.0, topic]));
}

#[on_webhook("/events", port = 0, host = "127.0.0.1", body_limit = "1KiB", queue = 5)]
#[process(name = "ingest", concurrency = 4)]
async fn ingest_requests(
    event: TriggerEvent,
    headers: Headers,
    Query(query): Query<Page>,
    bus: EventBus,
) -> Result<()> {
    assert_eq!(headers.get("X-Test"), Some("yes"));
    bus.emit("page.asked", json!([query.page, event.payload()])).source("ingest").await?;
    Ok(())
}

#[derive(Deserialize)]
struct Page {
    page: u32,
}

#[on_event("page.asked")]
#[on_event("page.asked.again", id = "again")]
#[on_message(ANY_ALERT, queue = 3, overflow = "drop_oldest")]
async fn several(event: TriggerEvent, source: Option<Source>, State(seen): State<Seen>) -> Outcome {
    let source = source.map(|source| source.0);
    seen.lock().expect("the list").push(json!(["several", event.trigger_id(), source]));
    Outcome::Done
}

#[process(name = "relay")]
#[on_event("relay")]
async fn relay(number: Result<Json<u32>, Rejection>, broker: MessageBroker) -> Result<Outcome, PublishError> {
    match number {
        Ok(Json(number)) => broker.publish("reports.eu.7", number).await.map(|_| Outcome::Done),
        Err(_) => Ok(Outcome::reject("no number")),
    }
}

mod other {
    use triggers::prelude::*;

    #[on_event("relay")]
    pub(super) async fn relay(event: TriggerEvent) {
        drop(event);
    }
}

#[tokio::test]
async fn runtime_runs_declared_handlers_by_their_attributes() -> Result {
    let seen = Seen::default();
    let runtime = Runtime::builder()
        .state(seen.clone())
        .handlers(handlers![page_oncall, archive, ingest_requests, several, relay, other::relay])
        .start()
        .await?;
    let bus = runtime.bus();
    bus.emit("pipeline.error", json!({"job": "nightly", "code": 7})).source("data-pipeline").await?;
    bus.emit("pipeline.error", json!({"job": "nightly", "code": 8})).source("elsewhere").await?;
    bus.emit("page.asked.again", 1).await?;
    bus.emit("relay", 12).await?;
    runtime.broker().publish("alerts.disk.full", 1).await?;
    let address = runtime.local_addr("webhook-0/events").expect("an address");
    let request =
        "POST /events?page=3 HTTP/1.1\r\nHost: localhost\r\nX-Test: yes\r\nContent-Length: 4\r\n\r\ntrue";
    assert_eq!(http::request(address, request).await.status, 202);
    let too_large = http::post(address, "/events", &"x".repeat(1025)).await;
    assert_eq!(too_large.status, 413);
    runtime.shutdown().await;

    let mut seen = seen.lock().expect("the list").clone();
    seen.sort_by_key(|entry| entry.to_string());
    assert_eq!(
        seen,
        [
            json!(["archive", "eu", 7, "12", "reports.eu.7"]),
            json!(["page", "nightly", 7]),
            json!(["several", "again", null]),
            json!(["several", "event-page.asked", "ingest"]),
            json!(["several", "message-alerts.>", null]),
        ]
    );
    assert!(runtime.dead_letters().is_empty().await);

    let status = runtime.status();
    let names: Vec<_> =
        status.processes.iter().map(|process| (process.name.as_str(), process.concurrency)).collect();
    let expected = [
        ("page_oncall", 1),
        ("archive", 1),
        ("ingest", 4),
        ("several", 1),
        ("relay", 1),
        ("it::attributes::other::relay", 1),
    ];
    assert_eq!(names, expected, "in the order of the file, the second `relay` by its path");
    let capacities: Vec<_> = status.processes[3].triggers.iter().map(|trigger| trigger.capacity).collect();
    assert_eq!(capacities, [100, 100, 3]);
    Ok(())
}

#[tokio::test]
async fn dead_letter_names_a_capture_that_does_not_parse() -> Result {
    let runtime = Runtime::builder().state(Seen::default()).handlers(handlers![archive]).start().await?;
    runtime.broker().publish("reports.eu.monday", "x").await?;
    runtime.shutdown().await;
    let letter = runtime.dead_letters().list().await.remove(0);
    assert_eq!(letter.reason, DeadLetterReason::Decode);
    assert_eq!(letter.error, "argument `day`: \"monday\" in the topic: invalid digit found in string");
    Ok(())
}

#[tokio::test]
async fn start_error_names_the_handler_and_location_of_a_missing_state() {
    let error =
        Runtime::builder().handlers(handlers![page_oncall, relay]).start().await.expect_err("no state");
    let said = error.to_string();
    assert!(said.contains("`it::attributes::page_oncall` at tests/it/attributes.rs:"), "{said}");
    assert!(said.contains("argument `seen` needs a `"), "{said}");
    assert_eq!(error.problems().len(), 1);
}

#[tokio::test]
async fn test_can_call_a_handler_as_a_plain_fn() -> Result {
    let seen = Seen::default();
    page_oncall(Json(PipelineError { job: "by hand".to_owned(), code: 1 }), State(seen.clone())).await?;
    assert_eq!(*seen.lock().expect("the list"), [json!(["page", "by hand", 1])]);
    Ok(())
}

#[tokio::test]
async fn runtime_runs_a_handler_listed_twice_once() -> Result {
    let runtime = Runtime::builder().handlers(handlers![relay]).handlers(handlers![relay]).start().await?;
    assert_eq!(runtime.bus().emit("relay", "x").await?.matched(), Some(1));
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn two_processes_cannot_share_a_name() -> Result {
    fn first() -> [&'static HandlerRecord; 1] {
        #[on_event("a")]
        async fn inside() {}
        handlers![inside]
    }
    fn second() -> [&'static HandlerRecord; 1] {
        #[on_event("a")]
        async fn inside() {}
        handlers![inside]
    }
    let started = Runtime::builder().handlers(first()).handlers(second()).start().await;
    let error = started.expect_err("two of one path").to_string();
    let taken = "the process name `it::attributes::inside` is taken by `it::attributes::inside` at tests/it/";
    assert!(error.contains(taken) && error.contains("#[process(name = "), "{error}");

    let runtime = Runtime::builder().handlers(first()).start().await?;
    let config = ProcessConfig::new().trigger(TriggerConfig::event("b"));
    let added = runtime.add_process("inside", config, |_: TriggerEvent| async {}).await;
    let error = added.expect_err("a name that is taken").to_string();
    assert!(error.contains("the process name `inside` is taken by `it::attributes::inside`"), "{error}");
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn runtime_runs_listed_handlers_of_another_crate() -> Result {
    let seen = test_handlers::Seen::default();
    let runtime =
        Runtime::builder().state(seen.clone()).handlers(handlers![test_handlers::bill]).start().await?;
    assert_eq!(
        runtime.broker().publish("reports.eu.daily", "x").await?.matched(),
        Some(0),
        "only listed handlers run"
    );
    runtime.bus().emit("order.paid", 3).await?;
    runtime.shutdown().await;
    assert_eq!(seen.sorted(), ["bill 3"]);
    Ok(())
}
