//! The bounded queues between triggers and workers, and the exact account of their events.
//!
//! A [`Queue`] buffers the events of one trigger. The queues of one process share an [`Inbox`]: one lock, one place
//! where workers wait and, if the process has a key, one order for each key. A worker takes an event as a [`Delivery`],
//! which ends in exactly one settlement. So at every moment, for every queue,
//!
//! `accepted = queued + in flight + handled + dead-lettered + evicted + released`
//!
//! where an event that waits for a retry is queued, and an event that something else keeps may be released to it. The
//! account is kept under the same lock as the events, so a reader never sees it out of balance. A publisher may append
//! an event under a second lock, that of the quick intake. A reader merges the intake before it reads the account.
//!
//! The folder depends on events, keys, observers and the clock. `state` has the transitions, `inbox` the lock and
//! the wake-ups, and `intake` the second lock. Triggers push through a `Queue`, and the workers of the process take
//! each `Delivery` from the `Inbox`.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use crate::event::{Frame, TriggerEvent, TriggerInfo};
use crate::observe::observer::{DropReason, ObservedProcess, PushReport};

mod delivery;
mod door;
mod guest;
mod idle;
mod inbox;
mod intake;
mod item;
mod lanes;
mod ledger;
mod port;
mod quiescence;
pub(crate) mod receipt;
mod schedule;
mod state;
mod wake;

pub(crate) use delivery::{Delivery, Settlement};
pub(crate) use door::{Admission, Refusal};
pub(crate) use guest::{Departed, NotReserved};
pub(crate) use inbox::{Inbox, Left, Load, QueueSettings, Workers};
pub(crate) use item::Item;
pub(crate) use ledger::{Ledger, Snapshot};
pub(crate) use port::Bounds;
pub(crate) use quiescence::Quiescence;

use inbox::IdleWorker;
use state::PushError;

/// The queue of one trigger, in the inbox of its process. The caller applies the overflow policy. A clone is a handle
/// to the same queue.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    inbox: Arc<Inbox>,
    port: usize,
    /// `true` if the process has neither a key nor observers. A push checks for both by one branch.
    plain: bool,
}

/// The result of a push. It returns an event that was refused.
#[derive(Debug)]
pub(crate) enum Pushed {
    Queued,
    /// Queued, and these older events were evicted. The number is the queue's count of dropped events, these included.
    Evicted(Vec<Item>, u64),
    /// The event waits in the door of the queue, with this ticket.
    Waiting(u64),
    Full(Item),
    Closed(Item),
}

impl Pushed {
    /// Ends the report of the push. Returns the result of the push.
    #[cold]
    fn report(self, report: PushReport<'_>) -> Pushed {
        let evicted = match &self {
            Pushed::Queued => &[][..],
            Pushed::Evicted(oldest, _) => oldest,
            Pushed::Waiting(_) | Pushed::Full(_) | Pushed::Closed(_) => return self,
        };
        report.queued();
        for item in evicted {
            report.evicted(&item.frame, item.failed_attempts());
        }
        report.end();
        self
    }
}

impl From<PushError> for Pushed {
    fn from(error: PushError) -> Pushed {
        match error {
            PushError::Full(item) => Pushed::Full(item),
            PushError::Closed(item) => Pushed::Closed(item),
        }
    }
}

impl Queue {
    /// Returns the queue with this number in an inbox.
    pub(crate) fn of(inbox: Arc<Inbox>, port: usize) -> Queue {
        Queue { plain: !inbox.is_keyed() && inbox.observed().is_none(), inbox, port }
    }

    pub(crate) fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// Returns the number of the queue in its inbox.
    pub(crate) fn port(&self) -> usize {
        self.port
    }

    /// Returns the trigger of the queue.
    pub(crate) fn trigger(&self) -> &Arc<TriggerInfo> {
        self.inbox.trigger(self.port)
    }

    /// Returns the event of an item that was pushed onto this queue, also of one that was refused.
    pub(crate) fn event(&self, item: Item) -> TriggerEvent {
        item.into_event(self.trigger())
    }

    /// Returns the lane of an event, which is 0 without a key, and the observers of its push.
    #[inline(always)]
    fn lane(&self, item: &Item) -> (u64, Option<&ObservedProcess>) {
        if self.plain { (0, None) } else { (self.inbox.lane(self.port, item), self.inbox.observed()) }
    }

    fn report_dropped(&self, frame: &Frame, reason: DropReason) {
        if let Some(observed) = self.inbox.observed() {
            observed.dropped(self.trigger(), frame, reason);
        }
    }

    /// Opens the queue for new events. Queued ones stay.
    pub(crate) fn open(&self) {
        self.inbox.state().open(self.port);
    }

    /// Closes the queue for new events. Workers can still take the queued ones. Every waiting task is woken.
    pub(crate) fn close(&self) {
        self.inbox.transition(|state| state.close(self.port));
    }

    /// Queues an event if there is capacity.
    #[inline]
    pub(crate) fn push(&self, item: Item) -> Pushed {
        let (lane, observed) = self.lane(&item);
        if let Some(observed) = observed {
            return self.push_observed(observed, lane, item);
        }
        let item = match self.push_quick(item) {
            Ok(()) => return Pushed::Queued,
            Err(item) => item,
        };
        // Not by `push_in`: the compiler inlines a closure that has one caller.
        self.inbox.transition(|state| match state.push(self.port, lane, item) {
            Ok(()) => Pushed::Queued,
            Err(error) => error.into(),
        })
    }

    /// Appends an event to the quick intake.
    ///
    /// # Errors
    ///
    /// The event, if it needs the lock of the inbox.
    #[inline(always)]
    fn push_quick(&self, item: Item) -> Result<(), Item> {
        self.inbox.intake(self.port).push(item)
    }

    #[cold]
    fn push_observed(&self, observed: &ObservedProcess, lane: u64, item: Item) -> Pushed {
        let report = observed.begin_push(self.trigger(), &item.frame);
        let pushed = self.inbox.transition(|state| match state.push(self.port, lane, item) {
            Ok(()) => Pushed::Queued,
            Err(error) => error.into(),
        });
        pushed.report(report)
    }

    /// Queues an event that its source has handed out for good, with or without capacity.
    pub(crate) fn push_taken(&self, event: TriggerEvent) {
        let item = Item::from(event);
        let (lane, observed) = self.lane(&item);
        let report = observed.map(|observed| observed.begin_push(self.trigger(), &item.frame));
        self.inbox.transition(|state| state.push_taken(self.port, lane, item));
        if let Some(report) = report {
            Pushed::Queued.report(report);
        }
    }

    /// Queues an event, and evicts the oldest ones if there is no capacity. Events that wait for a retry stay, so the
    /// queue may be full all the same.
    #[inline(always)]
    pub(crate) fn push_evicting(&self, item: Item) -> Pushed {
        let (lane, observed) = self.lane(&item);
        match observed {
            None => match self.push_quick(item) {
                Ok(()) => Pushed::Queued,
                Err(item) => self.push_evicting_in(lane, item),
            },
            Some(observed) => self.push_evicting_observed(observed, lane, item),
        }
    }

    #[cold]
    fn push_evicting_observed(&self, observed: &ObservedProcess, lane: u64, item: Item) -> Pushed {
        let report = observed.begin_push(self.trigger(), &item.frame);
        let pushed = self.push_evicting_in(lane, item);
        // A redriven event may have come in through the door, and be evicted before anything has reported that.
        report.in_turn(|| self.inbox.report_each_admitted(observed));
        pushed.report(report)
    }

    #[inline(always)]
    fn push_evicting_in(&self, lane: u64, item: Item) -> Pushed {
        let mut state = self.inbox.state();
        let pushed = state.push_evicting(self.port, lane, item);
        let dropped = state.port(self.port).ledger.dropped;
        self.inbox.release(state);
        match pushed {
            Ok(evicted) => {
                if evicted.is_empty() {
                    Pushed::Queued
                } else {
                    Pushed::Evicted(evicted, dropped)
                }
            }
            Err(error) => error.into(),
        }
    }

    /// Takes the next event for a program that uses the trigger without a runtime; it counts as handled. Returns `None`
    /// once the queue is closed and empty.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: only a future that returns an event has taken one.
    pub(crate) async fn pop(&self) -> Option<TriggerEvent> {
        let closes = self.inbox.state().port(self.port).closes;
        let mut consumer = IdleWorker::new(&self.inbox);
        let taken = poll_fn(|task| {
            consumer.poll(
                task,
                || (),
                |state| match state.pop(self.port) {
                    Some(item) => Poll::Ready(Some(item)),
                    None => {
                        let port = state.port(self.port);
                        let waits = port.is_open() && port.closes == closes;
                        if waits { Poll::Pending } else { Poll::Ready(None) }
                    }
                },
            )
        });
        taken.await.map(|item| self.handled(item))
    }

    /// Takes every queued event, in order; they count as handled.
    pub(crate) fn drain(&self) -> Vec<TriggerEvent> {
        let items = self.inbox.transition(|state| state.drain(self.port));
        items.into_iter().map(|item| self.handled(item)).collect()
    }

    /// Returns the event of an item that the program has taken.
    fn handled(&self, mut item: Item) -> TriggerEvent {
        item.take_receipt().into_iter().for_each(receipt::handled);
        self.event(item)
    }

    /// Returns the number of events and of bytes that fit now, or zeros if the queue is closed or publishers wait.
    pub(crate) fn capacity_now(&self) -> (usize, usize) {
        self.inbox.state().capacity_of(self.port)
    }

    /// Queues events that something else keeps, with or without capacity, and those that are due later for then. If the
    /// queue is closed, releases the rest. Returns the number of queued events.
    pub(crate) fn push_held(&self, items: impl Iterator<Item = Item>) -> usize {
        let mut queued = 0;
        for item in items {
            let (lane, observed) = self.lane(&item);
            let report = observed.map(|observed| observed.begin_push(self.trigger(), &item.frame));
            let pushed = self.inbox.transition(|state| match state.push_held(self.port, lane, item) {
                Ok(()) => Pushed::Queued,
                Err(error) => error.into(),
            });
            let pushed = match report {
                Some(report) => pushed.report(report),
                None => pushed,
            };
            match pushed {
                Pushed::Full(mut item) | Pushed::Closed(mut item) => {
                    item.take_receipt().into_iter().for_each(receipt::release);
                }
                _ => queued += 1,
            }
        }
        queued
    }

    /// Counts an event that is dropped for this reason. Returns the queue's count of dropped events.
    pub(crate) fn count_dropped(&self, frame: &Frame, reason: DropReason) -> u64 {
        let dropped = self.count(|ledger| {
            ledger.dropped += 1;
            ledger.dropped
        });
        self.report_dropped(frame, reason);
        dropped
    }

    /// Counts an event that the store did not keep as dropped.
    pub(crate) fn count_not_stored(&self, frame: &Frame) {
        self.count(|ledger| ledger.dropped += 1);
        self.report_dropped(frame, DropReason::NotStored);
    }

    /// Counts an event that the filter rejected.
    pub(crate) fn count_filtered(&self, frame: &Frame) {
        self.count(|ledger| ledger.filtered += 1);
        self.report_dropped(frame, DropReason::Filtered);
    }

    /// Counts an event that the filter could not decode. Returns the count of such events.
    pub(crate) fn count_undecodable(&self, frame: &Frame) -> u64 {
        let undecodable = self.count(|ledger| {
            ledger.filtered += 1;
            ledger.undecodable += 1;
            ledger.undecodable
        });
        self.report_dropped(frame, DropReason::Undecodable);
        undecodable
    }

    fn count<T>(&self, count: impl FnOnce(&mut Ledger) -> T) -> T {
        count(&mut self.inbox.state().port_mut(self.port).ledger)
    }

    /// Returns the number of queued events and the account, at one moment.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.inbox.state().snapshot(self.port)
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.inbox.state().port(self.port).ledger.clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.inbox.state().port(self.port).ledger.queued()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.inbox.state().port(self.port).is_open()
    }
}
