//! The counts of dead letters: those that a runtime keeps, and those of one process for each reason.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::DeadLetters;
use crate::event::{DeadLetter, DeadLetterReason};

/// The dead letters that a runtime keeps at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeadLettersStatus {
    /// The number of kept dead letters: at most 1000.
    pub kept: usize,
    /// Their size in memory, in bytes: the bodies of their events, and their texts. At most 64 MiB.
    pub bytes: usize,
}

/// The number of dead letters of one process since its start, for each [`DeadLetterReason`]. Those that were redriven,
/// cleared or removed over the bounds still count. It serializes as an object with the names of the reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeadLetterCounts {
    overflow: u64,
    decode: u64,
    rejected: u64,
    retries_exhausted: u64,
    panicked: u64,
    timed_out: u64,
    drained: u64,
}

impl DeadLetterCounts {
    /// Returns the number of dead letters with this reason.
    pub fn get(mut self, reason: DeadLetterReason) -> u64 {
        *self.of(reason)
    }

    fn of(&mut self, reason: DeadLetterReason) -> &mut u64 {
        match reason {
            DeadLetterReason::Overflow => &mut self.overflow,
            DeadLetterReason::Decode => &mut self.decode,
            DeadLetterReason::Rejected => &mut self.rejected,
            DeadLetterReason::RetriesExhausted => &mut self.retries_exhausted,
            DeadLetterReason::Panicked => &mut self.panicked,
            DeadLetterReason::TimedOut => &mut self.timed_out,
            DeadLetterReason::Drained => &mut self.drained,
        }
    }
}

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
    pub(crate) fn keep(&self, dead_letter: DeadLetter) {
        self.count(dead_letter.reason);
        self.store.keep(dead_letter);
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
