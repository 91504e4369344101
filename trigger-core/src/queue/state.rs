//! The state of an inbox, behind its one lock. Each method is one transition, and notes the wake-ups that are due. The
//! inbox sends them after it has released the lock. Nothing here waits, wakes or reads a clock. Only the
//! locks of the quick intakes are acquired here.

use std::sync::Arc;
use std::task::Waker;

use super::Ledger;
use super::idle::{IdleWorkers, Woken};
use super::intake::Intake;
use super::item::{Item, Taken};
use super::lanes::Lanes;
use super::port::{Bounds, Entry, Port};
use super::quiescence::{InboxPending, Quiescence};
use super::schedule::Schedule;
use super::wake::{Wakers, Wakes};
use crate::clock::Instant;
use crate::event::Frame;
use crate::sync::CachePadded;

mod admission;
mod drain;
mod held;
mod quick;
mod take;
mod view;

// In this order, so that the fields that each event needs share a cache line with the lock before them.
#[repr(C)]
#[derive(Debug)]
pub(super) struct State {
    /// The wake-ups of this transition.
    wakes: Wakes,
    /// Workers that wait for an event.
    workers: IdleWorkers,
    /// `true` once all events are abandoned: no worker takes one, and none counts as pending.
    abandoned: bool,
    paused: bool,
    /// `true` while a quick intake has a grant.
    granted: bool,
    /// Events that are accepted and not settled, except expired ones.
    pending: InboxPending,
    /// The events that wait for a worker, if the process has a key.
    lanes: Option<Box<Lanes>>,
    ports: Box<[Port]>,
    /// The queue at which the search for the next event begins. It moves on, so that a full queue does not starve the
    /// others.
    turn: usize,
    /// The quick intake of each queue.
    intakes: Arc<[CachePadded<Intake>]>,
    quiescence: Arc<Quiescence>,
    /// The tasks that this transition wakes.
    wakers: Wakers,
    schedule: Schedule,
    /// Events whose retry is due after the deadline of the drain, and the events behind them in their lanes.
    expired: Vec<(usize, Item)>,
    /// The deadline of the drain, once it has begun.
    deadline: Option<Instant>,
    /// The queue and the frame of each event that came in through a door and was not reported yet, if the process has
    /// observers.
    admitted: Option<Vec<(usize, Arc<Frame>)>>,
}

/// Why an event was not queued.
#[derive(Debug)]
pub(super) enum PushError {
    Full(Item),
    Closed(Item),
}

impl State {
    pub(super) fn new(
        bounds: &[Bounds],
        evicts: &[bool],
        keyed: bool,
        workers: IdleWorkers,
        quiescence: Arc<Quiescence>,
        observed: bool,
    ) -> State {
        State {
            quiescence,
            wakes: Wakes::default(),
            wakers: Wakers::None,
            admitted: observed.then(Vec::new),
            ports: bounds.iter().map(|bounds| Port::new(*bounds)).collect(),
            lanes: keyed.then(|| Box::new(Lanes::new(evicts.iter().copied()))),
            schedule: Schedule::default(),
            expired: Vec::new(),
            deadline: None,
            abandoned: false,
            pending: InboxPending::default(),
            paused: false,
            granted: false,
            intakes: bounds.iter().map(|_| CachePadded::default()).collect(),
            workers,
            turn: 0,
        }
    }

    pub(super) fn intakes(&self) -> &Arc<[CachePadded<Intake>]> {
        &self.intakes
    }

    pub(super) fn port(&self, port: usize) -> &Port {
        &self.ports[port]
    }

    pub(super) fn port_mut(&mut self, port: usize) -> &mut Port {
        &mut self.ports[port]
    }

    /// Opens a queue for new events. Queued ones stay.
    pub(super) fn open(&mut self, port: usize) {
        let entry = &mut self.ports[port].entry;
        if *entry == Entry::Closed {
            *entry = Entry::Open;
        }
    }

    /// Closes a queue for new events, also for those that wait in its door. Queued ones can still be taken.
    pub(super) fn close(&mut self, port: usize) {
        let queue = &mut self.ports[port];
        if queue.is_open() {
            queue.entry = Entry::Closed;
            queue.closes += 1;
        }
        while let Some(waker) = queue.door.turn_away_next() {
            self.wakes.add(waker, &mut self.wakers);
        }
        self.wake_all_workers();
    }

    /// Queues an event.
    #[inline(always)]
    pub(super) fn push(&mut self, port: usize, lane: u64, item: Item) -> Result<(), PushError> {
        let queue = &self.ports[port];
        if queue.entry != Entry::Open {
            return Err(if queue.is_open() { PushError::Full(item) } else { PushError::Closed(item) });
        }
        if !queue.has_capacity(item.bytes()) {
            return Err(PushError::Full(item));
        }
        // Counted before a worker can take it, so that the count cannot pass zero in between.
        if !self.pending.add(&self.quiescence) {
            return Err(PushError::Closed(item));
        }
        self.accept_one(port, lane, item);
        self.grant(port);
        Ok(())
    }

    /// Queues an event that its source has handed out for good, with or without capacity, open or closed.
    pub(super) fn push_taken(&mut self, port: usize, lane: u64, item: Item) {
        self.pending.add_late(&self.quiescence);
        self.accept_one(port, lane, item);
    }

    /// Queues an event, and evicts the oldest ones if there is no capacity. Returns the evicted events. Events that wait for
    /// a retry stay, so the queue may be full all the same.
    pub(super) fn push_evicting(
        &mut self,
        port: usize,
        lane: u64,
        item: Item,
    ) -> Result<Vec<Item>, PushError> {
        if !self.ports[port].is_open() {
            return Err(PushError::Closed(item));
        }
        let bytes = item.bytes();
        if !self.ports[port].fits_by_eviction(bytes) {
            return Err(PushError::Full(item));
        }
        // Counted before an eviction, so that the count cannot pass zero in between.
        if !self.pending.add(&self.quiescence) {
            return Err(PushError::Closed(item));
        }
        let mut evicted = Vec::new();
        while !self.ports[port].has_capacity(bytes) {
            let Some(oldest) = self.evict(port) else { break };
            evicted.push(oldest);
        }
        self.end_pending(evicted.len());
        self.accept_one(port, lane, item);
        self.grant(port);
        // The evicted events may have been larger.
        self.admit_if_queueing(port);
        Ok(evicted)
    }

    /// Queues an event that is pending, and notifies a worker.
    #[inline(always)]
    fn accept_one(&mut self, port: usize, lane: u64, item: Item) {
        if self.accept(port, lane, item) {
            self.wakes.at_rest |= self.pending.remove(1);
        }
        self.notify_worker();
    }

    /// Notifies a worker of an event that is ready.
    #[inline(always)]
    fn notify_worker(&mut self) {
        match self.workers.wake() {
            None => {}
            Some(Woken::Idle(waker)) => self.wakes.add(waker, &mut self.wakers),
            Some(Woken::New) => self.wakes.new_workers += 1,
        }
    }

    fn wake_all_workers(&mut self) {
        self.workers.wake_all().for_each(|waker| self.wakes.add(waker, &mut self.wakers));
    }

    /// Queues an event that is pending. Returns `true` if no worker will take it, so that it is to be removed from the
    /// pending ones.
    #[inline(always)]
    fn accept(&mut self, port: usize, lane: u64, item: Item) -> bool {
        let queue = &mut self.ports[port];
        queue.count_accepted(&item);
        let mut lost = self.abandoned;
        match &mut self.lanes {
            None => queue.events.push_back(item),
            Some(lanes) => {
                if let Err(item) = lanes.push(port, lane, item) {
                    queue.count_waiting(&item);
                    self.expired.push((port, item));
                    lost = true;
                } else if lanes.has_deferred() {
                    self.schedule_deferred();
                }
            }
        }
        lost
    }

    /// Removes the oldest event of a queue that waits for a worker.
    fn evict(&mut self, port: usize) -> Option<Item> {
        let queue = &mut self.ports[port];
        let item = match &mut self.lanes {
            None => queue.pop()?,
            Some(lanes) => {
                let item = lanes.evict(port)?;
                if lanes.has_deferred() {
                    self.schedule_deferred();
                }
                item
            }
        };
        let queue = &mut self.ports[port];
        queue.count_out(&item);
        queue.ledger.evicted += 1;
        queue.ledger.dropped += 1;
        Some(item)
    }

    /// Settles an event for good; `count` counts how.
    pub(super) fn settle(&mut self, port: usize, lane: u64, count: impl FnOnce(&mut Ledger)) {
        if self.finish(port, lane, count) {
            self.notify_worker();
        }
    }

    /// Settles an event as handled, and takes the next one. The quick intakes need not be merged before.
    #[inline(always)]
    pub(super) fn settle_and_take(&mut self, port: usize, lane: u64) -> Option<Taken> {
        self.merge_before_take();
        // The next event of the lane may be ready now. This worker takes it, or an event that was ready before.
        self.finish(port, lane, |ledger| ledger.handled += 1);
        self.take()
    }

    /// Counts the settlement and frees the lane. Returns `true` if another event of the lane is ready now.
    #[inline(always)]
    fn finish(&mut self, port: usize, lane: u64, count: impl FnOnce(&mut Ledger)) -> bool {
        count(&mut self.ports[port].ledger);
        let mut follows = false;
        if let Some(lanes) = &mut self.lanes {
            follows = lanes.release(lane);
            if lanes.has_deferred() {
                self.schedule_deferred();
            }
        }
        self.end_pending(1);
        follows
    }

    /// Removes pending events.
    #[inline]
    fn end_pending(&mut self, events: usize) {
        if !self.abandoned {
            self.wakes.at_rest |= self.pending.remove(events);
        }
    }

    /// Schedules the next attempt at an event that was taken. Its lane stays busy until then.
    pub(super) fn retry(&mut self, taken: Taken, due: Instant) {
        let (port, _, item) = &taken;
        let queue = &mut self.ports[*port];
        queue.ledger.returned += 1;
        queue.ledger.failed += 1;
        queue.count_in(item);
        self.schedule(taken, due);
    }

    /// Schedules the next attempt at an event that is queued, and whose lane is busy.
    fn schedule(&mut self, taken: Taken, due: Instant) {
        self.ports[taken.0].count_waiting(&taken.2);
        if self.abandoned || self.deadline.is_some_and(|deadline| due > deadline) {
            let expired = self.expire(taken);
            return self.after_expiry(expired);
        }
        self.schedule.add(taken, due);
        self.wakes.schedule = true;
    }

    /// Requeues an event that was taken and not handled, at the head of its queue. The bounds do not apply.
    pub(super) fn requeue(&mut self, (port, lane, item): Taken) {
        let queue = &mut self.ports[port];
        queue.ledger.returned += 1;
        queue.ledger.requeued += 1;
        queue.ledger.retried -= u64::from(item.retry().is_some());
        queue.count_in(&item);
        match &mut self.lanes {
            None => queue.again.push_front(item),
            Some(lanes) => lanes.put_back(port, lane, item),
        }
        self.notify_worker();
    }

    /// Moves the events whose retry is due to the head of their queues. Returns when the next retry is due.
    pub(super) fn release_due(&mut self, now: Instant) -> Option<Instant> {
        let due = self.schedule.take_due(now);
        for (port, _, item) in &due {
            self.ports[*port].count_due(item);
        }
        if !due.is_empty() {
            self.notify_worker();
        }
        match &mut self.lanes {
            None => due.into_iter().for_each(|(port, _, item)| self.ports[port].again.push_back(item)),
            // Each event becomes the first of its queue, so the order is reversed.
            Some(lanes) => {
                due.into_iter().rev().for_each(|(port, lane, item)| lanes.put_back(port, lane, item));
            }
        }
        self.schedule.next_due()
    }

    /// Pauses or resumes delivery. Has no effect once a drain has begun.
    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused && self.deadline.is_none();
        self.wake_all_workers();
        self.notify_next();
    }

    /// Returns `true` if wake-ups are to be sent.
    #[inline(always)]
    pub(super) fn has_wakes(&self) -> bool {
        self.wakes.any()
    }

    /// Returns the wake-ups to send after the lock is released.
    pub(super) fn take_wakes(&mut self) -> (Wakes, Wakers) {
        (std::mem::take(&mut self.wakes), std::mem::take(&mut self.wakers))
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Adds a worker that waits for an event, or changes its waker.
    pub(super) fn wait_for_event(&mut self, number: &mut Option<u64>, waker: &Waker) {
        self.workers.wait(number, waker);
    }

    /// Allows this number of workers to be made, for the events that are queued already too.
    pub(super) fn allow_workers(&mut self, workers: usize) {
        self.workers.allow(workers);
        self.notify_next();
    }

    /// Counts a worker that was made. It looks for an event after this, so it need not wake the next one.
    pub(super) fn begin_worker(&mut self) {
        self.workers.begin();
    }

    /// Ends the wait of a worker. One that was woken and takes no event wakes the next one.
    pub(super) fn end_wait(&mut self, number: &mut Option<u64>) {
        if self.workers.end(number) {
            self.notify_next();
        }
    }
}
