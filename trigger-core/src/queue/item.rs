//! What a queue keeps of an event.

use std::sync::Arc;
use std::time::SystemTime;

use crate::event::{Envelope, TriggerEvent, TriggerInfo};

/// An event that goes into a queue, is there, or comes out of it. Two words, so that it is handed on in registers, and a full
/// queue is small.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) envelope: Arc<Envelope>,
    pub(super) more: Option<Box<More>>,
}

/// What few events have.
#[derive(Debug, Default)]
pub(super) struct More {
    /// The trigger it came through, where that is not the queue's own. That one is not counted up and down by each event, in
    /// memory that the threads of publishers and workers would share.
    trigger: Option<Arc<TriggerInfo>>,
    /// What is known of the attempts so far.
    pub(super) tries: Option<Tries>,
}

/// The attempts at an event so far; all of them failed.
#[derive(Clone, Debug)]
pub(crate) struct Tries {
    /// How many: at least 1.
    pub(crate) made: u32,
    /// What went wrong in the last one.
    pub(crate) last_error: Arc<str>,
    /// When the first one began to wait, or ended without.
    pub(crate) first_at: SystemTime,
}

impl From<Arc<Envelope>> for Item {
    /// An event that comes through the queue's own trigger.
    fn from(envelope: Arc<Envelope>) -> Item {
        Item { envelope, more: None }
    }
}

impl From<TriggerEvent> for Item {
    fn from(TriggerEvent { envelope, trigger, .. }: TriggerEvent) -> Item {
        Item { envelope, more: Some(Box::new(More { trigger: Some(trigger), tries: None })) }
    }
}

impl Item {
    /// The bytes of its body.
    pub(super) fn bytes(&self) -> usize {
        self.envelope.raw.len()
    }

    pub(super) fn tries(&self) -> Option<&Tries> {
        self.more.as_ref()?.tries.as_ref()
    }

    /// The event, in a queue whose own trigger is this one.
    pub(super) fn event(&self, own: &Arc<TriggerInfo>) -> TriggerEvent {
        TriggerEvent::through(Arc::clone(self.trigger().unwrap_or(own)), Arc::clone(&self.envelope))
    }

    /// As [`event`](Self::event), of one that does not stay.
    pub(super) fn into_event(self, own: &Arc<TriggerInfo>) -> TriggerEvent {
        let trigger = Arc::clone(self.trigger().unwrap_or(own));
        TriggerEvent::through(trigger, self.envelope)
    }

    /// The trigger it came through, where that is not the queue's own.
    pub(super) fn trigger(&self) -> Option<&Arc<TriggerInfo>> {
        self.more.as_ref()?.trigger.as_ref()
    }
}
