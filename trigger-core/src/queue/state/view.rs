//! Snapshots of the state of an inbox.

use super::super::{Load, Snapshot};
use super::*;

impl State {
    pub(in super::super) fn pending(&self) -> usize {
        self.pending.events()
    }

    /// Returns the load of the process; `workers` is the number of workers, if known.
    pub(in super::super) fn load(&self, workers: Option<usize>) -> Load {
        let in_flight = self.ports.iter().map(|port| port.ledger.in_flight()).sum();
        let idle = workers.is_none_or(|workers| in_flight < workers as u64);
        let has_more = self.has_takeable() || self.paused || !self.schedule.is_empty();
        let first_tickets = self.ports.iter().map(|port| port.door.first_ticket()).collect();
        Load { in_flight, proceeds: idle && has_more, first_tickets }
    }

    pub(in super::super) fn snapshot(&self, port: usize) -> Snapshot {
        let queue = &self.ports[port];
        let oldest = match &self.lanes {
            None => queue.oldest(),
            Some(lanes) => lanes.oldest(port),
        };
        queue.snapshot(oldest)
    }

    /// Returns every queued event, with the number of its queue.
    pub(in super::super) fn queued(&self) -> impl Iterator<Item = (usize, &Item)> {
        let in_ports = self.ports.iter().enumerate();
        let in_ports = in_ports
            .flat_map(|(port, queue)| queue.again.iter().chain(&queue.events).map(move |item| (port, item)));
        let in_lanes = self.lanes.iter().flat_map(|lanes| lanes.items());
        let scheduled = self.schedule.iter().map(|(port, _, item)| (*port, item));
        let expired = self.expired.iter().map(|(port, item)| (*port, item));
        in_ports.chain(in_lanes).chain(scheduled).chain(expired)
    }
}
