//! What an inbox holds, behind its one lock. Nothing here waits, wakes, or looks at a clock.

use std::cmp::Ordering;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque};

use super::delivery::{Entry, Item};
use super::lanes::Lanes;
use super::pending::Share;
use super::waiters::Waiters;
use super::{Ledger, Snapshot};
use crate::clock::Instant;

/// How much a queue holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) events: usize,
    /// The bytes of their bodies.
    pub(crate) bytes: Option<usize>,
}

#[derive(Debug)]
pub(super) struct State {
    // First what each event needs, so that it is in few lines of the cache; so too in a port.
    pub(super) waiters: Waiters,
    /// What is accepted and not settled, but for what nobody waits for any more.
    pub(super) pending: Share,
    /// Where the search for the next event begins, so that a full queue does not starve the others.
    turn: usize,
    /// Nobody takes from it any more, and nothing of it counts as pending.
    pub(super) abandoned: bool,
    pub(super) paused: bool,
    pub(super) ports: Vec<Port>,
    /// Where events are while they wait for the handler, if the process has a key.
    lanes: Option<Box<Lanes>>,
    /// Events that wait for a retry.
    delayed: BinaryHeap<Delayed>,
    /// Events that wait for a retry which comes after the end of the drain, and those of their key.
    stranded: Vec<(usize, Entry)>,
    /// When the drain ends, once it has begun.
    deadline: Option<Instant>,
    /// How many retries were scheduled: those that are due at one moment keep this order.
    scheduled: u64,
}

/// One queue.
#[derive(Debug)]
pub(super) struct Port {
    /// Where events are while they wait for the handler, if the process has no key.
    events: VecDeque<Entry>,
    pub(super) ledger: Ledger,
    pub(super) bounds: Bounds,
    pub(super) open: bool,
    bytes: usize,
    /// How many wait for room.
    pub(super) awaited: usize,
    /// Events that are to be handled again, before the others: those that were given back, then those whose retry is due.
    again: VecDeque<Entry>,
    /// How many wait for a retry.
    waiting: usize,
    waiting_bytes: usize,
    /// How often it was closed: one who waits learns from it of a close that was followed by an open.
    pub(super) closed: u64,
}

/// An event that waits for a retry. The greatest is the one that is due first.
#[derive(Debug)]
struct Delayed {
    due: Instant,
    number: u64,
    port: usize,
    entry: Entry,
}

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
    pub(super) fn enqueue(&mut self, port: usize, entry: Entry) -> bool {
        let queue = &mut self.ports[port];
        queue.bytes += entry.bytes;
        match &mut self.lanes {
            None => queue.events.push_back(entry),
            Some(lanes) => {
                if let Err(entry) = lanes.push(port, entry) {
                    self.ports[port].count_waiting(&entry);
                    self.stranded.push((port, entry));
                    return true;
                }
            }
        }
        self.abandoned
    }

    /// Takes the next event of this queue.
    #[inline]
    pub(super) fn dequeue(&mut self, port: usize) -> Option<Entry> {
        let queue = &mut self.ports[port];
        let entry = match &mut self.lanes {
            None => queue.pop()?,
            Some(lanes) => lanes.take(port)?,
        };
        queue.bytes -= entry.bytes;
        queue.ledger.taken += 1;
        Some(entry)
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
    #[inline]
    pub(super) fn take(&mut self) -> Option<(usize, Entry)> {
        if self.paused || self.abandoned {
            return None;
        }
        let port = self.next_port()?;
        let entry = self.dequeue(port)?;
        if entry.tries.is_some() {
            self.ports[port].ledger.retried += 1;
        }
        Some((port, entry))
    }

    /// The next queue that has an event to take.
    #[inline]
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
    pub(super) fn retry(&mut self, port: usize, entry: Entry, due: Instant) -> usize {
        let ledger = &mut self.ports[port].ledger;
        ledger.returned += 1;
        ledger.failed += 1;
        self.ports[port].bytes += entry.bytes;
        self.ports[port].count_waiting(&entry);
        if self.abandoned || self.deadline.is_some_and(|deadline| due > deadline) {
            return self.strand(port, entry);
        }
        self.scheduled += 1;
        self.delayed.push(Delayed { due, number: self.scheduled, port, entry });
        0
    }

    /// Ends the flight of an event that was not handled.
    pub(super) fn give_back(&mut self, port: usize, entry: Entry) {
        let ledger = &mut self.ports[port].ledger;
        ledger.returned += 1;
        ledger.given_back += 1;
        ledger.retried -= u64::from(entry.tries.is_some());
        self.ports[port].bytes += entry.bytes;
        match &mut self.lanes {
            None => self.ports[port].again.push_front(entry),
            Some(lanes) => lanes.put_back(port, entry),
        }
    }

    /// Takes out the oldest event of this queue that waits for the handler; it counts as dropped.
    pub(super) fn evict(&mut self, port: usize) -> Option<Item> {
        let entry = match &mut self.lanes {
            None => self.ports[port].pop()?,
            Some(lanes) => lanes.evict(port)?,
        };
        self.ports[port].bytes -= entry.bytes;
        let ledger = &mut self.ports[port].ledger;
        ledger.evicted += 1;
        ledger.dropped += 1;
        Some(entry.item)
    }

    /// Puts the events that are due before those that were never taken. Tells how many, and when the next one is due.
    pub(super) fn release_due(&mut self, now: Instant) -> (usize, Option<Instant>) {
        let mut due = Vec::new();
        while let Some(delayed) = self.delayed.peek_mut().filter(|delayed| delayed.due <= now) {
            due.push(PeekMut::pop(delayed));
        }
        let released = due.len();
        for delayed in &due {
            let port = &mut self.ports[delayed.port];
            port.waiting -= 1;
            port.waiting_bytes -= delayed.entry.bytes;
        }
        match &mut self.lanes {
            None => {
                due.into_iter().for_each(|delayed| self.ports[delayed.port].again.push_back(delayed.entry))
            }
            // Each becomes the first.
            Some(lanes) => {
                due.into_iter().rev().for_each(|delayed| lanes.put_back(delayed.port, delayed.entry))
            }
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
        late.into_iter().map(|Delayed { port, entry, .. }| self.strand(port, entry)).sum()
    }

    /// Gives up waiting for the retry of an event, and so for those of its lane. Tells how many these are.
    fn strand(&mut self, port: usize, entry: Entry) -> usize {
        let before = self.stranded.len();
        let lane = entry.lane;
        self.stranded.push((port, entry));
        for (port, entry) in self.lanes.iter_mut().flat_map(|lanes| lanes.strand(lane)) {
            self.ports[port].count_waiting(&entry);
            self.stranded.push((port, entry));
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

    /// Every queued event, and the number of its queue.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, &Entry)> {
        let in_ports = self.ports.iter().enumerate();
        let in_ports = in_ports.flat_map(|(port, queue)| {
            queue.again.iter().chain(&queue.events).map(move |entry| (port, entry))
        });
        let in_lanes = self.lanes.iter().flat_map(|lanes| lanes.entries());
        let delayed = self.delayed.iter().map(|delayed| (delayed.port, &delayed.entry));
        let stranded = self.stranded.iter().map(|(port, entry)| (*port, entry));
        in_ports.chain(in_lanes).chain(delayed).chain(stranded)
    }
}

impl Port {
    fn new(bounds: Bounds) -> Port {
        Port {
            bounds,
            open: false,
            closed: 0,
            bytes: 0,
            waiting: 0,
            waiting_bytes: 0,
            ledger: Ledger::default(),
            awaited: 0,
            again: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<Entry> {
        let next = if self.again.is_empty() { &mut self.events } else { &mut self.again };
        next.pop_front()
    }

    /// Whether it has an event to take, where the process has no key.
    #[inline]
    fn any(&self) -> bool {
        !(self.again.is_empty() && self.events.is_empty())
    }

    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.ledger.queued() < self.bounds.events && self.bounds.fit(self.bytes + bytes)
    }

    /// How many bytes another event may have, if there is room for one.
    pub(super) fn space(&self) -> Option<usize> {
        match self.bounds.bytes {
            _ if !self.open => Some(usize::MAX),
            _ if self.ledger.queued() >= self.bounds.events => None,
            Some(most) => most.checked_sub(self.bytes),
            None => Some(usize::MAX),
        }
    }

    /// Whether there would be room if every event that waits for the handler were taken out.
    pub(super) fn could_make_room(&self, bytes: usize) -> bool {
        self.waiting < self.bounds.events && self.bounds.fit(self.waiting_bytes + bytes)
    }

    fn count_waiting(&mut self, entry: &Entry) {
        self.waiting += 1;
        self.waiting_bytes += entry.bytes;
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let Port { waiting, bytes, ref ledger, .. } = *self;
        Snapshot { queued: ledger.queued(), waiting, bytes, ledger: ledger.clone() }
    }
}

impl Bounds {
    /// Whether so many bytes are within the bounds.
    pub(super) fn fit(&self, bytes: usize) -> bool {
        self.bytes.is_none_or(|most| bytes <= most)
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
