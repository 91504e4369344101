//! The form of an event in a queue.

use std::fmt;
use std::sync::Arc;

use crate::clock::Instant;
use crate::event::{Frame, Receipt, RetryState, TriggerEvent, TriggerInfo};

/// An event in a queue, or on its way into or out of one. It has two words, so it is passed in registers.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) frame: Arc<Frame>,
    pub(super) rare: Option<Box<RareFields>>,
}

/// An event that was taken: the number of its queue, its lane, and the item.
pub(super) type Taken = (usize, u64, Item);

/// Fields that few events have, so they are boxed.
#[derive(Default)]
pub(super) struct RareFields {
    /// The trigger that the event came through, if it is not the queue's own. The queue's own trigger is not stored per
    /// event, to avoid a contended reference count.
    trigger: Option<Arc<TriggerInfo>>,
    pub(super) retry: Option<RetryState>,
    /// The other end of an event that something else keeps.
    pub(super) receipt: Option<Box<dyn Receipt>>,
    /// When the first attempt in this process is due, until that of a schedule.
    pub(super) due: Option<Instant>,
}

impl From<Arc<Frame>> for Item {
    /// An event that came through the queue's own trigger.
    fn from(frame: Arc<Frame>) -> Item {
        Item { frame, rare: None }
    }
}

impl From<TriggerEvent> for Item {
    fn from(TriggerEvent { frame, trigger, .. }: TriggerEvent) -> Item {
        Item { frame, rare: Some(Box::new(RareFields { trigger: Some(trigger), ..RareFields::default() })) }
    }
}

impl fmt::Debug for RareFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RareFields { trigger, retry, receipt, due } = self;
        let mut fields = f.debug_struct("RareFields");
        fields.field("trigger", trigger).field("retry", retry).field("held", &receipt.is_some());
        fields.field("due", due).finish()
    }
}

impl Item {
    /// Returns an event that something else keeps, with the attempts so far.
    pub(crate) fn held(frame: Arc<Frame>, receipt: Box<dyn Receipt>, retry: Option<RetryState>) -> Item {
        let rare = RareFields { retry, receipt: Some(receipt), ..RareFields::default() };
        Item { frame, rare: Some(Box::new(rare)) }
    }

    /// Sets the time before which no worker takes the event.
    pub(crate) fn due(mut self, due: Instant) -> Item {
        self.rare.get_or_insert_default().due = Some(due);
        self
    }

    /// Removes the time before which no worker takes the event.
    pub(super) fn take_due(&mut self) -> Option<Instant> {
        self.rare.as_mut()?.due.take()
    }

    /// Removes the receipt.
    pub(crate) fn take_receipt(&mut self) -> Option<Box<dyn Receipt>> {
        self.rare.as_mut()?.receipt.take()
    }

    pub(super) fn is_held(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.receipt.is_some())
    }

    /// Returns the size of the event's body, in bytes.
    pub(crate) fn bytes(&self) -> usize {
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
