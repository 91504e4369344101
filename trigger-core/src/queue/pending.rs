//! The count that tells when a cascade has come to rest.

use crate::sync::{AtomicUsize, Notify, Ordering};

/// How many inboxes of a runtime have events that were accepted and are not settled yet.
///
/// An event is pending from before it can be taken until it is settled, and a handler publishes before it settles. So the
/// count is zero only when a whole cascade has come to rest. If someone waits for that, the settlement that brings it
/// there ends it in the same step: nothing is accepted after, so no cascade begins that the closing queues would cut, and
/// no publisher is quicker than the one who waits.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// The count, and in its highest bits whether it has ended, and whether someone waits for that.
    count: AtomicUsize,
    end: Notify,
}

const ENDED: usize = 1 << (usize::BITS - 1);
const AWAITED: usize = ENDED >> 1;

impl Pending {
    /// Counts one more, unless it has ended.
    pub(super) fn add(&self) -> bool {
        let more = |count: usize| (count & ENDED == 0).then(|| count + 1);
        self.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    pub(super) fn done(&self) {
        let before = self.update(|count| if count - 1 == AWAITED { ENDED } else { count - 1 });
        if before - 1 == AWAITED {
            self.end.notify_waiters();
        }
    }

    #[cfg(any(test, loom))]
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire) & !(ENDED | AWAITED)
    }

    /// Waits until nothing is pending, and ends it.
    ///
    /// Cancel safe: given up, it has not ended. That would be so for everyone who waits, so it is for one at a time.
    pub(crate) async fn ended(&self) {
        let mut waiter = Waiter { of: self, waits: true };
        let end = self.end.notified();
        tokio::pin!(end);
        end.as_mut().enable();
        let before = self.update(|count| if matches!(count, 0 | ENDED) { ENDED } else { count | AWAITED });
        if !matches!(before, 0 | ENDED) {
            end.await;
        }
        waiter.waits = false;
    }

    fn update(&self, change: impl Fn(usize) -> usize) -> usize {
        let changed = |count: usize| Some(change(count));
        let updated = self.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, changed);
        updated.unwrap_or_else(|count| count)
    }
}

/// What of one inbox is pending, kept under its lock. The inbox counts once among all, from its first event to its last, so
/// one of many costs nothing that other processes see.
#[derive(Debug, Default)]
pub(super) struct Share {
    events: usize,
    /// Whether the inbox is counted. It has events and is not once all has ended.
    counted: bool,
}

impl Share {
    /// Counts one more, unless all has ended.
    #[inline]
    pub(super) fn add(&mut self, all: &Pending) -> bool {
        if self.events == 0 {
            self.counted = all.add();
        }
        self.events += usize::from(self.counted);
        self.counted
    }

    /// Counts one more also after the end.
    pub(super) fn add_late(&mut self, all: &Pending) {
        if !self.add(all) {
            self.events += 1;
        }
    }

    /// Counts so many less. Says whether these were the last, so that [`Pending::done`] is due once the lock is given back.
    #[inline]
    #[must_use]
    pub(super) fn remove(&mut self, events: usize) -> bool {
        self.events -= events;
        self.events == 0 && std::mem::take(&mut self.counted)
    }

    /// Counts none any more; else as [`remove`](Self::remove).
    #[must_use]
    pub(super) fn clear(&mut self) -> bool {
        self.remove(self.events)
    }

    pub(super) fn events(&self) -> usize {
        self.events
    }
}

/// One who waits for the end, until it is dropped.
struct Waiter<'a> {
    of: &'a Pending,
    waits: bool,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if self.waits {
            self.of.update(|count| if count == ENDED { 0 } else { count & !AWAITED });
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_begins_once_it_has_ended() {
        let pending = Pending::default();
        assert!(pending.add());
        pending.done();
        pending.ended().await;
        assert!(!pending.add());
        assert_eq!(pending.count(), 0);
        pending.ended().await;
    }

    #[tokio::test]
    async fn what_comes_after_the_end_begins_nothing() {
        let (all, mut share) = (Pending::default(), Share::default());
        all.ended().await;
        assert!(!share.add(&all));
        share.add_late(&all);
        assert!(!share.add(&all), "also beside another one");
        assert_eq!(share.events(), 1);
        assert!(!share.remove(1), "it was never counted");
        assert!(!all.add());
    }
}
