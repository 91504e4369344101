//! The offer of several events that are queued together, or not at all.

use std::future::poll_fn;
use std::sync::Arc;

use super::Sink;
use crate::event::{EventId, Frame};
use crate::observe::observer::DropReason;
use crate::queue::{Item, NotReserved};
use crate::source::durable::{Reservation, Storing};
use crate::source::{Draft, Offered};

/// An event of a batch: its id, and its capacity if the filter takes it.
type Reserved = (EventId, Option<(Item, Reservation)>);

impl Sink {
    /// Offers several events, and queues all that the filter takes, or none. Returns what became of each event, in order.
    ///
    /// It never waits for capacity, and evicts nothing, whatever the overflow policy is. With a store, the events are stored
    /// one by one: some may be [`Offered::NotStored`] while others are queued. If the trigger closes at the same moment, some
    /// may be [`Offered::Closed`].
    ///
    /// ```
    /// # use trigger_core::{Draft, Offered, Sink};
    /// /// Returns `true` if the whole batch is queued.
    /// async fn import(sink: &Sink, lines: &str) -> bool {
    ///     sink.send_all(lines.lines().map(|line| Draft::new("line", line.to_owned()))).await.is_ok()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Offered::Rejected`] if the queue has no capacity for all of them. Then each counts as dropped. [`Offered::Closed`] if the
    /// trigger takes no more events.
    ///
    /// # Cancel safety
    ///
    /// Without a store the future ends at its first poll. With one, the events are stored and queued even if it is dropped.
    pub async fn send_all(&self, drafts: impl IntoIterator<Item = Draft>) -> Result<Vec<Offered>, Offered> {
        let frames = drafts.into_iter().map(|draft| draft.frame(|| self.stamp(), self.0.kind));
        let reserved = self.reserve_all(frames.collect())?;
        if !self.is_durable() {
            return Ok(reserved.into_iter().map(queue).collect());
        }
        let storing: Vec<_> = reserved.into_iter().map(begin).collect();
        let mut offered = Vec::with_capacity(storing.len());
        for (id, storing) in storing {
            offered.push(match storing {
                None => Offered::Filtered,
                Some(storing) => match poll_fn(|task| storing.poll(task.waker())).await {
                    Ok(()) => Offered::Queued(id),
                    Err(error) => {
                        tracing::error!(event = %id, %error, "an event was not stored");
                        Offered::NotStored
                    }
                },
            });
        }
        Ok(offered)
    }

    /// Reserves capacity for every event that the filter takes, or for none.
    fn reserve_all(&self, frames: Vec<Arc<Frame>>) -> Result<Vec<Reserved>, Offered> {
        let queue = &self.0.queue;
        let mut reserved = Vec::with_capacity(frames.len());
        for frame in &frames {
            let id = frame.id();
            let Ok(item) = self.filtered_item(Arc::clone(frame)) else {
                if !queue.is_open() {
                    return Err(Offered::Closed);
                }
                reserved.push((id, None));
                continue;
            };
            match queue.reserve(item.bytes(), None) {
                Ok(()) => {
                    let reservation = self.reservation(frame);
                    reserved.push((id, Some((item, reservation))));
                }
                Err(NotReserved::Closed) => return Err(Offered::Closed),
                Err(NotReserved::Full | NotReserved::Waiting(_)) => {
                    drop(reserved);
                    frames.iter().for_each(|frame| {
                        queue.count_dropped(frame, DropReason::Full);
                    });
                    return Err(Offered::Rejected);
                }
            }
        }
        Ok(reserved)
    }
}

fn queue((id, reserved): Reserved) -> Offered {
    match reserved {
        None => Offered::Filtered,
        Some((item, reservation)) => {
            if reservation.push_item(item) {
                Offered::Queued(id)
            } else {
                Offered::Closed
            }
        }
    }
}

fn begin((id, reserved): Reserved) -> (EventId, Option<Storing>) {
    let storing = reserved.map(|(item, reservation)| Storing::begin(item.frame, vec![reservation]));
    (id, storing)
}
