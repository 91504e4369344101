//! The end of an inbox: its drain, the retries that are due after the deadline, and abandoned events.

use super::*;

impl State {
    /// Begins a drain: ends a pause, and expires the retries that are due after its deadline.
    pub(in super::super) fn drain_until(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
        self.paused = false;
        let expired = self.schedule.take_late(deadline).map(|taken| self.expire(taken)).sum();
        self.after_expiry(expired);
        self.wake_all_workers();
        self.notify_next();
    }

    /// Expires an event whose retry is due after the deadline, and the events behind it in its lane. Returns the number
    /// of expired events.
    pub(super) fn expire(&mut self, (port, lane, item): Taken) -> usize {
        let before = self.expired.len();
        self.expired.push((port, item));
        for (port, item) in self.lanes.iter_mut().flat_map(|lanes| lanes.expire(lane)) {
            self.ports[port].count_waiting(&item);
            self.expired.push((port, item));
        }
        self.expired.len() - before
    }

    /// Ends the pending state of expired events, and wakes all workers. After the close, these may have been the last
    /// events that kept the workers waiting, and nothing else would wake them.
    pub(super) fn after_expiry(&mut self, expired: usize) {
        if expired > 0 {
            self.wake_all_workers();
        }
        self.end_pending(expired);
    }

    /// Abandons all events: queued ones, and those that a handler returns later. None of them is pending.
    pub(in super::super) fn abandon(&mut self) {
        self.abandoned = true;
        self.wake_all_workers();
        self.wakes.at_rest |= self.pending.clear();
    }

    /// Returns `true` if every queue is closed, and no event is left for a worker.
    pub(in super::super) fn is_over(&self) -> bool {
        let queued = || self.ports.iter().map(|port| port.ledger.queued()).sum::<usize>();
        self.abandoned || (self.ports.iter().all(|port| !port.is_open()) && queued() == self.expired.len())
    }
}
