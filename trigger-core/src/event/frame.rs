//! An event as a whole, in one flat form for every kind, and how the events of one kind are read.

use std::time::SystemTime;

use bytes::Bytes;
use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::attributes::{ABOUT_DEAD_LETTER, Attribute, Attributes, CONTENT_TYPE};
use super::id::EventId;
use super::kind::TriggerKind;

/// An event as a whole: everything about it except the trigger that it came through.
///
/// The form is the same for every kind, and has the parts of a CloudEvent: an id, a time, a kind, a name (the type of an
/// event, the topic of a message, the path of a request), attributes, a content type, and the bytes of the body.
/// [`encode`](Frame::encode) writes it and [`decode`](Frame::decode) reads the same frame back, byte for byte.
///
/// ```
/// # use trigger_core::{Frame, TriggerEvent};
/// let event = TriggerEvent::new("sensor", "21.5", Default::default());
/// let bytes = event.frame().encode();
/// let frame = Frame::decode(&bytes)?;
/// assert_eq!((frame.id(), &frame.raw()[..]), (event.id(), &b"21.5"[..]));
/// assert_eq!(&frame, event.frame());
/// # Ok::<(), trigger_core::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Frame {
    pub(crate) id: EventId,
    pub(crate) timestamp: SystemTime,
    pub(crate) raw: Bytes,
    pub(crate) name: SmolStr,
    pub(crate) form: &'static EventForm,
    /// Boxed, because most events have none.
    pub(crate) attributes: Option<Box<Attributes>>,
}

impl PartialEq for Frame {
    fn eq(&self, other: &Frame) -> bool {
        let parts = |frame: &Frame| (frame.id, frame.timestamp, frame.kind());
        parts(self) == parts(other)
            && (&self.name, &self.raw, &self.attributes) == (&other.name, &other.raw, &other.attributes)
    }
}

impl Frame {
    pub(crate) fn new(
        (id, timestamp): (EventId, SystemTime),
        form: &'static EventForm,
        name: SmolStr,
        raw: Bytes,
    ) -> Frame {
        Frame { id, timestamp, raw, name, form, attributes: None }
    }

    /// Sets an attribute. A value of the same key is replaced.
    pub(crate) fn with(mut self, key: &'static str, value: Attribute) -> Frame {
        self.attributes.get_or_insert_default().set(SmolStr::new_static(key), value);
        self
    }

    /// The id of the event.
    pub fn id(&self) -> EventId {
        self.id
    }

    /// When the event was published, or when its request had arrived.
    pub fn timestamp(&self) -> SystemTime {
        self.timestamp
    }

    /// The kind of the event. Unlike that of a [`TriggerEvent`](crate::TriggerEvent) it stays if the event is
    /// dead-lettered.
    pub fn kind(&self) -> TriggerKind {
        self.form.kind
    }

    /// The type of an event, the topic of a message, the path of a request. It may be empty for other kinds.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the body.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The media type of the body, if the source knows it.
    pub fn content_type(&self) -> Option<&str> {
        self.attribute(CONTENT_TYPE)
    }

    /// An attribute that is text, such as the `source` of an event or the `sender` of a message.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        match self.attributes()?.get(key)? {
            Attribute::Text(text) => Some(text),
            Attribute::Bytes(_) | Attribute::Json(_) => None,
        }
    }

    /// An attribute of any form.
    pub fn any_attribute(&self, key: &str) -> Option<&Attribute> {
        self.attributes()?.get(key)
    }

    /// Returns the number of events that led to this one: 0 if no handler published it. It is no part of the encoded forms of
    /// the event, and two frames are equal without it.
    #[inline]
    pub(crate) fn depth(&self) -> u8 {
        self.form.depth
    }

    pub(crate) fn attributes(&self) -> Option<&Attributes> {
        self.attributes.as_deref()
    }

    /// The body as a JSON value: what it parses to, else its text, in which invalid UTF-8 is replaced.
    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.raw)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&self.raw).into_owned()))
    }

    /// The attributes as JSON; bytes are in base64.
    pub(crate) fn attributes_as_json(&self) -> Map<String, Value> {
        let entries = self.attributes().into_iter().flat_map(Attributes::iter);
        let public = entries.filter(|(key, _)| *key != ABOUT_DEAD_LETTER);
        public.map(|(key, value)| (key.to_owned(), value.to_json())).collect()
    }
}

/// The largest depth of an event that is queued.
pub(crate) const DEEPEST: u8 = 32;

/// The number of depths that an event may have. An event that is refused is one deeper than [`DEEPEST`]. Its dead letter may
/// be handled, so an event that this handler publishes is two deeper.
pub(crate) const DEPTHS: usize = DEEPEST as usize + 3;

/// The form of the events of one kind. A [`Frame`] refers to that of its kind.
#[derive(Clone, Copy, Debug)]
pub struct EventForm {
    pub(crate) kind: TriggerKind,
    /// The depth of the events in a cascade. A published event has the form of its depth. A field of the frame would make
    /// each allocation of a frame larger than the largest chunk that malloc has a fast bin for.
    pub(super) depth: u8,
    /// `true` if a body that is a JSON string stands for the content of the string.
    pub(crate) text_is_json: bool,
    /// `true` if the name of an event is a topic.
    pub(crate) name_is_topic: bool,
    pub(crate) payload: fn(&Frame) -> Value,
    pub(crate) metadata: fn(&Frame) -> Map<String, Value>,
    pub(crate) read: ReadJson,
}

/// How an event is read from its JSON form.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReadJson {
    /// The metadata are the attributes.
    Plain,
    /// From the metadata. The payload is the body.
    Metadata(ReadMetadata),
    /// From the payload and the metadata.
    Payload(fn(&Value, &Map<String, Value>) -> Result<ReadForm, String>),
}

/// Reads the name and the attributes of an event from its metadata: see [`SourceKind::metadata`](crate::SourceKind::metadata).
pub type ReadMetadata = fn(&Map<String, Value>) -> Result<(String, Vec<(String, Attribute)>), String>;

/// What the JSON form of an event says, except its id and time.
#[derive(Debug)]
pub(crate) struct ReadForm {
    pub(crate) name: String,
    pub(crate) attributes: Attributes,
    /// The JSON that the bytes of the event stand for.
    pub(crate) body: Value,
}

impl EventForm {
    /// Returns a form in which the payload is the body, and the metadata are the attributes.
    pub(crate) const fn new(kind: TriggerKind) -> EventForm {
        EventForm {
            kind,
            depth: 0,
            text_is_json: false,
            name_is_topic: false,
            payload: Frame::body,
            metadata: Frame::attributes_as_json,
            read: ReadJson::Plain,
        }
    }

    /// Returns the forms of this kind, by the depth of the event.
    pub(super) const fn of_each_depth(self) -> [EventForm; DEPTHS] {
        let mut forms = [self; DEPTHS];
        let mut depth = 0;
        while depth < DEPTHS {
            forms[depth].depth = depth as u8;
            depth += 1;
        }
        forms
    }

    /// Reads an event from its JSON form.
    pub(crate) fn read(&self, payload: &Value, metadata: &Map<String, Value>) -> Result<ReadForm, String> {
        let (name, read) = match self.read {
            ReadJson::Payload(read) => return read(payload, metadata),
            ReadJson::Metadata(read) => read(metadata)?,
            ReadJson::Plain => {
                let values = metadata.iter().map(|(key, value)| (key.clone(), value.clone().into()));
                (String::new(), values.collect())
            }
        };
        let mut attributes = Attributes::default();
        for (key, value) in read {
            attributes.set(key.into(), value);
        }
        Ok(ReadForm { name, attributes, body: payload.clone() })
    }
}
