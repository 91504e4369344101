//! The end of waits for capacity: a transition that frees capacity lets in the events that wait in the door.

use super::super::door::{Guest, Refusal};
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
            let has_event = door.front().is_some_and(|guest| guest.item.is_some());
            // Counted before a worker can take it, so that the count cannot pass zero in between.
            if has_event && !self.pending.add(&self.quiescence) {
                door.turn_away_next().into_iter().for_each(|waker| self.wakers.add(waker));
                continue;
            }
            let Some(Guest { lane, item, waker, .. }) = door.pop() else { break };
            self.wakers.add(waker);
            if let Some(item) = item {
                self.admitted.iter_mut().for_each(|admitted| admitted.push((port, Arc::clone(&item.frame))));
                lost += usize::from(self.accept(port, lane, item));
            }
        }
        self.ports[port].open_if_empty();
        let at_rest = lost > 0 && self.pending.remove(lost);
        self.with_schedule(Wakes { publishers, at_rest, ..Wakes::default() })
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
