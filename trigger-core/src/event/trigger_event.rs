//! The event that a handler receives: a frame, and the trigger that it came through.

use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::Bytes;
use serde_json::{Map, Value};
use trigger_grammar::{path, topic};

use super::attributes::ROUTE;
use super::frame::Frame;
use super::id::EventId;
use super::kind::TriggerKind;
use super::kinds::form_of;
use crate::event::topic::Topic;

/// An event, a message or a webhook request, as a trigger delivers it to a handler.
///
/// A clone is cheap, and all triggers that an event reaches share one copy of its immutable bytes.
/// It serializes as `{trigger_id, trigger_type, event_id, timestamp, payload, metadata}`, with the timestamp in RFC
/// 3339. A round trip preserves the event, because what payload and metadata cannot restore follows:
///
/// - the bytes as `raw` in base64, if they differ from the encoded `payload`
/// - the name of an event of a custom source as `name`
/// - other attributes with their form as `attributes`, such as `{"thumbnail": {"base64": "/w=="}}`; the forms are `text`,
///   `base64` and `json`
///
/// ```
/// # use trigger_core::TriggerEvent;
/// async fn log(event: TriggerEvent) {
///     println!("{} through {}: {}", event.id(), event.trigger_id(), event.payload());
/// }
/// # drop(log(TriggerEvent::new("sensor", "21", Default::default())));
///
/// let event = TriggerEvent::new("sensor", r#"{"celsius": 21}"#, Default::default());
/// assert_eq!(event.payload()["celsius"], 21);
/// ```
#[derive(Clone)]
pub struct TriggerEvent {
    /// The trigger that the event came through. Only this differs between the deliveries of one event.
    pub(crate) trigger: Arc<TriggerInfo>,
    pub(crate) frame: Arc<Frame>,
    /// The event as JSON. The delivery owns it, so parsed JSON is freed when the handler has ended. Queues and dead
    /// letters never keep it.
    json: OnceLock<Arc<Json>>,
}

/// The trigger of an event.
#[derive(Debug)]
pub(crate) struct TriggerInfo {
    pub(crate) id: String,
    pub(crate) kind: TriggerKind,
    /// The captures of its topic pattern: the name of each, and the index of its token in the topic.
    pub(crate) captures: Box<[(String, usize)]>,
    /// `true` if its events are those of other kinds, as dead letters are.
    pub(crate) relays: bool,
}

impl TriggerInfo {
    /// Returns a custom trigger.
    pub(crate) fn custom(id: &str) -> TriggerInfo {
        TriggerInfo::new(id.to_owned(), TriggerKind::Custom)
    }

    /// Returns a trigger without captures.
    pub(crate) fn new(id: String, kind: TriggerKind) -> TriggerInfo {
        TriggerInfo { id, kind, captures: Box::default(), relays: false }
    }
}

/// An event as JSON. Each part is parsed on its first use.
#[derive(Debug, Default)]
struct Json {
    payload: OnceLock<Value>,
    metadata: OnceLock<Map<String, Value>>,
}

impl TriggerEvent {
    /// Returns the event of a frame that came through this trigger.
    pub(crate) fn through(trigger: Arc<TriggerInfo>, frame: Arc<Frame>) -> TriggerEvent {
        TriggerEvent { trigger, frame, json: OnceLock::new() }
    }

    /// Returns the event with JSON that was parsed before, so that the bytes need not be parsed.
    pub(super) fn with_json(self, payload: Value, metadata: Map<String, Value>) -> TriggerEvent {
        let json = Json { payload: payload.into(), metadata: metadata.into() };
        TriggerEvent { json: Arc::new(json).into(), ..self }
    }

    /// Replaces the frame, drops the parsed JSON, and returns the old frame.
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

    /// Returns the same event as if no handler had published it, without the JSON that was parsed from it.
    pub(crate) fn without_depth(&self) -> TriggerEvent {
        let mut event = self.without_json();
        if event.frame.depth() > 0
            && let Some(form) = form_of(event.frame.kind())
        {
            Arc::make_mut(&mut event.frame).form = form;
        }
        event
    }

    fn json(&self) -> &Json {
        self.json.get_or_init(Arc::default)
    }

    /// Returns the whole event, without the trigger that it came through.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Returns the id of the event. It is the same in every trigger that the event reaches.
    pub fn id(&self) -> EventId {
        self.frame.id
    }

    /// Returns the id of the trigger that the event came through, such as `event-pipeline.error`.
    pub fn trigger_id(&self) -> &str {
        &self.trigger.id
    }

    /// Returns the kind of the trigger that the event came through.
    pub fn kind(&self) -> TriggerKind {
        self.trigger.kind
    }

    /// Returns the time at which the event was published, or its request had arrived.
    pub fn timestamp(&self) -> SystemTime {
        self.frame.timestamp
    }

    /// Returns the event as JSON.
    ///
    /// An event has `{event_type, event_id, source, data}`. A message has `{topic, message_id, sender, content}`, where
    /// `topic` is the topic it was published to. A webhook request has its body. Bytes that are not JSON appear as a
    /// string, in which invalid UTF-8 is replaced.
    ///
    /// It is parsed on first use, at most once for each delivery, and kept until the last clone of this event is
    /// dropped. A retry, another trigger and a dead letter hold only the bytes.
    pub fn payload(&self) -> &Value {
        self.json().payload.get_or_init(|| (self.frame.form.payload)(&self.frame))
    }

    /// Returns the received bytes: the data of an event, the content of a message, or the body of a request.
    pub fn raw(&self) -> &Bytes {
        &self.frame.raw
    }

    /// Returns the metadata of the event, besides the payload.
    ///
    /// An event has `{event_type, source}`, and a message `{topic, sender}`. A webhook request has
    /// `{method, path, query, headers, remote}`, where `remote` is the IP address of the client. A repeated query key
    /// or header is a list. Headers and query keys that carry secrets are left out. One with a CloudEvent also has
    /// `cloudevent`, the object of its attributes.
    pub fn metadata(&self) -> &Map<String, Value> {
        self.json().metadata.get_or_init(|| (self.frame.form.metadata)(&self.frame))
    }

    /// Returns the topic of a message, or the type of an event.
    pub(crate) fn topic(&self) -> Option<Topic> {
        self.frame.form.name_is_topic.then(|| Topic::parse(&self.frame.name).ok()).flatten()
    }

    /// Returns what the pattern of the event captured under this name: a token of the topic, or a decoded segment of the path.
    pub(crate) fn capture(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some((_, place)) = self.trigger.captures.iter().find(|(captured, _)| captured == name) {
            return topic::tokens(&self.frame.name).nth(*place).map(Cow::Borrowed);
        }
        // A request has its pattern, so that its dead letter and its JSON keep the captures.
        path::capture(self.frame.attribute(ROUTE)?, &self.frame.name, name)
    }
}

/// Shows the ids and the size of the event. The payload stays out of logs.
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
