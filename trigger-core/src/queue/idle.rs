//! The workers that wait for an event, and the consumers of a program without a runtime, which wait in the same way.

use std::task::Waker;

/// The idle workers of an inbox.
///
/// The lock of the inbox guards the list. So a push or a take sees every worker that began to wait before it, and a worker
/// that begins to wait after it sees its change.
#[derive(Debug)]
pub(super) struct IdleWorkers {
    /// The number and the waker of each idle worker. The one that has waited the shortest is woken first, because its memory
    /// is still in the cache.
    waiting: Vec<(u64, Waker)>,
    last_number: u64,
    /// Workers that were woken and have not looked for an event yet.
    woken: u32,
    /// The maximum of `woken`.
    limit: u32,
    /// Workers that may still be made. They are made when an event finds no idle one, so that a process with a high
    /// concurrency costs nothing until it is used.
    unmade: usize,
}

/// A worker that is to look for an event.
pub(super) enum Woken {
    Idle(Waker),
    /// It is to be made. It calls [`IdleWorkers::begin`] first.
    New,
}

impl IdleWorkers {
    /// Returns an empty list. A burst of events wakes at most `limit` workers at once. Each woken worker wakes the next one
    /// while there are events.
    pub(super) fn new(limit: u32) -> IdleWorkers {
        IdleWorkers { waiting: Vec::new(), last_number: 0, woken: 0, limit, unmade: 0 }
    }

    /// Adds a worker, or changes its waker. `number` is that of its wait.
    pub(super) fn wait(&mut self, number: &mut Option<u64>, waker: &Waker) {
        if let Some(place) = number.and_then(|number| self.place(number)) {
            self.waiting[place].1.clone_from(waker);
            return;
        }
        self.end(number);
        self.last_number += 1;
        self.waiting.push((self.last_number, waker.clone()));
        *number = Some(self.last_number);
    }

    /// Ends the wait of a worker. Returns `true` if it was woken.
    #[inline]
    pub(super) fn end(&mut self, number: &mut Option<u64>) -> bool {
        let Some(number) = number.take() else { return false };
        match self.place(number) {
            Some(place) => {
                self.waiting.remove(place);
                false
            }
            None => {
                self.woken -= 1;
                true
            }
        }
    }

    fn place(&self, number: u64) -> Option<usize> {
        // The list is sorted by number, because it only grows at its end.
        self.waiting.binary_search_by_key(&number, |(number, _)| *number).ok()
    }

    /// Returns `true` if a worker waits or may be made, and the limit allows one more to be woken.
    #[inline(always)]
    pub(super) fn can_wake(&self) -> bool {
        self.woken < self.limit && (!self.waiting.is_empty() || self.unmade > 0)
    }

    /// Removes a worker that is to be woken or made.
    #[inline]
    pub(super) fn wake(&mut self) -> Option<Woken> {
        if !self.can_wake() {
            return None;
        }
        self.woken += 1;
        match self.waiting.pop() {
            Some((_, waker)) => Some(Woken::Idle(waker)),
            None => {
                self.unmade -= 1;
                Some(Woken::New)
            }
        }
    }

    /// Allows this number of workers to be made.
    pub(super) fn allow(&mut self, workers: usize) {
        self.unmade = workers;
    }

    /// Counts a worker that was made and begins to look for an event.
    pub(super) fn begin(&mut self) {
        self.woken -= 1;
    }

    /// Removes all workers, which are all to be woken.
    pub(super) fn wake_all(&mut self) -> impl Iterator<Item = Waker> + use<'_> {
        self.woken += u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.waiting.drain(..).map(|(_, waker)| waker)
    }
}
