//! One queue of an inbox, behind the inbox's lock.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::SystemTime;

use super::door::{Door, Wants};
use super::intake::{Capacity, Incoming};
use super::item::Item;
use super::ledger::{Ledger, Snapshot};

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
    pub(super) entry: Entry,
    pub(super) bounds: Bounds,
    /// The size of the bodies of all queued events and of those that are being stored, in bytes.
    bytes: usize,
    /// The number of events that are being stored, and have their capacity.
    reserved: usize,
    /// Events that wait for a worker, if the process has no key.
    pub(super) events: VecDeque<Item>,
    pub(super) ledger: Ledger,
    /// Events that are delivered before `events`: requeued ones, then those whose retry is due.
    pub(super) again: VecDeque<Item>,
    /// Events that wait for a retry.
    waiting: usize,
    waiting_bytes: usize,
    reserved_bytes: usize,
    /// The number of closes. A consumer compares it to detect a close that was followed by an open.
    pub(super) closes: u64,
    /// Publishers that wait for capacity.
    pub(super) door: Door,
}

/// Who may queue an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// The queue is closed.
    Closed,
    /// The event queues if it fits.
    Open,
    /// Publishers wait in the door, so the event must wait behind them.
    Queueing,
}

impl Port {
    pub(super) fn new(bounds: Bounds) -> Port {
        Port {
            bounds,
            entry: Entry::Closed,
            closes: 0,
            bytes: 0,
            reserved: 0,
            waiting: 0,
            waiting_bytes: 0,
            reserved_bytes: 0,
            ledger: Ledger::default(),
            door: Door::default(),
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

    pub(super) fn is_open(&self) -> bool {
        self.entry != Entry::Closed
    }

    /// Returns `true` if an event of this size fits now.
    #[inline(always)]
    pub(super) fn has_capacity(&self, bytes: usize) -> bool {
        self.ledger.queued() + self.reserved < self.bounds.events && self.bounds.allow(self.bytes + bytes)
    }

    /// Returns `true` if an event of this size would fit after the eviction of all events that wait for a worker.
    pub(super) fn fits_by_eviction(&self, bytes: usize) -> bool {
        self.waiting + self.reserved < self.bounds.events
            && self.bounds.allow(self.waiting_bytes + self.reserved_bytes + bytes)
    }

    /// Adds a publisher without an event to the door, and returns its ticket. Returns `None` if there is capacity, or the
    /// queue is closed.
    pub(super) fn watch(&mut self, waker: &Waker) -> Option<u64> {
        let waits = match self.entry {
            Entry::Closed => false,
            Entry::Open => !self.has_capacity(0),
            Entry::Queueing => true,
        };
        waits.then(|| self.enter(0, Wants::Capacity, waker))
    }

    /// Adds a publisher to the door, and returns its ticket.
    pub(super) fn enter(&mut self, lane: u64, wants: Wants, waker: &Waker) -> u64 {
        self.entry = Entry::Queueing;
        self.door.enter(lane, wants, waker)
    }

    /// Returns `true` if the publisher that is next in the door has capacity now.
    pub(super) fn can_admit(&self) -> bool {
        self.door.front().is_some_and(|guest| self.has_capacity(guest.wants.bytes()))
    }

    /// Ends the waiting order once the door is empty.
    pub(super) fn open_if_empty(&mut self) {
        if self.door.is_empty() && self.entry == Entry::Queueing {
            self.entry = Entry::Open;
        }
    }

    /// Returns the capacity that is free now.
    pub(super) fn free(&self) -> Capacity {
        Capacity {
            events: self.bounds.events.saturating_sub(self.ledger.queued() + self.reserved),
            bytes: self.bounds.bytes.map_or(usize::MAX, |most| most.saturating_sub(self.bytes)),
        }
    }

    /// Moves the events of the quick intake behind the queued ones, and counts them. They fit, because the queue had
    /// granted the capacity. Only for a process without a key.
    #[inline(always)]
    pub(super) fn append(&mut self, incoming: &mut Incoming) {
        let Some(last) = incoming.events.back() else { return };
        self.ledger.last_fired = Some(last.frame.timestamp);
        self.ledger.accepted += incoming.events.len() as u64;
        self.bytes += std::mem::take(&mut incoming.bytes);
        if self.events.is_empty() {
            std::mem::swap(&mut self.events, &mut incoming.events);
        } else {
            self.events.append(&mut incoming.events);
        }
    }

    /// Counts a new event.
    #[inline(always)]
    pub(super) fn count_accepted(&mut self, item: &Item) {
        self.ledger.accepted += 1;
        self.ledger.last_fired = Some(item.frame.timestamp);
        self.count_in(item);
    }

    #[inline]
    pub(super) fn count_in(&mut self, item: &Item) {
        self.bytes += item.bytes();
    }

    #[inline]
    pub(super) fn count_out(&mut self, item: &Item) {
        self.bytes -= item.bytes();
    }

    pub(super) fn reserve(&mut self, bytes: usize) {
        self.reserved += 1;
        self.reserved_bytes += bytes;
        self.bytes += bytes;
    }

    pub(super) fn unreserve(&mut self, bytes: usize) {
        self.reserved -= 1;
        self.reserved_bytes -= bytes;
        self.bytes -= bytes;
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
        let publishers = self.door.len();
        Snapshot { queued: ledger.queued(), waiting, publishers, bytes, oldest, ledger: ledger.clone() }
    }
}

impl Bounds {
    /// Returns `true` if this number of bytes is within the bound.
    pub(super) fn allow(&self, bytes: usize) -> bool {
        self.bytes.is_none_or(|most| bytes <= most)
    }
}
