//! An event on its way through a handler.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Queue;
use super::inbox::Inbox;
use crate::clock;
use crate::event::TriggerEvent;

/// A queued event.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) event: TriggerEvent,
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
    entry: Entry,
    port: usize,
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

impl Entry {
    pub(super) fn new(event: TriggerEvent, lane: u64) -> Entry {
        Entry { bytes: event.raw().len(), event, lane, tries: None }
    }
}

impl<'a> Delivery<'a> {
    pub(super) fn new(entry: Entry, port: usize, inbox: &'a Arc<Inbox>) -> Delivery<'a> {
        Delivery { entry, port, inbox, settled: false }
    }

    pub(crate) fn event(&self) -> &TriggerEvent {
        &self.entry.event
    }

    /// The attempts so far, if there were any.
    pub(crate) fn tries(&self) -> Option<&Tries> {
        self.entry.tries.as_deref()
    }

    /// The queue it came from.
    pub(crate) fn queue(&self) -> Queue {
        Queue::of(Arc::clone(self.inbox), self.port)
    }

    /// Ends it. What is left to do is to drop it, which may be code of the user's: that of the owner of its bytes.
    pub(crate) fn settle(&mut self, settlement: Settlement) {
        self.settled = true;
        let (port, lane) = (self.port, self.entry.lane);
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

    /// Ends it as handled, and takes the next event, in one step: it is the delivery of that one then, and the event that
    /// was handled comes back. If there is no next one, it is only ended, as by [`settle`](Self::settle).
    #[inline]
    pub(crate) fn settle_and_take(&mut self) -> Option<TriggerEvent> {
        let handled = self.inbox.finish_and_take(&mut self.port, &mut self.entry);
        self.settled = handled.is_none();
        handled
    }

    /// What goes back into the queue.
    fn entry(&self, tries: Option<Box<Tries>>) -> Entry {
        let Entry { ref event, bytes, lane, .. } = self.entry;
        Entry { event: event.clone(), bytes, lane, tries }
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let tries = self.entry.tries.take();
            self.inbox.give_back(self.port, self.entry(tries));
        }
    }
}
