//! The forms of published events: events of the bus and messages of the broker.

use serde_json::{Map, Value};

use super::attributes::Attributes;
use super::frame::{DEPTHS, EventForm, Frame, ReadForm, ReadJson};
use super::kind::TriggerKind;
use crate::event::topic::Topic;

/// The attribute that holds the source of an event.
pub(crate) const SOURCE: &str = "source";

/// The attribute that holds the sender of a message.
pub(crate) const SENDER: &str = "sender";

/// An event of the bus: `{event_type, event_id, source, data}`.
pub(crate) const EVENT_FORM: EventForm = EventForm {
    text_is_json: true,
    name_is_topic: true,
    payload: |frame| EVENT_FIELDS.payload(frame),
    metadata: |frame| EVENT_FIELDS.metadata(frame),
    read: ReadJson::Payload(|payload, _| EVENT_FIELDS.read(payload)),
    ..EventForm::new(TriggerKind::Event)
};

/// A message of the broker: `{topic, message_id, sender, content}`.
pub(crate) const MESSAGE_FORM: EventForm = EventForm {
    text_is_json: true,
    name_is_topic: true,
    payload: |frame| MESSAGE_FIELDS.payload(frame),
    metadata: |frame| MESSAGE_FIELDS.metadata(frame),
    read: ReadJson::Payload(|payload, _| MESSAGE_FIELDS.read(payload)),
    ..EventForm::new(TriggerKind::Message)
};

/// The forms of the events of the bus, by their depth.
static EVENT_FORMS: [EventForm; DEPTHS] = EVENT_FORM.of_each_depth();

/// The forms of the messages of the broker, by their depth.
static MESSAGE_FORMS: [EventForm; DEPTHS] = MESSAGE_FORM.of_each_depth();

/// Returns the form of an event of the bus at this depth of a cascade.
#[inline]
pub(crate) fn event_form(depth: u8) -> &'static EventForm {
    &EVENT_FORMS[usize::from(depth).min(DEPTHS - 1)]
}

/// Returns the form of a message of the broker at this depth of a cascade.
#[inline]
pub(crate) fn message_form(depth: u8) -> &'static EventForm {
    &MESSAGE_FORMS[usize::from(depth).min(DEPTHS - 1)]
}

/// The names of the fields of a payload.
struct Fields {
    name: &'static str,
    id: &'static str,
    /// The source or the sender. It is also the name of the attribute.
    author: &'static str,
    body: &'static str,
}

const EVENT_FIELDS: Fields = Fields { name: "event_type", id: "event_id", author: SOURCE, body: "data" };
const MESSAGE_FIELDS: Fields = Fields { name: "topic", id: "message_id", author: SENDER, body: "content" };

impl Fields {
    fn author_of(&self, frame: &Frame) -> Value {
        frame.attribute(self.author).into()
    }

    fn payload(&self, frame: &Frame) -> Value {
        let fields = [
            (self.name, frame.name().into()),
            (self.id, frame.id.to_string().into()),
            (self.author, self.author_of(frame)),
            (self.body, frame.body()),
        ];
        fields.into_iter().collect()
    }

    fn metadata(&self, frame: &Frame) -> Map<String, Value> {
        let fields = [(self.name, frame.name().into()), (self.author, self.author_of(frame))];
        fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn read(&self, payload: &Value) -> Result<ReadForm, String> {
        let field = |name: &str| payload.get(name).ok_or(format!("the payload has no `{name}`"));
        let name = field(self.name)?.as_str().ok_or(format!("`{}` is not a string", self.name))?;
        let topic =
            Topic::parse(name).map_err(|error| format!("`{}`: {}", self.name, error.explain(name)))?;
        let mut attributes = Attributes::default();
        if let Some(author) = payload.get(self.author).and_then(Value::as_str) {
            attributes.set_text(self.author, author);
        }
        Ok(ReadForm { name: topic.to_string(), attributes, body: field(self.body)?.clone() })
    }
}
