//! What a source offers, and the answer.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use smol_str::SmolStr;
use uuid::Uuid;

use crate::clock::SharedClock;
use crate::declare::SourceKind;
use crate::event::{
    Attribute, Attributes, CONTENT_TYPE, CUSTOM_FORM, EventId, Frame, ROUTE, TriggerEvent, TriggerInfo,
};

/// An event that a source is about to offer. The sink adds an id and the time, unless the source has
/// [set](Self::stamped) them.
///
/// ```
/// # use trigger_core::Draft;
/// let draft = Draft::new("orders/7.json", r#"{"total": 40}"#).content_type("application/json").attribute("size", "13");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a draft is no event until it is offered to a `Sink`"]
pub struct Draft {
    /// The event, in the memory in which it is queued. Its kind is that of the sink, which is not known yet.
    frame: Arc<Frame>,
    attributes: Option<Box<Attributes>>,
    /// `true` if the frame has its id and its time.
    is_stamped: bool,
}

impl Draft {
    /// Returns an event of this name, such as a path, with these bytes. A handler reads them by `Json<T>`, `Text` or
    /// [`raw`](crate::TriggerEvent::raw).
    #[inline]
    pub fn new(name: impl Into<SmolStr>, body: impl Into<Bytes>) -> Draft {
        let unstamped = (EventId(Uuid::nil()), UNIX_EPOCH);
        let frame = Frame::new(unstamped, &CUSTOM_FORM, name.into(), body.into());
        Draft { frame: Arc::new(frame), attributes: None, is_stamped: false }
    }

    /// Sets an attribute, which a handler finds in [`metadata`](crate::TriggerEvent::metadata). A value of the same key is
    /// replaced.
    // So that a source which sets several attributes copies none of them twice.
    #[inline(always)]
    pub fn attribute(mut self, key: impl Into<SmolStr>, value: impl Into<Attribute>) -> Draft {
        self.attributes.get_or_insert_default().set(key.into(), value.into());
        self
    }

    /// Sets the path pattern that the name of the event has matched, such as `/hooks/{tenant}`. Its captures are arguments of
    /// the handler, and [`Context::capture`](crate::Context::capture) returns them. It is kept as the attribute `route`.
    pub fn route(self, pattern: impl Into<SmolStr>) -> Draft {
        self.attribute(SmolStr::new_static(ROUTE), Attribute::Text(pattern.into()))
    }

    /// Sets the media type of the bytes.
    pub fn content_type(self, media_type: &str) -> Draft {
        self.attribute(SmolStr::new_static(CONTENT_TYPE), media_type)
    }

    /// Sets the id and the time of the event.
    ///
    /// A source that reads a stored event again sets those of the stored event, so that the event keeps its id. A source that
    /// answers with the id before it knows what becomes of the event takes both from [`Sink::stamp`](crate::Sink::stamp):
    ///
    /// ```
    /// # use trigger_core::{Draft, EventId, Offered, Sink};
    /// /// Returns the id of a request also if the filter does not take its event.
    /// async fn receive(sink: &Sink, body: String) -> Option<EventId> {
    ///     let (id, time) = sink.stamp();
    ///     match sink.send(Draft::new("/orders", body).stamped(id, time)).await {
    ///         Offered::Queued(_) | Offered::Filtered => Some(id),
    ///         _ => None,
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn stamped(mut self, id: EventId, time: SystemTime) -> Draft {
        let frame = Arc::make_mut(&mut self.frame);
        (frame.id, frame.timestamp) = (id, time);
        self.is_stamped = true;
        self
    }

    /// Returns the event. `stamp` makes the id and the time of a draft that has none.
    #[inline]
    pub(super) fn frame(
        mut self,
        stamp: impl FnOnce() -> (EventId, SystemTime),
        kind: &'static SourceKind,
    ) -> Arc<Frame> {
        let frame = Arc::make_mut(&mut self.frame);
        frame.form = &kind.form;
        frame.attributes = self.attributes;
        if !self.is_stamped {
            (frame.id, frame.timestamp) = stamp();
        }
        self.frame
    }
}

impl TriggerEvent {
    /// Returns the event that a source of this kind would offer, for the test of a handler. A draft without an id and a time
    /// gets a new id and the current time.
    ///
    /// ```
    /// # use trigger_core::{Draft, SourceKind, TriggerEvent};
    /// static TICKER: SourceKind = SourceKind::new("ticker", "a tick");
    ///
    /// let event = TriggerEvent::from_draft(&TICKER, "ticker-1s", Draft::new("tick", "7").attribute("zone", "UTC"));
    /// assert_eq!((event.kind().as_str(), event.trigger_id()), ("ticker", "ticker-1s"));
    /// assert_eq!((event.payload().as_u64(), event.metadata()["zone"].as_str()), (Some(7), Some("UTC")));
    /// ```
    pub fn from_draft(
        kind: &'static SourceKind,
        trigger_id: impl Into<String>,
        draft: Draft,
    ) -> TriggerEvent {
        let trigger = TriggerInfo::new(trigger_id.into(), kind.kind());
        let frame = draft.frame(|| SharedClock::SYSTEM.stamp(), kind);
        TriggerEvent::through(Arc::new(trigger), frame)
    }
}

/// What became of an event that a source has offered.
///
/// ```
/// # use trigger_core::{Draft, Offered, Sink};
/// /// Returns `true` if a file may be deleted, because its event is queued.
/// async fn import(sink: &Sink, text: String) -> bool {
///     matches!(sink.send(Draft::new("file", text)).await, Offered::Queued(_))
/// }
/// ```
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
    /// The store of the runtime did not keep it. It counts as dropped.
    NotStored,
    /// The trigger takes no more events. It counts nowhere.
    Closed,
}
