//! The JSON form of an event: `{trigger_id, trigger_type, event_id, timestamp, payload, metadata}`.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserializer, Serializer};

use super::*;

#[derive(Serialize)]
struct Written<'a> {
    trigger_id: &'a str,
    trigger_type: TriggerKind,
    event_id: EventId,
    timestamp: String,
    payload: &'a Value,
    metadata: &'a Map<String, Value>,
}

#[derive(Deserialize)]
struct Read {
    trigger_id: String,
    trigger_type: TriggerKind,
    event_id: EventId,
    timestamp: String,
    payload: Value,
    #[serde(default)]
    metadata: Map<String, Value>,
}

impl Serialize for TriggerEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            trigger_id: self.trigger_id(),
            trigger_type: self.kind(),
            event_id: self.id(),
            timestamp: rfc3339(self.timestamp()).map_err(S::Error::custom)?,
            payload: self.payload(),
            metadata: self.metadata(),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TriggerEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TriggerEvent, D::Error> {
        let read = Read::deserialize(deserializer)?;
        let timestamp: jiff::Timestamp = read.timestamp.parse().map_err(D::Error::custom)?;
        let nanoseconds = i64::try_from(timestamp.as_nanosecond());
        let timestamp = nanoseconds.map(Timestamp::from_nanoseconds);
        let timestamp =
            timestamp.map_err(|_| D::Error::custom("`timestamp` is of no year from 1678 to 2261"))?;
        let (body, origin) =
            origin(read.trigger_type, &read.payload, &read.metadata).map_err(D::Error::custom)?;
        let raw = serde_json::to_vec(body).map_err(D::Error::custom)?;
        let envelope = Envelope::new((read.event_id, timestamp), raw.into(), origin);
        // Set instead of made from the bytes, so that the event shows what was read.
        let json = Json { payload: read.payload.into(), metadata: read.metadata.into() };
        let trigger = TriggerInfo { id: read.trigger_id, kind: read.trigger_type, captures: Box::default() };
        let event = TriggerEvent::through(Arc::new(trigger), Arc::new(envelope));
        Ok(TriggerEvent { json: Arc::new(json).into(), ..event })
    }
}

/// The part of a payload that the bytes of the event stand for, and the origin that the rest of it tells.
fn origin<'a>(
    kind: TriggerKind,
    payload: &'a Value,
    metadata: &Map<String, Value>,
) -> Result<(&'a Value, Origin), String> {
    let field = |name: &str| payload.get(name).ok_or(format!("the payload has no `{name}`"));
    let named = |name: &str| {
        let text = field(name)?.as_str().ok_or(format!("`{name}` is not a string"))?;
        Topic::parse(text).map_err(|error| format!("`{name}`: {}", error.explain(text)))
    };
    let text = |name: &str| payload.get(name).and_then(Value::as_str).map(Box::from);
    Ok(match kind {
        TriggerKind::Event => {
            (field("data")?, Origin::Event { event_type: named("event_type")?, source: text("source") })
        }
        TriggerKind::Message => {
            (field("content")?, Origin::Message { topic: named("topic")?, sender: text("sender") })
        }
        // A request that was read back has its metadata, but no connection any more.
        TriggerKind::Webhook | TriggerKind::DeadLetter | TriggerKind::Custom => {
            (payload, Origin::Custom { metadata: metadata.clone() })
        }
    })
}

/// A point in time as RFC 3339 in UTC.
pub(crate) fn rfc3339(time: SystemTime) -> Result<String, jiff::Error> {
    jiff::Timestamp::try_from(time).map(|time| time.to_string())
}
