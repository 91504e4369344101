//! The message broker and its trigger.

use serde_json::json;
use triggers::{
    MessageBroker, MessageTrigger, PublishError, Result, Trigger, TriggerError, TriggerEvent, TriggerKind,
};

use crate::common::counts;
use crate::logs::Logs;
use crate::stop;

#[tokio::test]
async fn message_payload_has_topic_id_sender_and_content() -> Result {
    let broker = MessageBroker::new();
    let trigger = MessageTrigger::new(&broker, "reports.*").trigger_id("daily-report-sub");
    trigger.start().await?;
    let sent = broker.publish("reports.daily", json!({"rows": 3})).sender("report-generator").await?;
    assert_eq!(counts(&sent), (1, 1, 0));
    let event = trigger.wait_for_next().await?;
    assert_eq!(
        *event.payload(),
        json!({
            "topic": "reports.daily",
            "message_id": event.id().to_string(),
            "sender": "report-generator",
            "content": {"rows": 3},
        })
    );
    assert_eq!((event.trigger_id(), event.kind()), ("daily-report-sub", TriggerKind::Message));
    assert_eq!(event.metadata()["topic"], "reports.daily");
    Ok(())
}

#[tokio::test]
async fn wildcard_matches_exactly_one_token_and_the_payload_has_the_topic() -> Result {
    let broker = MessageBroker::new();
    let trigger = started(&broker, "reports.*").await?;
    for other in ["alerts", "reports", "reports.a.b", "xreports.a", "Reports.daily"] {
        assert_eq!(broker.publish(other, 1).await?.matched(), Some(0), "{other}");
    }
    broker.publish("reports.daily", 2).await?;
    broker.publish("reports.weekly", 3).await?;
    assert_eq!(topic_and_content(&trigger.wait_for_next().await?), json!(["reports.daily", 2]));
    assert_eq!(topic_and_content(&trigger.wait_for_next().await?), json!(["reports.weekly", 3]));
    Ok(())
}

#[tokio::test]
async fn broker_keeps_raw_content_unchanged() -> Result {
    let broker = MessageBroker::new();
    let trigger = started(&broker, "reports.{day}").await?;
    assert_eq!(trigger.id(), "message-reports.{day}");
    broker.publish_raw("reports.daily", "[1,  2]").await?;
    broker.publish_raw("reports.daily", vec![0xff, 0x00]).await?;
    let event = trigger.wait_for_next().await?;
    assert_eq!((event.raw().as_ref(), &event.payload()["content"]), (&b"[1,  2]"[..], &json!([1, 2])));
    assert_eq!(trigger.wait_for_next().await?.raw().as_ref(), [0xff, 0x00]);
    Ok(())
}

#[tokio::test]
async fn broker_delivers_a_message_to_every_pattern_that_matches() -> Result {
    let broker = MessageBroker::new();
    let patterns =
        ["a.b.c", "a.*.c", "a.{x}.c", "a.>", "*.b.>", ">", "*.*.*", "a.b.c.>", "a.b", "*.c.*", "b.>"];
    let mut triggers = Vec::new();
    for pattern in patterns {
        triggers.push(started(&broker, pattern).await?);
    }
    assert_eq!(broker.publish("a.b.c", 1).await?.matched(), Some(7));
    let matched: Vec<_> =
        patterns.into_iter().zip(&triggers).filter(|(_, trigger)| trigger.status().accepted > 0).collect();
    let matched: Vec<_> = matched.iter().map(|(pattern, _)| *pattern).collect();
    assert_eq!(matched, &patterns[..7]);
    // A stopped trigger gets no message, and the other triggers still do.
    for trigger in &triggers[..6] {
        trigger.stop().await;
    }
    assert_eq!(broker.publish("a.b.c", 2).await?.matched(), Some(1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn full_queue_drops_the_newest_messages_and_logs_a_warning() -> Result {
    let logs = Logs::capture();
    let broker = MessageBroker::new();
    let unread = started(&broker, "reports.*").await?;
    let read = started(&broker, "reports.daily").await?;
    for number in 0..150 {
        let sent = broker.publish("reports.daily", number).await?;
        assert_eq!((sent.matched(), sent.dropped()), (Some(2), Some(usize::from(number >= 100))));
        read.wait_for_next().await?;
    }
    let status = unread.status();
    assert_eq!((status.queue_size, status.accepted, status.dropped), (100, 100, 50));
    assert_eq!(read.status().dropped, 0, "the full queue of another trigger has no effect");
    assert_eq!(logs.with("queue full").len(), 10);
    assert_eq!(unread.wait_for_next().await?.payload()["content"], 0);
    assert_eq!(broker.publish("reports.daily", "late").await?.dropped(), Some(0));
    let kept: Vec<_> =
        unread.drain_pending().iter().map(|event| event.payload()["content"].clone()).collect();
    assert_eq!(kept, (1..100).map(|n| json!(n)).chain([json!("late")]).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn invalid_topic_or_pattern_is_an_error_that_names_it() {
    let broker = MessageBroker::new();
    let error = broker.publish("reports.*", 1).await.expect_err("a wildcard");
    assert!(matches!(error, PublishError::InvalidName { .. }));
    assert!(error.to_string().contains("\"reports.*\""), "{error}");
    match MessageTrigger::new(&broker, "reports.#").start().await {
        Err(TriggerError::Config(error)) => {
            assert_eq!((error.field(), error.value()), ("topic", "reports.#"));
            assert!(error.reason().contains("use `>`"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn stop_ends_every_waiter_and_loses_no_message() -> Result {
    let broker = MessageBroker::new();
    let trigger = MessageTrigger::new(&broker, "numbers.*").capacity(10);
    stop::contract(&trigger, async |number| {
        broker.publish("numbers.all", number).await.expect("a valid topic");
    })
    .await;
    Ok(())
}

async fn started(broker: &MessageBroker, pattern: &str) -> Result<MessageTrigger, TriggerError> {
    let trigger = MessageTrigger::new(broker, pattern);
    trigger.start().await?;
    Ok(trigger)
}

fn topic_and_content(event: &TriggerEvent) -> serde_json::Value {
    json!([event.payload()["topic"], event.payload()["content"]])
}
