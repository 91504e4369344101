//! Events that are told apart by a number.

use std::fmt;
use std::sync::Arc;

#[path = "../../../trigger-core/src/event/timestamp.rs"]
mod timestamp;

pub(crate) use timestamp::Timestamp;

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
pub(crate) struct Envelope {
    pub(crate) number: u64,
    pub(crate) timestamp: Timestamp,
    pub(crate) raw: &'static [u8],
}

/// Of as many bytes as its number.
pub(crate) fn envelope(number: u64) -> Arc<Envelope> {
    Arc::new(Envelope { number, timestamp: Timestamp::UNIX_EPOCH, raw: &[0; 16][..number as usize] })
}

#[derive(Debug, Default)]
pub(crate) struct TriggerInfo;

#[derive(Clone, Debug)]
pub(crate) struct TriggerEvent {
    pub(crate) trigger: Arc<TriggerInfo>,
    pub(crate) envelope: Arc<Envelope>,
}

impl TriggerEvent {
    pub(crate) fn through(trigger: Arc<TriggerInfo>, envelope: Arc<Envelope>) -> TriggerEvent {
        TriggerEvent { trigger, envelope }
    }

    pub(crate) fn replace_envelope(&mut self, envelope: Arc<Envelope>) -> Arc<Envelope> {
        std::mem::replace(&mut self.envelope, envelope)
    }

    pub(crate) fn number(&self) -> u64 {
        self.envelope.number
    }

    pub(crate) fn id(&self) -> EventId {
        EventId(self.number())
    }

    pub(crate) fn trigger_id(&self) -> &str {
        "trigger"
    }
}
