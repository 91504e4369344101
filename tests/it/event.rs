//! The event bus and its trigger.

use serde_json::json;
use triggers::{
    Bytes, EventBus, EventTrigger, Overflow, PublishError, Result, Trigger, TriggerError, TriggerEvent,
    TriggerKind,
};

use crate::common::counts;
use crate::logs::Logs;
use crate::stop::{self, ends_within_a_second};

#[tokio::test]
async fn event_payload_has_type_id_source_and_data() -> Result {
    let bus = EventBus::new();
    let trigger = started(&bus, "pipeline.error").await?;
    bus.emit("pipeline.error", json!({"job": "nightly", "code": 7})).source("data-pipeline").await?;
    let event = trigger.wait_for_next().await?;
    assert_eq!(
        *event.payload(),
        json!({
            "event_type": "pipeline.error",
            "event_id": event.id().to_string(),
            "source": "data-pipeline",
            "data": {"job": "nightly", "code": 7},
        })
    );
    assert_eq!(*event.raw(), r#"{"code":7,"job":"nightly"}"#);
    assert_eq!(event.trigger_id(), "event-pipeline.error");
    assert_eq!(event.kind(), TriggerKind::Event);
    assert_eq!(event.metadata()["source"], "data-pipeline");
    Ok(())
}

#[tokio::test]
async fn event_without_source_has_a_null_source() -> Result {
    let bus = EventBus::new();
    let trigger = started(&bus, "tick").await?;
    bus.emit("tick", ()).await?;
    let event = trigger.wait_for_next().await?;
    assert_eq!(event.payload()["source"], json!(null));
    assert_eq!(event.payload()["data"], json!(null));
    Ok(())
}

#[tokio::test]
async fn trigger_receives_only_its_event_type() -> Result {
    let bus = EventBus::new();
    let trigger = started(&bus, "pipeline.error").await?;
    for other in ["pipeline.done", "pipeline", "pipeline.error.fatal", "Pipeline.error"] {
        assert_eq!(bus.emit(other, 1).await?.matched(), Some(0), "{other}");
    }
    assert_eq!(bus.emit("pipeline.error", 2).await?.matched(), Some(1));
    assert_eq!(trigger.wait_for_next().await?.payload()["data"], 2);
    Ok(())
}

#[tokio::test]
async fn source_filter_accepts_only_its_source_and_counts_the_others() -> Result {
    let bus = EventBus::new();
    let trigger =
        EventTrigger::new(&bus, "pipeline.error").source_filter("data-pipeline").trigger_id("pipe-err");
    trigger.start().await?;
    assert_eq!(bus.emit("pipeline.error", 1).source("web").await?.matched(), Some(0));
    assert_eq!(bus.emit("pipeline.error", 2).await?.matched(), Some(0));
    assert_eq!(bus.emit("pipeline.error", 3).source("data-pipeline").await?.queued(), Some(1));
    let event = trigger.wait_for_next().await?;
    assert_eq!((event.payload()["data"].clone(), event.trigger_id()), (json!(3), "pipe-err"));
    let status = trigger.status();
    assert_eq!((status.accepted, status.filtered, status.dropped), (1, 2, 0));
    Ok(())
}

#[tokio::test]
async fn every_trigger_receives_the_same_event_with_the_same_bytes() -> Result {
    let bus = EventBus::new();
    let triggers = [started(&bus, "a").await?, started(&bus, "a").await?, started(&bus, "a").await?];
    let sent = bus.emit("a", "shared").await?;
    assert_eq!(counts(&sent), (3, 3, 0));
    let mut events = Vec::new();
    for trigger in &triggers {
        events.push(trigger.wait_for_next().await?);
    }
    for event in &events[1..] {
        assert_eq!(event.id(), events[0].id());
        assert!(std::ptr::eq(event.raw().as_ptr(), events[0].raw().as_ptr()), "the bytes are copied");
        assert!(std::ptr::eq(event.payload(), event.clone().payload()), "the payload is parsed again");
    }
    Ok(())
}

#[tokio::test]
async fn publisher_gets_the_id_and_the_counts_of_its_event() -> Result {
    let bus = EventBus::new();
    let trigger = EventTrigger::new(&bus, "a").capacity(1);
    trigger.start().await?;
    let (first, second) = (bus.emit("a", 1).await?, bus.emit_raw("a", "2").await?);
    assert_eq!(trigger.wait_for_next().await?.id(), first.id());
    assert_ne!(first.id(), second.id());
    let sent = serde_json::to_value(second)?;
    assert_eq!(sent, json!({"id": second.id().to_string(), "matched": 1, "queued": 0, "dropped": 1}));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn waiting_publisher_gets_the_id_too() -> Result {
    let bus = EventBus::new();
    let trigger = EventTrigger::new(&bus, "a").capacity(1).overflow(Overflow::Wait);
    trigger.start().await?;
    bus.emit("a", 1).await?;
    let (sent, first) = tokio::join!(bus.emit("a", 2).into_future(), trigger.wait_for_next());
    assert_ne!(first?.id(), sent.as_ref().expect("capacity").id());
    assert_eq!(trigger.wait_for_next().await?.id(), sent?.id());
    Ok(())
}

#[tokio::test]
async fn buses_are_isolated() -> Result {
    let (bus, other) = (EventBus::new(), EventBus::new());
    let trigger = started(&bus, "a").await?;
    assert_eq!(counts(&other.emit("a", 1).await?), (0, 0, 0));
    assert_eq!(trigger.status().accepted, 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn full_queue_drops_the_newest_events_and_logs_a_warning() -> Result {
    let logs = Logs::capture();
    let bus = EventBus::new();
    let trigger = started(&bus, "burst").await?;
    let mut sums = (0, 0);
    for number in 0..150 {
        let sent = bus.emit("burst", number).await?;
        let (matched, queued, dropped) = counts(&sent);
        assert_eq!(matched, 1);
        sums = (sums.0 + queued, sums.1 + dropped);
    }
    assert_eq!(sums, (100, 50));
    let status = trigger.status();
    assert_eq!((status.queue_size, status.capacity, status.accepted, status.dropped), (100, 100, 100, 50));
    assert_eq!(logs.with("queue full").len(), 10);

    assert_eq!(trigger.wait_for_next().await?.payload()["data"], 0);
    assert_eq!(bus.emit("burst", "late").await?.queued(), Some(1), "the queue has capacity again");
    let kept: Vec<_> = trigger.drain_pending().iter().map(data).collect();
    let expected: Vec<_> = (1..100).map(|n| json!(n)).chain([json!("late")]).collect();
    assert_eq!(kept, expected);

    for number in 0..250 {
        bus.emit("burst", number).await?;
    }
    assert_eq!(trigger.status().dropped, 200);
    assert_eq!(logs.with("queue full").len(), 10, "the clock has not advanced");
    Ok(())
}

#[tokio::test]
async fn drop_oldest_keeps_the_newest_events() -> Result {
    let bus = EventBus::new();
    let trigger = EventTrigger::new(&bus, "a").capacity(3).overflow(Overflow::DropOldest);
    trigger.start().await?;
    for number in 0..5 {
        let sent = bus.emit("a", number).await?;
        assert_eq!(counts(&sent), (1, 1, 0));
    }
    assert_eq!(trigger.status().dropped, 2);
    assert_eq!(trigger.drain_pending().iter().map(data).collect::<Vec<_>>(), [2, 3, 4]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_logs_at_most_10_warnings_in_a_second() -> Result {
    let logs = Logs::capture();
    let bus = EventBus::new();
    let trigger = EventTrigger::new(&bus, "a").capacity(3).overflow(Overflow::DropOldest);
    trigger.start().await?;
    for number in 0..153 {
        bus.emit("a", number).await?;
    }
    assert_eq!(trigger.status().dropped, 150);
    assert_eq!(logs.with("queue full").len(), 10);
    Ok(())
}

#[tokio::test]
async fn reject_returns_an_error_and_other_triggers_get_the_event() -> Result {
    let bus = EventBus::new();
    let strict = EventTrigger::new(&bus, "a").capacity(1).overflow(Overflow::Reject).trigger_id("strict");
    let roomy = started(&bus, "a").await?;
    strict.start().await?;
    bus.emit("a", 1).await?;
    match bus.emit("a", 2).await {
        Err(PublishError::Full { triggers, published, .. }) => {
            assert_eq!(triggers, ["strict"]);
            assert_eq!(counts(&published), (2, 1, 1));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(roomy.drain_pending().len(), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn wait_delays_only_the_publisher() -> Result {
    let bus = EventBus::new();
    let slow = EventTrigger::new(&bus, "a").capacity(1).overflow(Overflow::Wait);
    let quick = started(&bus, "a").await?;
    slow.start().await?;
    bus.emit("a", 1).await?;
    let publisher = tokio::spawn({
        let bus = bus.clone();
        async move { bus.emit("a", 2).await }
    });
    assert_eq!(data(&quick.wait_for_next().await?), 1);
    assert_eq!(
        data(&quick.wait_for_next().await?),
        2,
        "the quick trigger has the event while the publisher waits"
    );
    assert!(!publisher.is_finished());
    assert_eq!(data(&slow.wait_for_next().await?), 1);
    let sent = ends_within_a_second(publisher).await??;
    assert_eq!(counts(&sent), (2, 2, 0));
    assert_eq!(data(&slow.wait_for_next().await?), 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn publisher_that_waits_for_one_trigger_still_reaches_the_others() -> Result {
    let bus = EventBus::new();
    let wait = || EventTrigger::new(&bus, "a").capacity(1).overflow(Overflow::Wait);
    let (slow, quick) = (wait().trigger_id("slow"), wait().trigger_id("quick"));
    slow.start().await?;
    quick.start().await?;
    bus.emit("a", 1).await?;
    let publisher = tokio::spawn({
        let bus = bus.clone();
        async move { bus.emit("a", 2).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(data(&ends_within_a_second(quick.wait_for_next()).await?), 1);
    assert_eq!(data(&ends_within_a_second(quick.wait_for_next()).await?), 2, "slow is still full");
    assert_eq!(slow.drain_pending().len(), 1);
    assert_eq!(ends_within_a_second(publisher).await??.queued(), Some(2));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn waiting_publisher_notices_a_stop_that_a_start_follows() -> Result {
    let bus = EventBus::new();
    let full = EventTrigger::new(&bus, "a").capacity(1).overflow(Overflow::Wait);
    full.start().await?;
    bus.emit("a", 1).await?;
    let publisher = tokio::spawn({
        let bus = bus.clone();
        async move { bus.emit("a", 2).await }
    });
    tokio::task::yield_now().await;
    full.stop().await;
    full.start().await?;
    assert_eq!(ends_within_a_second(publisher).await??.dropped(), Some(1));
    Ok(())
}

/// On one thread, where no other task runs until the consumer yields.
#[tokio::test]
async fn consumer_of_a_full_queue_yields_to_other_tasks() -> Result {
    let bus = EventBus::new();
    let trigger = EventTrigger::new(&bus, "a").overflow(Overflow::DropOldest);
    trigger.start().await?;
    let others = tokio::spawn(async {});
    // More events than the budget that tokio gives a task between two yields.
    for _ in 0..10_000 {
        // The queue is never empty, so the consumer never waits for an event.
        bus.emit_raw("a", "1").await?;
        trigger.wait_for_next().await?;
        if others.is_finished() {
            return Ok(());
        }
    }
    panic!("the consumer does not yield");
}

#[tokio::test(start_paused = true)]
async fn trigger_counts_the_event_of_a_cancelled_publisher_as_dropped() -> Result {
    let bus = EventBus::new();
    let slow = EventTrigger::new(&bus, "a").capacity(1).overflow(Overflow::Wait);
    slow.start().await?;
    bus.emit("a", 1).await?;
    let second = std::time::Duration::from_secs(1);
    let cancelled = tokio::time::timeout(second, async { bus.emit("a", 2).await }).await;
    assert!(cancelled.is_err());
    assert_eq!(slow.status().dropped, 1);
    // A publisher whose trigger stops gets the drop in its counts.
    let publisher = tokio::spawn({
        let bus = bus.clone();
        async move { bus.emit("a", 3).await }
    });
    tokio::task::yield_now().await;
    slow.stop().await;
    assert_eq!(ends_within_a_second(publisher).await??.dropped(), Some(1));
    assert_eq!(slow.status().dropped, 2);
    Ok(())
}

#[tokio::test]
async fn bus_accepts_raw_data_that_is_json_or_not() -> Result {
    let bus = EventBus::new();
    let trigger = started(&bus, "a").await?;
    bus.emit_raw("a", Bytes::from_static(b"{\"n\": 1 }")).await?;
    bus.emit_raw("a", Bytes::from_static(b"plain \xff text")).await?;
    let json_event = trigger.wait_for_next().await?;
    assert_eq!((data(&json_event), json_event.raw().as_ref()), (json!({"n": 1}), &b"{\"n\": 1 }"[..]));
    let text_event = trigger.wait_for_next().await?;
    assert_eq!(data(&text_event), "plain \u{fffd} text");
    assert_eq!(text_event.raw().as_ref(), b"plain \xff text");
    Ok(())
}

#[tokio::test]
async fn invalid_event_type_is_an_error_that_names_it() {
    let bus = EventBus::new();
    for (name, reason) in [
        ("", "empty"),
        ("a..b", "empty token"),
        ("a.*", "wildcard"),
        (">", "wildcard"),
        ("a b", "white space"),
        ("a\u{7}", "control character"),
        ("a/b", "join tokens with `.`"),
    ] {
        let error = bus.emit(name, 1).await.expect_err(name).to_string();
        assert!(error.contains(&format!("{name:?}")) && error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn data_without_a_json_form_is_an_error() {
    let bus = EventBus::new();
    let keyed_by_list = std::collections::HashMap::from([([1, 2], 3)]);
    assert!(matches!(bus.emit("a", keyed_by_list).await, Err(PublishError::Encode(_))));
}

#[tokio::test]
async fn unawaited_emit_publishes_nothing() -> Result {
    let bus = EventBus::new();
    let trigger = started(&bus, "a").await?;
    drop(std::future::IntoFuture::into_future(bus.emit("a", 1)));
    assert_eq!(trigger.status().accepted, 0);
    Ok(())
}

#[tokio::test]
async fn start_error_names_the_field_and_the_value_of_a_bad_setting() {
    let bus = EventBus::new();
    for (trigger, field, value) in [
        (EventTrigger::new(&bus, "a.*"), "event_type", "a.*"),
        (EventTrigger::new(&bus, "a").capacity(0), "queue", "0"),
        (EventTrigger::new(&bus, "a").source_filter(""), "event_source", ""),
        (EventTrigger::new(&bus, "a").trigger_id(""), "id", ""),
    ] {
        match trigger.start().await {
            Err(TriggerError::Config(error)) => assert_eq!((error.field(), error.value()), (field, value)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stop_ends_every_waiter_and_loses_no_event() -> Result {
    let bus = EventBus::new();
    let trigger = EventTrigger::new(&bus, "a").capacity(10);
    stop::contract(&trigger, async |number| {
        bus.emit("a", number).await.expect("a valid type");
    })
    .await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dropped_trigger_receives_no_event() -> Result {
    let bus = EventBus::new();
    drop(started(&bus, "a").await?);
    assert_eq!(ends_within_a_second(bus.emit("a", 1)).await?.matched(), Some(0));
    Ok(())
}

pub(crate) async fn started(bus: &EventBus, event_type: &str) -> Result<EventTrigger, TriggerError> {
    let trigger = EventTrigger::new(bus, event_type);
    trigger.start().await?;
    Ok(trigger)
}

pub(crate) fn data(event: &TriggerEvent) -> serde_json::Value {
    event.payload()["data"].clone()
}
