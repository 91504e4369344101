//! An event that waits for the capacity of a sink.

use std::task::{Poll, Waker};

use super::Sink;
use crate::panic::drop_quietly;
use crate::process::waiting::WaitingPush;
use crate::queue::{Admission, Item, Refusal};

/// An event that waits for capacity. If it is dropped before it is queued, it counts as dropped.
#[derive(Debug)]
pub(crate) struct WaitingOffer {
    sink: Sink,
    push: WaitingPush,
}

impl Sink {
    /// Returns the event that waits for capacity with this ticket.
    pub(crate) fn waiting(&self, ticket: u64) -> WaitingOffer {
        let push = WaitingPush::new(self.queue(), ticket, &self.0.wait_graph);
        WaitingOffer { sink: self.clone(), push }
    }
}

impl WaitingOffer {
    /// The id of the trigger.
    pub(crate) fn trigger(&self) -> &str {
        self.sink.trigger_id()
    }

    /// Waits until the event is queued, or until it never can be. Then returns why. Is pending after that.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll<Option<Refusal>> {
        self.push.poll(waker).map(|admission| match admission {
            Admission::Queued => None,
            Admission::Refused(item, refusal) => {
                self.refuse(item, refusal);
                Some(refusal)
            }
        })
    }

    /// Counts an event that was not queued as dropped.
    fn refuse(&self, item: Item, refusal: Refusal) {
        let event = self.sink.0.queue.event(item);
        let why = (refusal == Refusal::Deadlock).then_some(DEADLOCK);
        if let Some(why) = why {
            tracing::error!(trigger = self.sink.trigger_id(), event = %event.id(), "{why}");
        }
        let count = self.sink.0.queue.count_dropped(event.frame());
        drop_quietly(self.sink.drop_event(event, count, why));
    }
}

impl Drop for WaitingOffer {
    fn drop(&mut self) {
        if let Some(item) = self.push.cancel() {
            self.refuse(item, Refusal::Full);
        }
    }
}

/// The error of an event whose publisher would have waited for ever.
const DEADLOCK: &str = "every handler that could free capacity waits for capacity, the publisher among them: a handler published, \
directly or in a circle, to its own process, whose queue is full and whose overflow policy is `wait`";
