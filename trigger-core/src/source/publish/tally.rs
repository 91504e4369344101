//! What the triggers of a publication do with its event: they queue it, drop it, wait for capacity, or wait for the store.

use std::sync::Arc;
use std::task::{Poll, Waker, ready};

use super::{PublishError, Published};
use crate::event::{EventId, Frame};
use crate::queue::Refusal;
use crate::source::durable::{Reservation, Storing};
use crate::source::routes::Subscription;
use crate::source::{Offer, Sink, Waited, WaitingOffer};
use crate::store::StoreError;

/// The results of the offers so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    queued: usize,
    dropped: usize,
    /// Boxed, because most publications have none.
    others: Option<Box<Others>>,
}

/// Triggers that did not queue the event at once.
#[derive(Debug, Default)]
struct Others {
    waiting: Option<WaitingOffer>,
    /// The rest of those that wait. Most publications wait for one trigger at most.
    also_waiting: Vec<WaitingOffer>,
    /// The triggers that rejected the event.
    rejected_by: Vec<String>,
    /// The triggers whose capacity only waiting handlers could free.
    deadlocked: Vec<String>,
    /// The capacity of triggers whose store is to keep the event, and the event.
    reserved: Vec<Reservation>,
    stored: Option<Arc<Frame>>,
    storing: Option<Storing>,
    not_stored: Option<StoreError>,
}

impl Others {
    fn add(&mut self, offer: WaitingOffer) {
        match &self.waiting {
            None => self.waiting = Some(offer),
            Some(_) => self.also_waiting.push(offer),
        }
    }
}

impl Tally {
    #[inline]
    pub(super) fn offer(&mut self, subscription: &Subscription, frame: Arc<Frame>, waker: &Waker) {
        let Subscription { sink, .. } = subscription;
        if !subscription.wants(&frame) {
            return sink.queue().count_filtered(&frame);
        }
        if sink.is_durable() {
            return self.offer_durable(sink, frame, waker);
        }
        match sink.offer(frame, Some(waker)) {
            Offer::Queued => self.queued += 1,
            other => self.count(sink, other, None),
        }
    }

    /// Offers an event to a trigger whose store is to keep it.
    #[cold]
    fn offer_durable(&mut self, sink: &Sink, frame: Arc<Frame>, waker: &Waker) {
        let offer = sink.offer_durable(Arc::clone(&frame), waker);
        self.count(sink, offer, Some(frame));
    }

    /// Counts an offer. `stored` is the event, if the store is to keep it.
    #[inline(never)]
    fn count(&mut self, sink: &Sink, offer: Offer, stored: Option<Arc<Frame>>) {
        match offer {
            Offer::Queued => self.queued += 1,
            Offer::Dropped => self.dropped += 1,
            Offer::Rejected => {
                self.dropped += 1;
                self.others.get_or_insert_default().rejected_by.push(sink.trigger_id().to_owned());
            }
            Offer::Waiting(ticket) => {
                let others = self.others.get_or_insert_default();
                others.add(sink.waiting(ticket, stored.clone()));
                others.stored = others.stored.take().or(stored);
            }
            Offer::Reserved => {
                let others = self.others.get_or_insert_default();
                others.reserved.extend(stored.as_deref().map(|frame| sink.reservation(frame)));
                others.stored = stored;
            }
            // The trigger filtered the event out, or stopped between the snapshot and the offer. Neither counts.
            Offer::Filtered | Offer::Closed => {}
        }
    }

    /// Returns `true` if every trigger queued or dropped the event at once.
    #[inline(always)]
    pub(super) fn is_complete(&self) -> bool {
        self.others.is_none()
    }

    /// Returns `true` if the event waits in the door of a queue, which has the waker of the publisher.
    pub(super) fn waits_for_capacity(&self) -> bool {
        self.others.as_ref().is_some_and(|others| others.waiting.is_some())
    }

    /// Waits for the triggers without capacity, for all at once, so that one full queue does not delay the others.
    pub(super) fn poll(&mut self, id: EventId, waker: &Waker) -> Poll<Result<Published, PublishError>> {
        let Some(others) = &mut self.others else { return Poll::Ready(Ok(self.published(id))) };
        let Others { waiting, also_waiting, deadlocked, reserved, stored, storing, not_stored, .. } =
            &mut **others;
        let mut still_waits = |offer: &mut WaitingOffer| match offer.poll(waker) {
            Poll::Pending => true,
            Poll::Ready(waited) => {
                match waited {
                    Waited::Queued => self.queued += 1,
                    Waited::Reserved(reservation) => reserved.push(reservation),
                    Waited::Refused(refusal) => {
                        self.dropped += 1;
                        if refusal == Refusal::Deadlock {
                            deadlocked.push(offer.trigger().to_owned());
                        }
                    }
                }
                false
            }
        };
        if waiting.as_mut().is_some_and(|offer| !still_waits(offer)) {
            *waiting = None;
        }
        also_waiting.retain_mut(still_waits);
        if waiting.is_some() || !also_waiting.is_empty() {
            return Poll::Pending;
        }
        // One entry for all triggers whose events the store keeps.
        if let (Some(frame), false) = (stored.take(), reserved.is_empty()) {
            *storing = Some(Storing::begin(frame, std::mem::take(reserved)));
        }
        if let Some(store) = storing {
            match ready!(store.poll(waker)) {
                Ok(()) => self.queued += store.targets,
                Err(error) => {
                    self.dropped += store.targets;
                    *not_stored = Some(error);
                }
            }
            *storing = None;
        }
        Poll::Ready(self.result(id))
    }

    /// Returns the result, once no offer waits.
    fn result(&mut self, id: EventId) -> Result<Published, PublishError> {
        let published = self.published(id);
        match self.others.take().map(|others| *others) {
            Some(others) if !others.deadlocked.is_empty() => {
                Err(PublishError::Deadlock { triggers: others.deadlocked, published })
            }
            Some(Others { not_stored: Some(error), .. }) => Err(PublishError::NotStored { error, published }),
            Some(others) if !others.rejected_by.is_empty() => {
                Err(PublishError::Full { triggers: others.rejected_by, published })
            }
            _ => Ok(published),
        }
    }

    pub(super) fn published(&self, id: EventId) -> Published {
        Published { id, queued: self.queued, dropped: self.dropped }
    }
}
