//! The form of an event in a queue.

use std::sync::Arc;
use std::time::SystemTime;

use crate::event::{Frame, TriggerEvent, TriggerInfo};

/// An event in a queue, or on its way into or out of one. It has two words, so it is passed in registers.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) frame: Arc<Frame>,
    pub(super) rare: Option<Box<RareFields>>,
}

/// An event that was taken: the number of its queue, its lane, and the item.
pub(super) type Taken = (usize, u64, Item);

/// Fields that few events have, so they are boxed.
#[derive(Debug, Default)]
pub(super) struct RareFields {
    /// The trigger that the event came through, if it is not the queue's own. The queue's own trigger is not stored per
    /// event, to avoid a contended reference count.
    trigger: Option<Arc<TriggerInfo>>,
    pub(super) retry: Option<RetryState>,
}

/// The attempts at an event so far; all of them failed.
#[derive(Clone, Debug)]
pub(crate) struct RetryState {
    /// At least 1.
    pub(crate) failed_attempts: u32,
    /// The error of the last attempt.
    pub(crate) last_error: Arc<str>,
    /// When the first attempt began to wait, or ended without waiting.
    pub(crate) first_at: SystemTime,
}

impl From<Arc<Frame>> for Item {
    /// An event that came through the queue's own trigger.
    fn from(frame: Arc<Frame>) -> Item {
        Item { frame, rare: None }
    }
}

impl From<TriggerEvent> for Item {
    fn from(TriggerEvent { frame, trigger, .. }: TriggerEvent) -> Item {
        Item { frame, rare: Some(Box::new(RareFields { trigger: Some(trigger), retry: None })) }
    }
}

impl Item {
    /// Returns the size of the event's body, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.frame.raw.len()
    }

    pub(super) fn retry(&self) -> Option<&RetryState> {
        self.rare.as_ref()?.retry.as_ref()
    }

    /// Returns the number of attempts so far. All of them failed.
    pub(super) fn failed_attempts(&self) -> u32 {
        self.retry().map_or(0, |state| state.failed_attempts)
    }

    /// Returns the event; `own` is the trigger of the queue.
    pub(super) fn event(&self, own: &Arc<TriggerInfo>) -> TriggerEvent {
        TriggerEvent::through(Arc::clone(self.trigger().unwrap_or(own)), Arc::clone(&self.frame))
    }

    /// Returns the event, as [`event`](Self::event) does, and consumes the item.
    pub(super) fn into_event(self, own: &Arc<TriggerInfo>) -> TriggerEvent {
        let trigger = Arc::clone(self.trigger().unwrap_or(own));
        TriggerEvent::through(trigger, self.frame)
    }

    /// Returns the trigger that the event came through, if it is not the queue's own.
    pub(super) fn trigger(&self) -> Option<&Arc<TriggerInfo>> {
        self.rare.as_ref()?.trigger.as_ref()
    }
}
