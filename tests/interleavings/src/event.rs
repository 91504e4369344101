//! Events that are told apart by a number.

use std::fmt;
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TriggerEvent {
    pub(crate) number: u64,
}

impl TriggerEvent {
    pub(crate) fn id(&self) -> EventId {
        EventId(self.number)
    }

    pub(crate) fn trigger_id(&self) -> &str {
        "trigger"
    }

    pub(crate) fn timestamp(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    /// As many bytes as its number.
    pub(crate) fn raw(&self) -> &[u8] {
        &[0; 16][..self.number as usize]
    }
}
