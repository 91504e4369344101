//! The end of waits for capacity: a transition that frees capacity lets in the events that wait in the door.

use super::super::door::{Guest, Refusal, Wants};
use super::*;

impl State {
    #[inline(always)]
    pub(super) fn admit_if_queueing(&mut self, port: usize) {
        if self.ports[port].entry == Entry::Queueing {
            self.admit(port);
        }
    }

    /// Queues every event in the door that fits now, from the front. Does not notify workers: the caller does, with the
    /// other events that are ready.
    #[inline(never)]
    pub(super) fn admit(&mut self, port: usize) {
        let mut lost = 0;
        while self.ports[port].can_admit() {
            let door = &mut self.ports[port].door;
            let has_event = door.front().is_some_and(|guest| !matches!(guest.wants, Wants::Capacity));
            // Counted before a worker can take it, so that the count cannot pass zero in between.
            if has_event && (self.abandoned || !self.pending.add(&self.quiescence)) {
                door.turn_away_next().into_iter().for_each(|waker| self.wakes.add(waker, &mut self.wakers));
                continue;
            }
            let Some(Guest { lane, wants, waker, .. }) = door.pop() else { break };
            self.wakes.add(waker, &mut self.wakers);
            match wants {
                Wants::Event(item) => {
                    self.admitted
                        .iter_mut()
                        .for_each(|admitted| admitted.push((port, Arc::clone(&item.frame))));
                    lost += usize::from(self.accept(port, lane, item));
                }
                Wants::Reservation(bytes) => self.ports[port].reserve(bytes),
                Wants::Capacity => {}
            }
        }
        self.ports[port].open_if_empty();
        if lost > 0 {
            self.wakes.at_rest |= self.pending.remove(lost);
        }
    }

    /// Reserves capacity for an event that is stored before it is queued. It is pending from now on.
    ///
    /// # Errors
    ///
    /// The refusal, if there is no capacity or the queue is closed.
    pub(in super::super) fn reserve(&mut self, port: usize, bytes: usize) -> Result<(), Refusal> {
        let queue = &self.ports[port];
        match queue.entry {
            // What is reserved after all events were abandoned would stay pending.
            _ if self.abandoned => Err(Refusal::Closed),
            Entry::Closed => Err(Refusal::Closed),
            Entry::Open if queue.has_capacity(bytes) => {
                if !self.pending.add(&self.quiescence) {
                    return Err(Refusal::Closed);
                }
                self.ports[port].reserve(bytes);
                Ok(())
            }
            Entry::Open | Entry::Queueing => Err(Refusal::Full),
        }
    }

    /// Evicts the oldest events of a queue until an event of this size fits. Events that wait for a retry stay.
    pub(in super::super) fn evict_for(&mut self, port: usize, bytes: usize) -> Vec<Item> {
        let mut evicted = Vec::new();
        while self.ports[port].fits_by_eviction(bytes) && !self.ports[port].has_capacity(bytes) {
            let Some(oldest) = self.evict(port) else { break };
            evicted.push(oldest);
        }
        self.end_pending(evicted.len());
        evicted
    }

    /// Queues an event that was stored, in its reserved capacity.
    ///
    /// # Errors
    ///
    /// The event, if the queue was closed or all events were abandoned.
    pub(in super::super) fn push_reserved(&mut self, port: usize, lane: u64, item: Item) -> Result<(), Item> {
        if !self.ports[port].is_open() || self.abandoned {
            self.unreserve(port, item.bytes());
            return Err(item);
        }
        self.ports[port].unreserve(item.bytes());
        self.accept_one(port, lane, item);
        Ok(())
    }

    /// Gives reserved capacity back.
    pub(in super::super) fn unreserve(&mut self, port: usize, bytes: usize) {
        self.ports[port].unreserve(bytes);
        self.admit_after_departure(port);
        self.end_pending(1);
    }

    /// Removes a publisher from the door. Returns `None` if its event was queued. The next one may fit now.
    pub(in super::super) fn leave(&mut self, port: usize, ticket: u64) -> Option<Guest> {
        let guest = self.ports[port].door.leave(ticket);
        self.admit_after_departure(port);
        guest
    }

    /// Turns a publisher away that waits in the door. The next one may fit now.
    pub(in super::super) fn turn_away(&mut self, port: usize, ticket: u64, refusal: Refusal) {
        let waker = self.ports[port].door.turn_away(ticket, refusal);
        waker.into_iter().for_each(|waker| self.wakes.add(waker, &mut self.wakers));
        self.admit_after_departure(port);
    }

    fn admit_after_departure(&mut self, port: usize) {
        self.admit(port);
        self.notify_next();
    }

    /// Returns the events that came in through a door and were not reported yet.
    pub(in super::super) fn take_admitted(&mut self) -> Vec<(usize, Arc<Frame>)> {
        self.admitted.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
