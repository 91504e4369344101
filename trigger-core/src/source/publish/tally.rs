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
    /// A trigger that waits for capacity. Most publications wait for one at most.
    waiting: Option<WaitingOffer>,
    /// Boxed, because few publications have any of it.
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Default)]
struct Rare {
    /// The rest of the triggers that wait for capacity.
    also_waiting: Vec<WaitingOffer>,
    /// The triggers that rejected the event.
    rejected_by: Vec<String>,
    /// The triggers whose capacity only waiting handlers could free.
    deadlocked: Vec<String>,
    /// The capacity of triggers whose store is to keep the event, and the event.
    reserved: Vec<Reservation>,
    stored: Option<Arc<Frame>>,
    storing: Vec<Storing>,
    not_stored: Option<StoreError>,
}

impl Others {
    fn add(&mut self, offer: WaitingOffer) {
        match &self.waiting {
            None => self.waiting = Some(offer),
            Some(_) => self.rare.get_or_insert_default().also_waiting.push(offer),
        }
    }

    /// Polls a trigger that waits for capacity. Returns `Some` with the number of triggers that queued the event and that
    /// dropped it once it does not wait any more.
    fn poll_waiting(
        offer: &mut WaitingOffer,
        rare: &mut Option<Box<Rare>>,
        waker: &Waker,
    ) -> Option<(usize, usize)> {
        let Poll::Ready(waited) = offer.poll(waker) else { return None };
        Some(match waited {
            Waited::Queued => (1, 0),
            Waited::Reserved(reservation) => {
                rare.get_or_insert_default().reserved.push(reservation);
                (0, 0)
            }
            Waited::Refused(refusal) => {
                if refusal == Refusal::Deadlock {
                    rare.get_or_insert_default().deadlocked.push(offer.trigger().to_owned());
                }
                (0, 1)
            }
        })
    }
}

impl Tally {
    #[inline]
    pub(super) fn offer(&mut self, subscription: &Subscription, frame: Arc<Frame>, waker: &Waker) {
        let Subscription { sink, .. } = subscription;
        if sink.is_durable() {
            return self.offer_durable(sink, frame, waker);
        }
        match sink.offer(frame, Some(waker)) {
            Offer::Queued => self.queued += 1,
            other => self.count(sink, other, None),
        }
    }

    /// Offers an event whose cascade is too deep.
    pub(super) fn break_loop(&mut self, subscription: &Subscription, frame: &Arc<Frame>) {
        self.dropped += usize::from(subscription.sink.break_loop(Arc::clone(frame)));
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
                self.rare().rejected_by.push(sink.trigger_id().to_owned());
            }
            Offer::Waiting(ticket) => {
                self.others.get_or_insert_default().add(sink.waiting(ticket, stored.clone()));
                if stored.is_some() {
                    self.rare().stored = stored;
                }
            }
            Offer::Reserved => {
                let reservation = stored.as_deref().map(|frame| sink.reservation(frame));
                let rare = self.rare();
                rare.reserved.extend(reservation);
                rare.stored = stored;
            }
            // The trigger filtered the event out, or stopped between the snapshot and the offer. Neither counts.
            Offer::Filtered | Offer::Closed => {}
        }
    }

    fn rare(&mut self) -> &mut Rare {
        self.others.get_or_insert_default().rare.get_or_insert_default()
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
        let Others { waiting, rare } = &mut **others;
        if let Some(offer) = waiting {
            let Some((queued, dropped)) = Others::poll_waiting(offer, rare, waker) else {
                return Poll::Pending;
            };
            (self.queued, self.dropped) = (self.queued + queued, self.dropped + dropped);
            *waiting = None;
        }
        if rare.is_some() {
            ready!(self.poll_rare(waker));
        }
        Poll::Ready(self.result(id))
    }

    #[cold]
    fn poll_rare(&mut self, waker: &Waker) -> Poll<()> {
        let Some(others) = &mut self.others else { return Poll::Ready(()) };
        let also_waiting = others.rare.as_mut().map(|rare| std::mem::take(&mut rare.also_waiting));
        let mut still_waiting = Vec::new();
        for mut offer in also_waiting.into_iter().flatten() {
            match Others::poll_waiting(&mut offer, &mut others.rare, waker) {
                Some((queued, dropped)) => {
                    (self.queued, self.dropped) = (self.queued + queued, self.dropped + dropped);
                }
                None => still_waiting.push(offer),
            }
        }
        let Some(rare) = &mut others.rare else { return Poll::Ready(()) };
        rare.also_waiting = still_waiting;
        if !rare.also_waiting.is_empty() {
            return Poll::Pending;
        }
        // One entry for all triggers whose events one store keeps.
        if let Some(frame) = rare.stored.take() {
            rare.storing = Storing::begin_each(&frame, std::mem::take(&mut rare.reserved));
        }
        while let Some(store) = rare.storing.first() {
            match ready!(store.poll(waker)) {
                Ok(()) => self.queued += store.targets,
                Err(error) => {
                    self.dropped += store.targets;
                    rare.not_stored = Some(error);
                }
            }
            rare.storing.remove(0);
        }
        Poll::Ready(())
    }

    /// Returns the result, once no offer waits.
    fn result(&mut self, id: EventId) -> Result<Published, PublishError> {
        let published = self.published(id);
        match self.others.take().and_then(|others| others.rare).map(|rare| *rare) {
            Some(rare) if !rare.deadlocked.is_empty() => {
                Err(PublishError::Deadlock { triggers: rare.deadlocked, published })
            }
            Some(Rare { not_stored: Some(error), .. }) => Err(PublishError::NotStored { error, published }),
            Some(rare) if !rare.rejected_by.is_empty() => {
                Err(PublishError::Full { triggers: rare.rejected_by, published })
            }
            _ => Ok(published),
        }
    }

    pub(super) fn published(&self, id: EventId) -> Published {
        Published { id, queued: self.queued, dropped: self.dropped }
    }
}
