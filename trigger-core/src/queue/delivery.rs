//! An event that a worker has taken, until its settlement.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use super::inbox::{IdleWorker, Inbox};
use super::item::{Item, RareFields, Taken};
use super::receipt;
#[cfg(any(test, loom))]
use super::state::State;
use crate::event::{DeadLetter, Frame, Receipt, RetryState, TriggerEvent, TriggerInfo};
use crate::observe::observer::ObservedProcess;

/// An event that a worker has taken. It ends in exactly one settlement. If it is dropped before that, the event is
/// requeued at the head of its queue, as if it had never been taken.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    event: TriggerEvent,
    rare: Option<Box<RareFields>>,
    /// The lane of its key; unused if the process has no key.
    lane: u64,
    port: usize,
    inbox: &'a Arc<Inbox>,
    settled: bool,
}

/// The end of a delivery.
#[derive(Clone, Debug)]
pub(crate) enum Settlement<'a> {
    Handled,
    /// The attempt failed, and the next one is due after this time, which is this time of the runtime's clock.
    Retry {
        after: Duration,
        due: SystemTime,
        state: RetryState,
    },
    /// The dead letter is kept. `failed` is `true` if an attempt was made and failed.
    DeadLettered {
        failed: bool,
        dead_letter: &'a DeadLetter,
    },
}

impl<'a> Delivery<'a> {
    /// Takes the next event of an inbox for a worker. Returns `None` if no event is ready.
    #[cfg(any(test, loom))]
    pub(crate) fn take(inbox: &'a Arc<Inbox>) -> Option<Delivery<'a>> {
        inbox.transition(State::take).map(|taken| Delivery::new(taken, inbox))
    }

    /// Waits for the next event of an inbox, and takes it for a worker. Calls `idle` when the wait begins. Returns `None`
    /// once every queue is closed and empty.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: only a future that returns an event has taken one.
    pub(crate) async fn next(inbox: &'a Arc<Inbox>, mut idle: impl FnMut()) -> Option<Delivery<'a>> {
        let mut worker = IdleWorker::new(inbox);
        let taken = poll_fn(|task| {
            worker.poll(task, &mut idle, |state| match state.take() {
                Some(taken) => Poll::Ready(Some(taken)),
                None if state.is_over() => Poll::Ready(None),
                None => Poll::Pending,
            })
        });
        taken.await.map(|taken| Delivery::new(taken, inbox))
    }

    fn new((port, lane, item): Taken, inbox: &'a Arc<Inbox>) -> Delivery<'a> {
        let trigger = Arc::clone(item.trigger().unwrap_or(inbox.trigger(port)));
        let Item { frame, rare } = item;
        let event = TriggerEvent::through(trigger, frame);
        Delivery { event, rare, lane, port, inbox, settled: false }
    }

    /// Reuses this delivery for the next event. Returns the old frame so that the caller drops it outside the lock.
    #[inline(always)]
    fn replace(&mut self, (port, lane, item): Taken) -> Arc<Frame> {
        let own = self.inbox.trigger(port);
        match item.trigger() {
            None if Arc::ptr_eq(&self.event.trigger, own) => {}
            trigger => self.event.trigger = Arc::clone(trigger.unwrap_or(own)),
        }
        let Item { frame, rare } = item;
        (self.lane, self.port) = (lane, port);
        // Nothing is dropped: the caller has taken the fields of the settled event.
        std::mem::forget(std::mem::replace(&mut self.rare, rare));
        self.event.replace_frame(frame)
    }

    pub(crate) fn event(&self) -> &TriggerEvent {
        &self.event
    }

    /// Returns the trigger of the queue that the event was taken from.
    pub(crate) fn trigger(&self) -> &TriggerInfo {
        self.inbox.trigger(self.port)
    }

    /// Returns the observers of the process, if there are any.
    pub(crate) fn observed(&self) -> Option<&'a ObservedProcess> {
        self.inbox.observed()
    }

    /// Reports the events that came in through a door, before anything else about them is reported.
    pub(crate) fn report_admitted(&self) {
        self.inbox.report_admitted();
    }

    /// Returns the number of the attempt that the worker makes, from 1.
    pub(crate) fn attempt(&self) -> u32 {
        self.retry().map_or(0, |state| state.failed_attempts).saturating_add(1)
    }

    /// Returns the attempts so far, if there were any.
    pub(crate) fn retry(&self) -> Option<&RetryState> {
        self.rare.as_ref()?.retry.as_ref()
    }

    /// Settles the event. Its receipt is called first: see [`Receipt`]. A later drop of the delivery may run code of the
    /// user: the drop of the event's bytes.
    pub(crate) fn settle(&mut self, settlement: Settlement<'_>) {
        let (port, lane) = (self.port, self.lane);
        match settlement {
            Settlement::Handled => {
                self.take_receipt().into_iter().for_each(receipt::handled);
                self.inbox.settle(port, lane, |ledger| ledger.handled += 1);
            }
            Settlement::DeadLettered { failed, dead_letter } => {
                self.take_receipt().into_iter().for_each(|held| receipt::dead(held, Some(dead_letter)));
                self.inbox.settle(port, lane, |ledger| {
                    ledger.dead_lettered += 1;
                    ledger.failed += u64::from(failed);
                });
            }
            Settlement::Retry { after, due, state } => {
                let mut item = self.item();
                let rare = item.rare.get_or_insert_default();
                rare.receipt.iter().for_each(|held| receipt::retry(&**held, &state, due));
                rare.retry = Some(state);
                self.inbox.retry((port, lane, item), after);
            }
        }
        self.settled = true;
    }

    fn take_receipt(&mut self) -> Option<Box<dyn Receipt>> {
        self.rare.as_mut()?.receipt.take()
    }

    /// Settles the event as handled, and takes the next one under the same lock. Returns the handled frame. Returns
    /// `None` if there is no next event; the delivery is then settled.
    #[inline(always)]
    pub(crate) fn settle_and_take(&mut self) -> Option<Arc<Frame>> {
        if let Some(rare) = self.rare.take() {
            rare.receipt.into_iter().for_each(receipt::handled);
        }
        let inbox = self.inbox;
        let mut state = inbox.unmerged();
        let taken = state.settle_and_take(self.port, self.lane);
        inbox.release(state);
        match taken {
            Some(taken) => Some(self.replace(taken)),
            None => {
                self.settled = true;
                None
            }
        }
    }

    /// Requeues the event at the head of its queue.
    fn requeue(&mut self) {
        let item = self.item();
        self.inbox.requeue((self.port, self.lane, item));
    }

    /// Returns the item to put back into the queue.
    fn item(&mut self) -> Item {
        Item { frame: Arc::clone(&self.event.frame), rare: self.rare.take() }
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.requeue();
        }
    }
}
