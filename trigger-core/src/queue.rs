//! The bounded queue between a trigger and whoever takes its events, and the exact account of what became of them.
//!
//! An event that is taken for handling leaves as a [`Delivery`], which ends in exactly one settlement: it is settled,
//! or it is dropped unsettled and goes back to the head of the queue. So at every moment, for every queue,
//!
//! `accepted = queued + in flight + handled + dead-lettered + evicted`
//!
//! and the account is kept under the same lock as the events, so that a reader never sees it out of balance.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;

use crate::event::TriggerEvent;

/// A bounded queue. What happens at the bound is decided by who pushes.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    capacity: usize,
    /// Wakes those who wait for an event. All queues of a process share it, so that its workers wait in one place.
    ready: Arc<Notify>,
    /// Wakes those who wait for room.
    room: Notify,
    /// What the runtime counts over all its queues, to know when a cascade has come to rest.
    pending: Arc<Pending>,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<TriggerEvent>,
    open: bool,
    /// How often the queue was closed: one who waits learns from it of a close that was followed by an open.
    closed: u64,
    ledger: Ledger,
}

/// What became of the events of one queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) accepted: u64,
    /// Had no room: turned away, or pushed out by a newer one.
    pub(crate) dropped: u64,
    /// Matched the subscription but not its filter.
    pub(crate) filtered: u64,
    pub(crate) in_flight: u64,
    pub(crate) handled: u64,
    /// Attempts that failed.
    pub(crate) failed: u64,
    /// Attempts that were made again.
    pub(crate) retried: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) last_fired: Option<SystemTime>,
}

/// The answer to a push. What was not taken comes back.
#[derive(Debug)]
pub(crate) enum Pushed {
    Queued,
    /// It was queued, in the place of this one, and this many have had no room so far.
    Evicted(TriggerEvent, u64),
    Full(TriggerEvent),
    Closed(TriggerEvent),
}

/// The answer to a take that does not wait.
#[derive(Debug)]
pub(crate) enum Taken<T> {
    Event(T),
    Empty,
    /// Closed, and nothing is left.
    Closed,
}

impl Queue {
    /// A queue that is still closed.
    pub(crate) fn new(capacity: usize, ready: Arc<Notify>, pending: Arc<Pending>) -> Queue {
        Queue { state: Mutex::default(), capacity, ready, room: Notify::new(), pending }
    }

    /// Nothing is left half done where the lock is held, so a poisoned lock is as good as a sound one.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets events in. What is still queued stays.
    pub(crate) fn open(&self) {
        self.state().open = true;
    }

    /// Lets no more events in. What is queued can still be taken; then everyone who waits learns of the close.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        if state.open {
            state.open = false;
            state.closed += 1;
        }
        drop(state);
        self.ready.notify_waiters();
        self.room.notify_waiters();
    }

    /// Queues an event if there is room.
    pub(crate) fn push(&self, event: TriggerEvent) -> Pushed {
        let state = self.state();
        if !state.open {
            return Pushed::Closed(event);
        }
        if state.events.len() >= self.capacity {
            return Pushed::Full(event);
        }
        self.accept_one_more(state, event)
    }

    /// Queues an event that its source has handed out for good, whether there is room or not.
    pub(crate) fn push_taken(&self, event: TriggerEvent) {
        self.pending.add();
        self.accept(self.state(), event);
    }

    /// Queues an event, in the place of the oldest one if there is no room.
    pub(crate) fn push_evicting(&self, event: TriggerEvent) -> Pushed {
        let mut state = self.state();
        if !state.open {
            return Pushed::Closed(event);
        }
        if state.events.len() < self.capacity {
            return self.accept_one_more(state, event);
        }
        // One comes and one goes, so there are as many pending as before.
        let evicted = state.events.pop_front();
        state.ledger.dropped += u64::from(evicted.is_some());
        let dropped = state.ledger.dropped;
        self.accept(state, event);
        evicted.map_or(Pushed::Queued, |evicted| Pushed::Evicted(evicted, dropped))
    }

    fn accept_one_more(&self, state: MutexGuard<'_, State>, event: TriggerEvent) -> Pushed {
        // Counted before anyone can take it, so that the count never passes zero on the way.
        if !self.pending.add() {
            return Pushed::Closed(event);
        }
        self.accept(state, event);
        Pushed::Queued
    }

    fn accept(&self, mut state: MutexGuard<'_, State>, event: TriggerEvent) {
        state.ledger.accepted += 1;
        state.ledger.last_fired = Some(event.timestamp());
        state.events.push_back(event);
        drop(state);
        self.ready.notify_one();
    }

    /// Queues an event as soon as there is room. Gives it back if the queue is or gets closed.
    ///
    /// The event stays in `slot` until it is queued, so that one who stops waiting still has it.
    pub(crate) async fn push_waiting(&self, slot: &mut Option<TriggerEvent>) {
        let closed = self.state().closed;
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            // From here on no wake-up is missed, also one that comes before the await.
            room.as_mut().enable();
            if self.state().closed != closed {
                return;
            }
            match slot.take().map(|event| self.push(event)) {
                Some(Pushed::Full(event)) => *slot = Some(event),
                Some(Pushed::Closed(event)) => {
                    *slot = Some(event);
                    return;
                }
                _ => return,
            }
            room.await;
        }
    }

    /// Waits until there is room, or the queue is closed.
    pub(crate) async fn room(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if self.has_room() {
                return;
            }
            room.await;
        }
    }

    fn has_room(&self) -> bool {
        let state = self.state();
        !state.open || state.events.len() < self.capacity
    }

    /// Takes the next event for oneself; it counts as handled. `None` once the queue is closed and empty.
    ///
    /// Cancel safe: an event is taken only by a future that returns it.
    pub(crate) async fn pop(&self) -> Option<TriggerEvent> {
        // One who takes without end gives way to others; before anything is taken, so that nothing can be lost here.
        tokio::task::coop::consume_budget().await;
        let closed = self.state().closed;
        loop {
            let ready = self.ready.notified();
            tokio::pin!(ready);
            ready.as_mut().enable();
            match self.try_pop(closed) {
                Taken::Event(event) => return Some(event),
                Taken::Closed => return None,
                Taken::Empty => ready.await,
            }
        }
    }

    /// As [`pop`](Self::pop), without waiting. `closed` is the number of closes the caller knew of.
    fn try_pop(&self, closed: u64) -> Taken<TriggerEvent> {
        let mut state = self.state();
        let Some(event) = state.events.pop_front() else {
            return if state.open && state.closed == closed { Taken::Empty } else { Taken::Closed };
        };
        state.ledger.handled += 1;
        drop(state);
        self.room.notify_one();
        self.pending.done();
        Taken::Event(event)
    }

    /// Takes everything that is queued, in order; it counts as handled.
    pub(crate) fn drain(&self) -> Vec<TriggerEvent> {
        let mut state = self.state();
        let events: Vec<_> = state.events.drain(..).collect();
        state.ledger.handled += events.len() as u64;
        drop(state);
        for _ in &events {
            self.pending.done();
            self.room.notify_one();
        }
        events
    }

    /// Takes the next event for handling.
    pub(crate) fn take(self: &Arc<Self>) -> Taken<Delivery> {
        let mut state = self.state();
        let Some(event) = state.events.pop_front() else {
            return if state.open { Taken::Empty } else { Taken::Closed };
        };
        state.ledger.in_flight += 1;
        drop(state);
        self.room.notify_one();
        Taken::Event(Delivery { event, queue: Arc::clone(self), settled: false })
    }

    /// Counts an event that had no room.
    pub(crate) fn count_dropped(&self) -> u64 {
        let mut state = self.state();
        state.ledger.dropped += 1;
        state.ledger.dropped
    }

    /// Counts an event that a filter kept out.
    pub(crate) fn count_filtered(&self) {
        self.state().ledger.filtered += 1;
    }

    /// How many events are queued, and the account, at one moment.
    pub(crate) fn snapshot(&self) -> (usize, Ledger) {
        let state = self.state();
        (state.events.len(), state.ledger.clone())
    }

    pub(crate) fn len(&self) -> usize {
        self.state().events.len()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state().open
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }
}

/// An event taken for handling. It ends in exactly one settlement; dropped without one, it goes back to the head of
/// its queue.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) event: TriggerEvent,
    queue: Arc<Queue>,
    settled: bool,
}

/// How the handling of an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    Handled,
    /// Given up on. `failed` says whether an attempt was made and failed.
    DeadLettered {
        failed: bool,
    },
}

impl Delivery {
    pub(crate) fn settle(mut self, settlement: Settlement) {
        self.settled = true;
        let mut state = self.queue.state();
        let ledger = &mut state.ledger;
        ledger.in_flight -= 1;
        match settlement {
            Settlement::Handled => ledger.handled += 1,
            Settlement::DeadLettered { failed } => {
                ledger.dead_lettered += 1;
                ledger.failed += u64::from(failed);
            }
        }
        drop(state);
        self.queue.pending.done();
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !self.settled {
            let mut state = self.queue.state();
            state.ledger.in_flight -= 1;
            // It came out of the queue, so it may go back over the capacity.
            state.events.push_front(self.event.clone());
            drop(state);
            self.queue.ready.notify_one();
        }
    }
}

/// How many events of a runtime were accepted and are not settled yet.
///
/// An event counts from before it can be taken until it is settled, and a handler publishes before it settles. So the
/// count is zero only when a whole cascade has come to rest. Whoever waits for that ends it in the same step: nothing
/// is accepted after, so no cascade begins that the closing queues would cut.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// The count, and in its highest bit whether it has ended.
    count: AtomicUsize,
    zero: Notify,
}

const ENDED: usize = 1 << (usize::BITS - 1);

impl Pending {
    /// Counts one more, unless it has ended.
    fn add(&self) -> bool {
        let more = |count: usize| (count & ENDED == 0).then(|| count + 1);
        self.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    fn done(&self) {
        if self.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.zero.notify_waiters();
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire) & !ENDED
    }

    /// Waits until nothing is pending, and ends it.
    pub(crate) async fn ended(&self) {
        loop {
            let zero = self.zero.notified();
            tokio::pin!(zero);
            zero.as_mut().enable();
            let ended = self.count.compare_exchange(0, ENDED, Ordering::AcqRel, Ordering::Acquire);
            if matches!(ended, Ok(_) | Err(ENDED)) {
                return;
            }
            zero.await;
        }
    }
}
