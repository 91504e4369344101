//! What the queues of one process share: the lock, the account, and the places where workers wait.

use std::sync::{Arc, PoisonError};

use super::delivery::Delivery;
use super::item::{Item, Tries};
use super::port::{Bounds, Port};
use super::state::{self, State};
use super::waiters::Waiters;
use super::{Accepted, Ledger, Pending, Queue, Taken};
use crate::clock::{self, Instant, timeout_at};
use crate::event::{Envelope, TriggerEvent, TriggerInfo};
use crate::key::Key;
use crate::process::panic::guard;
use crate::sync::{Mutex, MutexGuard, Notified, Notify};

/// The queues of one process, or the one of a trigger that is used by itself.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Line<Mutex<State>>,
    /// What the events of each queue remember of the trigger they came through, but for those that bring their own.
    triggers: Box<[Arc<TriggerInfo>]>,
    /// Which events keep their order.
    key: Option<Key>,
    /// Who takes from it; unknown where a program takes for itself.
    workers: Option<Workers>,
    /// Wakes those who wait for an event: one place for all queues.
    ready: Notify,
    /// Wakes the one who watches the clock for the retries that are due.
    schedule: Notify,
    /// Wakes those who wait for room in the queue of a trigger.
    rooms: Box<[Room]>,
    /// What the runtime counts over all its queues, to know when a cascade has come to rest.
    pub(super) pending: Arc<Pending>,
}

/// What begins a line of the cache.
#[repr(align(64))]
#[derive(Debug)]
struct Line<T>(T);

#[derive(Debug)]
struct Room {
    made: Notify,
    /// Whether the queue counts bytes: then one event may make room for many, or for another one than the first.
    of_bytes: bool,
}

/// Those who take from an inbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workers {
    /// How many they are.
    pub(crate) count: usize,
    /// How many of them can run at once. No more are woken for a burst; each of them wakes another one while there is more.
    pub(crate) threads: usize,
}

/// What those who take from an inbox are doing, at one moment.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) in_flight: u64,
    /// Whether someone is free to take an event, and there is one, or will be without anyone's help.
    pub(crate) goes_on: bool,
    /// For each queue that has room for another event, for how many bytes; without end where it is closed.
    pub(super) space: Vec<Option<usize>>,
}

impl Inbox {
    /// Queues with these bounds, all still closed.
    pub(crate) fn new(
        queues: Vec<(Bounds, Arc<TriggerInfo>)>,
        key: Option<Key>,
        workers: Option<Workers>,
        pending: Arc<Pending>,
    ) -> Arc<Inbox> {
        // Every event comes to one of these.
        clock::prepare();
        let threads = workers.and_then(|workers| u32::try_from(workers.threads).ok());
        let waiters = Waiters::new(threads.unwrap_or(u32::MAX));
        let (bounds, triggers): (Vec<_>, Vec<_>) = queues.into_iter().unzip();
        Arc::new(Inbox {
            state: Line(Mutex::new(State::new(&bounds, key.is_some(), waiters))),
            triggers: triggers.into(),
            key,
            workers,
            ready: Notify::new(),
            schedule: Notify::new(),
            rooms: bounds
                .iter()
                .map(|bounds| Room { made: Notify::new(), of_bytes: bounds.bytes.is_some() })
                .collect(),
            pending,
        })
    }

    /// Nothing is left half done where the lock is held, so a poisoned lock is as good as a sound one.
    #[inline]
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes when there may be an event.
    pub(super) fn ready(&self) -> Notified<'_> {
        self.ready.notified()
    }

    pub(super) fn room(&self, port: usize) -> &Notify {
        &self.rooms[port].made
    }

    /// Wakes those for whom there may be room now that an event has left.
    pub(super) fn made_room(&self, port: usize) {
        let room = &self.rooms[port];
        if room.of_bytes { room.made.notify_waiters() } else { room.made.notify_one() }
    }

    /// Wakes those whom it concerns that an event was taken: whether one is to be told of the room, and one of another event.
    pub(super) fn took(&self, port: usize, room: bool, more: bool) {
        if room {
            self.made_room(port);
        }
        self.wake_one(more);
    }

    /// Wakes one who waits for an event, if that is due. No lock is held where a waker is called.
    pub(super) fn wake_one(&self, due: bool) {
        if due {
            self.ready.notify_one();
        }
    }

    /// Tells those whom it concerns that an event was queued.
    #[inline]
    pub(super) fn tell(&self, accepted: Accepted) {
        self.rest(accepted.rests);
        self.wake_one(accepted.due);
    }

    /// Counts no longer among those that have something pending, if nothing is.
    #[inline]
    pub(super) fn rest(&self, rests: bool) {
        if rests {
            self.pending.done();
        }
    }

    /// How many events are accepted and not settled, but for those that nobody waits for any more.
    pub(crate) fn pending(&self) -> usize {
        self.state().pending.events()
    }

    pub(super) fn wake_all(&self) {
        self.ready.notify_waiters();
    }

    /// What the events of a queue remember of the trigger they came through.
    #[inline]
    pub(super) fn trigger(&self, port: usize) -> &Arc<TriggerInfo> {
        &self.triggers[port]
    }

    /// The lane of an event: that of its key, if events have any.
    pub(super) fn lane(&self, port: usize, item: &Item) -> u64 {
        self.key.as_ref().map_or(0, |key| self.lane_of(key, &item.event(self.trigger(port))))
    }

    /// One without a key has a lane for itself, also where the user's code that looks for it panics.
    fn lane_of(&self, key: &Key, event: &TriggerEvent) -> u64 {
        let found = guard(|| key.lane(event)).unwrap_or_else(|panic| {
            tracing::error!(trigger = event.trigger_id(), event = %event.id(), %panic, "the key cannot be found");
            None
        });
        found.unwrap_or_else(|| event.id().fold())
    }

    /// Takes the next event for handling: from the queues in turn.
    pub(crate) fn take(self: &Arc<Self>) -> Taken<Delivery<'_>> {
        let mut state = self.state();
        match state.take() {
            Some(taken) => {
                self.taken(state, taken.0);
                Taken::Event(Delivery::new(taken, self))
            }
            None if state.is_over() => Taken::Closed,
            None => Taken::Empty,
        }
    }

    /// Gives back the lock after a take, and wakes those whom it concerns.
    #[inline(always)]
    fn taken(&self, mut state: MutexGuard<'_, State>, port: usize) {
        let over = !state.ports[port].open && state.is_over();
        let (more, room) = (state.tell_of_more(), state.ports[port].waiters.tell());
        drop(state);
        self.took(port, room, more);
        if over {
            // Nothing is left for those who wait, and no close is to come that would tell them.
            self.wake_all();
        }
    }

    /// Takes the next event for handling, and waits for it; before each wait it calls `idle`. `None` once every queue is
    /// closed and empty.
    ///
    /// Cancel safe: an event is taken only by a future that returns it.
    pub(crate) async fn next(self: &Arc<Self>, mut idle: impl FnMut()) -> Option<Delivery<'_>> {
        loop {
            if let Taken::Event(delivery) = self.take() {
                return Some(delivery);
            }
            let ready = self.ready();
            tokio::pin!(ready);
            // From here on no wake-up is missed, so an inbox that is empty now may be waited for.
            ready.as_mut().enable();
            let _idle = {
                let mut state = self.state();
                match state.take() {
                    Some(taken) => {
                        self.taken(state, taken.0);
                        return Some(Delivery::new(taken, self));
                    }
                    None if state.is_over() => return None,
                    None => self.begin_to_wait(state),
                }
            };
            idle();
            ready.await;
        }
    }

    /// Says that one waits for an event, until that is dropped.
    pub(super) fn begin_to_wait(&self, mut state: MutexGuard<'_, State>) -> Idle<'_> {
        state.waiters.begin();
        Idle(self)
    }

    /// Hands out no events until it is told to go on.
    pub(crate) fn pause(&self, paused: bool) {
        self.state().pause(paused);
        self.wake_all();
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.state().paused
    }

    /// Puts the events whose retry is due back into their queues, and again whenever one is; it never ends.
    ///
    /// One task does it for a process, so that neither an event nor a worker has to watch the clock.
    pub(crate) async fn watch_clock(&self) {
        loop {
            let schedule = self.schedule.notified();
            tokio::pin!(schedule);
            schedule.as_mut().enable();
            match self.release_due() {
                Some(due) => timeout_at(due, schedule).await.unwrap_or_default(),
                None => schedule.await,
            }
        }
    }

    /// Puts the events that are due back into their queues, and tells when the next one is.
    fn release_due(&self) -> Option<Instant> {
        let mut state = self.state();
        let (released, next) = state.release_due(clock::instant());
        let due = released > 0 && state.waiters.tell();
        drop(state);
        self.wake_one(due);
        next
    }

    /// Tells when the drain ends, and ends a pause. A retry that would come later never does, and is not waited for.
    pub(crate) fn drain_until(&self, deadline: Instant) {
        self.strand(|state| state.drain_until(deadline));
        self.schedule.notify_one();
        self.wake_all();
    }

    /// What is queued, with the attempts so far, oldest trigger first. It stays queued.
    pub(crate) fn left(self: &Arc<Self>) -> Vec<(Queue, TriggerEvent, Option<Tries>)> {
        let state = self.state();
        let shown = |port: usize, item: &Item| {
            (Queue::of(Arc::clone(self), port), item.event(self.trigger(port)), item.tries().cloned())
        };
        state.items().map(|(port, item)| shown(port, item)).collect()
    }

    /// Counts nothing as pending any more: neither what is queued, which nobody will take, nor what a handler that blocks
    /// its thread still holds.
    pub(crate) fn abandon(&self) {
        let rests = self.state().abandon();
        self.rest(rests);
    }

    pub(crate) fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    pub(crate) fn load(&self) -> Load {
        let state = self.state();
        let in_flight = state.in_flight();
        let free = self.workers.is_none_or(|workers| in_flight < workers.count as u64);
        let space = state.ports.iter().map(Port::space).collect();
        Load { in_flight, goes_on: free && state.has_more(), space }
    }

    /// Ends the flight of a delivery that is over.
    #[inline]
    pub(super) fn finish(&self, port: usize, lane: u64, settle: impl FnOnce(&mut Ledger)) {
        let mut state = self.state();
        let (follows, rests) = state.finish(port, lane, settle);
        let due = follows && state.waiters.tell();
        drop(state);
        self.wake_one(due);
        self.rest(rests);
    }

    /// Ends the flight of a delivery that was handled, and takes the next event, under one lock: in its place, so that it is
    /// moved once. Gives back the event that was there.
    #[inline]
    pub(super) fn finish_and_take(&self, delivery: &mut Delivery<'_>) -> Option<Arc<Envelope>> {
        let mut state = self.state();
        // The next one of its key may be ready now: it is taken here, or those are that were ready before it.
        let (_, rests) = state.finish(delivery.port, delivery.lane, |ledger| ledger.handled += 1);
        let handled = state.take().map(|next| delivery.replace(next));
        match handled {
            // The next one is pending, so nothing rests.
            Some(_) => self.taken(state, delivery.port),
            None => {
                drop(state);
                self.rest(rests);
            }
        }
        handled
    }

    /// Ends the flight of a delivery that is to be tried again at that time. Until then its lane stands still.
    pub(super) fn retry(&self, taken: state::Taken, due: Instant) {
        self.strand(|state| state.retry(taken, due));
        self.schedule.notify_one();
    }

    /// Counts no longer as pending what nobody waits for any more: so many events.
    fn strand(&self, strand: impl FnOnce(&mut State) -> usize) {
        let mut state = self.state();
        let stranded = strand(&mut state);
        let rests = state.end_pending(stranded);
        drop(state);
        self.rest(rests);
        if stranded > 0 {
            // It may have been the last for which workers stayed, after the close that would have told them.
            self.wake_all();
        }
    }

    /// Ends the flight of a delivery that was not handled: it goes back to where it came from. It came out of the queue,
    /// so it may go back over the bounds.
    pub(super) fn give_back(&self, taken: state::Taken) {
        let mut state = self.state();
        state.give_back(taken);
        let due = state.waiters.tell();
        drop(state);
        self.wake_one(due);
    }
}

/// One who waits for an event.
pub(super) struct Idle<'a>(&'a Inbox);

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.state().waiters.end();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pause_that_comes_after_the_drain_has_begun_is_none() {
        let inbox = Inbox::new(
            vec![(Bounds { events: 1, bytes: None }, Arc::new(TriggerInfo::custom("test")))],
            None,
            Some(Workers { count: 1, threads: 1 }),
            Arc::default(),
        );
        inbox.pause(true);
        assert!(inbox.is_paused());
        inbox.drain_until(clock::instant());
        assert!(!inbox.is_paused());
        inbox.pause(true);
        assert!(!inbox.is_paused());
    }
}
