//! Events, each identified by a number.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventId(u64);

impl EventId {
    pub(crate) fn fold(self) -> u64 {
        self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) number: u64,
    pub(crate) timestamp: SystemTime,
    pub(crate) raw: &'static [u8],
}

/// Returns a frame whose body has as many bytes as its number.
pub(crate) fn frame(number: u64) -> Arc<Frame> {
    Arc::new(Frame { number, timestamp: SystemTime::UNIX_EPOCH, raw: &[0; 16][..number as usize] })
}

#[derive(Debug, Default)]
pub(crate) struct TriggerInfo;

#[derive(Clone, Debug)]
pub(crate) struct TriggerEvent {
    pub(crate) trigger: Arc<TriggerInfo>,
    pub(crate) frame: Arc<Frame>,
}

impl TriggerEvent {
    pub(crate) fn through(trigger: Arc<TriggerInfo>, frame: Arc<Frame>) -> TriggerEvent {
        TriggerEvent { trigger, frame }
    }

    pub(crate) fn replace_frame(&mut self, frame: Arc<Frame>) -> Arc<Frame> {
        std::mem::replace(&mut self.frame, frame)
    }

    pub(crate) fn number(&self) -> u64 {
        self.frame.number
    }

    pub(crate) fn id(&self) -> EventId {
        EventId(self.number())
    }

    pub(crate) fn trigger_id(&self) -> &str {
        "trigger"
    }
}

/// The end of a delivery of an event that something else keeps.
pub(crate) trait Receipt: Send + Sync {
    fn retry(&self, state: &RetryState, due: SystemTime);

    fn handled(self: Box<Self>);

    fn dead(self: Box<Self>, dead_letter: &DeadLetter);

    fn release(self: Box<Self>);
}

#[derive(Clone, Debug)]
pub(crate) struct RetryState {
    pub(crate) failed_attempts: u32,
    pub(crate) last_error: Arc<str>,
    pub(crate) first_at: SystemTime,
}

#[derive(Debug)]
pub(crate) struct DeadLetter;
