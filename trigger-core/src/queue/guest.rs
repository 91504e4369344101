//! Pushes that wait for capacity in the door of a queue.

use std::future::poll_fn;
use std::task::{Poll, Waker};

use super::door::{Admission, Refusal, Wants};
use super::item::Item;
use super::state::PushError;
use super::{Load, Pushed, Queue, receipt};

impl Queue {
    /// Queues an event as [`push`](Queue::push) does. Without capacity the event waits in the door of the queue, and the
    /// result is its ticket. Returns [`Pushed::Full`] if the queue can never have capacity for it.
    ///
    /// The caller polls the ticket with [`poll_guest`](Queue::poll_guest) until its end, or gives it up with
    /// [`leave`](Queue::leave).
    #[inline]
    pub(crate) fn push_waiting(&self, item: Item, waker: &Waker) -> Pushed {
        let (lane, observed) = self.lane(&item);
        if let Some(observed) = observed {
            let report = observed.begin_push(self.trigger(), &item.frame);
            return self.push_or_enter(lane, item, waker).report(report);
        }
        match self.push_quick(item) {
            Ok(()) => Pushed::Queued,
            Err(item) => self.push_or_enter(lane, item, waker),
        }
    }

    #[inline(always)]
    fn push_or_enter(&self, lane: u64, item: Item, waker: &Waker) -> Pushed {
        self.inbox.transition(|state| match state.push(self.port, lane, item) {
            Ok(()) => Pushed::Queued,
            Err(PushError::Full(item)) if state.port(self.port).bounds.allow(item.bytes()) => {
                Pushed::Waiting(state.port_mut(self.port).enter(lane, Wants::Event(item), waker))
            }
            Err(error) => error.into(),
        })
    }

    /// Returns the end of the wait of an event in the door.
    pub(crate) fn poll_guest(&self, ticket: u64, waker: &Waker) -> Poll<Admission> {
        let polled = self.inbox.state().port_mut(self.port).door.poll(ticket, waker);
        let ended = match polled {
            None => return Poll::Pending,
            Some(Ok(())) => Admission::Queued,
            Some(Err((guest, refusal))) => Admission::Refused(guest.wants.item(), refusal),
        };
        self.inbox.report_admitted();
        Poll::Ready(ended)
    }

    /// Reserves capacity for an event of this size, which is stored before it is queued. Without capacity it waits in the
    /// door if there is a waker, as [`push_waiting`](Queue::push_waiting) does.
    pub(crate) fn reserve(&self, bytes: usize, waker: Option<&Waker>) -> Result<(), NotReserved> {
        let mut state = self.inbox.state();
        match (state.reserve(self.port, bytes), waker) {
            (Ok(()), _) => Ok(()),
            (Err(Refusal::Closed), _) => Err(NotReserved::Closed),
            (Err(_), Some(waker)) if state.port(self.port).bounds.allow(bytes) => {
                let ticket = state.port_mut(self.port).enter(0, Wants::Reservation(bytes), waker);
                Err(NotReserved::Waiting(ticket))
            }
            (Err(_), _) => Err(NotReserved::Full),
        }
    }

    /// Reserves capacity as [`reserve`](Self::reserve) does, and evicts the oldest events for it. Returns the evicted events
    /// with the queue's count of dropped events.
    pub(crate) fn reserve_evicting(&self, bytes: usize) -> (Result<(), NotReserved>, Vec<Item>, u64) {
        // In one step. Otherwise another publisher could take the capacity, and both events would be dropped.
        let (reserved, evicted, dropped) = self.inbox.transition(|state| {
            let is_open = state.port(self.port).is_open();
            let evicted = if is_open { state.evict_for(self.port, bytes) } else { Vec::new() };
            let reserved = state.reserve(self.port, bytes).map_err(|refusal| match refusal {
                Refusal::Closed => NotReserved::Closed,
                Refusal::Full | Refusal::Deadlock => NotReserved::Full,
            });
            (reserved, evicted, state.port(self.port).ledger.dropped)
        });
        if let Some(observed) = self.inbox.observed().filter(|_| !evicted.is_empty()) {
            observed.in_order(|| {
                self.inbox.report_each_admitted(observed);
                for item in &evicted {
                    observed.evicted(self.trigger(), &item.frame, item.failed_attempts());
                }
            });
        }
        (reserved, evicted, dropped)
    }

    /// Queues an event in its reserved capacity. If the queue was closed meanwhile, releases its receipt and returns `false`.
    pub(crate) fn push_reserved(&self, item: Item) -> bool {
        let (lane, observed) = self.lane(&item);
        let report = observed.map(|observed| observed.begin_push(self.trigger(), &item.frame));
        let pushed = self.inbox.transition(|state| match state.push_reserved(self.port, lane, item) {
            Ok(()) => Pushed::Queued,
            Err(item) => Pushed::Closed(item),
        });
        let pushed = match report {
            Some(report) => pushed.report(report),
            None => pushed,
        };
        let Pushed::Closed(mut item) = pushed else { return true };
        item.take_receipt().into_iter().for_each(receipt::release);
        false
    }

    /// Gives back the reserved capacity of an event of this size.
    pub(crate) fn unreserve(&self, bytes: usize) {
        self.inbox.transition(|state| state.unreserve(self.port, bytes));
    }

    /// Takes an event out of the door. Returns `None` if it was queued, or its capacity is reserved.
    pub(crate) fn leave(&self, ticket: u64) -> Option<Departed> {
        let guest = self.inbox.transition(|state| state.leave(self.port, ticket));
        self.inbox.report_admitted();
        guest.map(|guest| Departed(guest.wants.item()))
    }

    /// Ends the wait of an event in the door, and wakes its publisher.
    pub(crate) fn turn_away(&self, ticket: u64, refusal: Refusal) {
        self.inbox.transition(|state| state.turn_away(self.port, ticket, refusal));
    }

    /// Waits until the queue has capacity or is closed. The wait has its turn like that of an event.
    pub(crate) async fn capacity(&self) {
        let mut watcher = Watcher { queue: self, ticket: None };
        poll_fn(|task| watcher.poll(task.waker())).await;
    }

    /// Returns `true` if the event with this ticket waited in the door at the moment of the snapshot.
    pub(crate) fn waited(&self, load: &Load, ticket: u64) -> bool {
        load.first_tickets[self.port].is_some_and(|first| first <= ticket)
    }
}

/// Why capacity was not reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotReserved {
    /// The event waits in the door of the queue, with this ticket.
    Waiting(u64),
    Full,
    Closed,
}

/// A publisher that has left the door, with its event, unless it only waited for capacity.
#[derive(Debug)]
pub(crate) struct Departed(pub(crate) Option<Item>);

/// A wait for capacity without an event.
struct Watcher<'a> {
    queue: &'a Queue,
    /// The ticket, while it waits.
    ticket: Option<u64>,
}

impl Watcher<'_> {
    fn poll(&mut self, waker: &Waker) -> Poll<()> {
        let Queue { inbox, port, .. } = self.queue;
        let mut state = inbox.state();
        let port = state.port_mut(*port);
        match self.ticket {
            None => self.ticket = port.watch(waker),
            Some(ticket) if port.door.poll(ticket, waker).is_some() => self.ticket = None,
            Some(_) => {}
        }
        if self.ticket.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.queue.leave(ticket);
        }
    }
}
