//! The account of a queue. It counts what happened; how many events are there follows from that, so the account is never
//! out of balance.

use std::time::SystemTime;

/// What became of the events of one queue.
// In this order, because a push writes the first counters only.
#[repr(C)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) accepted: u64,
    /// How often an event was taken, by a worker or by the program.
    pub(super) taken: u64,
    /// How often a taken event came back, requeued or for another attempt.
    pub(super) returned: u64,
    /// Accepted events that a newer one displaced. They count as dropped too.
    pub(crate) evicted: u64,
    pub(crate) last_fired: Option<SystemTime>,
    pub(crate) handled: u64,
    /// Attempts that failed.
    pub(crate) failed: u64,
    /// Attempts after the first one of an event.
    pub(crate) retried: u64,
    pub(crate) dead_lettered: u64,
    /// How often an event was requeued because its worker was cancelled.
    pub(crate) requeued: u64,
    /// Events that found no capacity, and accepted ones that were evicted.
    pub(crate) dropped: u64,
    /// Events that the filter kept out.
    pub(crate) filtered: u64,
    /// Those of them whose body the filter could not decode.
    pub(crate) undecodable: u64,
}

impl Ledger {
    /// Events that wait, for a worker or for a retry.
    #[inline]
    pub(super) fn queued(&self) -> usize {
        (self.accepted + self.returned - self.taken - self.evicted) as usize
    }

    /// Events that a handler has.
    pub(crate) fn in_flight(&self) -> u64 {
        self.taken - self.returned - self.handled - self.dead_lettered
    }
}

/// The state of a queue at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Events that wait, for a worker or for a retry.
    pub(crate) queued: usize,
    /// Those of them that wait for a retry.
    pub(crate) waiting: usize,
    /// The bytes of the bodies of all that wait.
    pub(crate) bytes: usize,
    pub(crate) ledger: Ledger,
}
