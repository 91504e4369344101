//! The equations that the status of a process must satisfy.
//!
//! The status counts the evicted events among the dropped ones, so refused = dropped - evicted. A filter that accepts
//! every event counts the offers, because the runtime calls it right before the push. It also counts the bodies over
//! the limit, for which no eviction helps. So these hold exactly:
//!
//! - accepted = queued + in flight + handled + dead-lettered + evicted.
//! - offered + redriven = queued + in flight + handled + dead-lettered + dropped, as
//!   offered + redriven = accepted + refused.
//! - refused = offered with a body over the limit, for `drop_oldest` without retries. Retries keep their capacity, so
//!   with them the queue may refuse more.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use triggers::{DeadLetterReason, Overflow, ProcessStatus, TriggerStatus};

use crate::common::assert_balanced;

/// The events that were offered to the filters of one process.
#[derive(Default)]
pub(super) struct Offers {
    all: AtomicU64,
    /// The events with a body larger than the queue may hold.
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

/// What a run knows of a process besides its status.
pub(super) struct Known {
    pub(super) done: Arc<AtomicU64>,
    overflow: Overflow,
    retries: bool,
    /// Present if all triggers of the process count their offers.
    offers: Option<Arc<Offers>>,
    /// The number of dead letters redriven to the process. `None` after a cancelled redrive, which returns no count.
    pub(super) redriven: Option<u64>,
}

impl Known {
    pub(super) fn new(overflow: Overflow, retries: bool, offers: Option<Arc<Offers>>) -> Known {
        Known { done: Arc::default(), overflow, retries, offers, redriven: Some(0) }
    }
}

/// All processes of one run by name, including removed ones.
#[derive(Default)]
pub(super) struct Account(pub(super) HashMap<String, Known>);

impl Account {
    fn known(&self, status: &ProcessStatus) -> &Known {
        self.0.get(&status.name).unwrap_or_else(|| panic!("{} is not known", status.name))
    }

    /// Checks what holds at any moment.
    pub(super) fn check_balance(&self, status: &ProcessStatus) {
        // A waiting publisher has offered its event, which is in no count of the status yet.
        let waits = self.known(status).overflow == Overflow::Wait;
        self.check(status, waits);
    }

    /// Checks what holds when everything has stopped.
    pub(super) fn check_end(&self, status: &ProcessStatus) {
        self.check(status, false);
        assert_eq!(status.in_flight, 0, "{status:#?}");
        self.check_dead_letters(status);
        let done = self.known(status).done.load(Ordering::SeqCst);
        assert_eq!(status.handled, done, "the handler returned `Done` {done} times: {status:#?}");
    }

    /// Checks the dead letters of each reason against the other counts.
    fn check_dead_letters(&self, status: &ProcessStatus) {
        let counts = status.dead_letters;
        let of = |reasons: &[DeadLetterReason]| reasons.iter().map(|reason| counts.get(*reason)).sum::<u64>();
        let overflow = of(&[DeadLetterReason::Overflow]);
        assert_eq!(overflow, self.dead_lettered_by_overflow(status), "{status:#?}");
        let queued: usize = status.triggers.iter().map(|trigger| trigger.queue_size).sum();
        assert_eq!(of(&[DeadLetterReason::Drained]), queued as u64, "{status:#?}");
        let settled = of(&[
            DeadLetterReason::Decode,
            DeadLetterReason::Rejected,
            DeadLetterReason::Failed,
            DeadLetterReason::RetriesExhausted,
            DeadLetterReason::Panicked,
            DeadLetterReason::TimedOut,
        ]);
        assert_eq!(settled, status.dead_lettered, "{status:#?}");
    }

    fn check(&self, status: &ProcessStatus, waits: bool) {
        let known = self.known(status);
        let sum = |of: fn(&TriggerStatus) -> u64| status.triggers.iter().map(of).sum::<u64>();
        let queued = sum(|trigger| trigger.queue_size as u64);
        let (dropped, evicted) = (sum(|trigger| trigger.dropped), sum(|trigger| trigger.evicted));
        let kept = queued + status.in_flight + status.handled + status.dead_lettered;
        assert_balanced(status);
        assert!(evicted <= dropped, "{status:#?}");
        let refused = dropped - evicted;
        let offers = known.offers.as_deref();
        let too_large = offers.map_or(0, |offers| offers.too_large.load(Ordering::SeqCst));
        match known.overflow {
            Overflow::DropOldest if !known.retries => {
                assert_eq!(refused, too_large, "{status:#?}");
            }
            Overflow::DropOldest => {
                assert!(refused >= too_large, "{refused} refused, {too_large} too large: {status:#?}");
            }
            _ => assert_eq!(evicted, 0, "{status:#?}"),
        }
        if let Some((offers, redriven)) = offers.zip(known.redriven) {
            let (offered, counted) = (offers.all.load(Ordering::SeqCst) + redriven, kept + dropped);
            assert!(
                counted == offered || waits && counted < offered,
                "{offered} offered, {counted} counted: {status:#?}"
            );
        }
        assert!(
            status.waiting as u64 <= queued && status.in_flight <= status.concurrency as u64,
            "{status:#?}"
        );
        for trigger in &status.triggers {
            // A cancelled worker requeues its event even if the queue is full.
            assert!(trigger.queue_size <= trigger.capacity + status.concurrency, "{status:#?}");
        }
    }

    /// Returns the number of events that became dead letters because the queue was full.
    pub(super) fn dead_lettered_by_overflow(&self, status: &ProcessStatus) -> u64 {
        // `reject` returns an error to the publisher instead. A dead letter that finds the queue full is kept already.
        if self.known(status).overflow == Overflow::Reject || status.name == "letters" {
            return 0;
        }
        status.triggers.iter().map(|trigger| trigger.dropped).sum()
    }
}
