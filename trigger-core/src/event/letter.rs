//! An event that was given up on, and why: a plain value. Where they are kept is `dead_letter`.

use std::fmt;
use std::time::SystemTime;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use super::{TriggerEvent, rfc3339};

/// An event that was given up on.
#[derive(Clone, Debug, Serialize)]
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
    /// When the first attempt began to wait; of one that did not wait, when it ended; for an event that never came to
    /// one, when it was given up on. What a handler computes before that is the difference to its very beginning.
    #[serde(serialize_with = "as_rfc3339")]
    pub first_at: SystemTime,
    /// When it was given up on.
    #[serde(serialize_with = "as_rfc3339")]
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
    /// The handler rejected it, or returned an error that no retry can mend.
    Rejected,
    /// The handler returned an error or asked for a retry, and has no attempt left.
    RetriesExhausted,
    /// The handler panicked, and has no attempt left.
    Panicked,
    /// The handler took longer than its `timeout`, and has no attempt left.
    TimedOut,
    /// The runtime ended, or the process was removed, before it was handled. It counts as left.
    Drained,
}

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeadLetterReason::Overflow => "overflow",
            DeadLetterReason::Decode => "decode",
            DeadLetterReason::Rejected => "rejected",
            DeadLetterReason::RetriesExhausted => "retries exhausted",
            DeadLetterReason::Panicked => "panicked",
            DeadLetterReason::TimedOut => "timed out",
            DeadLetterReason::Drained => "drained",
        })
    }
}

fn as_rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    rfc3339(*time).map_err(S::Error::custom)?.serialize(serializer)
}
