//! The offer of a source: an event that is queued at once, or waits for capacity and for the store.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{Offer, Sink, Waited};
use crate::event::{EventId, Frame};
use crate::queue::Refusal;
use crate::source::durable::{Reservation, Storing};
use crate::source::{Draft, Offered};
use crate::task::BoxFuture;

/// An event that a source offers.
// Not an async fn, which would store the draft twice.
pub(super) struct Sending<'a> {
    sink: &'a Sink,
    /// `None` once it was offered.
    draft: Option<Draft>,
    /// An event that waits.
    slow: Option<BoxFuture<'a, Offered>>,
}

impl<'a> Sending<'a> {
    pub(super) fn new(sink: &'a Sink, draft: Draft) -> Sending<'a> {
        Sending { sink, draft: Some(draft), slow: None }
    }
}

impl Future for Sending<'_> {
    type Output = Offered;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Offered> {
        if let Some(draft) = self.draft.take() {
            match self.sink.offer_draft(draft, task.waker()) {
                Ok(offered) => return Poll::Ready(offered),
                Err(future) => self.slow = Some(future),
            }
        }
        self.slow.as_mut().map_or(Poll::Pending, |slow| slow.as_mut().poll(task))
    }
}

impl Sink {
    /// Offers the event of a draft. The error is the future of an event that waits for capacity or for the store. It is
    /// boxed, so that the other events do not have its size.
    #[inline]
    fn offer_draft(&self, draft: Draft, waker: &Waker) -> Result<Offered, BoxFuture<'_, Offered>> {
        let frame = draft.frame(|| self.stamp(), self.0.kind);
        let id = frame.id();
        let stored = self.is_durable().then(|| Arc::clone(&frame));
        let offer = match &stored {
            None => self.offer(frame, Some(waker)),
            Some(_) => self.offer_durable(frame, waker),
        };
        Ok(match offer {
            Offer::Queued => Offered::Queued(id),
            Offer::Filtered => Offered::Filtered,
            Offer::Dropped => Offered::Dropped,
            Offer::Rejected => Offered::Rejected,
            Offer::Closed => Offered::Closed,
            Offer::Reserved => {
                let reservation = stored.map(|frame| (self.reservation(&frame), frame));
                return Err(Box::pin(store(id, reservation)));
            }
            Offer::Waiting(ticket) => {
                let mut offer = self.waiting(ticket, stored.clone());
                return Err(Box::pin(async move {
                    match poll_fn(|task| offer.poll(task.waker())).await {
                        Waited::Queued => Offered::Queued(id),
                        Waited::Reserved(reservation) => store(id, Some(reservation).zip(stored)).await,
                        Waited::Refused(Refusal::Closed) => Offered::Closed,
                        Waited::Refused(Refusal::Full | Refusal::Deadlock) => Offered::Dropped,
                    }
                }));
            }
        })
    }
}

/// Waits until the store has an event.
async fn store(id: EventId, reserved: Option<(Reservation, Arc<Frame>)>) -> Offered {
    let Some((reservation, frame)) = reserved else { return Offered::Closed };
    let storing = Storing::begin(frame, vec![reservation]);
    match poll_fn(|task| storing.poll(task.waker())).await {
        Ok(()) => Offered::Queued(id),
        Err(error) => {
            tracing::error!(event = %id, %error, "an event was not stored");
            Offered::NotStored
        }
    }
}
