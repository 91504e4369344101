//! What a source offers, and the answer.

use std::time::SystemTime;

use bytes::Bytes;
use smol_str::SmolStr;

use crate::config::SourceKind;
use crate::event::{Attribute, CONTENT_TYPE, EventId, Frame};

/// An event that a source is about to offer. The sink adds the id and the time.
///
/// ```
/// # use trigger_core::Draft;
/// let draft = Draft::new("orders/7.json", r#"{"total": 40}"#).content_type("application/json").attribute("size", "13");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a draft is no event until it is offered to a `Sink`"]
pub struct Draft {
    name: SmolStr,
    body: Bytes,
    attributes: Vec<(SmolStr, Attribute)>,
}

impl Draft {
    /// An event of this name, such as a path, with these bytes. A handler reads them by `Json<T>`, `Text` or
    /// [`raw`](crate::TriggerEvent::raw).
    pub fn new(name: &str, body: impl Into<Bytes>) -> Draft {
        Draft { name: name.into(), body: body.into(), attributes: Vec::new() }
    }

    /// Sets an attribute, which a handler finds in [`metadata`](crate::TriggerEvent::metadata). A value of the same key is
    /// replaced.
    pub fn attribute(mut self, key: &str, value: impl Into<Attribute>) -> Draft {
        self.attributes.push((key.into(), value.into()));
        self
    }

    /// Sets the media type of the bytes.
    pub fn content_type(self, media_type: &str) -> Draft {
        self.attribute(CONTENT_TYPE, media_type)
    }

    pub(super) fn frame(self, stamp: (EventId, SystemTime), kind: &'static SourceKind) -> Frame {
        let mut frame = Frame::new(stamp, &kind.form, self.name, self.body);
        for (key, value) in self.attributes {
            frame.attributes.get_or_insert_default().set(key, value);
        }
        frame
    }
}

/// What became of an event that a source has offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Offered {
    /// It is in the queue under this id.
    Queued(EventId),
    /// The filter of the trigger does not take it.
    Filtered,
    /// The queue is full, so it counts as dropped and is kept as a dead letter.
    Dropped,
    /// The queue is full, so it counts as dropped. The policy of the trigger is [`Overflow::Reject`](crate::Overflow::Reject): the source is to
    /// tell whoever sent it.
    Rejected,
    /// The trigger takes no more events. It counts nowhere.
    Closed,
}
