//! The grants of the quick intakes, and the merge of their events into the queues.
//!
//! While an intake has a grant, no worker can be woken, no publisher waits in the door, and the inbox is counted as
//! pending. Each transition that could change one of these has merged the intakes, which revokes their grants. Only
//! [`State::settle_and_take`] leaves them while every queue has an event: it cannot end the pending state then.

use super::super::intake::Capacity;
use super::*;

/// The number of events in a queue from which on a push grants capacity. With fewer, the workers keep up with the
/// publishers, and a grant would be revoked before a push uses it. The models of loom need every grant that is possible.
const GRANT_AT: usize = if cfg!(loom) { 1 } else { 2 };

impl State {
    /// Moves the events of the quick intakes into the queues, and revokes the grants.
    #[inline(always)]
    pub(in super::super) fn merge(&mut self) {
        if self.granted {
            self.merge_all(false);
        }
    }

    /// Merges the quick intakes if a queue is empty. Otherwise the next take could be from another queue out of turn, or
    /// the settlement could end the pending state while an intake has an event. Renews the grants.
    #[inline(always)]
    pub(super) fn merge_before_take(&mut self) {
        if self.granted && !self.ports.iter().all(Port::has_event) {
            self.merge_all(true);
        }
    }

    /// Merges the quick intakes. Revokes their grants, or, if `renews`, only those of intakes without an event.
    #[inline(never)]
    fn merge_all(&mut self, renews: bool) {
        self.granted = false;
        for (port, intake) in self.ports.iter_mut().zip(self.intakes.iter()) {
            if !intake.is_granted() {
                continue;
            }
            let mut incoming = intake.incoming();
            let count = incoming.events.len();
            self.pending.add_more(count);
            port.append(&mut incoming);
            let capacity = if renews && count > 0 { port.free() } else { Capacity::default() };
            self.granted |= capacity.events > 0;
            intake.grant(&mut incoming, capacity);
        }
    }

    /// Grants the free capacity of a queue to its quick intake, if a push has nothing to do but to append its event.
    #[inline(always)]
    pub(super) fn grant(&mut self, port: usize) {
        // An idle worker is woken at once, and not by the next merge. With a key, no event is in the port.
        if self.ports[port].events.len() >= GRANT_AT && !self.workers.can_wake() {
            self.grant_free(port);
        }
    }

    #[inline(never)]
    fn grant_free(&mut self, port: usize) {
        let (queue, intake) = (&self.ports[port], &self.intakes[port]);
        let is_observed = self.admitted.is_some();
        // A pause and the end of an inbox gain nothing from a grant.
        let delivers = !self.paused && !self.abandoned && self.deadline.is_none();
        let only_appends =
            delivers && !is_observed && queue.entry == Entry::Open && self.pending.is_counted();
        let capacity = queue.free();
        if only_appends && capacity.events > 0 {
            intake.grant(&mut intake.incoming(), capacity);
            self.granted = true;
        }
    }
}
