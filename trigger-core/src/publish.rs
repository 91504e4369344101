//! What publishing means on the bus and on the broker alike: who got the event, and what the publisher learns.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use serde::Serialize;
use tokio::task::coop;

use crate::deadlock::Waited;
use crate::event::{Envelope, Origin};
use crate::routes::{Routes, Subscription};
use crate::task::{BoxFuture, all};
use crate::topic::{Topic, TopicError};
use crate::trigger::{Offer, WaitingOffer};

/// What became of something that was published. `matched` is the sum of the other two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Published {
    /// How many triggers wanted it. 0 is fine: nobody has to listen.
    pub matched: usize,
    /// How many took it into their queue.
    pub queued: usize,
    /// How many had no room for it.
    pub dropped: usize,
}

/// Why something could not be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The type or topic is not a valid name; nothing was published.
    #[error("cannot publish to {name:?}: {error}")]
    InvalidName {
        /// The name as it was given.
        name: String,
        /// What is wrong with it.
        #[source]
        error: TopicError,
    },
    /// The data cannot be written as JSON; nothing was published.
    #[error("the data cannot be written as JSON: {0}")]
    Encode(#[source] serde_json::Error),
    /// Triggers with [`Overflow::Reject`](crate::Overflow::Reject) had no room. The others have received it.
    #[error("the queue is full of: {}", .triggers.join(", "))]
    Full {
        /// The ids of the triggers.
        triggers: Vec<String>,
        /// What became of it everywhere, those triggers among `dropped`.
        published: Published,
    },
    /// Triggers with [`Overflow::Wait`](crate::Overflow::Wait) had no room and never would have had: every handler that
    /// could make some waits for room as well, the publisher among them. The others have received it.
    #[error(
        "waiting for room would never end: {} {} full, and every handler that could make room waits for room, this one too",
        .triggers.join(", "), if .triggers.len() == 1 { "is" } else { "are" }
    )]
    Deadlock {
        /// The ids of the triggers.
        triggers: Vec<String>,
        /// What became of it everywhere, those triggers among `dropped`.
        published: Published,
    },
}

/// Something that is about to be published.
#[derive(Debug)]
pub(crate) struct Publication<'a> {
    pub(crate) routes: &'a Routes,
    pub(crate) by: Channel,
    pub(crate) name: &'a str,
    /// None once it was published.
    pub(crate) body: Option<Result<Bytes, serde_json::Error>>,
    /// The source of an event, the sender of a message.
    pub(crate) author: Option<Box<str>>,
}

/// What it is published with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Channel {
    Bus,
    Broker,
}

thread_local! {
    /// What data is written into, so that an event keeps memory for no more than it has, and asks for it once. Taken while
    /// it is in use, as the data may itself publish while it is written.
    static DRAFT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// How large a draft a thread keeps. A larger one becomes the bytes of its event.
const DRAFT_BYTES: usize = 16 * 1024;

impl<'a> Publication<'a> {
    pub(crate) fn encode(data: impl Serialize) -> Result<Bytes, serde_json::Error> {
        let mut draft = DRAFT.take();
        let written = serde_json::to_writer(&mut draft, &data);
        if draft.capacity() > DRAFT_BYTES {
            return written.map(|()| Bytes::from(draft));
        }
        let bytes = written.map(|()| Bytes::copy_from_slice(&draft));
        draft.clear();
        DRAFT.set(draft);
        bytes
    }

    /// Offers it to every trigger that wants it. None of them delays another. Never ready if it was offered before.
    #[inline]
    fn offer(&mut self, tally: &mut Tally) -> Poll<Result<(), PublishError>> {
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
        let author = self.author.take();
        let origin = match self.by {
            Channel::Bus => Origin::Event { event_type: topic, source: author },
            Channel::Broker => Origin::Message { topic, sender: author },
        };
        let envelope = Arc::new(Envelope::new(stamp, body, origin));
        // One behind, so that the last one gets the envelope itself: where there is but one, nothing is counted up and down.
        let mut last = None;
        let mut each = |subscription| {
            if let Some(before) = last.replace(subscription) {
                tally.offer(before, Arc::clone(&envelope));
            }
        };
        exactly.map_or(&[][..], |(_, subscriptions)| subscriptions).iter().for_each(&mut each);
        routes.by_pattern(self.name, each);
        if let Some(last) = last {
            tally.offer(last, envelope);
        }
        Poll::Ready(Ok(()))
    }

    #[cold]
    fn invalid_name(&self, error: TopicError) -> PublishError {
        PublishError::InvalidName { name: self.name.to_owned(), error }
    }
}

/// What is known so far of who took it.
#[derive(Debug, Default)]
struct Tally {
    queued: usize,
    dropped: usize,
    /// Those of whom there is more to say.
    others: Vec<Other>,
}

/// One who has not taken it.
#[derive(Debug)]
enum Other {
    /// It rejected it: the id of the trigger.
    Rejected(String),
    /// It will, when there is room.
    Waiting(Box<WaitingOffer>),
}

impl Tally {
    #[inline]
    fn offer(&mut self, subscription: &Subscription, envelope: Arc<Envelope>) {
        let Subscription { intake, .. } = subscription;
        if !subscription.wants(&envelope) {
            return intake.queue.count_filtered();
        }
        match intake.offer(envelope) {
            Offer::Queued => self.queued += 1,
            Offer::Dropped => self.dropped += 1,
            Offer::Rejected => {
                self.dropped += 1;
                self.others.push(Other::Rejected(intake.id().to_owned()));
            }
            Offer::Waiting(offer) => self.others.push(Other::Waiting(offer)),
            // It did not want it, or stopped between the snapshot and the offer: as if it had not been there.
            Offer::Filtered | Offer::Closed => {}
        }
    }

    /// Once nobody is waited for any more.
    fn published(&self) -> Published {
        let Tally { queued, dropped, .. } = *self;
        Published { matched: queued + dropped, queued, dropped }
    }

    async fn wait(mut self) -> Result<Published, PublishError> {
        let mut rejected_by = Vec::new();
        let mut deadlocked = Vec::new();
        let mut waits = Vec::new();
        for other in std::mem::take(&mut self.others) {
            match other {
                Other::Rejected(trigger) => rejected_by.push(trigger),
                Other::Waiting(offer) => waits.push(async {
                    let trigger = offer.trigger().to_owned();
                    (trigger, offer.queued().await)
                }),
            }
        }
        // All at once, so that one without room keeps the event from none of the others.
        for (trigger, waited) in all(waits).await {
            match waited {
                Waited::Queued => self.queued += 1,
                Waited::Refused => self.dropped += 1,
                Waited::Deadlock => {
                    self.dropped += 1;
                    deadlocked.push(trigger);
                }
            }
        }
        let published = self.published();
        if !deadlocked.is_empty() {
            Err(PublishError::Deadlock { triggers: deadlocked, published })
        } else if !rejected_by.is_empty() {
            Err(PublishError::Full { triggers: rejected_by, published })
        } else {
            Ok(published)
        }
    }
}

/// The future of a publication: done as soon as it first runs, unless a trigger with
/// [`Overflow::Wait`](crate::Overflow::Wait) makes the publisher wait. One who publishes without end gives way now and
/// then to those who are to receive.
///
/// # Cancel safety
///
/// Dropped before it first ran it has published nothing. Dropped while it waits for room, every trigger that had room has
/// it, and those it waits for count it as dropped.
#[derive(Debug)]
#[must_use = "nothing is published until it is awaited"]
pub struct Publishing<'a>(State<'a>);

enum State<'a> {
    Ready(Publication<'a>),
    Waiting(BoxFuture<'static, Result<Published, PublishError>>),
}

impl<'a> Publishing<'a> {
    pub(crate) fn new(publication: Publication<'a>) -> Publishing<'a> {
        Publishing(State::Ready(publication))
    }
}

impl Future for Publishing<'_> {
    type Output = Result<Published, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Ready(publication) = &mut self.0 {
            // A loop that publishes without end gives way to those who are to receive.
            let progress = ready!(coop::poll_proceed(cx));
            let mut tally = Tally::default();
            ready!(publication.offer(&mut tally))?;
            progress.made_progress();
            if tally.others.is_empty() {
                return Poll::Ready(Ok(tally.published()));
            }
            self.0 = State::Waiting(Box::pin(tally.wait()));
        }
        match &mut self.0 {
            State::Waiting(waiting) => waiting.as_mut().poll(cx),
            State::Ready(_) => Poll::Pending,
        }
    }
}

impl std::fmt::Debug for State<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            State::Ready(_) => "Ready",
            State::Waiting(_) => "Waiting",
        })
    }
}
