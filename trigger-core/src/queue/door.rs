//! The door of a queue: the publishers that wait for capacity, in the order of their arrival.
//!
//! A publisher that finds no capacity leaves its event in the door, under the lock of the inbox. The transition that frees
//! capacity lets in every event that fits now, from the front, in the same step. So no publisher overtakes another, no
//! capacity is lost, and a woken publisher finds its event queued. An event that does not fit blocks those behind it.

use std::collections::VecDeque;
use std::task::Waker;

use super::item::Item;

/// A publisher that waits for capacity.
#[derive(Debug)]
pub(super) struct Guest {
    ticket: u64,
    pub(super) lane: u64,
    pub(super) wants: Wants,
    pub(super) waker: Waker,
}

/// What a publisher waits for.
#[derive(Debug)]
pub(super) enum Wants {
    /// That its event is queued.
    Event(Item),
    /// That capacity for an event of this size is reserved.
    Reservation(usize),
    /// That there is capacity.
    Capacity,
}

impl Wants {
    /// Returns the size of the event, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Wants::Event(item) => item.bytes(),
            Wants::Reservation(bytes) => *bytes,
            Wants::Capacity => 0,
        }
    }

    /// Returns the event.
    pub(super) fn item(self) -> Option<Item> {
        match self {
            Wants::Event(item) => Some(item),
            Wants::Reservation(_) | Wants::Capacity => None,
        }
    }
}

/// Why the queue gives an event back that waited for capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The queue was closed.
    Closed,
    /// No worker will free capacity.
    Full,
    /// Every handler that could free capacity waits too, the publisher among them.
    Deadlock,
}

/// The end of a wait for capacity.
#[derive(Debug)]
pub(crate) enum Admission {
    /// The event is queued, or its capacity is reserved.
    Queued,
    /// Has the event, unless only capacity was to be reserved.
    Refused(Option<Item>, Refusal),
}

#[derive(Debug, Default)]
pub(super) struct Door {
    /// Sorted by ticket.
    guests: VecDeque<Guest>,
    /// The ticket of the last guest that arrived.
    last_ticket: u64,
    /// Guests that were turned away and have not taken their event back. They are few, because each of them was woken.
    refused: Vec<(Guest, Refusal)>,
}

impl Door {
    /// Adds a guest, and returns its ticket. A ticket is never 0.
    pub(super) fn enter(&mut self, lane: u64, wants: Wants, waker: &Waker) -> u64 {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        self.guests.push_back(Guest { ticket, lane, wants, waker: waker.clone() });
        ticket
    }

    pub(super) fn is_empty(&self) -> bool {
        self.guests.is_empty()
    }

    /// Returns the number of guests that wait.
    pub(super) fn len(&self) -> usize {
        self.guests.len()
    }

    /// Returns the guest that is next.
    pub(super) fn front(&self) -> Option<&Guest> {
        self.guests.front()
    }

    /// Removes the guest that is next, because its event is queued.
    pub(super) fn pop(&mut self) -> Option<Guest> {
        self.guests.pop_front()
    }

    /// Returns the ticket of the next guest. A guest waits if its ticket is not lower.
    pub(super) fn first_ticket(&self) -> Option<u64> {
        self.guests.front().map(|guest| guest.ticket)
    }

    /// Returns the end of the wait of a guest, or sets its waker.
    pub(super) fn poll(&mut self, ticket: u64, waker: &Waker) -> Option<Result<(), (Guest, Refusal)>> {
        if let Some(refused) = self.take_refused(ticket) {
            return Some(Err(refused));
        }
        let Ok(index) = self.index(ticket) else { return Some(Ok(())) };
        self.guests[index].waker.clone_from(waker);
        None
    }

    /// Removes a guest that waits or was turned away. Returns `None` if it was let in.
    pub(super) fn leave(&mut self, ticket: u64) -> Option<Guest> {
        match self.index(ticket) {
            Ok(index) => self.guests.remove(index),
            Err(_) => self.take_refused(ticket).map(|(guest, _)| guest),
        }
    }

    /// Turns a guest away. Returns its waker, unless it does not wait any more.
    pub(super) fn turn_away(&mut self, ticket: u64, refusal: Refusal) -> Option<Waker> {
        let guest = self.guests.remove(self.index(ticket).ok()?)?;
        let waker = guest.waker.clone();
        self.refused.push((guest, refusal));
        Some(waker)
    }

    /// Turns the next guest away, because the queue is closed. Returns its waker.
    pub(super) fn turn_away_next(&mut self) -> Option<Waker> {
        self.turn_away(self.first_ticket()?, Refusal::Closed)
    }

    fn index(&self, ticket: u64) -> Result<usize, usize> {
        self.guests.binary_search_by_key(&ticket, |guest| guest.ticket)
    }

    fn take_refused(&mut self, ticket: u64) -> Option<(Guest, Refusal)> {
        let index = self.refused.iter().position(|(guest, _)| guest.ticket == ticket)?;
        Some(self.refused.swap_remove(index))
    }
}
