//! Events as JSON: what their data is written to, and what is read back.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::json;
use triggers::{EventBus, Result, Trigger, TriggerEvent};

use crate::event::{data, started};

/// Data that makes another event of itself while it is written.
struct Nested<'a>(&'a EventBus);

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element("before")?;
        // Its data is written here, and never published.
        drop(self.0.emit("order.paid", "another one"));
        list.serialize_element("behind")?;
        list.end()
    }
}

#[tokio::test]
async fn data_may_emit_while_it_is_written_and_may_be_of_any_length() -> Result {
    let bus = EventBus::new();
    let trigger = started(&bus, "order.paid").await?;
    bus.emit("order.paid", Nested(&bus)).await?;
    assert_eq!(data(&trigger.wait_for_next().await?), json!(["before", "behind"]));
    for length in [0, 1000, 100_000, 1000] {
        let text = "x".repeat(length);
        bus.emit("order.paid", &text).await?;
        assert_eq!(data(&trigger.wait_for_next().await?), json!(text));
    }
    Ok(())
}

#[tokio::test]
async fn event_survives_serialization() -> Result {
    let bus = EventBus::new();
    let trigger = started(&bus, "order.paid").await?;
    bus.emit("order.paid", json!({"id": 7})).source("shop").await?;
    let event = trigger.wait_for_next().await?;
    let text = serde_json::to_value(&event)?;
    let keys: Vec<_> = text.as_object().into_iter().flat_map(|object| object.keys()).collect();
    assert_eq!(keys, ["event_id", "metadata", "payload", "timestamp", "trigger_id", "trigger_type"]);
    assert_eq!(text["trigger_type"], "event");
    let back: TriggerEvent = serde_json::from_value(text.clone())?;
    assert_eq!(serde_json::to_value(&back)?, text);
    assert_eq!((back.id(), back.raw(), back.kind()), (event.id(), event.raw(), event.kind()));
    assert_eq!(back.timestamp(), event.timestamp());
    Ok(())
}

#[tokio::test]
async fn event_of_a_time_that_no_event_can_have_is_not_read() -> Result {
    let bus = EventBus::new();
    let trigger = started(&bus, "order.paid").await?;
    bus.emit("order.paid", 7).await?;
    let mut text = serde_json::to_value(trigger.wait_for_next().await?)?;
    for (timestamp, sound) in [
        ("1969-12-31T23:59:59.999999999Z", true),
        ("1678-01-01T00:00:00Z", true),
        ("2261-12-31T23:59:59Z", true),
        ("1600-01-01T00:00:00Z", false),
        ("2300-01-01T00:00:00Z", false),
        ("yesterday", false),
    ] {
        text["timestamp"] = json!(timestamp);
        let read: Result<TriggerEvent, _> = serde_json::from_value(text.clone());
        assert_eq!(read.is_ok(), sound, "{timestamp}: {read:?}");
        if let Ok(event) = read {
            assert_eq!(serde_json::to_value(event)?, text);
        }
    }
    Ok(())
}
