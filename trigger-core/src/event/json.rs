//! The JSON form of an event: `{trigger_id, trigger_type, event_id, timestamp, payload, metadata}`. The other fields keep
//! what a reader cannot restore from payload and metadata.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::attributes::{Attribute, Attributes};
use super::frame::Frame;
use super::id::EventId;
use super::kind::TriggerKind;
use super::kinds::{CUSTOM_FORM, form_of};
use super::trigger_event::{TriggerEvent, TriggerInfo};

#[derive(Serialize)]
struct Written<'a> {
    trigger_id: &'a str,
    trigger_type: TriggerKind,
    event_id: EventId,
    timestamp: String,
    payload: &'a Value,
    metadata: &'a Map<String, Value>,
    /// The kind of the event, if it came through a trigger of another kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_kind: Option<TriggerKind>,
    /// The name of the event, if payload and metadata do not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// The attributes that a reader cannot restore from payload and metadata, such as bytes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'a str, MarkedAttribute>,
    /// The bytes in base64, if they differ from the encoded body.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
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
    event_kind: Option<TriggerKind>,
    name: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, MarkedAttribute>,
    raw: Option<String>,
}

/// An attribute with its form, such as `{"base64": "/w=="}`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MarkedAttribute {
    Text(String),
    Base64(String),
    Json(String),
}

impl From<&Attribute> for MarkedAttribute {
    fn from(attribute: &Attribute) -> MarkedAttribute {
        match attribute {
            Attribute::Text(text) => MarkedAttribute::Text(text.to_string()),
            Attribute::Bytes(bytes) => MarkedAttribute::Base64(BASE64.encode(bytes)),
            Attribute::Json(text) => MarkedAttribute::Json(text.to_string()),
        }
    }
}

impl TryFrom<MarkedAttribute> for Attribute {
    type Error = base64::DecodeError;

    fn try_from(marked: MarkedAttribute) -> Result<Attribute, base64::DecodeError> {
        Ok(match marked {
            MarkedAttribute::Text(text) => Attribute::Text(text.into()),
            MarkedAttribute::Base64(text) => Attribute::Bytes(BASE64.decode(text)?.into()),
            MarkedAttribute::Json(text) => Attribute::Json(text.into()),
        })
    }
}

impl Serialize for TriggerEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let frame = self.frame();
        let (payload, metadata) = (self.payload(), self.metadata());
        let read = frame.form.read(payload, metadata);
        let has_name = read.as_ref().is_ok_and(|read| read.name == frame.name);
        let restored = |key: &str| read.as_ref().ok()?.attributes.get(key);
        let attributes = frame.attributes().into_iter().flat_map(Attributes::iter);
        let attributes = attributes.filter(|(key, value)| restored(key) != Some(*value));
        let attributes = attributes.map(|(key, value)| (key, value.into())).collect();
        let is_same = read.and_then(|read| written_body(&read.body)).is_ok_and(|body| body == frame.raw);
        let written = Written {
            trigger_id: self.trigger_id(),
            trigger_type: self.kind(),
            event_id: self.id(),
            timestamp: rfc3339(self.timestamp()).map_err(S::Error::custom)?,
            payload,
            metadata,
            event_kind: (frame.kind() != self.kind()).then_some(frame.kind()),
            name: (!has_name).then_some(frame.name()),
            attributes,
            raw: (!is_same).then(|| BASE64.encode(&frame.raw)),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TriggerEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TriggerEvent, D::Error> {
        let read = Read::deserialize(deserializer)?;
        let timestamp: jiff::Timestamp = read.timestamp.parse().map_err(D::Error::custom)?;
        let timestamp = SystemTime::try_from(timestamp).map_err(D::Error::custom)?;
        // The JSON of a dead letter may lack the kind of its event.
        let form = form_of(read.event_kind.unwrap_or(read.trigger_type)).unwrap_or(&CUSTOM_FORM);
        let mut parts = form.read(&read.payload, &read.metadata).map_err(D::Error::custom)?;
        for (key, marked) in read.attributes {
            parts.attributes.set(key.into(), marked.try_into().map_err(D::Error::custom)?);
        }
        let raw = match &read.raw {
            Some(raw) => Bytes::from(BASE64.decode(raw).map_err(D::Error::custom)?),
            None => written_body(&parts.body).map_err(D::Error::custom)?,
        };
        let name = read.name.unwrap_or(parts.name);
        let mut frame = Frame::new((read.event_id, timestamp), form, name.into(), raw);
        frame.attributes = (!parts.attributes.is_empty()).then(|| Box::new(parts.attributes));
        let trigger = Arc::new(TriggerInfo::new(read.trigger_id, read.trigger_type));
        Ok(TriggerEvent::through(trigger, Arc::new(frame)).with_json(read.payload, read.metadata))
    }
}

/// Returns the bytes of a body whose JSON form has no `raw`.
fn written_body(body: &Value) -> Result<Bytes, String> {
    serde_json::to_vec(body).map(Bytes::from).map_err(|error| error.to_string())
}

/// Returns a time as RFC 3339 in UTC.
pub(crate) fn rfc3339(time: SystemTime) -> Result<String, jiff::Error> {
    jiff::Timestamp::try_from(time).map(|time| time.to_string())
}
