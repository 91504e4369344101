//! What an inbox holds, behind its one lock. Nothing here waits, wakes, or looks at a clock.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::item::Item;
use super::lanes::Lanes;
use super::pending::Share;
use super::port::{Bounds, Port};
use super::waiters::Waiters;
use super::{Ledger, Snapshot};
use crate::clock::Instant;

// In this order, so that what each event needs is in one line of the cache, with the lock before it.
#[repr(C)]
#[derive(Debug)]
pub(super) struct State {
    pub(super) waiters: Waiters,
    /// Nobody takes from it any more, and nothing of it counts as pending.
    pub(super) abandoned: bool,
    pub(super) paused: bool,
    /// What is accepted and not settled, but for what nobody waits for any more.
    pub(super) pending: Share,
    /// Where events are while they wait for the handler, if the process has a key.
    lanes: Option<Box<Lanes>>,
    pub(super) ports: Box<[Port]>,
    /// Where the search for the next event begins, so that a full queue does not starve the others.
    turn: usize,
    /// Events that wait for a retry.
    delayed: BinaryHeap<Delayed>,
    /// Events that wait for a retry which comes after the end of the drain, and those of their key.
    stranded: Vec<(usize, Item)>,
    /// When the drain ends, once it has begun.
    deadline: Option<Instant>,
    /// How many retries were scheduled: those that are due at one moment keep this order.
    scheduled: u64,
}

/// An event that waits for a retry. The greatest is the one that is due first.
#[derive(Debug)]
struct Delayed {
    due: Instant,
    number: u64,
    taken: Taken,
}

/// An event that is or was out of its queue: the number of that, its lane, and what the queue keeps of it.
pub(super) type Taken = (usize, u64, Item);

impl State {
    pub(super) fn new(bounds: &[Bounds], keyed: bool, waiters: Waiters) -> State {
        State {
            ports: bounds.iter().map(|bounds| Port::new(*bounds)).collect(),
            lanes: keyed.then(|| Box::new(Lanes::new(bounds.len()))),
            delayed: BinaryHeap::new(),
            stranded: Vec::new(),
            deadline: None,
            abandoned: false,
            pending: Share::default(),
            paused: false,
            waiters,
            turn: 0,
            scheduled: 0,
        }
    }

    /// Queues an event behind the others. Says whether nobody waits for it: its lane is stranded, or nobody takes any more.
    #[inline]
    pub(super) fn enqueue(&mut self, port: usize, lane: u64, item: Item) -> bool {
        let queue = &mut self.ports[port];
        queue.count_in(&item);
        match &mut self.lanes {
            None => queue.events.push_back(item),
            Some(lanes) => {
                if let Err(item) = lanes.push(port, lane, item) {
                    queue.count_waiting(&item);
                    self.stranded.push((port, item));
                    return true;
                }
            }
        }
        self.abandoned
    }

    /// Takes the next event of this queue.
    #[inline(always)]
    pub(super) fn dequeue(&mut self, port: usize) -> Option<(u64, Item)> {
        let queue = &mut self.ports[port];
        let (lane, item) = match &mut self.lanes {
            None => (0, queue.pop()?),
            Some(lanes) => lanes.take(port)?,
        };
        queue.count_out(&item);
        queue.ledger.taken += 1;
        Some((lane, item))
    }

    /// Whether somebody is to be told of another event, now that somebody has come for one: whoever comes has the next one
    /// told, so as many wake as there is work for.
    pub(super) fn tell_of_more(&mut self) -> bool {
        self.waiters.any_untold() && self.is_takeable() && self.waiters.tell()
    }

    fn is_takeable(&self) -> bool {
        match &self.lanes {
            Some(lanes) => lanes.any_ready(),
            None => self.ports.iter().any(Port::any),
        }
    }

    /// Takes the next event for handling, from the queues in turn.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Option<Taken> {
        if self.paused || self.abandoned {
            return None;
        }
        let port = self.next_port()?;
        let (lane, item) = self.dequeue(port)?;
        if item.tries().is_some() {
            self.ports[port].ledger.retried += 1;
        }
        Some((port, lane, item))
    }

    /// The next queue that has an event to take.
    #[inline(always)]
    fn next_port(&mut self) -> Option<usize> {
        for _ in 0..self.ports.len() {
            let port = self.turn;
            self.turn = if port + 1 < self.ports.len() { port + 1 } else { 0 };
            let any = match &self.lanes {
                None => self.ports[port].any(),
                Some(lanes) => lanes.any_ready_of(port),
            };
            if any {
                return Some(port);
            }
        }
        None
    }

    /// Ends the flight of an event that is over. Says whether it makes way for another one, and whether it was the last
    /// that was pending.
    #[inline]
    pub(super) fn finish(
        &mut self,
        port: usize,
        lane: u64,
        settle: impl FnOnce(&mut Ledger),
    ) -> (bool, bool) {
        settle(&mut self.ports[port].ledger);
        let follows = self.lanes.as_mut().is_some_and(|lanes| lanes.release(lane));
        (follows, self.end_pending(1))
    }

    /// So many events are pending no more, if they still were. Says whether nothing is any more.
    #[inline]
    pub(super) fn end_pending(&mut self, events: usize) -> bool {
        !self.abandoned && self.pending.remove(events)
    }

    /// Ends the flight of an event that is to be tried again. Tells how many events nobody waits for any more.
    pub(super) fn retry(&mut self, taken: Taken, due: Instant) -> usize {
        let (port, _, item) = &taken;
        let queue = &mut self.ports[*port];
        queue.ledger.returned += 1;
        queue.ledger.failed += 1;
        queue.count_in(item);
        queue.count_waiting(item);
        if self.abandoned || self.deadline.is_some_and(|deadline| due > deadline) {
            return self.strand(taken);
        }
        self.scheduled += 1;
        self.delayed.push(Delayed { due, number: self.scheduled, taken });
        0
    }

    /// Ends the flight of an event that was not handled.
    pub(super) fn give_back(&mut self, (port, lane, item): Taken) {
        let queue = &mut self.ports[port];
        queue.ledger.returned += 1;
        queue.ledger.given_back += 1;
        queue.ledger.retried -= u64::from(item.tries().is_some());
        queue.count_in(&item);
        match &mut self.lanes {
            None => queue.again.push_front(item),
            Some(lanes) => lanes.put_back(port, lane, item),
        }
    }

    /// Takes out the oldest event of this queue that waits for the handler; it counts as dropped.
    pub(super) fn evict(&mut self, port: usize) -> Option<Item> {
        let queue = &mut self.ports[port];
        let item = match &mut self.lanes {
            None => queue.pop()?,
            Some(lanes) => lanes.evict(port)?,
        };
        queue.count_out(&item);
        queue.ledger.evicted += 1;
        queue.ledger.dropped += 1;
        Some(item)
    }

    /// Puts the events that are due before those that were never taken. Tells how many, and when the next one is due.
    pub(super) fn release_due(&mut self, now: Instant) -> (usize, Option<Instant>) {
        let mut due = Vec::new();
        while let Some(delayed) = self.delayed.peek_mut().filter(|delayed| delayed.due <= now) {
            due.push(PeekMut::pop(delayed));
        }
        let released = due.len();
        for Delayed { taken: (port, _, item), .. } in &due {
            let queue = &mut self.ports[*port];
            queue.count_due(item);
        }
        let due = due.into_iter().map(|delayed| delayed.taken);
        match &mut self.lanes {
            None => due.for_each(|(port, _, item)| self.ports[port].again.push_back(item)),
            // Each becomes the first.
            Some(lanes) => due.rev().for_each(|(port, lane, item)| lanes.put_back(port, lane, item)),
        }
        (released, self.delayed.peek().map(|delayed| delayed.due))
    }

    /// Has nothing handed out until it is told to go on. A drain ends that, and begins none anew.
    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused && self.deadline.is_none();
    }

    /// Tells when the drain ends, and ends a pause. Answers how many events nobody waits for any more.
    pub(super) fn drain_until(&mut self, deadline: Instant) -> usize {
        self.deadline = Some(deadline);
        self.paused = false;
        let delayed = std::mem::take(&mut self.delayed).into_iter();
        let (late, in_time): (Vec<_>, Vec<_>) = delayed.partition(|delayed| delayed.due > deadline);
        self.delayed = in_time.into();
        late.into_iter().map(|delayed| self.strand(delayed.taken)).sum()
    }

    /// Gives up waiting for the retry of an event, and so for those of its lane. Tells how many these are.
    fn strand(&mut self, (port, lane, item): Taken) -> usize {
        let before = self.stranded.len();
        self.stranded.push((port, item));
        for (port, item) in self.lanes.iter_mut().flat_map(|lanes| lanes.strand(lane)) {
            self.ports[port].count_waiting(&item);
            self.stranded.push((port, item));
        }
        self.stranded.len() - before
    }

    /// Whether every queue is closed, and nothing is left to take.
    pub(super) fn is_over(&self) -> bool {
        self.abandoned || (self.waited_for() == 0 && self.ports.iter().all(|port| !port.open))
    }

    /// Gives up what is queued, in flight, or comes back from there. Says whether anything was pending.
    pub(super) fn abandon(&mut self) -> bool {
        self.abandoned = true;
        self.pending.clear()
    }

    /// How many queued events are still to be handled.
    fn waited_for(&self) -> usize {
        self.ports.iter().map(|port| port.ledger.queued()).sum::<usize>() - self.stranded.len()
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.ports.iter().map(|port| port.ledger.in_flight()).sum()
    }

    /// Whether there is an event to take, or will be without anyone's help.
    pub(super) fn has_more(&self) -> bool {
        self.is_takeable() || self.paused || !self.delayed.is_empty()
    }

    /// A queue at this moment.
    pub(super) fn snapshot(&self, port: usize) -> Snapshot {
        let Port { waiting, ref ledger, .. } = self.ports[port];
        let here = self.items().filter(|(of, _)| *of == port);
        let bytes = here.map(|(_, item)| item.bytes()).sum();
        Snapshot { queued: ledger.queued(), waiting, bytes, ledger: ledger.clone() }
    }

    /// Every queued event, and the number of its queue.
    pub(super) fn items(&self) -> impl Iterator<Item = (usize, &Item)> {
        let in_ports = self.ports.iter().enumerate();
        let in_ports = in_ports
            .flat_map(|(port, queue)| queue.again.iter().chain(&queue.events).map(move |item| (port, item)));
        let in_lanes = self.lanes.iter().flat_map(|lanes| lanes.items());
        let delayed = self.delayed.iter().map(|Delayed { taken: (port, _, item), .. }| (*port, item));
        let stranded = self.stranded.iter().map(|(port, item)| (*port, item));
        in_ports.chain(in_lanes).chain(delayed).chain(stranded)
    }
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Delayed) -> bool {
        self.number == other.number
    }
}

impl Eq for Delayed {}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Delayed) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Delayed {
    fn cmp(&self, other: &Delayed) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}
