//! A dead letter: an event that was given up on, and the reason. `dead_letter` keeps them.

use std::time::SystemTime;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use super::{TriggerEvent, rfc3339};
use crate::names::named;

/// An event that was given up on, and the reason.
///
/// A handler gets it as an argument; [`new`](Self::new) makes one for the test of such a handler.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DeadLetter {
    pub(crate) number: u64,
    /// The event, with its original bytes.
    pub event: TriggerEvent,
    /// The process that gave up on it.
    pub process: String,
    /// Why the process gave up on it.
    pub reason: DeadLetterReason,
    /// The error, the panic, or the reason that the handler gave.
    pub error: String,
    /// The number of attempts: 0 if the handler was never called.
    pub attempts: u32,
    /// When the first attempt began to wait, or, if it never waited, when it ended. For an event without an attempt, when
    /// it was dead-lettered.
    #[serde(serialize_with = "as_rfc3339")]
    pub first_at: SystemTime,
    /// When the event was dead-lettered.
    #[serde(serialize_with = "as_rfc3339")]
    pub last_at: SystemTime,
}

impl DeadLetter {
    /// A dead letter for a test: without an attempt, without a number, at the time of the event.
    ///
    /// ```
    /// # use trigger_core::{DeadLetter, DeadLetterReason, TriggerEvent};
    /// fn alarm(letter: &DeadLetter) -> bool {
    ///     letter.attempts > 3 || letter.reason == DeadLetterReason::Panicked
    /// }
    ///
    /// let event = TriggerEvent::new("orders", r#"{"id": 7}"#, Default::default());
    /// let letter = DeadLetter::new(event, "charge", DeadLetterReason::RetriesExhausted, "the bank is closed");
    /// assert!(!alarm(&letter));
    /// assert!(alarm(&letter.attempts(4)));
    /// ```
    pub fn new(
        event: TriggerEvent,
        process: impl Into<String>,
        reason: DeadLetterReason,
        error: impl Into<String>,
    ) -> DeadLetter {
        let at = event.timestamp();
        DeadLetter {
            number: 0,
            event,
            process: process.into(),
            reason,
            error: error.into(),
            attempts: 0,
            first_at: at,
            last_at: at,
        }
    }

    /// Sets the number of attempts.
    pub fn attempts(mut self, attempts: u32) -> DeadLetter {
        self.attempts = attempts;
        self
    }

    /// Sets the times of the first attempt and of the end.
    pub fn between(mut self, first_at: SystemTime, last_at: SystemTime) -> DeadLetter {
        (self.first_at, self.last_at) = (first_at, last_at);
        self
    }

    /// The number of the letter, from 1: unique in its runtime, and higher for each newer one. It is 0 for a letter that
    /// was not kept by a runtime.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// Why an event was dead-lettered. As text it is the name that JSON has, such as `retries_exhausted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadLetterReason {
    /// The queue of its trigger had no room.
    Overflow,
    /// An argument of the handler could not be made from the event.
    Decode,
    /// The handler rejected the event, or returned a permanent error.
    Rejected,
    /// The handler returned an error or asked for a retry, and no attempt is left.
    RetriesExhausted,
    /// The handler panicked, and no attempt is left.
    Panicked,
    /// The handler took longer than its `timeout`, and no attempt is left.
    TimedOut,
    /// The runtime ended, or the process was removed, before the event was handled. It counts as left.
    Drained,
}

named!(DeadLetterReason as "reason" {
    Overflow = "overflow",
    Decode = "decode",
    Rejected = "rejected",
    RetriesExhausted = "retries_exhausted",
    Panicked = "panicked",
    TimedOut = "timed_out",
    Drained = "drained",
});

fn as_rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    rfc3339(*time).map_err(S::Error::custom)?.serialize(serializer)
}
