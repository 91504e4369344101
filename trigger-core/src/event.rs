//! The one envelope that handlers receive, whatever an event's origin.

use std::fmt;
use std::mem;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::names::named;
use crate::topic::Topic;

mod letter;
mod request;
mod timestamp;
mod wire;

pub use letter::{DeadLetter, DeadLetterReason};
pub use request::Headers;
pub(crate) use request::{Request, query_without_secrets};
pub(crate) use timestamp::Timestamp;
pub(crate) use wire::rfc3339;

/// The id of an event: a UUID version 7 (RFC 9562 section 5.7), shown with dashes.
///
/// An event keeps its id in every trigger it reaches, in its payload, and in the answer to a webhook request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub(crate) Uuid);

impl EventId {
    /// The id in 64 bits.
    pub(crate) fn fold(self) -> u64 {
        let (high, low) = self.0.as_u64_pair();
        high ^ low
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventId {
    type Err = ParseEventIdError;

    fn from_str(text: &str) -> Result<EventId, ParseEventIdError> {
        Uuid::try_parse(text).map(EventId).map_err(|error| ParseEventIdError(error.to_string()))
    }
}

/// A text that is no [`EventId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event id: {0}")]
pub struct ParseEventIdError(String);

/// The kind of a trigger, and so of the source of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TriggerKind {
    /// The event bus.
    Event,
    /// The message broker.
    Message,
    /// An HTTP request.
    Webhook,
    /// An event that a process has given up on.
    DeadLetter,
    /// A trigger that the program brought itself.
    Custom,
}

impl TriggerKind {
    /// Every kind.
    pub(crate) const ALL: &'static [TriggerKind] = &[
        TriggerKind::Event,
        TriggerKind::Message,
        TriggerKind::Webhook,
        TriggerKind::DeadLetter,
        TriggerKind::Custom,
    ];
}

named!(TriggerKind as "kind" {
    Event = "event",
    Message = "message",
    Webhook = "webhook",
    DeadLetter = "dead_letter",
    Custom = "custom",
});

/// An event, a message or a webhook request, as a trigger delivers it to a handler.
///
/// A clone is cheap, and all triggers that an event reaches share one copy of its immutable bytes.
/// It serializes as `{trigger_id, trigger_type, event_id, timestamp, payload, metadata}`, the timestamp in RFC 3339.
#[derive(Clone)]
pub struct TriggerEvent {
    /// The trigger that the event came through: the only difference between two deliveries of one event.
    pub(crate) trigger: Arc<TriggerInfo>,
    pub(crate) envelope: Arc<Envelope>,
    /// The event as JSON. The delivery owns it, so parsed JSON is freed when the handler has ended, and never waits in a
    /// queue or with the dead letters.
    json: OnceLock<Arc<Json>>,
}

/// What an event remembers of the trigger it came through.
#[derive(Debug)]
pub(crate) struct TriggerInfo {
    pub(crate) id: String,
    pub(crate) kind: TriggerKind,
    /// The captures of its pattern, and which token of the topic each is.
    pub(crate) captures: Box<[(String, usize)]>,
}

impl TriggerInfo {
    /// Of a trigger of the program's own.
    pub(crate) fn custom(id: &str) -> TriggerInfo {
        TriggerInfo { id: id.to_owned(), kind: TriggerKind::Custom, captures: Box::default() }
    }
}

/// What is the same in every trigger an event reaches.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) id: EventId,
    pub(crate) timestamp: Timestamp,
    /// The data of an event, the content of a message, the body of a request: the bytes as they came.
    pub(crate) raw: Bytes,
    pub(crate) origin: Origin,
}

/// An event as JSON: each part is made on its first use.
#[derive(Debug, Default)]
struct Json {
    payload: OnceLock<Value>,
    metadata: OnceLock<Map<String, Value>>,
}

/// What is known of an event besides its bytes.
#[derive(Debug)]
pub(crate) enum Origin {
    Event {
        event_type: Topic,
        source: Option<Box<str>>,
    },
    Message {
        topic: Topic,
        sender: Option<Box<str>>,
    },
    Webhook(Box<Request>),
    Custom {
        metadata: Map<String, Value>,
    },
    /// What it is about, where it came through a trigger for dead letters. It has the payload and metadata of that event.
    GivenUpOn(Arc<DeadLetter>),
}

impl Envelope {
    pub(crate) fn new((id, timestamp): (EventId, Timestamp), raw: Bytes, origin: Origin) -> Envelope {
        Envelope { id, timestamp, raw, origin }
    }

    /// The event that was given up on, for triggers for dead letters.
    pub(crate) fn given_up_on(letter: &Arc<DeadLetter>) -> Envelope {
        let Envelope { id, timestamp, raw, .. } = &*letter.event.envelope;
        Envelope::new((*id, *timestamp), raw.clone(), Origin::GivenUpOn(Arc::clone(letter)))
    }

    /// The event as it was published.
    fn original(&self) -> &Envelope {
        match &self.origin {
            Origin::GivenUpOn(letter) => letter.event.envelope.original(),
            _ => self,
        }
    }

    fn payload(&self) -> Value {
        match &self.origin {
            Origin::Event { event_type, source } => object([
                ("event_type", text(event_type)),
                ("event_id", text(&self.id.to_string())),
                ("source", optional_text(source)),
                ("data", self.parsed()),
            ]),
            Origin::Message { topic, sender } => object([
                ("topic", text(topic)),
                ("message_id", text(&self.id.to_string())),
                ("sender", optional_text(sender)),
                ("content", self.parsed()),
            ]),
            Origin::Webhook(_) | Origin::Custom { .. } | Origin::GivenUpOn(_) => self.parsed(),
        }
    }

    /// The bytes as a JSON value: what they parse to, else their text.
    fn parsed(&self) -> Value {
        serde_json::from_slice(&self.raw)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&self.raw).into_owned()))
    }

    fn metadata(&self) -> Map<String, Value> {
        match &self.origin {
            Origin::Event { event_type, source } => {
                fields([("event_type", text(event_type)), ("source", optional_text(source))])
            }
            Origin::Message { topic, sender } => {
                fields([("topic", text(topic)), ("sender", optional_text(sender))])
            }
            Origin::Webhook(request) => request.metadata(),
            Origin::Custom { metadata } => metadata.clone(),
            Origin::GivenUpOn(letter) => letter.event.envelope.original().metadata(),
        }
    }
}

impl TriggerEvent {
    /// The event, as it comes through this trigger.
    pub(crate) fn through(trigger: Arc<TriggerInfo>, envelope: Arc<Envelope>) -> TriggerEvent {
        TriggerEvent { trigger, envelope, json: OnceLock::new() }
    }

    /// Replaces the envelope, and returns the one before it. The parsed JSON of that one is dropped.
    #[inline]
    pub(crate) fn replace_envelope(&mut self, envelope: Arc<Envelope>) -> Arc<Envelope> {
        if self.json.get().is_some() {
            self.json = OnceLock::new();
        }
        mem::replace(&mut self.envelope, envelope)
    }

    /// Returns the same event without the JSON that was parsed from it.
    pub(crate) fn without_json(&self) -> TriggerEvent {
        TriggerEvent::through(Arc::clone(&self.trigger), Arc::clone(&self.envelope))
    }

    fn json(&self) -> &Json {
        self.json.get_or_init(Arc::default)
    }

    /// Where it came from, also where it has been given up on since.
    pub(crate) fn origin(&self) -> &Origin {
        &self.envelope.original().origin
    }

    /// The id of the event, the same in every trigger it reaches.
    pub fn id(&self) -> EventId {
        self.envelope.id
    }

    /// The id of the trigger it came through, such as `event-pipeline.error`.
    pub fn trigger_id(&self) -> &str {
        &self.trigger.id
    }

    /// Where it came from.
    pub fn kind(&self) -> TriggerKind {
        self.trigger.kind
    }

    /// When it was published, or when its request had arrived: to the nanosecond, in a year from 1678 to 2261.
    pub fn timestamp(&self) -> SystemTime {
        self.envelope.timestamp.time()
    }

    /// The event as JSON.
    ///
    /// Of an event `{event_type, event_id, source, data}`; of a message `{topic, message_id, sender, content}`, where
    /// `topic` is the one it arrived on; of a webhook request its body. Bytes that are no JSON appear as a string, in
    /// which invalid UTF-8 is replaced.
    ///
    /// It is parsed on first use, at most once for each delivery, and kept until the last clone of this event is
    /// dropped: a retry, another trigger and a dead letter hold the bytes alone.
    pub fn payload(&self) -> &Value {
        self.json().payload.get_or_init(|| self.envelope.original().payload())
    }

    /// The bytes as they came: the data of an event, the content of a message, the body of a request.
    pub fn raw(&self) -> &Bytes {
        &self.envelope.raw
    }

    /// What is known besides the payload.
    ///
    /// Of an event `{event_type, source}`; of a message `{topic, sender}`; of a webhook request
    /// `{method, path, query, headers, remote}`, in which a repeated query key or header is a list, and headers and
    /// query keys that carry secrets are left out.
    pub fn metadata(&self) -> &Map<String, Value> {
        self.json().metadata.get_or_init(|| self.envelope.original().metadata())
    }

    /// What the pattern of the trigger captured under this name.
    pub(crate) fn capture(&self, name: &str) -> Option<&str> {
        let Origin::Message { topic, .. } = self.origin() else { return None };
        let (_, place) = self.trigger.captures.iter().find(|(captured, _)| captured == name)?;
        topic.tokens().nth(*place)
    }
}

/// Names the event and says how large it is; the payload stays out of logs.
impl fmt::Debug for TriggerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TriggerEvent")
            .field("id", &self.id())
            .field("trigger_id", &self.trigger_id())
            .field("kind", &self.kind())
            .field("bytes", &self.raw().len())
            .finish_non_exhaustive()
    }
}

fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Object(fields(entries))
}

fn fields<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn optional_text(value: &Option<Box<str>>) -> Value {
    value.as_deref().map_or(Value::Null, text)
}
