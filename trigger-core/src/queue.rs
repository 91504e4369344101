//! The bounded queues between triggers and those who take their events, and the exact account of what became of them.
//!
//! A [`Queue`] is one trigger's end; the queues of one process share an [`Inbox`], which has one lock, one place to wait
//! for events, and, where the process has a key, one order for each key. An event that is taken for handling leaves as
//! a [`Delivery`], which ends in exactly one settlement. So at every moment, for every queue,
//!
//! `accepted = queued + in flight + handled + dead-lettered + evicted`
//!
//! where an event that waits for a retry is queued. The account is kept under the same lock as the events, so that a
//! reader never sees it out of balance.

use std::sync::Arc;

use crate::event::{TriggerEvent, TriggerInfo};
use crate::sync::{AtomicBool, MutexGuard, Ordering};

mod delivery;
mod inbox;
mod item;
mod lanes;
mod ledger;
mod pending;
mod port;
mod state;
mod waiters;

pub(crate) use delivery::{Delivery, Settlement};
pub(crate) use inbox::{Inbox, Load, Workers};
pub(crate) use item::{Item, Tries};
pub(crate) use ledger::{Ledger, Snapshot};
pub(crate) use pending::Pending;
pub(crate) use port::Bounds;

use state::State;

/// One trigger's end of an inbox. What happens at a bound is decided by who pushes. A clone is a handle to the same queue.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    inbox: Arc<Inbox>,
    port: usize,
    /// Whether events keep an order by their key.
    keyed: bool,
}

/// The answer to a push. What was not taken comes back.
#[derive(Debug)]
pub(crate) enum Pushed {
    Queued,
    /// It was queued in the place of these, and this many have had no room so far.
    Evicted(Vec<TriggerEvent>, u64),
    Full(Item),
    Closed(Item),
}

/// What is to be told once the lock is given back, now that an event is queued.
#[derive(Debug)]
struct Accepted {
    /// Whether nothing of the inbox is pending: it was an event that nobody waits for any more.
    rests: bool,
    /// Whether one who waits for an event is to be woken.
    due: bool,
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
    /// The queue of this number in an inbox.
    pub(crate) fn of(inbox: Arc<Inbox>, port: usize) -> Queue {
        Queue { keyed: inbox.is_keyed(), inbox, port }
    }

    pub(crate) fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// What the events of this queue remember of the trigger they came through.
    pub(crate) fn trigger(&self) -> &Arc<TriggerInfo> {
        self.inbox.trigger(self.port)
    }

    /// The event that came into this queue, or would have.
    pub(crate) fn event(&self, item: Item) -> TriggerEvent {
        item.into_event(self.trigger())
    }

    /// The lane of an event.
    #[inline]
    fn lane(&self, item: &Item) -> u64 {
        if self.keyed { self.inbox.lane(self.port, item) } else { 0 }
    }

    /// Lets events in. What is still queued stays.
    pub(crate) fn open(&self) {
        self.inbox.state().ports[self.port].open = true;
    }

    /// Lets no more events in. What is queued can still be taken; then everyone who waits learns of the close.
    pub(crate) fn close(&self) {
        let mut state = self.inbox.state();
        let port = &mut state.ports[self.port];
        if port.open {
            port.open = false;
            port.closed += 1;
        }
        drop(state);
        self.inbox.wake_all();
        self.inbox.room(self.port).notify_waiters();
    }

    /// Queues an event if there is room.
    #[inline]
    pub(crate) fn push(&self, item: Item) -> Pushed {
        let lane = self.lane(&item);
        self.push_in(item, lane, None)
    }

    /// As [`push`](Self::push). `queued` is set before anyone can see that the event is queued.
    #[inline]
    fn push_in(&self, item: Item, lane: u64, queued: Option<&AtomicBool>) -> Pushed {
        let mut state = self.inbox.state();
        let port = &state.ports[self.port];
        if !port.open {
            return Pushed::Closed(item);
        }
        if !port.has_room(item.bytes()) {
            return Pushed::Full(item);
        }
        // Counted before anyone can take it, so that the count never passes zero on the way.
        if !state.pending.add(&self.inbox.pending) {
            return Pushed::Closed(item);
        }
        let accepted = self.accept(&mut state, item, lane);
        if let Some(queued) = queued {
            queued.store(true, Ordering::Relaxed);
        }
        drop(state);
        self.inbox.tell(accepted);
        Pushed::Queued
    }

    /// Queues an event that its source has handed out for good, whether there is room or not.
    pub(crate) fn push_taken(&self, event: TriggerEvent) {
        let item = Item::from(event);
        let lane = self.lane(&item);
        let mut state = self.inbox.state();
        // One that comes after the end is not waited for.
        state.pending.add_late(&self.inbox.pending);
        let accepted = self.accept(&mut state, item, lane);
        drop(state);
        self.inbox.tell(accepted);
    }

    /// Queues an event, in the place of the oldest ones if there is no room. Those that wait for a retry keep theirs, so
    /// there may be no room even so.
    pub(crate) fn push_evicting(&self, item: Item) -> Pushed {
        let lane = self.lane(&item);
        let bytes = item.bytes();
        let mut state = self.inbox.state();
        if !state.ports[self.port].open {
            return Pushed::Closed(item);
        }
        if !state.ports[self.port].could_make_room(bytes) {
            return Pushed::Full(item);
        }
        // Before any other one makes way, so that the count never passes zero on the way.
        if !state.pending.add(&self.inbox.pending) {
            return Pushed::Closed(item);
        }
        let mut evicted = Vec::new();
        while !state.ports[self.port].has_room(bytes) {
            let Some(oldest) = state.evict(self.port) else { break };
            evicted.push(self.event(oldest));
        }
        let rests = state.end_pending(evicted.len());
        debug_assert!(!rests, "the event that is queued is pending");
        let accepted = self.accept(&mut state, item, lane);
        let dropped = state.ports[self.port].ledger.dropped;
        drop(state);
        self.inbox.tell(accepted);
        if evicted.is_empty() {
            return Pushed::Queued;
        }
        // Those that made way may have been larger.
        self.inbox.made_room(self.port);
        Pushed::Evicted(evicted, dropped)
    }

    #[inline]
    fn accept(&self, state: &mut State, item: Item, lane: u64) -> Accepted {
        let ledger = &mut state.ports[self.port].ledger;
        ledger.accepted += 1;
        ledger.last_fired = Some(item.envelope.timestamp);
        let stranded = state.enqueue(self.port, lane, item);
        Accepted { rests: stranded && state.pending.remove(1), due: state.waiters.tell() }
    }

    /// Queues an event as soon as there is room. Gives it back if the queue is or gets closed, or never can have room.
    ///
    /// The event stays in `slot` until it is queued, so that one who stops waiting still has it. `queued` is set before
    /// anyone can see that it is.
    pub(crate) async fn push_waiting(&self, slot: &mut Option<Item>, queued: Option<&AtomicBool>) {
        let closed = self.inbox.state().ports[self.port].closed;
        let lane = slot.as_ref().map_or(0, |item| self.lane(item));
        loop {
            let room = self.inbox.room(self.port).notified();
            tokio::pin!(room);
            // From here on no wake-up is missed, also one that comes before the await.
            room.as_mut().enable();
            let _awaits = {
                let mut state = self.inbox.state();
                if state.ports[self.port].closed != closed {
                    return;
                }
                self.begin_to_wait(&mut state)
            };
            match slot.take().map(|item| self.push_in(item, lane, queued)) {
                Some(Pushed::Full(item)) => {
                    let bytes = item.bytes();
                    let possible = self.inbox.state().ports[self.port].bounds.fit(bytes);
                    *slot = Some(item);
                    if !possible {
                        return;
                    }
                }
                Some(Pushed::Closed(item)) => {
                    *slot = Some(item);
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
            let room = self.inbox.room(self.port).notified();
            tokio::pin!(room);
            room.as_mut().enable();
            let awaits = {
                let mut state = self.inbox.state();
                let port = &state.ports[self.port];
                (port.open && !port.has_room(0)).then(|| self.begin_to_wait(&mut state))
            };
            if awaits.is_none() {
                // It takes no room, so the wake-up that came to it is that of the next one who waits.
                self.inbox.made_room(self.port);
                return;
            }
            room.await;
        }
    }

    /// Has takes tell of the room they make, until that is dropped.
    fn begin_to_wait(&self, state: &mut State) -> AwaitsRoom<'_> {
        state.ports[self.port].waiters.begin();
        AwaitsRoom(self)
    }

    /// Whether the push of an event of this many bytes would have found room, or the queue closed.
    pub(crate) fn had_room(&self, load: &Load, bytes: usize) -> bool {
        load.space[self.port].is_some_and(|space| bytes <= space)
    }

    /// Takes the next event for oneself; it counts as handled. `None` once the queue is closed and empty.
    ///
    /// Cancel safe: an event is taken only by a future that returns it.
    pub(crate) async fn pop(&self) -> Option<TriggerEvent> {
        let closed = self.inbox.state().ports[self.port].closed;
        loop {
            let ready = self.inbox.ready();
            tokio::pin!(ready);
            ready.as_mut().enable();
            let _idle = match self.try_pop(closed) {
                Ok(taken) => return taken,
                Err(state) => self.inbox.begin_to_wait(state),
            };
            ready.await;
        }
    }

    /// As [`pop`](Self::pop), without waiting. `closed` is the number of closes the caller knew of. `None` is for ever.
    fn try_pop(&self, closed: u64) -> Result<Option<TriggerEvent>, MutexGuard<'_, State>> {
        let mut state = self.inbox.state();
        let Some((_, item)) = state.dequeue(self.port) else {
            let port = &state.ports[self.port];
            return if port.open && port.closed == closed { Err(state) } else { Ok(None) };
        };
        state.ports[self.port].ledger.handled += 1;
        let (more, room) = (state.tell_of_more(), state.ports[self.port].waiters.tell());
        let rests = state.end_pending(1);
        drop(state);
        self.inbox.took(self.port, room, more);
        self.inbox.rest(rests);
        Ok(Some(self.event(item)))
    }

    /// Takes everything that is queued, in order; it counts as handled.
    pub(crate) fn drain(&self) -> Vec<TriggerEvent> {
        let mut state = self.inbox.state();
        let mut events = Vec::new();
        while let Some((_, item)) = state.dequeue(self.port) {
            events.push(self.event(item));
        }
        let port = &mut state.ports[self.port];
        port.ledger.handled += events.len() as u64;
        let told = events.iter().filter(|_| port.waiters.tell()).count();
        let rests = state.end_pending(events.len());
        drop(state);
        (0..told).for_each(|_| self.inbox.made_room(self.port));
        self.inbox.rest(rests);
        events
    }

    /// Counts an event that had no room.
    pub(crate) fn count_dropped(&self) -> u64 {
        let mut state = self.inbox.state();
        let ledger = &mut state.ports[self.port].ledger;
        ledger.dropped += 1;
        ledger.dropped
    }

    /// Counts an event that a filter kept out.
    pub(crate) fn count_filtered(&self) {
        self.inbox.state().ports[self.port].ledger.filtered += 1;
    }

    /// Counts an event that a filter kept out because it could not read it.
    pub(crate) fn count_undecodable(&self) -> u64 {
        let mut state = self.inbox.state();
        let ledger = &mut state.ports[self.port].ledger;
        ledger.filtered += 1;
        ledger.undecodable += 1;
        ledger.undecodable
    }

    /// How many events are queued, and the account, at one moment.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.inbox.state().snapshot(self.port)
    }

    pub(crate) fn len(&self) -> usize {
        self.inbox.state().ports[self.port].ledger.queued()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.inbox.state().ports[self.port].open
    }
}

/// One who waits for room, until it is dropped.
struct AwaitsRoom<'a>(&'a Queue);

impl Drop for AwaitsRoom<'_> {
    fn drop(&mut self) {
        let AwaitsRoom(Queue { inbox, port, .. }) = self;
        inbox.state().ports[*port].waiters.end();
    }
}
