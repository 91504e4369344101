//! Pushes that wait for capacity in the door of a queue.

use std::future::poll_fn;
use std::task::{Poll, Waker};

use super::door::{Admission, Refusal};
use super::item::Item;
use super::state::PushError;
use super::wake::Wakes;
use super::{Load, Pushed, Queue};

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
        self.push_or_enter(lane, item, waker)
    }

    #[inline(always)]
    fn push_or_enter(&self, lane: u64, item: Item, waker: &Waker) -> Pushed {
        self.inbox.transition(|state| match state.push(self.port, lane, item) {
            Ok(wakes) => (Pushed::Queued, wakes),
            Err(PushError::Full(item)) if state.port(self.port).bounds.allow(item.bytes()) => {
                let ticket = state.port_mut(self.port).enter(lane, Some(item), waker);
                (Pushed::Waiting(ticket), Wakes::default())
            }
            Err(error) => (error.into(), Wakes::default()),
        })
    }

    /// Returns the end of the wait of an event in the door.
    pub(crate) fn poll_guest(&self, ticket: u64, waker: &Waker) -> Poll<Admission> {
        let polled = self.inbox.state().port_mut(self.port).door.poll(ticket, waker);
        let ended = match polled {
            None => return Poll::Pending,
            Some(Err((guest, refusal))) => guest.item.map(|item| Admission::Refused(item, refusal)),
            Some(Ok(())) => None,
        };
        self.inbox.report_admitted();
        Poll::Ready(ended.unwrap_or(Admission::Queued))
    }

    /// Takes an event out of the door. Returns `None` if it was queued.
    pub(crate) fn leave(&self, ticket: u64) -> Option<Item> {
        let guest = self.inbox.transition(|state| state.leave(self.port, ticket));
        self.inbox.report_admitted();
        guest?.item
    }

    /// Ends the wait of an event in the door, and wakes its publisher.
    pub(crate) fn turn_away(&self, ticket: u64, refusal: Refusal) {
        self.inbox.transition(|state| ((), state.turn_away(self.port, ticket, refusal)));
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
