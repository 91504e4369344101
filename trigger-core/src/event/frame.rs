//! An event as a whole, in one flat form for every kind.

use std::time::SystemTime;

use bytes::Bytes;
use serde_json::{Map, Value};
use smol_str::SmolStr;
use trigger_grammar::bounds;

use super::attributes::{Attribute, Attributes, CONTENT_TYPE, DEAD_LETTER};
use super::id::EventId;
use super::kind::TriggerKind;
use crate::config::{FromSettings, Setting};
use crate::policy::Overflow;

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
    pub(crate) form: &'static SourceKind,
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
        form: &'static SourceKind,
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
        let public = entries.filter(|(key, _)| *key != DEAD_LETTER);
        public.map(|(key, value)| (key.to_owned(), value.to_json())).collect()
    }
}

/// A kind of source, as a constant: its name, how its events appear, and the defaults of its queue.
///
/// ```
/// # use trigger_core::{Overflow, SourceKind};
/// static TICKER: SourceKind = SourceKind::new("ticker", "a tick").queue(10).overflow(Overflow::DropOldest);
/// assert_eq!(TICKER.kind().as_str(), "ticker");
/// ```
#[derive(Debug)]
pub struct SourceKind {
    pub(crate) kind: TriggerKind,
    /// The event with its article, such as "a webhook request".
    pub(crate) shown: &'static str,
    /// How many events may wait, unless the trigger says otherwise.
    pub(crate) queue: usize,
    /// What happens to an event if the queue is full, unless the trigger says otherwise.
    pub(crate) overflow: Overflow,
    /// The keys of its triggers in a configuration.
    pub(crate) settings: &'static [Setting],
    /// Makes a trigger from them. `None` if a configuration cannot have such a trigger.
    pub(crate) from_settings: Option<FromSettings>,
    /// `true` if a body that is a JSON string stands for the content of the string.
    pub(crate) text_is_json: bool,
    pub(crate) payload: fn(&Frame) -> Value,
    pub(crate) metadata: fn(&Frame) -> Map<String, Value>,
    pub(crate) read: fn(&Value, &Map<String, Value>) -> Result<ReadForm, String>,
}

/// What the JSON form of an event says, except its id and time.
#[derive(Debug)]
pub(crate) struct ReadForm {
    pub(crate) name: String,
    pub(crate) attributes: Attributes,
    /// The JSON that the bytes of the event stand for.
    pub(crate) body: Value,
}

impl SourceKind {
    /// A kind whose payload is the body, and whose metadata are the attributes. `name` is the `type` of its triggers;
    /// `shown` is one of its events with an article, such as "a tick".
    pub const fn new(name: &'static str, shown: &'static str) -> SourceKind {
        SourceKind::of(TriggerKind::new(name), shown)
    }

    pub(crate) const fn of(kind: TriggerKind, shown: &'static str) -> SourceKind {
        SourceKind {
            kind,
            shown,
            queue: 100,
            overflow: Overflow::DropNewest,
            settings: &[],
            from_settings: None,
            text_is_json: false,
            payload: Frame::body,
            metadata: Frame::attributes_as_json,
            read: read_plain,
        }
    }

    /// How many events may wait in the queue of a trigger that does not say it: at least 1. The default is 100.
    ///
    /// # Panics
    ///
    /// If the capacity is out of bounds: in a constant, that is an error of the compiler.
    ///
    /// ```compile_fail,E0080
    /// # use trigger_core::SourceKind;
    /// static TICKER: SourceKind = SourceKind::new("ticker", "a tick").queue(0);
    /// # fn main() {}
    /// ```
    pub const fn queue(mut self, capacity: usize) -> SourceKind {
        assert!(bounds::QUEUE.holds(capacity as u64), "the default capacity of a queue is 1 to 10,000,000");
        self.queue = capacity;
        self
    }

    /// What happens to an event that finds the queue of a trigger full, if the trigger does not say it. The default is
    /// [`Overflow::DropNewest`].
    pub const fn overflow(mut self, overflow: Overflow) -> SourceKind {
        self.overflow = overflow;
        self
    }

    /// Lets a configuration have triggers of this kind, with these keys: `make` makes such a trigger from their values. The
    /// kind must be [linked](crate::source_kind).
    ///
    /// ```
    /// # use std::borrow::Cow;
    /// # use std::time::Duration;
    /// # use trigger_core::{Setting, SourceContext, SourceKind, TriggerConfig, TriggerSource, source_kind};
    /// source_kind! {
    ///     static TICKER: SourceKind = SourceKind::new("ticker", "a tick").settings(
    ///         &[Setting::duration("every", "the time between two ticks").default("1m")],
    ///         |settings| Ok(TriggerConfig::custom(Ticker(settings.duration("every")?))),
    ///     );
    /// }
    ///
    /// struct Ticker(Duration);
    /// # impl TriggerSource for Ticker {
    /// #     fn kind(&self) -> &'static SourceKind { &TICKER }
    /// #     fn pattern(&self) -> Cow<'_, str> { format!("{:?}", self.0).into() }
    /// #     fn accept(&self, _: &SourceContext) {}
    /// # }
    ///
    /// # fn main() -> Result<(), serde_json::Error> {
    /// let config: TriggerConfig = serde_json::from_str(r#"{"type": "ticker", "every": "5s", "queue": 1}"#)?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn settings(mut self, settings: &'static [Setting], make: FromSettings) -> SourceKind {
        self.settings = settings;
        self.from_settings = Some(make);
        self
    }

    /// The kind of its triggers.
    pub const fn kind(&self) -> TriggerKind {
        self.kind
    }
}

/// Reads an event whose payload is its body, and whose metadata are its attributes.
fn read_plain(payload: &Value, metadata: &Map<String, Value>) -> Result<ReadForm, String> {
    let mut attributes = Attributes::default();
    for (key, value) in metadata {
        attributes.set(key.as_str().into(), value.clone().into());
    }
    Ok(ReadForm { name: String::new(), attributes, body: payload.clone() })
}

/// Events of a [`Trigger`](crate::Trigger) that the program brings itself. Its own queue holds the others.
pub(crate) static CUSTOM: SourceKind =
    SourceKind::of(TriggerKind::Custom, "an event of a custom trigger").queue(1);

/// Dead letters. A frame keeps the kind of its own event.
pub(crate) static DEAD_LETTER_KIND: SourceKind = SourceKind::of(TriggerKind::DeadLetter, "a dead letter");
