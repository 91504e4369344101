//! Dead letters: the events that were given up on, kept with the reason.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use crate::event::TriggerEvent;
use crate::policy;
use crate::process::panic::drop_quietly;

/// An event that was given up on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The event, with its bytes as they came.
    pub event: TriggerEvent,
    /// The process that should have handled it.
    pub process: String,
    /// Why it was given up on.
    pub reason: DeadLetterReason,
    /// What went wrong, in words: the error, the panic, or the reason the handler gave.
    pub error: String,
    /// How many attempts were made at handling it: 0 if it never came to one.
    pub attempts: u32,
    /// When the first attempt began; for an event that never came to one, when it was given up on.
    pub first_at: SystemTime,
    /// When it was given up on.
    pub last_at: SystemTime,
}

/// Why an event was given up on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeadLetterReason {
    /// The queue of its trigger had no room.
    Overflow,
    /// An argument of the handler could not be made from it.
    Decode,
    /// The handler rejected it.
    Rejected,
    /// The handler returned an error or asked for a retry, and has no attempt left: today each handler has one.
    RetriesExhausted,
    /// The handler panicked.
    Panicked,
}

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeadLetterReason::Overflow => "overflow",
            DeadLetterReason::Decode => "decode",
            DeadLetterReason::Rejected => "rejected",
            DeadLetterReason::RetriesExhausted => "retries exhausted",
            DeadLetterReason::Panicked => "panicked",
        })
    }
}

/// The dead letters of a runtime: the last 1000, in memory, to be looked at. A clone is a handle to the same ones.
#[derive(Clone, Debug, Default)]
pub struct DeadLetters(Arc<Mutex<VecDeque<DeadLetter>>>);

impl DeadLetters {
    /// All that are kept, oldest first.
    pub fn list(&self) -> Vec<DeadLetter> {
        self.letters().iter().cloned().collect()
    }

    /// How many are kept: at most 1000.
    pub fn len(&self) -> usize {
        self.letters().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.letters().is_empty()
    }

    /// Keeps one more, and forgets the oldest over the bound. That one was counted and logged when it came.
    pub(crate) fn keep(&self, letter: DeadLetter) {
        let mut letters = self.letters();
        let forgotten = if letters.len() >= policy::DEAD_LETTERS { letters.pop_front() } else { None };
        letters.push_back(letter);
        drop(letters);
        // Its bytes may have an owner of the user's, whose drop must find no lock held.
        drop_quietly(forgotten);
    }

    fn letters(&self) -> MutexGuard<'_, VecDeque<DeadLetter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
