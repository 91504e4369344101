//! A dead letter: an event that was dead-lettered, and the reason. The module `crate::process::dead_letter` stores them.

use std::sync::Arc;
use std::time::SystemTime;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use super::attributes::{ABOUT_DEAD_LETTER, Attribute};
use super::frame::Frame;
use super::json::rfc3339;
use super::kind::TriggerKind;
use super::printable::printable;
use super::trigger_event::{TriggerEvent, TriggerInfo};
use crate::event::names::named;

/// An event that was dead-lettered, and the reason. It is plain data: it names its process and its trigger.
///
/// A handler gets it as an argument. [`new`](Self::new) creates one for the test of such a handler.
///
/// ```
/// # use trigger_core::{DeadLetterReason, ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::event("mail"));
/// let runtime = Runtime::builder()
///     .process("mail", config, |_: Text| async { Err::<(), _>("no network") })
///     .start()
///     .await?;
/// runtime.bus().emit("mail", "hello").await?;
/// runtime.shutdown().await;
/// let dead_letter = &runtime.dead_letters().list().await[0];
/// assert_eq!((dead_letter.reason, dead_letter.attempts), (DeadLetterReason::Failed, 1));
/// assert_eq!((&*dead_letter.error, &dead_letter.event.raw()[..]), ("no network", &br#""hello""#[..]));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DeadLetter {
    pub(crate) number: u64,
    /// The event, with its original bytes.
    pub event: TriggerEvent,
    /// The process that should have handled it.
    pub process: String,
    /// The reason why it was dead-lettered.
    pub reason: DeadLetterReason,
    /// The error, the panic, or the reason that the handler gave: at most 1 KiB, with its control characters escaped.
    pub error: String,
    /// The number of attempts: 0 if the handler was never called.
    pub attempts: u32,
    /// The time at which the first attempt began to wait, or ended if it never waited. For an event without an attempt,
    /// the time at which it was dead-lettered.
    #[serde(serialize_with = "as_rfc3339")]
    pub first_at: SystemTime,
    /// The time at which the event was dead-lettered.
    #[serde(serialize_with = "as_rfc3339")]
    pub last_at: SystemTime,
}

impl DeadLetter {
    /// Returns a dead letter for a test: without attempts, with the number 0, at the time of the event.
    ///
    /// ```
    /// # use trigger_core::{DeadLetter, DeadLetterReason, TriggerEvent};
    /// fn alarm(dead_letter: &DeadLetter) -> bool {
    ///     dead_letter.attempts > 3 || dead_letter.reason == DeadLetterReason::Panicked
    /// }
    ///
    /// let event = TriggerEvent::new("orders", r#"{"id": 7}"#, Default::default());
    /// let dead_letter = DeadLetter::new(event, "charge", DeadLetterReason::RetriesExhausted, "the bank is closed");
    /// assert!(!alarm(&dead_letter));
    /// assert!(alarm(&dead_letter.attempts(4)));
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
            error: printable(error),
            attempts: 0,
            first_at: at,
            last_at: at,
        }
    }

    /// Returns its size in memory, in bytes: the body of its event, and its texts.
    pub(crate) fn bytes(&self) -> usize {
        self.event.raw().len() + self.process.len() + self.error.len() + size_of::<DeadLetter>()
    }

    /// Returns the frame that a dead-letter trigger delivers: the frame of the event, with the reason as an attribute.
    pub(crate) fn frame(&self) -> Frame {
        let about = About {
            number: self.number,
            trigger_id: self.event.trigger_id().to_owned(),
            trigger_type: self.event.kind(),
            process: self.process.clone(),
            reason: self.reason,
            error: self.error.clone(),
            attempts: self.attempts,
            first_at: self.first_at,
            last_at: self.last_at,
        };
        // All its fields can be written as JSON.
        let about = serde_json::to_string(&about).unwrap_or_default();
        self.event.frame().clone().with(ABOUT_DEAD_LETTER, Attribute::Json(SmolStr::new(about)))
    }

    /// Returns the dead letter in a frame that a dead-letter trigger has delivered.
    pub(crate) fn of(frame: &Frame) -> Option<DeadLetter> {
        let Attribute::Json(about) = frame.any_attribute(ABOUT_DEAD_LETTER)? else { return None };
        let about: About = serde_json::from_str(about).ok()?;
        let mut frame = frame.clone();
        if let Some(attributes) = &mut frame.attributes {
            attributes.remove(ABOUT_DEAD_LETTER);
        }
        frame.attributes = frame.attributes.filter(|attributes| !attributes.is_empty());
        let trigger = Arc::new(TriggerInfo::new(about.trigger_id, about.trigger_type));
        Some(DeadLetter {
            number: about.number,
            event: TriggerEvent::through(trigger, Arc::new(frame)),
            process: about.process,
            reason: about.reason,
            error: about.error,
            attempts: about.attempts,
            first_at: about.first_at,
            last_at: about.last_at,
        })
    }

    /// Sets the number of attempts.
    pub fn attempts(mut self, attempts: u32) -> DeadLetter {
        self.attempts = attempts;
        self
    }

    /// Sets the times of the first attempt and of the dead letter.
    pub fn between(mut self, first_at: SystemTime, last_at: SystemTime) -> DeadLetter {
        (self.first_at, self.last_at) = (first_at, last_at);
        self
    }

    /// Returns the number of the dead letter, from 1. It is unique in its runtime, and increases with each dead letter.
    /// It is 0 for a dead letter that no runtime has kept.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// The reason why an event was dead-lettered. Its text is its name in JSON, such as `retries_exhausted`.
///
/// ```
/// # use trigger_core::{ConfigError, DeadLetterReason};
/// assert_eq!(DeadLetterReason::RetriesExhausted.to_string(), "retries_exhausted");
/// assert_eq!("timed_out".parse::<DeadLetterReason>()?, DeadLetterReason::TimedOut);
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadLetterReason {
    /// The queue of its trigger was full.
    Overflow,
    /// An argument of the handler could not be made from the event.
    Decode,
    /// The handler rejected the event, or returned a permanent error.
    Rejected,
    /// The handler returned an error or requested a retry at its only attempt: the process makes no retries.
    Failed,
    /// The handler returned an error or requested a retry at the last of several attempts.
    RetriesExhausted,
    /// The handler panicked, and no attempt is left.
    Panicked,
    /// The handler took longer than its `timeout`, and no attempt is left.
    TimedOut,
    /// The runtime ended, or the process was removed, before the event was handled. The drain report counts it as left.
    Drained,
    /// Handlers publish in a loop: the event is the 33rd in a row of events, each published by the handler of the one before.
    /// It was not queued.
    Loop,
}

named!(DeadLetterReason as "reason" {
    Overflow = "overflow",
    Decode = "decode",
    Rejected = "rejected",
    Failed = "failed",
    RetriesExhausted = "retries_exhausted",
    Panicked = "panicked",
    TimedOut = "timed_out",
    Drained = "drained",
    Loop = "loop",
});

/// A dead letter without its event.
#[derive(Serialize, Deserialize)]
struct About {
    number: u64,
    trigger_id: String,
    trigger_type: TriggerKind,
    process: String,
    reason: DeadLetterReason,
    error: String,
    attempts: u32,
    #[serde(serialize_with = "as_rfc3339", deserialize_with = "from_rfc3339")]
    first_at: SystemTime,
    #[serde(serialize_with = "as_rfc3339", deserialize_with = "from_rfc3339")]
    last_at: SystemTime,
}

fn from_rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
    SystemTime::try_from(time).map_err(D::Error::custom)
}

fn as_rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    rfc3339(*time).map_err(S::Error::custom)?.serialize(serializer)
}
