//! An event on its way through a store: capacity is reserved, the store makes the event safe, and then it is queued.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::Sink;
use crate::event::{Frame, Receipt};
use crate::panic::guard;
use crate::queue::Item;
use crate::store::{Commit, Committed, Entry, Store, StoreError, Target};

/// The store of a sink, and the name of its trigger in it.
#[derive(Clone)]
pub(crate) struct Durable {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) target: Target,
}

/// Capacity of a queue that is reserved for an event. A drop gives it back.
#[derive(Debug)]
pub(crate) struct Reservation {
    sink: Sink,
    bytes: usize,
    /// `false` once the event was queued.
    is_held: bool,
}

impl Reservation {
    pub(super) fn new(sink: Sink, bytes: usize) -> Reservation {
        Reservation { sink, bytes, is_held: true }
    }

    /// Queues the event with the receipt of its delivery.
    fn push(self, frame: Arc<Frame>, receipt: Box<dyn Receipt>) {
        self.push_item(Item::held(frame, receipt, None));
    }

    /// Queues the event. Returns `false` if the queue was closed meanwhile.
    pub(super) fn push_item(mut self, item: Item) -> bool {
        self.is_held = false;
        self.sink.queue().push_reserved(item)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.is_held {
            self.sink.queue().unreserve(self.bytes);
        }
    }
}

/// An event that a store makes safe. A drop changes nothing: the event is queued once it is safe.
#[derive(Debug)]
pub(crate) struct Storing {
    answer: Arc<Mutex<Answer>>,
    /// The number of its targets.
    pub(crate) targets: usize,
}

#[derive(Debug, Default)]
struct Answer {
    result: Option<Result<(), StoreError>>,
    publisher: Option<Waker>,
}

impl Storing {
    /// Hands the event over to the stores of these reservations. It is one for a runtime, but two runtimes may share a bus.
    pub(crate) fn begin_each(frame: &Arc<Frame>, mut reservations: Vec<Reservation>) -> Vec<Storing> {
        let store =
            |reservation: &Reservation| reservation.sink.durable().map(|durable| Arc::clone(&durable.store));
        let mut storing = Vec::new();
        while let Some(first) = reservations.first().and_then(store) {
            let is_same = |other: Arc<dyn Store>| Arc::ptr_eq(&first, &other);
            let (same, others) =
                reservations.into_iter().partition(|other| store(other).is_some_and(is_same));
            storing.push(Storing::begin(Arc::clone(frame), same));
            reservations = others;
        }
        storing
    }

    /// Hands the event over to the store of these reservations, which is the same for all.
    pub(crate) fn begin(frame: Arc<Frame>, reservations: Vec<Reservation>) -> Storing {
        let answer = Arc::<Mutex<Answer>>::default();
        let storing = Storing { answer: Arc::clone(&answer), targets: reservations.len() };
        let durable = reservations.iter().filter_map(|reservation| reservation.sink.durable());
        let targets = durable.map(|durable| durable.target.clone()).collect();
        let first = reservations.first().and_then(|reservation| reservation.sink.durable());
        let Some(store) = first.map(|durable| Arc::clone(&durable.store)) else { return storing };
        let entry = Entry::new(Arc::clone(&frame), targets);
        let commit = Commit::new(move |committed| {
            let result = end(&frame, reservations, committed);
            let mut answer = lock(&answer);
            answer.result = Some(result);
            let publisher = answer.publisher.take();
            drop(answer);
            publisher.into_iter().for_each(Waker::wake);
        });
        if let Err(panic) = guard(|| store.append(entry, commit)) {
            tracing::error!(%panic, "the store panicked when it was to append an event");
        }
        storing
    }

    /// Waits for the answer of the store.
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<Result<(), StoreError>> {
        let mut answer = lock(&self.answer);
        match answer.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                answer.publisher = Some(waker.clone());
                Poll::Pending
            }
        }
    }
}

fn lock(answer: &Mutex<Answer>) -> MutexGuard<'_, Answer> {
    answer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Queues a stored event for each of its triggers, or gives their capacity back.
fn end(frame: &Arc<Frame>, reservations: Vec<Reservation>, committed: Committed) -> Result<(), StoreError> {
    let receipts = match committed {
        Ok(receipts) if receipts.len() == reservations.len() => receipts,
        Ok(receipts) => {
            reservations.iter().for_each(|reservation| reservation.sink.queue().count_not_stored(frame));
            let (receipts, targets) = (receipts.len(), reservations.len());
            return Err(StoreError::unknown(format!(
                "the store made {receipts} receipts for {targets} targets"
            )));
        }
        Err(error) => {
            reservations.iter().for_each(|reservation| reservation.sink.queue().count_not_stored(frame));
            return Err(error);
        }
    };
    for (reservation, receipt) in reservations.into_iter().zip(receipts) {
        reservation.push(Arc::clone(frame), receipt);
    }
    Ok(())
}

impl fmt::Debug for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable").field("target", &self.target).finish_non_exhaustive()
    }
}
