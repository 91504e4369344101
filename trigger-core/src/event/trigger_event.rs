//! The event as a handler gets it: a frame, and the trigger that it came through.

use std::fmt;
use std::mem;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::frame::Frame;
use super::id::EventId;
use super::kind::TriggerKind;
use crate::topic::Topic;

/// An event, a message or a webhook request, as a trigger delivers it to a handler.
///
/// A clone is cheap, and all triggers that an event reaches share one copy of its immutable bytes.
/// It serializes as `{trigger_id, trigger_type, event_id, timestamp, payload, metadata}`, the timestamp in RFC 3339. Where
/// the bytes are not those that `payload` would be written as, they follow as `raw` in base64, so that they are the same
/// after a round trip.
#[derive(Clone)]
pub struct TriggerEvent {
    /// The trigger that the event came through: the only difference between two deliveries of one event.
    pub(crate) trigger: Arc<TriggerInfo>,
    pub(crate) frame: Arc<Frame>,
    /// The event as JSON. The delivery owns it, so parsed JSON is freed when the handler has ended, and never waits in a
    /// queue or with the dead letters.
    json: OnceLock<Arc<Json>>,
}

/// The trigger of an event.
#[derive(Debug)]
pub(crate) struct TriggerInfo {
    pub(crate) id: String,
    pub(crate) kind: TriggerKind,
    /// The captures of its pattern: the name of each, and its position among the tokens of the topic.
    pub(crate) captures: Box<[(String, usize)]>,
}

impl TriggerInfo {
    /// A trigger that the program brought itself.
    pub(crate) fn custom(id: &str) -> TriggerInfo {
        TriggerInfo::new(id.to_owned(), TriggerKind::Custom)
    }

    /// A trigger without captures.
    pub(crate) fn new(id: String, kind: TriggerKind) -> TriggerInfo {
        TriggerInfo { id, kind, captures: Box::default() }
    }
}

/// An event as JSON: each part is made on its first use.
#[derive(Debug, Default)]
struct Json {
    payload: OnceLock<Value>,
    metadata: OnceLock<Map<String, Value>>,
}

impl TriggerEvent {
    /// The event, as it comes through this trigger.
    pub(crate) fn through(trigger: Arc<TriggerInfo>, frame: Arc<Frame>) -> TriggerEvent {
        TriggerEvent { trigger, frame, json: OnceLock::new() }
    }

    /// The event with JSON that was read and need not be made from the bytes.
    pub(super) fn with_json(self, payload: Value, metadata: Map<String, Value>) -> TriggerEvent {
        let json = Json { payload: payload.into(), metadata: metadata.into() };
        TriggerEvent { json: Arc::new(json).into(), ..self }
    }

    /// Replaces the frame, and returns the one before it. The parsed JSON of that one is dropped.
    #[inline]
    pub(crate) fn replace_frame(&mut self, frame: Arc<Frame>) -> Arc<Frame> {
        if self.json.get().is_some() {
            self.json = OnceLock::new();
        }
        mem::replace(&mut self.frame, frame)
    }

    /// Returns the same event without the JSON that was parsed from it.
    pub(crate) fn without_json(&self) -> TriggerEvent {
        TriggerEvent::through(Arc::clone(&self.trigger), Arc::clone(&self.frame))
    }

    fn json(&self) -> &Json {
        self.json.get_or_init(Arc::default)
    }

    /// The event as a whole, without the trigger that it came through.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The id of the event, the same in every trigger it reaches.
    pub fn id(&self) -> EventId {
        self.frame.id
    }

    /// The id of the trigger it came through, such as `event-pipeline.error`.
    pub fn trigger_id(&self) -> &str {
        &self.trigger.id
    }

    /// The kind of the trigger it came through.
    pub fn kind(&self) -> TriggerKind {
        self.trigger.kind
    }

    /// When it was published, or when its request had arrived.
    pub fn timestamp(&self) -> SystemTime {
        self.frame.timestamp
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
        self.json().payload.get_or_init(|| (self.frame.form.payload)(&self.frame))
    }

    /// The bytes as they came: the data of an event, the content of a message, the body of a request.
    pub fn raw(&self) -> &Bytes {
        &self.frame.raw
    }

    /// What is known besides the payload.
    ///
    /// Of an event `{event_type, source}`; of a message `{topic, sender}`; of a webhook request
    /// `{method, path, query, headers, remote}`, in which `remote` is the IP address of the client, a repeated query key
    /// or header is a list, and headers and query keys that carry secrets are left out.
    pub fn metadata(&self) -> &Map<String, Value> {
        self.json().metadata.get_or_init(|| (self.frame.form.metadata)(&self.frame))
    }

    /// The topic of a message, or the type of an event.
    pub(crate) fn topic(&self) -> Option<Topic> {
        let named = matches!(self.frame.kind(), TriggerKind::Event | TriggerKind::Message);
        named.then(|| Topic::parse(&self.frame.name).ok()).flatten()
    }

    /// What the pattern of the trigger captured under this name.
    pub(crate) fn capture(&self, name: &str) -> Option<&str> {
        let (_, place) = self.trigger.captures.iter().find(|(captured, _)| captured == name)?;
        trigger_grammar::topic::tokens(&self.frame.name).nth(*place)
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
