//! The end of waits for capacity: a transition that frees capacity lets in the events that wait in the door.

use super::super::door::{Guest, Refusal, Wants};
use super::*;

impl State {
    /// Queues every event in the door that fits now, from the front. Does not notify workers: the caller does, with the
    /// other events that are ready.
    #[inline(never)]
    pub(super) fn admit(&mut self, port: usize) -> Wakes {
        let (mut publishers, mut lost) = (false, 0);
        while self.ports[port].can_admit() {
            publishers = true;
            let door = &mut self.ports[port].door;
            let has_event = door.front().is_some_and(|guest| !matches!(guest.wants, Wants::Capacity));
            // Counted before a worker can take it, so that the count cannot pass zero in between.
            if has_event && !self.pending.add(&self.quiescence) {
                door.turn_away_next().into_iter().for_each(|waker| self.wakers.add(waker));
                continue;
            }
            let Some(Guest { lane, wants, waker, .. }) = door.pop() else { break };
            self.wakers.add(waker);
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
        let at_rest = lost > 0 && self.pending.remove(lost);
        self.with_schedule(Wakes { publishers, at_rest, ..Wakes::default() })
    }

    /// Reserves capacity for an event that is stored before it is queued. It is pending from now on.
    ///
    /// # Errors
    ///
    /// The refusal, if there is no capacity or the queue is closed.
    pub(in super::super) fn reserve(&mut self, port: usize, bytes: usize) -> Result<(), Refusal> {
        let queue = &self.ports[port];
        match queue.entry {
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
    pub(in super::super) fn evict_for(&mut self, port: usize, bytes: usize) -> (Vec<Item>, Wakes) {
        let mut evicted = Vec::new();
        while self.ports[port].fits_by_eviction(bytes) && !self.ports[port].has_capacity(bytes) {
            let Some(oldest) = self.evict(port) else { break };
            evicted.push(oldest);
        }
        let at_rest = self.end_pending(evicted.len());
        (evicted, Wakes { at_rest, ..Wakes::default() })
    }

    /// Queues an event that was stored, in its reserved capacity.
    ///
    /// # Errors
    ///
    /// The event, if the queue was closed.
    pub(in super::super) fn push_reserved(
        &mut self,
        port: usize,
        lane: u64,
        item: Item,
    ) -> Result<Wakes, (Item, Wakes)> {
        if !self.ports[port].is_open() {
            let wakes = self.unreserve(port, item.bytes());
            return Err((item, wakes));
        }
        self.ports[port].unreserve(item.bytes());
        Ok(self.accept_one(port, lane, item))
    }

    /// Gives reserved capacity back.
    pub(in super::super) fn unreserve(&mut self, port: usize, bytes: usize) -> Wakes {
        self.ports[port].unreserve(bytes);
        let admitted = self.admit_after_departure(port);
        let at_rest = self.end_pending(1) || admitted.at_rest;
        Wakes { at_rest, ..admitted }
    }

    /// Removes a publisher from the door. Returns `None` if its event was queued. The next one may fit now.
    pub(in super::super) fn leave(&mut self, port: usize, ticket: u64) -> (Option<Guest>, Wakes) {
        let guest = self.ports[port].door.leave(ticket);
        (guest, self.admit_after_departure(port))
    }

    /// Turns a publisher away that waits in the door. The next one may fit now.
    pub(in super::super) fn turn_away(&mut self, port: usize, ticket: u64, refusal: Refusal) -> Wakes {
        let waker = self.ports[port].door.turn_away(ticket, refusal);
        let turned_away = waker.is_some();
        waker.into_iter().for_each(|waker| self.wakers.add(waker));
        let wakes = self.admit_after_departure(port);
        Wakes { publishers: wakes.publishers || turned_away, ..wakes }
    }

    fn admit_after_departure(&mut self, port: usize) -> Wakes {
        let wakes = self.admit(port);
        Wakes { workers: Wake::one(self.has_next()), ..wakes }
    }

    /// Returns the wakers of the publishers whose wait has ended.
    pub(in super::super) fn take_wakers(&mut self) -> Wakers {
        std::mem::take(&mut self.wakers)
    }

    /// Returns the events that came in through a door and were not reported yet.
    pub(in super::super) fn take_admitted(&mut self) -> Vec<(usize, Arc<Frame>)> {
        self.admitted.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
