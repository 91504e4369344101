//! An event that was given up on, and why: a plain value. Where they are kept is `dead_letter`.

use std::time::SystemTime;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use super::{TriggerEvent, rfc3339};
use crate::names::named;

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
