//! An event on its way through a handler.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Queue;
use super::inbox::Inbox;
use crate::clock;
use crate::event::{SharedEnvelope, TriggerEvent, TriggerInfo};

/// What a queue gets and keeps of an event, in two words.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) envelope: SharedEnvelope,
    /// The trigger it came through, where that is not the queue's own. That one is not counted up and down by each event, in
    /// memory that the threads of publishers and workers would share.
    trigger: Option<Arc<TriggerInfo>>,
}

/// A queued event.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) item: Item,
    /// The bytes of its body: known without a look at memory that another thread has written.
    pub(super) bytes: usize,
    /// Its place in the order of its key; without meaning where the process has none.
    pub(super) lane: u64,
    /// What is known of the attempts so far.
    pub(super) tries: Option<Box<Tries>>,
}

/// An event taken for handling. It ends in exactly one settlement; dropped without one, it is given back: to the head of
/// its queue, as if it had never been taken.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    event: TriggerEvent,
    bytes: usize,
    pub(super) lane: u64,
    tries: Option<Box<Tries>>,
    pub(super) port: usize,
    inbox: &'a Arc<Inbox>,
    settled: bool,
}

/// How the handling of an event ended, or one attempt at it.
#[derive(Clone, Debug)]
pub(crate) enum Settlement {
    Handled,
    /// The attempt failed; another one is made after this time.
    Retry {
        after: Duration,
        tries: Tries,
    },
    /// Given up on. `failed` says whether an attempt was made and failed.
    DeadLettered {
        failed: bool,
    },
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

impl From<SharedEnvelope> for Item {
    /// An event that comes through the queue's own trigger.
    fn from(envelope: SharedEnvelope) -> Item {
        Item { envelope, trigger: None }
    }
}

impl From<TriggerEvent> for Item {
    fn from(TriggerEvent { envelope, trigger }: TriggerEvent) -> Item {
        Item { envelope, trigger: Some(trigger) }
    }
}

impl Item {
    /// The event, in a queue whose own trigger is this one.
    pub(super) fn into_event(self, own: &Arc<TriggerInfo>) -> TriggerEvent {
        let Item { envelope, trigger } = self;
        TriggerEvent { envelope, trigger: trigger.unwrap_or_else(|| Arc::clone(own)) }
    }

    /// As [`into_event`](Self::into_event), of one that stays.
    pub(super) fn event(&self, own: &Arc<TriggerInfo>) -> TriggerEvent {
        let trigger = Arc::clone(self.trigger.as_ref().unwrap_or(own));
        TriggerEvent { envelope: SharedEnvelope::clone(&self.envelope), trigger }
    }
}

impl Entry {
    pub(super) fn new(item: Item, lane: u64) -> Entry {
        Entry { bytes: item.envelope.raw.len(), item, lane, tries: None }
    }
}

impl<'a> Delivery<'a> {
    pub(super) fn new(entry: Entry, port: usize, inbox: &'a Arc<Inbox>) -> Delivery<'a> {
        let Entry { item, bytes, lane, tries } = entry;
        let event = item.into_event(inbox.trigger(port));
        Delivery { event, bytes, lane, tries, port, inbox, settled: false }
    }

    /// Becomes the delivery of another event: that is moved here once, and what both have in common stays. Gives back what
    /// was here of the user's.
    #[inline]
    pub(super) fn replace(&mut self, port: usize, next: Entry) -> SharedEnvelope {
        let Entry { item: Item { envelope, trigger }, bytes, lane, tries } = next;
        let own = self.inbox.trigger(port);
        match trigger {
            Some(trigger) => self.event.trigger = trigger,
            None if Arc::ptr_eq(&self.event.trigger, own) => {}
            None => self.event.trigger = Arc::clone(own),
        }
        (self.bytes, self.lane, self.tries, self.port) = (bytes, lane, tries, port);
        mem::replace(&mut self.event.envelope, envelope)
    }

    pub(crate) fn event(&self) -> &TriggerEvent {
        &self.event
    }

    /// The attempts so far, if there were any.
    pub(crate) fn tries(&self) -> Option<&Tries> {
        self.tries.as_deref()
    }

    /// The queue it came from.
    pub(crate) fn queue(&self) -> Queue {
        Queue::of(Arc::clone(self.inbox), self.port)
    }

    /// Ends it. What is left to do is to drop it, which may be code of the user's: that of the owner of its bytes.
    pub(crate) fn settle(&mut self, settlement: Settlement) {
        self.settled = true;
        let (port, lane) = (self.port, self.lane);
        match settlement {
            Settlement::Handled => self.inbox.finish(port, lane, |ledger| ledger.handled += 1),
            Settlement::DeadLettered { failed } => self.inbox.finish(port, lane, |ledger| {
                ledger.dead_lettered += 1;
                ledger.failed += u64::from(failed);
            }),
            Settlement::Retry { after, tries } => {
                let entry = self.entry(Some(Box::new(tries)));
                self.inbox.retry(port, entry, clock::after(after));
            }
        }
    }

    /// Ends it as handled, and takes the next event, in one step: it is the delivery of that one then, and what was handled
    /// comes back. If there is no next one, it is only ended, as by [`settle`](Self::settle).
    #[inline]
    pub(crate) fn settle_and_take(&mut self) -> Option<SharedEnvelope> {
        let handled = self.inbox.finish_and_take(self);
        self.settled = handled.is_none();
        handled
    }

    /// What goes back into the queue.
    fn entry(&self, tries: Option<Box<Tries>>) -> Entry {
        Entry { item: self.event.clone().into(), bytes: self.bytes, lane: self.lane, tries }
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let tries = self.tries.take();
            self.inbox.give_back(self.port, self.entry(tries));
        }
    }
}
