//! The inbox of a process. Its queues share one lock, and the places where workers and publishers wait.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use super::idle::IdleWorkers;
use super::intake::Intake;
use super::item::{Item, Taken};
use super::port::Bounds;
use super::state::State;
use super::{Ledger, Quiescence, receipt};
use crate::clock::{self, Instant, timeout_at};
use crate::declare::key::Key;
use crate::event::{RetryState, TriggerEvent, TriggerInfo};
use crate::log_limit::LogLimit;
use crate::observe::observer::ObservedProcess;
use crate::panic::{drop_quietly, guard};
use crate::sync::{CachePadded, Mutex, MutexGuard, Notify};

/// The queues of one process, or the one queue of a trigger that a program uses without a runtime.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: CachePadded<Mutex<State>>,
    /// The quick intake of each queue, shared with the state.
    intakes: Arc<[CachePadded<Intake>]>,
    /// The trigger of each queue.
    triggers: Box<[Arc<TriggerInfo>]>,
    key: Option<Key>,
    key_log: LogLimit,
    /// `None` if the program takes the events itself.
    workers: Option<Workers>,
    /// Makes a worker. Set once the process has started.
    make_worker: Mutex<Option<MakeWorker>>,
    /// The clock task of the process waits here for a change of the schedule.
    schedule: Notify,
    quiescence: Arc<Quiescence>,
    observed: Option<ObservedProcess>,
}

/// Makes a worker of a process.
#[derive(Clone)]
struct MakeWorker(Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for MakeWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MakeWorker")
    }
}

/// The workers of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workers {
    pub(crate) count: usize,
    /// The number of workers that can run at once. A burst of events wakes at most this number. Each woken worker wakes
    /// the next one while there are events.
    pub(crate) threads: usize,
}

/// The settings of one queue of an inbox.
#[derive(Clone, Debug)]
pub(crate) struct QueueSettings {
    pub(crate) bounds: Bounds,
    /// `true` if a full queue evicts its oldest event.
    pub(crate) evicts: bool,
    pub(crate) trigger: Arc<TriggerInfo>,
}

/// A snapshot of the load of one process.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) in_flight: u64,
    /// `true` if the process makes progress without another process: a worker is idle, and an event is or becomes
    /// ready.
    pub(crate) proceeds: bool,
    /// For each queue the ticket of the publisher that is next in its door.
    pub(super) first_tickets: Vec<Option<u64>>,
}

impl Inbox {
    /// Makes an inbox whose queues are all closed.
    pub(crate) fn new(
        queues: Vec<QueueSettings>,
        key: Option<Key>,
        workers: Option<Workers>,
        quiescence: Arc<Quiescence>,
        observed: Option<ObservedProcess>,
    ) -> Arc<Inbox> {
        let threads = workers.and_then(|workers| u32::try_from(workers.threads).ok());
        let idle = IdleWorkers::new(threads.unwrap_or(u32::MAX));
        let bounds: Vec<_> = queues.iter().map(|queue| queue.bounds).collect();
        let evicts: Vec<_> = queues.iter().map(|queue| queue.evicts).collect();
        let all = Arc::clone(&quiescence);
        let state = State::new(&bounds, &evicts, key.is_some(), idle, all, observed.is_some());
        Arc::new(Inbox {
            intakes: Arc::clone(state.intakes()),
            state: CachePadded::new(Mutex::new(state)),
            triggers: queues.into_iter().map(|queue| queue.trigger).collect(),
            key,
            key_log: LogLimit::default(),
            workers,
            make_worker: Mutex::new(None),
            schedule: Notify::new(),
            quiescence,
            observed,
        })
    }

    /// Locks the state, and merges the quick intakes, so that the account is exact and no event comes in meanwhile.
    #[inline]
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.unmerged();
        state.merge();
        state
    }

    /// Locks the state, which lacks the events of the quick intakes. A transition leaves nothing half done, so the state
    /// behind a poisoned lock is consistent.
    #[inline(always)]
    pub(super) fn unmerged(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the quick intake of a queue.
    #[inline(always)]
    pub(super) fn intake(&self, port: usize) -> &Intake {
        &self.intakes[port]
    }

    /// Makes one transition, and sends its wake-ups after the lock is released.
    #[inline(always)]
    pub(super) fn transition<T>(&self, transition: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let result = transition(&mut state);
        self.release(state);
        result
    }

    /// Releases the lock after a transition, and sends its wake-ups.
    #[inline(always)]
    pub(super) fn release(&self, state: MutexGuard<'_, State>) {
        if state.has_wakes() {
            self.send(state);
        }
    }

    #[inline(never)]
    fn send(&self, mut state: MutexGuard<'_, State>) {
        let (wakes, wakers) = state.take_wakes();
        drop(state);
        if wakes.at_rest {
            self.quiescence.leave();
        }
        if wakes.schedule {
            self.schedule.notify_one();
        }
        if wakes.new_workers > 0 {
            let make = self.make_worker().clone();
            (0..wakes.new_workers).for_each(|_| make.iter().for_each(|make| (make.0)()));
        }
        wakers.wake();
    }

    /// Makes workers from now on, when events need them: up to the number of [`Workers::count`]. `make` makes one, on any
    /// thread. It must not block, and must not use the inbox. Each worker calls [`begin_worker`](Self::begin_worker) first.
    pub(crate) fn make_workers(&self, make: impl Fn() + Send + Sync + 'static) {
        *self.make_worker() = Some(MakeWorker(Arc::new(make)));
        let count = self.workers.map_or(0, |workers| workers.count);
        self.transition(|state| state.allow_workers(count));
    }

    fn make_worker(&self) -> MutexGuard<'_, Option<MakeWorker>> {
        self.make_worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a worker that was made and begins to look for events.
    pub(crate) fn begin_worker(&self) {
        self.transition(State::begin_worker);
    }

    /// Returns the observers of the process, if there are any.
    pub(crate) fn observed(&self) -> Option<&ObservedProcess> {
        self.observed.as_ref()
    }

    /// Reports the events that came in through a door. Each task that reports anything about such an event calls it
    /// before, and so does its publisher.
    pub(crate) fn report_admitted(&self) {
        if let Some(observed) = &self.observed {
            observed.in_order(|| self.report_each_admitted(observed));
        }
    }

    /// Reports the events that came in through a door. The caller holds the lock of the order.
    pub(super) fn report_each_admitted(&self, observed: &ObservedProcess) {
        let admitted = self.state().take_admitted();
        for (port, frame) in admitted {
            observed.queued(self.trigger(port), &frame);
            drop_quietly(frame);
        }
    }

    /// Returns `true` if no worker will take an event any more.
    pub(crate) fn is_over(&self) -> bool {
        self.state().is_over()
    }

    /// Returns the number of events that are accepted and not settled, except expired ones.
    pub(crate) fn pending(&self) -> usize {
        self.state().pending()
    }

    /// Returns the trigger of a queue.
    #[inline]
    pub(super) fn trigger(&self, port: usize) -> &Arc<TriggerInfo> {
        &self.triggers[port]
    }

    /// Returns the lane of an event; 0 if the process has no key.
    pub(super) fn lane(&self, port: usize, item: &Item) -> u64 {
        self.key.as_ref().map_or(0, |key| self.lane_of(key, &item.event(self.trigger(port))))
    }

    /// Returns the lane of an event by its key. An event without a key has its own lane, also if the user's key
    /// function panics.
    fn lane_of(&self, key: &Key, event: &TriggerEvent) -> u64 {
        let found = guard(|| key.lane(event)).unwrap_or_else(|panic| {
            self.key_log.log(event.trigger_id(), || {
                tracing::error!(trigger = event.trigger_id(), event = %event.id(), %panic, "the key function panicked");
            });
            None
        });
        found.unwrap_or_else(|| event.id().fold())
    }

    /// Pauses or resumes delivery. Has no effect once a drain has begun.
    pub(crate) fn pause(&self, paused: bool) {
        self.transition(|state| state.pause(paused));
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.state().is_paused()
    }

    /// Releases each event when its retry is due. Never returns.
    ///
    /// One task of the process runs this, so neither events nor workers need a timer.
    pub(crate) async fn watch_clock(&self) {
        loop {
            let schedule = self.schedule.notified();
            tokio::pin!(schedule);
            schedule.as_mut().enable();
            match self.transition(|state| state.release_due(clock::instant())) {
                Some(due) => timeout_at(due, schedule).await.unwrap_or_default(),
                None => schedule.await,
            }
        }
    }

    /// Begins a drain: ends a pause, and expires the retries that are due after its deadline.
    pub(crate) fn drain_until(&self, deadline: Instant) {
        self.transition(|state| state.drain_until(deadline));
        self.schedule.notify_one();
    }

    /// Abandons all events as [`abandon`](Self::abandon) does, and gives back the queued ones that something else keeps.
    pub(crate) fn release_held(&self) -> usize {
        let held = self.transition(State::release_held);
        let count = held.len();
        for mut item in held {
            item.take_receipt().into_iter().for_each(receipt::release);
            // Its bytes may have an owner of the user, whose drop may panic.
            drop_quietly(item);
        }
        count
    }

    /// Returns every queued event. The events stay queued.
    pub(crate) fn left(&self) -> Vec<Left<'_>> {
        let state = self.state();
        let shown = |(port, item): (usize, &Item)| {
            let trigger = self.trigger(port);
            let retry = item.retry().cloned();
            Left { event: item.event(trigger), trigger, retry, is_held: item.is_held() }
        };
        state.queued().map(shown).collect()
    }

    /// Abandons all events: queued ones, which no worker takes any more, and the one of each handler that still runs.
    pub(crate) fn abandon(&self) {
        self.transition(|state| state.abandon());
    }

    pub(crate) fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    pub(crate) fn load(&self) -> Load {
        self.state().load(self.workers.map(|workers| workers.count))
    }

    /// Settles an event for good; `count` counts how.
    #[inline]
    pub(super) fn settle(&self, port: usize, lane: u64, count: impl FnOnce(&mut Ledger)) {
        self.transition(|state| state.settle(port, lane, count));
    }

    /// Schedules the next attempt at an event. Its lane stays busy until then.
    pub(super) fn retry(&self, taken: Taken, after: Duration) {
        let due = clock::after(after);
        self.transition(|state| state.retry(taken, due));
    }

    /// Requeues an event that was not handled, at the head of its queue.
    pub(super) fn requeue(&self, taken: Taken) {
        self.transition(|state| state.requeue(taken));
    }
}

/// An event that is queued at the end.
#[derive(Debug)]
pub(crate) struct Left<'a> {
    pub(crate) event: TriggerEvent,
    /// The trigger of its queue.
    pub(crate) trigger: &'a TriggerInfo,
    pub(crate) retry: Option<RetryState>,
    /// `true` if something else keeps it.
    pub(crate) is_held: bool,
}

/// A worker that waits for an event, or a consumer of a program without a runtime.
pub(super) struct IdleWorker<'a> {
    inbox: &'a Inbox,
    /// The number of its wait, while it waits.
    number: Option<u64>,
}

impl<'a> IdleWorker<'a> {
    pub(super) fn new(inbox: &'a Inbox) -> IdleWorker<'a> {
        IdleWorker { inbox, number: None }
    }

    /// Makes a transition that looks for an event, until it returns a value. Calls `idle` when a wait begins.
    pub(super) fn poll<T>(
        &mut self,
        task: &Context<'_>,
        idle: impl FnOnce(),
        look: impl FnOnce(&mut State) -> Poll<T>,
    ) -> Poll<T> {
        let mut state = self.inbox.state();
        let found = look(&mut state);
        if found.is_ready() {
            if self.number.is_some() {
                state.end_wait(&mut self.number);
            }
            self.inbox.release(state);
            return found;
        }
        let begins = self.number.is_none();
        state.wait_for_event(&mut self.number, task.waker());
        self.inbox.release(state);
        if begins {
            idle();
        }
        Poll::Pending
    }
}

/// A worker that is aborted after it was woken wakes the next one.
impl Drop for IdleWorker<'_> {
    fn drop(&mut self) {
        if self.number.is_some() {
            self.inbox.transition(|state| state.end_wait(&mut self.number));
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pause_has_no_effect_once_a_drain_has_begun() {
        let queue = QueueSettings {
            bounds: Bounds { events: 1, bytes: None },
            evicts: false,
            trigger: Arc::new(TriggerInfo::custom("test")),
        };
        let workers = Workers { count: 1, threads: 1 };
        let inbox = Inbox::new(vec![queue], None, Some(workers), Arc::default(), None);
        inbox.pause(true);
        assert!(inbox.is_paused());
        inbox.drain_until(clock::instant());
        assert!(!inbox.is_paused());
        inbox.pause(true);
        assert!(!inbox.is_paused());
    }
}
