//! The count of the dead letters of one process for each reason.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::DeadLetters;
use crate::event::{DeadLetter, DeadLetterReason};
use crate::observe::status::DeadLetterCounts;

/// A handle to the store for one process. It counts the dead letters of this process alone, also if a later process has
/// its name.
#[derive(Clone)]
pub(crate) struct CountedDeadLetters {
    store: DeadLetters,
    counts: Arc<Mutex<DeadLetterCounts>>,
}

impl CountedDeadLetters {
    pub(crate) fn new(store: DeadLetters) -> CountedDeadLetters {
        CountedDeadLetters { store, counts: Arc::default() }
    }

    /// Counts a new dead letter and keeps it, as [`DeadLetters::keep`] does.
    pub(crate) fn keep(&self, dead_letter: DeadLetter) -> Arc<DeadLetter> {
        self.count(dead_letter.reason);
        self.store.keep(dead_letter)
    }

    /// Counts a new dead letter and keeps it, as [`DeadLetters::keep_without_notifying`] does.
    pub(crate) fn keep_without_notifying(&self, dead_letter: DeadLetter) {
        self.count(dead_letter.reason);
        self.store.keep_without_notifying(dead_letter);
    }

    // Counted before a subscriber can see the dead letter, so that its handler finds it in the status.
    fn count(&self, reason: DeadLetterReason) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).of(reason) += 1;
    }

    pub(crate) fn counts(&self) -> DeadLetterCounts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CountedDeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountedDeadLetters").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
