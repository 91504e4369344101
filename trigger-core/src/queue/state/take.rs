//! Takes: the next event for a worker, from the queues in turn, or for a program without a runtime.

use super::*;

impl State {
    /// Removes the next event of a queue.
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

    /// Takes the next event of a queue for a program without a runtime; it counts as handled.
    pub(in super::super) fn pop(&mut self, port: usize) -> Option<(Item, Wakes)> {
        let (_, item) = self.dequeue(port)?;
        self.ports[port].ledger.handled += 1;
        let publishers = self.admit(port).publishers;
        let at_rest = self.end_pending(1);
        Some((item, Wakes { publishers, at_rest, ..Wakes::worker(self.has_next()) }))
    }

    /// Takes every event of a queue for a program without a runtime, in order; they count as handled.
    pub(in super::super) fn drain(&mut self, port: usize) -> (Vec<Item>, Wakes) {
        let mut items = Vec::with_capacity(self.ports[port].ledger.queued());
        while let Some((_, item)) = self.dequeue(port) {
            items.push(item);
        }
        self.ports[port].ledger.handled += items.len() as u64;
        let admitted = self.admit(port);
        let at_rest = self.end_pending(items.len()) || admitted.at_rest;
        (items, Wakes { publishers: admitted.publishers, at_rest, ..Wakes::worker(self.has_next()) })
    }

    /// Takes the next event for a worker, from the queues in turn.
    #[inline(always)]
    pub(in super::super) fn take(&mut self) -> Option<(Taken, Wakes)> {
        if self.paused || self.abandoned {
            return None;
        }
        let port = self.next_port()?;
        let (lane, item) = self.dequeue(port)?;
        let queue = &mut self.ports[port];
        if item.retry().is_some() {
            queue.ledger.retried += 1;
        }
        let (queueing, closed) = (queue.entry == Entry::Queueing, queue.entry == Entry::Closed);
        let publishers = queueing && self.admit(port).publishers;
        let workers = if closed && self.is_over() {
            // No event is left for the idle workers, and no later close would wake them.
            Wake::All
        } else {
            Wake::one(self.has_next())
        };
        Some(((port, lane, item), Wakes { workers, publishers, ..Wakes::default() }))
    }

    /// Returns the next queue with an event that a worker can take.
    #[inline(always)]
    fn next_port(&mut self) -> Option<usize> {
        for _ in 0..self.ports.len() {
            let port = self.turn;
            self.turn = if port + 1 < self.ports.len() { port + 1 } else { 0 };
            let has_event = match &self.lanes {
                None => self.ports[port].has_event(),
                Some(lanes) => lanes.any_ready_of(port),
            };
            if has_event {
                return Some(port);
            }
        }
        None
    }

    /// Counts a notification of the next worker if another event can be taken, and returns `true` if it is to be sent. So
    /// the number of awake workers follows the number of events.
    #[inline(always)]
    pub(super) fn has_next(&mut self) -> bool {
        self.workers.can_notify() && self.has_takeable() && self.workers.notify()
    }

    pub(super) fn has_takeable(&self) -> bool {
        match &self.lanes {
            Some(lanes) => lanes.any_ready(),
            None => self.ports.iter().any(Port::has_event),
        }
    }
}
