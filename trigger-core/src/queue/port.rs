//! One queue of an inbox, as it is behind the lock of that.

use std::collections::VecDeque;

use super::item::Item;
use super::ledger::Ledger;
use super::waiters::Waiters;

/// How much a queue holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) events: usize,
    /// The bytes of their bodies.
    pub(crate) bytes: Option<usize>,
}

/// One queue.
// In this order, so that a push needs two lines of the cache.
#[repr(C, align(64))]
#[derive(Debug)]
pub(super) struct Port {
    pub(super) open: bool,
    pub(super) bounds: Bounds,
    /// Where events are while they wait for the handler, if the process has no key.
    pub(super) events: VecDeque<Item>,
    pub(super) ledger: Ledger,
    /// Events that are to be handled again, before the others: those that were given back, then those whose retry is due.
    pub(super) again: VecDeque<Item>,
    /// Who waits for room.
    pub(super) waiters: Waiters,
    /// The bytes of what is queued, where they are bounded. Else they are added up when someone asks: a worker would have to
    /// look at what another thread has written while it holds the lock.
    bytes: usize,
    /// How many wait for a retry.
    pub(super) waiting: usize,
    waiting_bytes: usize,
    /// How often it was closed: one who waits learns from it of a close that was followed by an open.
    pub(super) closed: u64,
}

impl Port {
    pub(super) fn new(bounds: Bounds) -> Port {
        Port {
            bounds,
            open: false,
            closed: 0,
            bytes: 0,
            waiting: 0,
            waiting_bytes: 0,
            ledger: Ledger::default(),
            waiters: Waiters::new(u32::MAX),
            again: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<Item> {
        let next = if self.again.is_empty() { &mut self.events } else { &mut self.again };
        next.pop_front()
    }

    /// Whether it has an event to take, where the process has no key.
    #[inline]
    pub(super) fn any(&self) -> bool {
        !(self.again.is_empty() && self.events.is_empty())
    }

    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.ledger.queued() < self.bounds.events && self.bounds.fit(self.bytes + bytes)
    }

    /// How many bytes another event may have, if there is room for one.
    pub(super) fn space(&self) -> Option<usize> {
        match self.bounds.bytes {
            _ if !self.open => Some(usize::MAX),
            _ if self.ledger.queued() >= self.bounds.events => None,
            Some(most) => most.checked_sub(self.bytes),
            None => Some(usize::MAX),
        }
    }

    /// Whether there would be room if every event that waits for the handler were taken out.
    pub(super) fn could_make_room(&self, bytes: usize) -> bool {
        self.waiting < self.bounds.events && self.bounds.fit(self.waiting_bytes + bytes)
    }

    #[inline]
    pub(super) fn count_in(&mut self, item: &Item) {
        if self.bounds.bytes.is_some() {
            self.bytes += item.bytes();
        }
    }

    #[inline]
    pub(super) fn count_out(&mut self, item: &Item) {
        if self.bounds.bytes.is_some() {
            self.bytes -= item.bytes();
        }
    }

    pub(super) fn count_waiting(&mut self, item: &Item) {
        self.waiting += 1;
        if self.bounds.bytes.is_some() {
            self.waiting_bytes += item.bytes();
        }
    }

    /// An event waits for its retry no more.
    pub(super) fn count_due(&mut self, item: &Item) {
        self.waiting -= 1;
        if self.bounds.bytes.is_some() {
            self.waiting_bytes -= item.bytes();
        }
    }
}

impl Bounds {
    /// Whether so many bytes are within the bounds.
    pub(super) fn fit(&self, bytes: usize) -> bool {
        self.bytes.is_none_or(|most| bytes <= most)
    }
}
