//! An event on its way through a handler.

use std::sync::Arc;
use std::time::Duration;

use super::Queue;
use super::inbox::Inbox;
use super::item::{Item, More, Tries};
use super::state::Taken;
use crate::clock;
use crate::event::{Envelope, TriggerEvent};

/// An event taken for handling. It ends in exactly one settlement; dropped without one, it is given back: to the head of
/// its queue, as if it had never been taken.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    event: TriggerEvent,
    more: Option<Box<More>>,
    /// Its place in the order of its key; without meaning where the process has none.
    pub(super) lane: u64,
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

impl<'a> Delivery<'a> {
    pub(super) fn new((port, lane, item): Taken, inbox: &'a Arc<Inbox>) -> Delivery<'a> {
        let own = inbox.trigger(port);
        let trigger = Arc::clone(item.trigger().unwrap_or(own));
        let Item { envelope, more } = item;
        let event = TriggerEvent::through(trigger, envelope);
        Delivery { event, more, lane, port, inbox, settled: false }
    }

    /// Becomes the delivery of another event: what both have in common stays. Gives back what was here of the user's.
    #[inline]
    pub(super) fn replace(&mut self, (port, lane, item): Taken) -> Arc<Envelope> {
        let own = self.inbox.trigger(port);
        match item.trigger() {
            None if Arc::ptr_eq(&self.event.trigger, own) => {}
            trigger => self.event.trigger = Arc::clone(trigger.unwrap_or(own)),
        }
        let Item { envelope, more } = item;
        (self.more, self.lane, self.port) = (more, lane, port);
        self.event.replace_envelope(envelope)
    }

    pub(crate) fn event(&self) -> &TriggerEvent {
        &self.event
    }

    /// The attempts so far, if there were any.
    pub(crate) fn tries(&self) -> Option<&Tries> {
        self.more.as_ref()?.tries.as_ref()
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
                let mut item = self.item();
                item.more.get_or_insert_default().tries = Some(tries);
                self.inbox.retry((port, lane, item), clock::after(after));
            }
        }
    }

    /// Ends it as handled, and takes the next event, in one step: it is the delivery of that one then, and what was handled
    /// comes back. If there is no next one, it is only ended, as by [`settle`](Self::settle).
    #[inline]
    pub(crate) fn settle_and_take(&mut self) -> Option<Arc<Envelope>> {
        let handled = self.inbox.finish_and_take(self);
        self.settled = handled.is_none();
        handled
    }

    /// What goes back into the queue.
    fn item(&mut self) -> Item {
        Item { envelope: Arc::clone(&self.event.envelope), more: self.more.take() }
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let item = self.item();
            self.inbox.give_back((self.port, self.lane, item));
        }
    }
}
