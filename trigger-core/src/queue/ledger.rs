//! The account of a queue. It counts what happened, and what is there follows from that, so it is never out of balance.

use crate::event::Moment;

/// What became of the events of one queue.
// In this order: what a push counts comes first.
#[repr(C)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) accepted: u64,
    /// How often an event was taken, to be handled or for oneself.
    pub(super) taken: u64,
    /// How often one that was taken came back, not handled or for another attempt.
    pub(super) returned: u64,
    /// Made way for newer ones; they count as dropped.
    pub(super) evicted: u64,
    pub(crate) last_fired: Option<Moment>,
    pub(crate) handled: u64,
    /// Attempts that failed.
    pub(crate) failed: u64,
    /// Attempts that were made again.
    pub(crate) retried: u64,
    pub(crate) dead_lettered: u64,
    /// How often an event went back because its worker was cancelled.
    pub(crate) given_back: u64,
    /// Had no room: turned away, or pushed out by a newer one.
    pub(crate) dropped: u64,
    /// Matched the subscription but not its filter.
    pub(crate) filtered: u64,
    /// Of these, those that the filter could not read.
    pub(crate) undecodable: u64,
}

impl Ledger {
    /// How many events wait, for the handler or for a retry.
    #[inline]
    pub(super) fn queued(&self) -> usize {
        (self.accepted + self.returned - self.taken - self.evicted) as usize
    }

    /// How many events are with a handler.
    pub(crate) fn in_flight(&self) -> u64 {
        self.taken - self.returned - self.handled - self.dead_lettered
    }
}

/// A queue at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// How many events wait, for the handler or for a retry.
    pub(crate) queued: usize,
    /// How many of them wait for a retry.
    pub(crate) waiting: usize,
    /// The bytes of their bodies.
    pub(crate) bytes: usize,
    pub(crate) ledger: Ledger,
}
