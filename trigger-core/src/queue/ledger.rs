//! The account of a queue. It counts what happened to events. The number of queued events is computed from the counts,
//! so the account is always balanced.

use std::time::SystemTime;

/// The counts of the events of one queue.
// In this order, because a push writes only the first counters.
#[repr(C)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) accepted: u64,
    /// The number of takes, by a worker or by the program.
    pub(super) taken: u64,
    /// The number of taken events that were returned to the queue, requeued or for a retry.
    pub(super) returned: u64,
    /// Accepted events that were evicted for a newer one. They count as dropped too.
    pub(crate) evicted: u64,
    /// Accepted events that were given back to what keeps them.
    pub(crate) released: u64,
    pub(crate) last_fired: Option<SystemTime>,
    pub(crate) handled: u64,
    /// Attempts that failed.
    pub(crate) failed: u64,
    /// Attempts after the first one of an event.
    pub(crate) retried: u64,
    pub(crate) dead_lettered: u64,
    /// The number of requeues, each because the worker was cancelled.
    pub(crate) requeued: u64,
    /// Events that found no capacity or whose cascade was too deep, and accepted ones that were evicted.
    pub(crate) dropped: u64,
    /// Events that the filter rejected.
    pub(crate) filtered: u64,
    /// Filtered events whose body the filter could not decode.
    pub(crate) undecodable: u64,
}

impl Ledger {
    /// Returns the number of events that wait, for a worker or for a retry.
    #[inline]
    pub(super) fn queued(&self) -> usize {
        (self.accepted + self.returned - self.taken - self.evicted - self.released) as usize
    }

    /// Returns the number of events that are in flight: taken and not settled.
    pub(crate) fn in_flight(&self) -> u64 {
        self.taken - self.returned - self.handled - self.dead_lettered
    }
}

/// The state of a queue at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Events that wait, for a worker or for a retry.
    pub(crate) queued: usize,
    /// Queued events that wait for a retry.
    pub(crate) waiting: usize,
    /// Publishers that wait for capacity. Their events are not queued.
    pub(crate) publishers: usize,
    /// The size of the bodies of all queued events, in bytes.
    pub(crate) bytes: usize,
    /// The timestamp of the oldest event that waits for a worker.
    pub(crate) oldest: Option<SystemTime>,
    pub(crate) ledger: Ledger,
}
