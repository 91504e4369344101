//! Events that wait for a retry, ordered by the time it is due.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::item::{Item, Taken};
use crate::clock::Instant;

#[derive(Debug, Default)]
pub(super) struct Schedule {
    retries: BinaryHeap<Retry>,
    /// The number of retries scheduled so far. Retries that are due at the same instant keep this order.
    scheduled: u64,
}

/// A scheduled retry. The greatest one is due first, because the heap is a max-heap.
#[derive(Debug)]
struct Retry {
    due: Instant,
    number: u64,
    taken: Taken,
}

impl Schedule {
    pub(super) fn add(&mut self, taken: Taken, due: Instant) {
        self.scheduled += 1;
        self.retries.push(Retry { due, number: self.scheduled, taken });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.retries.is_empty()
    }

    /// Returns the instant at which the next retry is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.retries.peek().map(|retry| retry.due)
    }

    /// Removes and returns the events whose retry is due, in order.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Taken> {
        let mut due = Vec::new();
        while let Some(retry) = self.retries.peek_mut().filter(|retry| retry.due <= now) {
            due.push(PeekMut::pop(retry).taken);
        }
        due
    }

    /// Removes and returns the events whose retry is due after `deadline`.
    pub(super) fn take_late(&mut self, deadline: Instant) -> impl Iterator<Item = Taken> + use<> {
        let retries = std::mem::take(&mut self.retries).into_iter();
        let (late, in_time): (Vec<_>, Vec<_>) = retries.partition(|retry| retry.due > deadline);
        self.retries = in_time.into();
        late.into_iter().map(|retry| retry.taken)
    }

    /// Removes and returns the events that something else keeps, with the numbers of their queues.
    pub(super) fn take_held(&mut self) -> impl Iterator<Item = (usize, Item)> + use<> {
        let retries = std::mem::take(&mut self.retries).into_iter();
        let (held, others): (Vec<_>, Vec<_>) =
            retries.partition(|Retry { taken: (_, _, item), .. }| item.is_held());
        self.retries = others.into();
        held.into_iter().map(|Retry { taken: (port, _, item), .. }| (port, item))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Taken> {
        self.retries.iter().map(|retry| &retry.taken)
    }
}

impl PartialEq for Retry {
    fn eq(&self, other: &Retry) -> bool {
        self.number == other.number
    }
}

impl Eq for Retry {}

impl PartialOrd for Retry {
    fn partial_cmp(&self, other: &Retry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Retry {
    fn cmp(&self, other: &Retry) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}
