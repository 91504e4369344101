//! One queue of an inbox, behind the inbox's lock.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::item::Item;
use super::ledger::{Ledger, Snapshot};
use super::wake::{Wake, WakeLimiter};

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) events: usize,
    /// The maximum size of all bodies, in bytes.
    pub(crate) bytes: Option<usize>,
}

/// One queue.
// In this order, so that a push touches two cache lines.
#[repr(C, align(64))]
#[derive(Debug)]
pub(super) struct Port {
    pub(super) open: bool,
    pub(super) bounds: Bounds,
    /// The size of the bodies of all queued events, in bytes.
    bytes: usize,
    /// Events that wait for a worker, if the process has no key.
    pub(super) events: VecDeque<Item>,
    pub(super) ledger: Ledger,
    /// Events that are delivered before `events`: requeued ones, then those whose retry is due.
    pub(super) again: VecDeque<Item>,
    /// Publishers that wait for capacity.
    pub(super) publishers: WakeLimiter,
    /// Events that wait for a retry.
    waiting: usize,
    waiting_bytes: usize,
    /// The number of closes. A waiter compares it to detect a close that was followed by an open.
    pub(super) closes: u64,
}

impl Port {
    pub(super) fn new(bounds: Bounds) -> Port {
        Port {
            bounds,
            open: false,
            closes: 0,
            bytes: 0,
            waiting: 0,
            waiting_bytes: 0,
            ledger: Ledger::default(),
            publishers: WakeLimiter::new(u32::MAX),
            again: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<Item> {
        let next = if self.again.is_empty() { &mut self.events } else { &mut self.again };
        next.pop_front()
    }

    /// Returns `true` if a worker can take an event. Only for a process without a key.
    #[inline]
    pub(super) fn has_event(&self) -> bool {
        !(self.again.is_empty() && self.events.is_empty())
    }

    /// Returns `true` if an event of this size fits now.
    pub(super) fn has_capacity(&self, bytes: usize) -> bool {
        self.ledger.queued() < self.bounds.events && self.bounds.allow(self.bytes + bytes)
    }

    /// Returns the size of the largest event that fits now, or `None` if none fits. A closed queue has no limit,
    /// because no publisher waits for it.
    pub(super) fn free_bytes(&self) -> Option<usize> {
        match self.bounds.bytes {
            _ if !self.open => Some(usize::MAX),
            _ if self.ledger.queued() >= self.bounds.events => None,
            Some(most) => most.checked_sub(self.bytes),
            None => Some(usize::MAX),
        }
    }

    /// Returns `true` if an event of this size would fit after the eviction of all events that wait for a worker.
    pub(super) fn fits_by_eviction(&self, bytes: usize) -> bool {
        self.waiting < self.bounds.events && self.bounds.allow(self.waiting_bytes + bytes)
    }

    /// Counts a notification of waiting publishers after an event has left, and returns the wake-ups to send. With a
    /// bound in bytes, one large event may free capacity for several publishers, or for another publisher than the
    /// first.
    #[inline]
    pub(super) fn notify_capacity(&mut self) -> Wake {
        match self.publishers.notify() {
            false => Wake::None,
            true if self.bounds.bytes.is_some() => Wake::All,
            true => Wake::One,
        }
    }

    #[inline]
    pub(super) fn count_in(&mut self, item: &Item) {
        self.bytes += item.bytes();
    }

    #[inline]
    pub(super) fn count_out(&mut self, item: &Item) {
        self.bytes -= item.bytes();
    }

    pub(super) fn count_waiting(&mut self, item: &Item) {
        self.waiting += 1;
        self.waiting_bytes += item.bytes();
    }

    /// Counts an event whose retry is due.
    pub(super) fn count_due(&mut self, item: &Item) {
        self.waiting -= 1;
        self.waiting_bytes -= item.bytes();
    }

    /// Returns the timestamp of the older one of the next two events. Only for a process without a key.
    pub(super) fn oldest(&self) -> Option<SystemTime> {
        let next = [self.again.front(), self.events.front()];
        next.into_iter().flatten().map(|item| item.frame.timestamp).min()
    }

    pub(super) fn snapshot(&self, oldest: Option<SystemTime>) -> Snapshot {
        let Port { waiting, bytes, ref ledger, .. } = *self;
        Snapshot { queued: ledger.queued(), waiting, bytes, oldest, ledger: ledger.clone() }
    }
}

impl Bounds {
    /// Returns `true` if this number of bytes is within the bound.
    pub(super) fn allow(&self, bytes: usize) -> bool {
        self.bytes.is_none_or(|most| bytes <= most)
    }
}
