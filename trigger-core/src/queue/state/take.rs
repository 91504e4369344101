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
    pub(in super::super) fn pop(&mut self, port: usize) -> Option<Item> {
        let (_, item) = self.dequeue(port)?;
        self.ports[port].ledger.handled += 1;
        self.admit_if_queueing(port);
        self.end_pending(1);
        self.notify_next();
        Some(item)
    }

    /// Takes every event of a queue for a program without a runtime, in order; they count as handled.
    pub(in super::super) fn drain(&mut self, port: usize) -> Vec<Item> {
        let mut items = Vec::with_capacity(self.ports[port].ledger.queued());
        while let Some((_, item)) = self.dequeue(port) {
            items.push(item);
        }
        self.ports[port].ledger.handled += items.len() as u64;
        self.admit_if_queueing(port);
        self.end_pending(items.len());
        self.notify_next();
        items
    }

    /// Takes the next event for a worker, from the queues in turn.
    #[inline(always)]
    pub(in super::super) fn take(&mut self) -> Option<Taken> {
        if self.paused || self.abandoned {
            return None;
        }
        let port = self.next_port()?;
        let (lane, item) = self.dequeue(port)?;
        let queue = &mut self.ports[port];
        if item.retry().is_some() {
            queue.ledger.retried += 1;
        }
        let entry = queue.entry;
        if entry != Entry::Open {
            self.take_from_busy(port, entry);
        }
        self.notify_next();
        Some((port, lane, item))
    }

    /// Ends the take from a queue whose door has publishers, or which is closed.
    #[inline(never)]
    fn take_from_busy(&mut self, port: usize, entry: Entry) {
        if entry == Entry::Queueing {
            self.admit(port);
        } else if self.is_over() {
            // No event is left for the idle workers, and no later close would wake them.
            self.wake_all_workers();
        }
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

    /// Notifies the next worker if another event can be taken. So the number of awake workers follows the number of
    /// events.
    #[inline(always)]
    pub(super) fn notify_next(&mut self) {
        if self.workers.can_wake() && self.has_takeable() {
            self.notify_worker();
        }
    }

    pub(super) fn has_takeable(&self) -> bool {
        match &self.lanes {
            Some(lanes) => lanes.any_ready(),
            None => self.ports.iter().any(Port::has_event),
        }
    }
}
