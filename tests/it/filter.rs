//! Filters: which events a trigger accepts, and how it treats the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::sync::Notify;
use triggers::prelude::*;
use triggers::{DeadLetterReason, Filter, RuntimeStatus, TriggerStatus};

use crate::common::{config, counts};
use crate::http;
use crate::logs::Logs;

#[derive(Deserialize)]
struct PipelineError {
    code: u16,
}

#[on_event("pipeline.error", filter = |e: &PipelineError| e.code >= 500 && matches!(e.code % 2, 0 | 1))]
async fn page(_event: TriggerEvent) {}

#[on_message("reports.*", filter = |report: &TriggerEvent| { let size = report.raw().len(); size < 10 })]
#[on_event("report", filter = |e: &Vec<u8>|
    // An empty report is skipped.
    !e.is_empty())]
async fn read(_event: TriggerEvent) {}

#[on_webhook("/deploy", port = 0, host = "127.0.0.1", filter = |push: &Push| push.branch == "main")]
async fn deploy(_event: TriggerEvent) {}

#[derive(Deserialize)]
struct Push {
    branch: String,
}

fn trigger(status: &RuntimeStatus, process: usize, trigger: usize) -> &TriggerStatus {
    &status.processes[process].triggers[trigger]
}

#[tokio::test]
async fn filter_selects_events_by_their_body() -> Result {
    let logs = Logs::capture();
    let runtime = Runtime::builder().handlers(handlers![page]).start().await?;
    let bus = runtime.bus();
    for (code, matched) in [(499, 0), (500, 1), (501, 1)] {
        let sent = bus.emit("pipeline.error", json!({ "code": code })).await?;
        assert_eq!(counts(&sent), (matched, matched, 0), "{code}");
    }
    let sent = bus.emit("pipeline.error", "no such body").await?;
    assert_eq!(sent.matched(), Some(0), "an undecodable body does not match");
    bus.emit_raw("pipeline.error", "no JSON").await?;

    let status = runtime.status();
    let trigger = trigger(&status, 0, 0);
    assert_eq!((trigger.accepted, trigger.filtered, trigger.undecodable), (2, 3, 2));
    assert_eq!(
        trigger.filter.as_deref(),
        Some("|e: &PipelineError| e.code >= 500 && matches!(e.code % 2, 0 | 1)"),
        "as it was written"
    );
    assert_eq!(logs.with("the body is not what `filter` reads: |e: &PipelineError|").len(), 2);
    assert!(runtime.dead_letters().is_empty().await);
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left), (2, 0));
    Ok(())
}

#[tokio::test]
async fn each_trigger_of_a_handler_has_its_own_filter() -> Result {
    let runtime = Runtime::builder().handlers(handlers![read]).start().await?;
    let (bus, broker) = (runtime.bus(), runtime.broker());
    assert_eq!(broker.publish_raw("reports.a", "short").await?.matched(), Some(1));
    assert_eq!(broker.publish_raw("reports.a", "rather a long one").await?.matched(), Some(0));
    assert_eq!(bus.emit("report", [1]).await?.matched(), Some(1));
    assert_eq!(bus.emit("report", json!([])).await?.matched(), Some(0));
    let status = runtime.status();
    assert_eq!((trigger(&status, 0, 0).filtered, trigger(&status, 0, 1).filtered), (1, 1));
    let texts: Vec<_> = (0..2).filter_map(|at| trigger(&status, 0, at).filter.clone()).collect();
    assert_eq!(
        texts,
        [
            "|report: &TriggerEvent| { let size = report.raw().len(); size < 10 }",
            "|e: &Vec<u8>| !e.is_empty()"
        ],
        "in one line"
    );
    assert_eq!(runtime.shutdown().await.completed, 2);
    Ok(())
}

#[tokio::test]
async fn webhook_answers_200_to_a_filtered_request() -> Result {
    let runtime = Runtime::builder().handlers(handlers![deploy]).start().await?;
    let address = runtime.local_addr("webhook-0/deploy").ok_or("no address")?;
    let answer = http::post(address, "/deploy", r#"{"branch": "main"}"#).await;
    assert_eq!((answer.status, answer.json()["status"].as_str()), (202, Some("accepted")));
    let answer = http::post(address, "/deploy", r#"{"branch": "wip"}"#).await;
    assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("filtered")));
    assert!(answer.json()["event_id"].is_string());
    let answer = http::post(address, "/deploy", "{}").await;
    assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("filtered")));
    let status = runtime.status();
    let trigger = trigger(&status, 0, 0);
    assert_eq!((trigger.accepted, trigger.filtered, trigger.undecodable), (1, 2, 1));
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn draining_webhook_answers_503_whatever_its_filter_returns() -> Result {
    let (entered, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let webhook = TriggerConfig::webhook("/in", 0).host("127.0.0.1");
    let handler = {
        let (entered, gate) = (entered.clone(), gate.clone());
        move |_: TriggerEvent| {
            let (entered, gate) = (entered.clone(), gate.clone());
            async move {
                entered.notify_one();
                gate.notified().await;
            }
        }
    };
    let config = config([webhook.filter(Filter::of(|number: &u32| *number > 1))]);
    let runtime = Runtime::builder().process("in", config, handler).start().await?;
    let address = runtime.local_addr("webhook-0/in").ok_or("no address")?;
    assert_eq!(http::post(address, "/in", "2").await.status, 202);
    entered.notified().await;
    let (report, ()) = tokio::join!(runtime.shutdown(), async {
        tokio::task::yield_now().await;
        assert_eq!(http::post(address, "/in", "1").await.status, 503);
        gate.notify_one();
    });
    assert_eq!((report.completed, trigger(&runtime.status(), 0, 0).filtered), (1, 0));
    Ok(())
}

#[tokio::test]
async fn panicking_filter_dead_letters_the_event_only_for_its_own_process() -> Result {
    let calls = Arc::new(AtomicUsize::new(0));
    let calling = Arc::clone(&calls);
    let panics = Filter::of(move |number: &u32| {
        calling.fetch_add(1, Ordering::SeqCst);
        assert!(*number != 13, "unlucky");
        true
    });
    let filtered = config([TriggerConfig::event("number").filter(panics)]);
    let runtime = Runtime::builder()
        .process("filtered", filtered, |_: TriggerEvent| async {})
        .process("every", config([TriggerConfig::event("number")]), |_: TriggerEvent| async {})
        .start()
        .await?;
    let sent = runtime.bus().emit("number", 13).await?;
    assert_eq!(counts(&sent), (1, 1, 0));
    runtime.bus().emit("number", 12).await?;
    let letters = runtime.dead_letters();
    let letter = letters.list().await.pop().ok_or("no dead letter")?;
    assert_eq!((letter.process.as_str(), letter.reason), ("filtered", DeadLetterReason::Panicked));
    assert!(letter.error.starts_with("in the filter: unlucky"), "{}", letter.error);
    let status = runtime.status();
    assert_eq!((trigger(&status, 0, 0).accepted, trigger(&status, 0, 0).filtered), (1, 1));

    assert_eq!(letters.redrive(|_| true).await, 1, "the runtime does not filter a redriven event");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(runtime.shutdown().await.completed, 4);
    Ok(())
}

#[tokio::test]
async fn trigger_filters_dead_letters_by_their_body() -> Result {
    let only_high = TriggerConfig::dead_letter().filter(Filter::of(|number: &u32| *number > 10));
    let runtime = Runtime::builder()
        .process("fails", config([TriggerConfig::event("number")]), |_: TriggerEvent| async {
            Result::<()>::Err("no".into())
        })
        .process("observer", config([only_high]), |_: DeadLetter| async {})
        .start()
        .await?;
    runtime.bus().emit("number", 7).await?;
    runtime.bus().emit("number", 70).await?;
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.dead_lettered), (1, 2));
    let status = runtime.status();
    assert_eq!((trigger(&status, 1, 0).accepted, trigger(&status, 1, 0).filtered), (1, 1));
    Ok(())
}

#[tokio::test]
async fn trigger_without_a_runtime_applies_its_filter() -> Result {
    let (bus, broker) = (EventBus::new(), MessageBroker::new());
    let filter = Filter::of(|number: &u32| number.is_multiple_of(2));
    let event = EventTrigger::new(&bus, "number").filter(filter.clone());
    let message = MessageTrigger::new(&broker, "numbers.*").filter(filter);
    event.start().await?;
    message.start().await?;
    for number in 1..=4 {
        bus.emit("number", number).await?;
        broker.publish("numbers.all", number).await?;
    }
    assert_eq!(event.wait_for_next().await?.raw(), "2");
    assert_eq!(message.wait_for_next().await?.raw(), "2");
    for status in [event.status(), message.status()] {
        assert_eq!((status.accepted, status.filtered, status.undecodable), (2, 2, 0));
        assert_eq!(status.filter.as_deref(), Some("|_: &u32| .."));
    }
    Ok(())
}

#[test]
fn check_accepts_two_equal_triggers_with_filters() {
    let above = |limit: u32| Filter::of(move |number: &u32| *number > limit);
    let same = above(1);
    let check = |one: Filter, other: Filter| {
        let triggers = [one, other].map(|filter| TriggerConfig::event("number").filter(filter));
        Runtime::builder().process("p", config(triggers), |_: TriggerEvent| async {}).check()
    };
    assert!(check(above(1), above(2)).is_ok());
    assert!(check(same.clone(), same).is_ok(), "the check does not compare closures");
}

#[test]
fn clones_of_a_filter_are_equal() {
    let filter = Filter::of(|number: &u32| *number > 1);
    assert_eq!(
        TriggerConfig::event("a").filter(filter.clone()),
        TriggerConfig::event("a").filter(filter.clone())
    );
    assert_ne!(TriggerConfig::event("a").filter(filter), TriggerConfig::event("a"));
}
