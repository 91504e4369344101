//! Publishing, for both the bus and the broker. A publication offers an event to its triggers and returns the result.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use smol_str::SmolStr;
use tokio::task::coop;

use crate::event::topic::{Topic, TopicError};
use crate::event::{Attribute, DEEPEST, EventId, Frame, SENDER, SOURCE, event_form, message_form, printable};
use crate::observe::observer::Observers;
use crate::process::cascade;
use crate::source::routes::{Routes, Snapshot, Subscription};
use crate::store::StoreError;

mod json;
mod tally;
mod twice;
mod untaken;

use tally::Tally;

/// The result of a publication: the id of the event, and the number of triggers that took it.
///
/// The counts are `Some` if this process knows the triggers, as it does in memory. They are `None` for a transport that
/// delivers elsewhere, because the publisher cannot know its subscribers.
///
/// It serializes as `{id, matched, queued, dropped}`.
///
/// ```
/// # use trigger_core::EventBus;
/// # async fn example() -> trigger_core::Result {
/// let sent = EventBus::new().emit("pipeline.error", "disk full").await?;
/// println!("{} reached {:?} triggers", sent.id(), sent.queued());
/// assert_eq!(sent.matched(), Some(0));   // nobody listens
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    id: EventId,
    queued: usize,
    dropped: usize,
}

impl Published {
    /// Returns the id of the event. It is the same in every trigger that the event reaches.
    pub fn id(&self) -> EventId {
        self.id
    }

    /// Returns the number of triggers that matched: the sum of [`queued`](Self::queued) and [`dropped`](Self::dropped).
    /// Zero is not an error.
    pub fn matched(&self) -> Option<usize> {
        Some(self.queued + self.dropped)
    }

    /// Returns the number of triggers that queued the event.
    pub fn queued(&self) -> Option<usize> {
        Some(self.queued)
    }

    /// Returns the number of triggers that dropped the event, because their queue was full or the cascade too deep.
    pub fn dropped(&self) -> Option<usize> {
        Some(self.dropped)
    }
}

impl Serialize for Published {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Published", 4)?;
        fields.serialize_field("id", &self.id)?;
        fields.serialize_field("matched", &self.matched())?;
        fields.serialize_field("queued", &self.queued())?;
        fields.serialize_field("dropped", &self.dropped())?;
        fields.end()
    }
}

/// Why a publication failed. Its text includes the text of the cause.
///
/// ```
/// # use trigger_core::{EventBus, EventTrigger, Overflow, PublishError, Trigger};
/// # async fn example() -> trigger_core::Result {
/// let bus = EventBus::new();
/// let trigger = EventTrigger::new(&bus, "mail").capacity(1).overflow(Overflow::Reject);
/// trigger.start().await?;
/// bus.emit("mail", 1).await?;
/// match bus.emit("mail", 2).await {
///     Err(PublishError::Full { triggers, .. }) => assert_eq!(triggers, ["event-mail"]),
///     other => panic!("{other:?}"),
/// }
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The event type or topic is not a valid name. Nothing was published.
    #[error("cannot publish to \"{name}\": {error}")]
    #[non_exhaustive]
    InvalidName {
        /// The refused name: at most 1 KiB, with its control characters escaped.
        name: String,
        /// The rule that it breaks.
        error: TopicError,
    },
    /// The data cannot be written as JSON. It has a float that is infinite or not a number, its `Serialize` fails, or
    /// it consists of bytes, for which `emit_raw` and `publish_raw` exist. Nothing was published.
    #[error("the data cannot be written as JSON: {0}")]
    Encode(serde_json::Error),
    /// The runtime that made the bus or the broker has ended: see [`Runtime::shutdown`](crate::Runtime::shutdown). Nothing was
    /// published.
    #[error("the runtime has ended, and nothing handles what is published")]
    Closed,
    /// The queues of triggers with [`Overflow::Reject`](crate::Overflow::Reject) were full. The other triggers received
    /// the event.
    #[error("the queue is full of: {}", .triggers.join(", "))]
    #[non_exhaustive]
    Full {
        /// The ids of the triggers.
        triggers: Vec<String>,
        /// The result over all triggers; the ones named here are among `dropped`.
        published: Published,
    },
    /// The queues of triggers with [`Overflow::Wait`](crate::Overflow::Wait) were full, and the wait would never end:
    /// every handler that could free capacity waits too, this publisher included. The other triggers received the
    /// event.
    #[error(
        "the wait for capacity would never end: {} {} full, and every handler that could free capacity waits, \
         this one too",
        .triggers.join(", "), if .triggers.len() == 1 { "is" } else { "are" }
    )]
    #[non_exhaustive]
    Deadlock {
        /// The ids of the triggers.
        triggers: Vec<String>,
        /// The result over all triggers; those named here are among `dropped`.
        published: Published,
    },
    /// The store did not keep the event for the triggers that it stands before: they are among `dropped`. If
    /// [`is_unknown`](StoreError::is_unknown), the event may be handled after the next start nevertheless. Other triggers
    /// received the event.
    #[error("the event was not stored: {error}")]
    #[non_exhaustive]
    NotStored {
        /// The error of the store.
        error: StoreError,
        /// The result over all triggers.
        published: Published,
    },
}

/// An event or a message before it is offered.
#[derive(Debug)]
pub(crate) struct Publication<'a> {
    pub(crate) routes: &'a Routes,
    pub(crate) by: Channel,
    pub(crate) name: &'a str,
    /// `None` once the event was offered.
    pub(crate) body: Option<Result<Bytes, serde_json::Error>>,
    /// The source of an event, or the sender of a message.
    pub(crate) author: Option<SmolStr>,
}

/// The handle that a publication came through.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Channel {
    Bus,
    Broker,
}

thread_local! {
    /// The buffer that data is encoded into, so that an event allocates exactly its size, once. It is taken out while
    /// in use, because the `Serialize` of the data may publish too.
    static DRAFT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The largest buffer that a thread keeps. A larger one becomes the bytes of its event.
const DRAFT_BYTES: usize = 16 * 1024;

impl<'a> Publication<'a> {
    pub(crate) fn encode(
        routes: &Routes,
        by: Channel,
        name: &str,
        data: impl Serialize,
    ) -> Result<Bytes, serde_json::Error> {
        let mut draft = DRAFT.take();
        let written = json::write(data, &mut draft);
        if let (Ok(()), Some(b'"')) = (&written, draft.first()) {
            twice::note_string(routes, by, name, &draft);
        }
        if draft.capacity() > DRAFT_BYTES {
            return written.map(|()| Bytes::from(draft));
        }
        let bytes = written.map(|()| Bytes::copy_from_slice(&draft));
        draft.clear();
        DRAFT.set(draft);
        bytes
    }

    /// Offers the event to every trigger that matches, and returns its id. No trigger delays another. Stays pending if
    /// the event was offered before.
    #[inline]
    fn offer(&mut self, tally: &mut Tally, waker: &Waker) -> Poll<Result<EventId, PublishError>> {
        let routes = self.routes.snapshot();
        let exactly = routes.exactly(self.name);
        let topic = match exactly {
            Some((topic, _)) => topic.clone(),
            None => match Topic::parse(self.name) {
                Ok(topic) => topic,
                Err(error) => return Poll::Ready(Err(self.invalid_name(error))),
            },
        };
        let stamp = self.routes.clock().stamp();
        let body = match self.body.take() {
            Some(Ok(body)) => body,
            Some(Err(error)) => return Poll::Ready(Err(PublishError::Encode(error))),
            None => return Poll::Pending,
        };
        let depth = cascade::depth();
        let (form, author) = match self.by {
            Channel::Bus => (event_form(depth), SOURCE),
            Channel::Broker => (message_form(depth), SENDER),
        };
        let mut frame = Frame::new(stamp, form, topic.into_text(), body);
        if let Some(name) = self.author.take() {
            frame = frame.with(author, Attribute::Text(name));
        }
        let frame = Arc::new(frame);
        let exactly = exactly.map_or(&[][..], |(_, subscriptions)| subscriptions);
        if let Some(special) = routes.special() {
            if special.is_closed {
                return Poll::Ready(Err(PublishError::Closed));
            }
            report(&routes, &special.observers, exactly, &frame);
        }
        if depth > DEEPEST {
            self.break_loop(&routes, exactly, &frame, tally);
            return Poll::Ready(Ok(stamp.0));
        }
        // Lag one subscription behind, so that the last one takes the frame by value and a single subscriber costs no
        // reference count.
        let mut last = None;
        let mut each = |subscription| {
            if !Subscription::wants(subscription, &frame) {
                return subscription.sink.queue().count_filtered(&frame);
            }
            if let Some(before) = last.replace(subscription) {
                tally.offer(before, Arc::clone(&frame), waker);
            }
        };
        exactly.iter().for_each(&mut each);
        routes.by_pattern(self.name, each);
        match last {
            Some(last) => tally.offer(last, frame, waker),
            None => self.note_untaken(&routes, exactly, &frame),
        }
        Poll::Ready(Ok(stamp.0))
    }

    /// Offers an event whose cascade is too deep to every trigger that matches. Each drops it.
    #[cold]
    fn break_loop(&self, routes: &Snapshot, exactly: &[Subscription], frame: &Arc<Frame>, tally: &mut Tally) {
        let mut is_taken = false;
        let mut each = |subscription: &Subscription| {
            if !subscription.wants(frame) {
                return subscription.sink.queue().count_filtered(frame);
            }
            is_taken = true;
            tally.break_loop(subscription, frame);
        };
        exactly.iter().for_each(&mut each);
        routes.by_pattern(self.name, each);
        if !is_taken {
            self.note_untaken(routes, exactly, frame);
        }
    }

    #[cold]
    fn invalid_name(&self, error: TopicError) -> PublishError {
        PublishError::InvalidName { name: printable(self.name), error }
    }
}

/// Reports a publication to the observers, before it is offered.
#[cold]
fn report(routes: &Snapshot, observers: &[Observers], exactly: &[Subscription], frame: &Frame) {
    let mut triggers = exactly.len();
    routes.by_pattern(&frame.name, |_| triggers += 1);
    observers.iter().for_each(|observers| observers.published(frame, triggers));
}

/// The future of a publication. It completes on its first poll, unless a trigger with
/// [`Overflow::Wait`](crate::Overflow::Wait) makes the publisher wait. A publisher that never waits yields to the
/// workers when its tokio budget is used up.
///
/// # Cancel safety
///
/// If it is dropped before its first poll, nothing was published. If it is dropped while it waits for capacity, every
/// trigger that had capacity keeps the event, and the triggers it waits for count the event as dropped.
///
/// ```
/// # use trigger_core::EventBus;
/// # async fn example() -> trigger_core::Result {
/// # use std::future::IntoFuture;
/// let bus = EventBus::new();
/// let publishing = bus.emit("build.failed", "nightly").into_future();
/// assert_eq!(publishing.await?.matched(), Some(0));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is published until it is awaited"]
pub struct Publishing<'a>(State<'a>);

enum State<'a> {
    Ready(Publication<'a>),
    Waiting(EventId, Tally),
}

impl<'a> Publishing<'a> {
    pub(crate) fn new(publication: Publication<'a>) -> Publishing<'a> {
        Publishing(State::Ready(publication))
    }
}

impl Future for Publishing<'_> {
    type Output = Result<Published, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Waiting(id, tally) => tally.poll(*id, cx.waker()),
            State::Ready(publication) => {
                // So a loop that publishes without a pause yields to the workers.
                let progress = ready!(coop::poll_proceed(cx));
                let mut tally = Tally::default();
                let id = ready!(publication.offer(&mut tally, cx.waker()))?;
                progress.made_progress();
                if tally.is_complete() {
                    return Poll::Ready(Ok(tally.published(id)));
                }
                let has_waker = tally.waits_for_capacity();
                self.0 = State::Waiting(id, tally);
                match &mut self.0 {
                    State::Waiting(id, tally) if !has_waker => tally.poll(*id, cx.waker()),
                    // The queues have the waker of this task.
                    _ => Poll::Pending,
                }
            }
        }
    }
}

impl std::fmt::Debug for State<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            State::Ready(_) => "Ready",
            State::Waiting(..) => "Waiting",
        })
    }
}
