//! Detects that a cascade of events has come to rest.

use crate::sync::{AtomicUsize, Notify, Ordering};

/// Counts the inboxes of a runtime that have pending events: accepted and not settled yet.
///
/// An event is pending before a worker can take it, and until it is settled. A handler publishes before its own event
/// is settled. So the count is zero only when a whole cascade has come to rest. If a drain waits for that, the
/// settlement that brings the count to zero also ends the count: no event is accepted afterwards. Otherwise a publisher
/// could start a new cascade before the drain wakes up, and the closing queues would cut it off.
#[derive(Debug, Default)]
pub(crate) struct Quiescence {
    /// The count, and in its two highest bits the flags [`ENDED`] and [`AWAITED`].
    count: AtomicUsize,
    end: Notify,
}

/// The flag of a count that has ended.
const ENDED: usize = 1 << (usize::BITS - 1);
/// The flag of a count whose end a drain waits for.
const AWAITED: usize = ENDED >> 1;

impl Quiescence {
    /// Counts an inbox. Returns `false` if the count has ended.
    pub(super) fn enter(&self) -> bool {
        let more = |count: usize| (count & ENDED == 0).then(|| count + 1);
        self.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    /// Stops counting an inbox that has no pending events any more.
    pub(super) fn leave(&self) {
        let before = self.update(|count| if count - 1 == AWAITED { ENDED } else { count - 1 });
        if before - 1 == AWAITED {
            self.end.notify_waiters();
        }
    }

    #[cfg(any(test, loom))]
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire) & !(ENDED | AWAITED)
    }

    /// Waits until no inbox has pending events, and ends the count. One task at a time may wait.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: if the future is dropped, the count has not ended.
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

    /// Cancels a wait for the end, and reopens a count that has ended for it.
    fn cancel_wait(&self) {
        self.update(|count| if count == ENDED { 0 } else { count & !AWAITED });
    }

    fn update(&self, change: impl Fn(usize) -> usize) -> usize {
        let changed = |count: usize| Some(change(count));
        let updated = self.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, changed);
        updated.unwrap_or_else(|count| count)
    }
}

/// Pending events of one inbox, guarded by its lock. The inbox adds 1 to the shared counter while it has any, so most
/// events touch no shared memory.
#[derive(Debug, Default)]
pub(super) struct InboxPending {
    events: usize,
    /// `true` while the inbox is counted.
    counted: bool,
}

impl InboxPending {
    /// Counts an event. Returns `false`, and does not count it, if the runtime's count has ended.
    #[inline]
    pub(super) fn add(&mut self, all: &Quiescence) -> bool {
        if self.events == 0 {
            self.counted = all.enter();
        }
        self.events += usize::from(self.counted);
        self.counted
    }

    /// Counts an event, also after the end.
    pub(super) fn add_late(&mut self, all: &Quiescence) {
        if !self.add(all) {
            self.events += 1;
        }
    }

    /// Removes events. Returns `true` if they were the last, so that [`Quiescence::leave`] is due after the lock is
    /// released.
    #[inline]
    #[must_use]
    pub(super) fn remove(&mut self, events: usize) -> bool {
        self.events -= events;
        self.events == 0 && std::mem::take(&mut self.counted)
    }

    /// Removes all events, as [`remove`](Self::remove) does.
    #[must_use]
    pub(super) fn clear(&mut self) -> bool {
        self.remove(self.events)
    }

    /// Counts more events of an inbox that is counted.
    #[inline(always)]
    pub(super) fn add_more(&mut self, events: usize) {
        self.events += events;
    }

    /// Returns `true` while the inbox is counted, so that further events need no shared counter.
    pub(super) fn is_counted(&self) -> bool {
        self.counted
    }

    pub(super) fn events(&self) -> usize {
        self.events
    }
}

/// A task that waits for the end.
struct Waiter<'a> {
    of: &'a Quiescence,
    waits: bool,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if self.waits {
            self.of.cancel_wait();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_inbox_is_counted_after_the_end() {
        let all = Quiescence::default();
        assert!(all.enter());
        all.leave();
        all.ended().await;
        assert!(!all.enter());
        assert_eq!(all.count(), 0);
        all.ended().await;
    }

    #[tokio::test]
    async fn late_event_does_not_reopen_the_count() {
        let (all, mut pending) = (Quiescence::default(), InboxPending::default());
        all.ended().await;
        assert!(!pending.add(&all));
        pending.add_late(&all);
        assert!(!pending.add(&all), "not after a late event either");
        assert_eq!(pending.events(), 1);
        assert!(!pending.remove(1), "the inbox was not counted");
        assert!(!all.enter());
    }
}
