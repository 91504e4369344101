//! What the status of a process must come to.
//!
//! The status has one count, `dropped`, for two fates: the queue refused an event, or it evicted an accepted one for a
//! newer one. A filter that takes every event tells them apart. The runtime calls it right before the push, so it counts
//! the offers, and those whose body alone is over the limit, which no eviction can make room for. So these hold exactly:
//!
//! - offered + redriven = queued + in flight + handled + dead-lettered + dropped, as
//!   offered + redriven = accepted + refused, and accepted = queued + in flight + handled + dead-lettered + evicted.
//! - refused = offered with a body over the limit, for `drop_oldest` without retries. Retries keep their room, so with
//!   them it may refuse more.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use triggers::{Overflow, ProcessStatus, TriggerStatus};

/// The events that came to the filters of one process.
#[derive(Default)]
pub(super) struct Offers {
    all: AtomicU64,
    /// Those with a body larger than the queue may hold.
    too_large: AtomicU64,
}

impl Offers {
    pub(super) fn count(&self, bytes: usize, limit: Option<usize>) {
        self.all.fetch_add(1, Ordering::SeqCst);
        if limit.is_some_and(|limit| bytes > limit) {
            self.too_large.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// What is known of a process beside its status.
pub(super) struct Known {
    pub(super) done: Arc<AtomicU64>,
    overflow: Overflow,
    retries: bool,
    /// Present if all triggers of the process count their offers.
    offers: Option<Arc<Offers>>,
    /// How many dead letters were sent to it again. `None` after a redrive that was cancelled, which returns no count.
    pub(super) redriven: Option<u64>,
}

impl Known {
    pub(super) fn new(overflow: Overflow, retries: bool, offers: Option<Arc<Offers>>) -> Known {
        Known { done: Arc::default(), overflow, retries, offers, redriven: Some(0) }
    }
}

/// All processes of one run, by name, with those that were removed.
#[derive(Default)]
pub(super) struct Account(pub(super) HashMap<String, Known>);

impl Account {
    fn known(&self, status: &ProcessStatus) -> &Known {
        self.0.get(&status.name).unwrap_or_else(|| panic!("{} is not known", status.name))
    }

    /// Checks what holds at any moment.
    pub(super) fn check_balance(&self, status: &ProcessStatus) {
        // A publisher that waits for room has offered its event, and no count of the status has it yet.
        let waits = self.known(status).overflow == Overflow::Wait;
        self.check(status, waits);
    }

    /// Checks what holds when everything has stopped.
    pub(super) fn check_end(&self, status: &ProcessStatus) {
        self.check(status, false);
        assert_eq!(status.in_flight, 0, "{status:#?}");
        let done = self.known(status).done.load(Ordering::SeqCst);
        assert_eq!(status.handled, done, "the handler ended well {done} times: {status:#?}");
    }

    fn check(&self, status: &ProcessStatus, waits: bool) {
        let known = self.known(status);
        let sum = |of: fn(&TriggerStatus) -> u64| status.triggers.iter().map(of).sum::<u64>();
        let queued = sum(|trigger| trigger.queue_size as u64);
        let (accepted, dropped) = (sum(|trigger| trigger.accepted), sum(|trigger| trigger.dropped));
        let kept = queued + status.in_flight + status.handled + status.dead_lettered;
        assert!(kept <= accepted, "{kept} kept of those accepted: {status:#?}");
        let evicted = accepted - kept;
        assert!(evicted <= dropped, "{evicted} are missing: {status:#?}");
        let refused = dropped - evicted;
        let offers = known.offers.as_deref();
        let too_large = offers.map_or(0, |offers| offers.too_large.load(Ordering::SeqCst));
        match known.overflow {
            Overflow::DropOldest if !known.retries => {
                assert_eq!(refused, too_large, "{evicted} evicted: {status:#?}");
            }
            Overflow::DropOldest => {
                assert!(refused >= too_large, "{refused} refused, {too_large} too large: {status:#?}");
            }
            _ => assert_eq!(evicted, 0, "{status:#?}"),
        }
        if let Some((offers, redriven)) = offers.zip(known.redriven) {
            let (came, counted) = (offers.all.load(Ordering::SeqCst) + redriven, kept + dropped);
            assert!(
                counted == came || waits && counted < came,
                "{came} came, {counted} are counted: {status:#?}"
            );
        }
        assert!(
            status.waiting as u64 <= queued && status.in_flight <= status.concurrency as u64,
            "{status:#?}"
        );
        for trigger in &status.triggers {
            // An event goes back over the bounds when its worker is cancelled.
            assert!(trigger.queue_size <= trigger.capacity + status.concurrency, "{status:#?}");
        }
    }

    /// How many events of the process became dead letters because the queue had no room for them.
    pub(super) fn lost(&self, status: &ProcessStatus) -> u64 {
        // `reject` tells the publisher instead, and a letter that finds no room is kept already.
        if self.known(status).overflow == Overflow::Reject || status.name == "letters" {
            return 0;
        }
        status.triggers.iter().map(|trigger| trigger.dropped).sum()
    }
}
