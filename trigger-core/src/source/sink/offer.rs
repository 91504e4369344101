//! What a sink does with an event that is offered: the filter, and the overflow policy at the bound of the queue.

use std::sync::Arc;
use std::task::Waker;

use super::Sink;
use crate::declare::policy::Overflow;
use crate::event::Frame;
use crate::observe::observer::DropReason;
use crate::panic::drop_quietly;
use crate::queue::{Item, NotReserved, Pushed, receipt};
use crate::source::durable::{Durable, Reservation};

/// What became of a frame that was offered.
#[derive(Debug)]
pub(crate) enum Offer {
    Queued,
    /// The filter refused the event.
    Filtered,
    /// There was no capacity, and the policy drops the event. Or its cascade is too deep.
    Dropped,
    /// There was no capacity; the policy returns an error to the publisher.
    Rejected,
    /// Capacity is reserved until the store has the event.
    Reserved,
    /// There is no capacity yet; the policy makes the publisher wait. The event has this ticket at the door of the queue.
    Waiting(u64),
    /// The queue is closed.
    Closed,
}

impl Sink {
    /// Queues the event, or applies the filter or the overflow policy. The waker is of a publisher that can wait. Without one
    /// the policy `wait` drops the event.
    pub(crate) fn offer(&self, frame: Arc<Frame>, waker: Option<&Waker>) -> Offer {
        let item = match self.filtered_item(frame) {
            Ok(item) => item,
            Err(refused) => return refused,
        };
        let pushed = match (self.0.overflow, waker) {
            (Overflow::Wait, Some(waker)) => self.0.queue.push_waiting(item, waker),
            (Overflow::DropOldest, _) => self.0.queue.push_evicting(item),
            _ => self.0.queue.push(item),
        };
        match pushed {
            Pushed::Queued => Offer::Queued,
            Pushed::Closed(item) => {
                drop(item);
                Offer::Closed
            }
            Pushed::Evicted(oldest, dropped) => {
                self.drop_evicted(oldest, dropped);
                Offer::Queued
            }
            Pushed::Waiting(ticket) => Offer::Waiting(ticket),
            Pushed::Full(item) => self.full(item),
        }
    }

    /// Reserves capacity for an event that the store keeps before it is queued, or applies the filter or the overflow policy.
    pub(crate) fn offer_durable(&self, frame: Arc<Frame>, waker: &Waker) -> Offer {
        match self.filtered_item(frame) {
            Ok(item) => self.reserve(item, waker),
            Err(refused) => refused,
        }
    }

    /// Returns the item of an event that the filter takes.
    #[inline(always)]
    pub(super) fn filtered_item(&self, frame: Arc<Frame>) -> Result<Item, Offer> {
        match &self.0.filter {
            None => Ok(Item::from(frame)),
            // A closed queue counts nothing as filtered.
            Some(_) if !self.0.queue.is_open() => Err(Offer::Closed),
            Some(filter) => {
                let event = self.filtered(filter, self.0.queue.event(frame.into()));
                event.map(Item::from).ok_or(Offer::Filtered)
            }
        }
    }

    /// Drops evicted events; `dropped` is the count of dropped events with them.
    fn drop_evicted(&self, oldest: Vec<Item>, dropped: u64) {
        let before = dropped - oldest.len() as u64;
        for (count, mut item) in (before + 1..).zip(oldest) {
            let receipt = item.take_receipt();
            let dead_letter = self.drop_event(self.0.queue.event(item), count, None);
            receipt.into_iter().for_each(|held| receipt::dead(held, dead_letter.as_deref()));
            drop_quietly(dead_letter);
        }
    }

    /// Reserves capacity for an event that the store keeps before it is queued, or applies the overflow policy.
    fn reserve(&self, item: Item, waker: &Waker) -> Offer {
        let (queue, bytes) = (&self.0.queue, item.bytes());
        let reserved = match self.0.overflow {
            Overflow::Wait => queue.reserve(bytes, Some(waker)),
            Overflow::DropOldest => {
                let (reserved, evicted, dropped) = queue.reserve_evicting(bytes);
                self.drop_evicted(evicted, dropped);
                reserved
            }
            _ => queue.reserve(bytes, None),
        };
        match reserved {
            Ok(()) => Offer::Reserved,
            Err(NotReserved::Waiting(ticket)) => Offer::Waiting(ticket),
            Err(NotReserved::Full) => self.full(item),
            Err(NotReserved::Closed) => Offer::Closed,
        }
    }

    /// Returns the capacity that is reserved for an event.
    pub(crate) fn reservation(&self, frame: &Frame) -> Reservation {
        Reservation::new(self.clone(), frame.raw.len())
    }

    /// Returns `true` if a store keeps the events before they are queued.
    #[inline(always)]
    pub(crate) fn is_durable(&self) -> bool {
        self.0.durable.is_some()
    }

    pub(crate) fn durable(&self) -> Option<&Durable> {
        self.0.durable.as_deref()
    }

    /// Applies the overflow policy to an event that found no capacity.
    #[cold]
    fn full(&self, item: Item) -> Offer {
        match self.0.overflow {
            Overflow::Reject => {
                self.0.queue.count_dropped(&item.frame, DropReason::Full);
                Offer::Rejected
            }
            _ => {
                let count = self.0.queue.count_dropped(&item.frame, DropReason::Full);
                drop_quietly(self.drop_event(self.0.queue.event(item), count, None));
                Offer::Dropped
            }
        }
    }
}
