//! An event that waits for the capacity of a sink.

use std::sync::Arc;
use std::task::{Poll, Waker};

use super::Sink;
use crate::event::Frame;
use crate::observe::observer::DropReason;
use crate::panic::drop_quietly;
use crate::process::waiting::WaitingPush;
use crate::queue::{Admission, Departed, Item, Refusal};
use crate::source::durable::Reservation;

/// An event that waits for capacity. If it is dropped before it is queued, it counts as dropped.
#[derive(Debug)]
pub(crate) struct WaitingOffer {
    sink: Sink,
    push: WaitingPush,
    /// The event, if the store is to keep it before it is queued.
    stored: Option<Arc<Frame>>,
    is_over: bool,
}

/// The end of a wait for capacity.
#[derive(Debug)]
pub(crate) enum Waited {
    Queued,
    /// The capacity is reserved until the store has the event.
    Reserved(Reservation),
    /// The event counts as dropped.
    Refused(Refusal),
}

impl Sink {
    /// Returns the event that waits for capacity with this ticket. `frame` is that of an event that the store keeps.
    pub(crate) fn waiting(&self, ticket: u64, stored: Option<Arc<Frame>>) -> WaitingOffer {
        let push = WaitingPush::new(self.queue(), ticket, &self.0.wait_graph);
        WaitingOffer { sink: self.clone(), push, stored, is_over: false }
    }
}

impl WaitingOffer {
    /// The id of the trigger.
    pub(crate) fn trigger(&self) -> &str {
        self.sink.trigger_id()
    }

    /// Waits until the event is queued, or until it never can be. Is pending after that.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<Waited> {
        self.push.poll(self.sink.queue(), waker).map(|admission| {
            self.is_over = true;
            match (admission, self.stored.take()) {
                (Admission::Queued, None) => Waited::Queued,
                (Admission::Queued, Some(frame)) => Waited::Reserved(self.sink.reservation(&frame)),
                (Admission::Refused(item, refusal), frame) => {
                    let item = item.or_else(|| frame.map(Item::from));
                    item.into_iter().for_each(|item| self.refuse(item, refusal));
                    Waited::Refused(refusal)
                }
            }
        })
    }

    /// Counts an event that was not queued as dropped.
    fn refuse(&self, item: Item, refusal: Refusal) {
        let event = self.sink.0.queue.event(item);
        let why = (refusal == Refusal::Deadlock).then_some(DEADLOCK);
        if let Some(why) = why {
            let trigger = self.sink.trigger_id();
            self.sink.0.logs.deadlock.log(trigger, || {
                tracing::error!(trigger, event = %event.id(), "{why}");
            });
        }
        let count = self.sink.0.queue.count_dropped(event.frame(), DropReason::Full);
        drop_quietly(self.sink.drop_event(event, count, why));
    }
}

impl Drop for WaitingOffer {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        match (self.push.cancel(self.sink.queue()), self.stored.take()) {
            (Some(Departed(item)), frame) => {
                let item = item.or_else(|| frame.map(Item::from));
                item.into_iter().for_each(|item| self.refuse(item, Refusal::Full));
            }
            // Its capacity is reserved already.
            (None, Some(frame)) => drop(self.sink.reservation(&frame)),
            (None, None) => {}
        }
    }
}

/// The error of an event whose publisher would have waited for ever.
const DEADLOCK: &str = "every handler that could free capacity waits for capacity, the publisher among them: a handler published, \
directly or in a circle, to its own process, whose queue is full and whose overflow policy is `wait`";
