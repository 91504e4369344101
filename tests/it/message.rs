//! The message broker and its trigger.

use serde_json::json;
use triggers::{
    MessageBroker, MessageTrigger, PublishError, Result, Trigger, TriggerError, TriggerEvent, TriggerKind,
};

use crate::event::counts;
use crate::logs::Logs;
use crate::stop;

#[tokio::test]
async fn payload_is_topic_id_sender_and_content() -> Result {
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
async fn wildcard_takes_exactly_one_token_and_tells_the_topic_it_arrived_on() -> Result {
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
async fn raw_content_stays_as_it_is() -> Result {
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
async fn each_pattern_gets_what_it_matches() -> Result {
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
    // One that has left is not published to, and takes nobody with it.
    for trigger in &triggers[..6] {
        trigger.stop().await;
    }
    assert_eq!(broker.publish("a.b.c", 2).await?.matched(), Some(1));
    Ok(())
}

#[tokio::test]
async fn full_queue_keeps_the_first_drops_the_rest_and_warns() -> Result {
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
    assert_eq!(read.status().dropped, 0, "a slow neighbour costs nothing");
    assert_eq!(logs.with("queue full").len(), 1);
    assert_eq!(unread.wait_for_next().await?.payload()["content"], 0);
    assert_eq!(broker.publish("reports.daily", "late").await?.dropped(), Some(0));
    let kept: Vec<_> =
        unread.drain_pending().iter().map(|event| event.payload()["content"].clone()).collect();
    assert_eq!(kept, (1..100).map(|n| json!(n)).chain([json!("late")]).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn invalid_topics_and_patterns_are_told() {
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
async fn stop_ends_every_waiter_and_loses_nothing() -> Result {
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
