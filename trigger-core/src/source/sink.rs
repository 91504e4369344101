//! The end of a source: where it offers an event, and what becomes of the event at the bound of the queue.

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::SystemTime;

use super::deps::{DeadLetterSink, SinkDeps};
use super::draft::{Draft, Offered};
use crate::clock::SharedClock;
use crate::declare::filter::Filter;
use crate::declare::policy::Overflow;
use crate::declare::{SourceKind, TriggerConfig};
use crate::event::{DeadLetter, DeadLetterReason, EventId, Frame, HeldEvent, TriggerEvent};
use crate::observe::status::TriggerStatus;
use crate::panic::{drop_quietly, guard};
use crate::process::deadlock::WaitGraph;
use crate::queue::{Item, Ledger, Pushed, Queue, Refusal, receipt};
use crate::source::trigger::TriggerError;

mod waiting;

pub(crate) use waiting::WaitingOffer;

/// The receiving end of a trigger: its queue, with its filter, its bounds and its overflow policy. A source offers events to
/// it. A clone is a handle to the same queue.
///
/// The runtime opens the queue after every source has opened, and closes it when the process ends. It counts every event
/// that is offered: see [`TriggerStatus`].
#[derive(Clone)]
pub struct Sink(Arc<Inner>);

// In this order, so that what each event needs is in one line of the cache.
#[repr(C, align(64))]
struct Inner {
    queue: Queue,
    overflow: Overflow,
    filter: Option<Filter>,
    dead_letters: Option<DeadLetterSink>,
    wait_graph: Arc<WaitGraph>,
    clock: SharedClock,
    kind: &'static SourceKind,
    pattern: String,
    capacity: usize,
    queue_bytes: Option<usize>,
}

/// What became of a frame that was offered.
#[derive(Debug)]
pub(crate) enum Offer {
    Queued,
    /// The filter refused the event.
    Filtered,
    /// There was no capacity; the policy drops the event.
    Dropped,
    /// There was no capacity; the policy returns an error to the publisher.
    Rejected,
    /// There is no capacity yet; the policy makes the publisher wait. The event has this ticket at the door of the queue.
    Waiting(u64),
    /// The queue is closed.
    Closed,
}

impl Sink {
    pub(crate) fn new(config: &TriggerConfig, deps: &SinkDeps) -> Sink {
        Sink(Arc::new(Inner {
            queue: deps.queue.clone(),
            overflow: config.overflow_policy(),
            filter: config.filter.clone(),
            dead_letters: deps.dead_letters.clone(),
            wait_graph: Arc::clone(&deps.wait_graph),
            clock: deps.clock.clone(),
            kind: config.source_kind(),
            pattern: config.pattern().to_owned(),
            capacity: config.capacity(),
            queue_bytes: config.queue_bytes,
        }))
    }

    /// Returns the id of the trigger.
    pub fn trigger_id(&self) -> &str {
        &self.0.queue.trigger().id
    }

    /// Offers an event: queues it, or applies the filter or the overflow policy of the trigger. With [`Overflow::Wait`] it
    /// waits for capacity.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped while it waits, the event counts as dropped and is kept as a dead letter. A source that must
    /// not lose it waits for [`capacity`](Self::capacity) before it takes the event from outside.
    ///
    /// The future has few bytes more than the draft, because a source may have thousands of them.
    #[expect(clippy::manual_async_fn, reason = "an async fn would store the draft twice")]
    pub fn send(&self, draft: Draft) -> impl Future<Output = Offered> + Send + '_ {
        async move {
            let mut draft = Some(draft);
            let mut waiting = None;
            poll_fn(|task| {
                if let Some(draft) = draft.take() {
                    match self.offer_draft(draft, task.waker()) {
                        Ok(offered) => return Poll::Ready(offered),
                        Err(offer) => waiting = Some(offer),
                    }
                }
                let Some((id, offer)) = &mut waiting else { return Poll::Pending };
                offer.poll(task.waker()).map(|refusal| match refusal {
                    None => Offered::Queued(*id),
                    Some(Refusal::Closed) => Offered::Closed,
                    Some(Refusal::Full | Refusal::Deadlock) => Offered::Dropped,
                })
            })
            .await
        }
    }

    /// Offers the event of a draft. The error is an event that waits for capacity. It is boxed, so that the other events do
    /// not have its size.
    #[inline]
    fn offer_draft(&self, draft: Draft, waker: &Waker) -> Result<Offered, (EventId, Box<WaitingOffer>)> {
        let frame = draft.frame(|| self.stamp(), self.0.kind);
        let id = frame.id();
        Ok(match self.offer(frame, Some(waker)) {
            Offer::Queued => Offered::Queued(id),
            Offer::Filtered => Offered::Filtered,
            Offer::Dropped => Offered::Dropped,
            Offer::Rejected => Offered::Rejected,
            Offer::Closed => Offered::Closed,
            Offer::Waiting(ticket) => return Err((id, Box::new(self.waiting(ticket)))),
        })
    }

    /// Returns the number of events and of bytes that fit now. Both are 0 if the queue is closed, or if publishers wait for
    /// capacity.
    pub fn room_for(&self) -> (usize, usize) {
        self.0.queue.capacity_now()
    }

    /// Queues events that something else keeps, in this order. Returns the number of events that the queue took. The
    /// receipt of every other event was called: [`handled`](crate::Receipt::handled) if the filter does not take it, and
    /// [`release`](crate::Receipt::release) if the queue is closed.
    ///
    /// It never waits, and it applies no bound and no overflow policy, because a dropped event would be lost. So a source
    /// asks [`room_for`](Self::room_for) first, and takes no more from outside. No worker takes an event before it is
    /// [due](crate::HeldEvent::due). If the process has a key, the later events of the same key wait behind it.
    pub fn push_delayed(&self, events: impl IntoIterator<Item = HeldEvent>) -> usize {
        let items = events.into_iter().filter_map(|event| self.held(event));
        self.0.queue.push_held(items)
    }

    /// Returns the item of an event that the filter takes.
    fn held(&self, HeldEvent { frame, receipt, retry, due }: HeldEvent) -> Option<Item> {
        let frame = Arc::new(frame);
        if let Some(filter) = &self.0.filter
            && self.filtered(filter, self.0.queue.event(Arc::clone(&frame).into())).is_none()
        {
            receipt::handled(receipt);
            return None;
        }
        let item = Item::held(frame, receipt, retry);
        Some(match due {
            Some(due) if due > self.now() => item.due(self.0.clock.instant_at(due)),
            _ => item,
        })
    }

    /// Waits until the queue has capacity for an event, or is closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe. It reserves no capacity.
    pub async fn capacity(&self) {
        self.0.queue.capacity().await;
    }

    /// Returns `true` while the trigger takes events.
    pub fn is_open(&self) -> bool {
        self.0.queue.is_open()
    }

    /// Closes the queue: every later event is [`Offered::Closed`]. The queued events are still handled.
    ///
    /// A source calls it in [`refuse`](crate::TriggerSource::refuse) if something else, such as a request, could still offer an
    /// event after that. A source whose events have ended calls it too.
    pub fn close(&self) {
        self.0.queue.close();
    }

    /// Returns the number of events in the queue.
    pub fn queue_size(&self) -> usize {
        self.0.queue.len()
    }

    /// Returns the time now, by the clock of the runtime.
    pub fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    /// Returns a new id, and the time now, by the clock of the runtime. They are for one event: see [`Draft::stamped`].
    #[inline]
    pub fn stamp(&self) -> (EventId, SystemTime) {
        self.0.clock.stamp()
    }

    /// Opens the queue.
    pub(crate) fn open(&self) {
        self.0.queue.open();
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    pub(crate) async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
        // A loop of takes yields to other tasks. It yields before the take, so that no taken event is lost.
        tokio::task::coop::consume_budget().await;
        self.0.queue.pop().await.ok_or(TriggerError::Stopped)
    }

    /// Queues the event, or applies the filter or the overflow policy. The waker is of a publisher that can wait. Without one
    /// the policy `wait` drops the event.
    pub(crate) fn offer(&self, frame: Arc<Frame>, waker: Option<&Waker>) -> Offer {
        let item = match &self.0.filter {
            None => Item::from(frame),
            // A closed queue counts nothing as filtered.
            Some(_) if !self.0.queue.is_open() => return Offer::Closed,
            Some(filter) => match self.filtered(filter, self.0.queue.event(frame.into())) {
                Some(event) => event.into(),
                None => return Offer::Filtered,
            },
        };
        let pushed = match (self.0.overflow, waker) {
            (Overflow::Wait, Some(waker)) => self.0.queue.push_waiting(item, waker),
            (Overflow::DropOldest, _) => self.0.queue.push_evicting(item),
            _ => self.0.queue.push(item),
        };
        match pushed {
            Pushed::Queued => Offer::Queued,
            Pushed::Closed(item) => {
                drop(item);
                Offer::Closed
            }
            Pushed::Evicted(oldest, dropped) => {
                let before = dropped - oldest.len() as u64;
                for (count, mut item) in (before + 1..).zip(oldest) {
                    let receipt = item.take_receipt();
                    let dead_letter = self.drop_event(self.0.queue.event(item), count, None);
                    receipt.into_iter().for_each(|held| receipt::dead(held, dead_letter.as_deref()));
                    drop_quietly(dead_letter);
                }
                Offer::Queued
            }
            Pushed::Waiting(ticket) => Offer::Waiting(ticket),
            Pushed::Full(item) => self.full(item),
        }
    }

    /// Applies the overflow policy to an event that found no capacity.
    #[cold]
    fn full(&self, item: Item) -> Offer {
        match self.0.overflow {
            Overflow::Reject => {
                self.0.queue.count_dropped(&item.frame);
                Offer::Rejected
            }
            _ => {
                let count = self.0.queue.count_dropped(&item.frame);
                drop_quietly(self.drop_event(self.0.queue.event(item), count, None));
                Offer::Dropped
            }
        }
    }

    /// Returns the event if the filter accepts it. The filter is code of the user, so no lock is held while it runs.
    fn filtered(&self, filter: &Filter, event: TriggerEvent) -> Option<TriggerEvent> {
        match guard(|| filter.takes(&event)) {
            Ok(Some(true)) => return Some(event),
            Ok(Some(false)) => self.0.queue.count_filtered(event.frame()),
            Ok(None) => {
                let count = self.0.queue.count_undecodable(event.frame());
                if should_log(count) {
                    let (trigger, event) = (self.trigger_id(), event.id());
                    tracing::warn!(trigger, %event, undecodable = count, "the body is not what `filter` reads: {filter}");
                }
            }
            Err(panic) => {
                self.0.queue.count_filtered(event.frame());
                tracing::error!(trigger = self.trigger_id(), event = %event.id(), %panic, "the filter panicked: {filter}");
                let error = |_: &TriggerEvent| format!("in the filter: {panic}");
                drop_quietly(self.dead_letter(event, DeadLetterReason::Panicked, error));
                return None;
            }
        }
        // Its bytes may have an owner of the user, whose drop may panic.
        drop_quietly(event);
        None
    }

    /// Keeps an event that found no capacity as a dead letter, and logs the 1st and every 100th.
    fn drop_event(&self, event: TriggerEvent, count: u64, why: Option<&str>) -> Option<Arc<DeadLetter>> {
        let capacity = self.0.capacity;
        if should_log(count) {
            tracing::warn!(
                trigger = self.trigger_id(),
                capacity,
                dropped = count,
                "queue full, event dropped"
            );
        }
        self.dead_letter(event, DeadLetterReason::Overflow, |event| {
            why.map_or_else(|| self.why_no_room(event), str::to_owned)
        })
    }

    /// Keeps an event that was not queued as a dead letter. `error` is not called if no dead letters are kept.
    fn dead_letter(
        &self,
        event: TriggerEvent,
        reason: DeadLetterReason,
        error: impl FnOnce(&TriggerEvent) -> String,
    ) -> Option<Arc<DeadLetter>> {
        let Some(sink) = &self.0.dead_letters else {
            // Its bytes may have an owner of the user, whose drop may panic, and this may run in a worker.
            drop_quietly(event);
            return None;
        };
        let now = self.0.clock.now();
        let error = error(&event);
        let dead_letter =
            DeadLetter::new(event.without_json(), &*sink.process, reason, error).between(now, now);
        Some(sink.dead_letters.keep(dead_letter))
    }

    /// Returns which bound the event has met.
    fn why_no_room(&self, event: &TriggerEvent) -> String {
        let (id, bytes, capacity) = (self.trigger_id(), event.raw().len(), self.0.capacity);
        match self.0.queue_bytes {
            Some(limit) if bytes > limit => {
                format!("it has {bytes} bytes, and the queue of `{id}` holds {limit}")
            }
            Some(limit) => {
                format!(
                    "the queue of `{id}` was full: it holds {capacity} events and {limit} bytes of bodies"
                )
            }
            None => format!("the queue of `{id}` held {capacity} events, its capacity"),
        }
    }

    /// Returns the status, and the ledger that it was made from.
    pub(crate) fn status_and_ledger(&self) -> (TriggerStatus, Ledger) {
        let now = self.0.queue.snapshot();
        let ledger = now.ledger;
        let status = TriggerStatus {
            id: self.trigger_id().to_owned(),
            kind: self.0.kind.kind(),
            pattern: self.0.pattern.clone(),
            queue_size: now.queued,
            queue_bytes: now.bytes,
            waiting: now.waiting,
            oldest: now.oldest.map(|published| self.0.clock.age(published)),
            capacity: self.0.capacity,
            accepted: ledger.accepted,
            dropped: ledger.dropped,
            evicted: ledger.evicted,
            released: ledger.released,
            filtered: ledger.filtered,
            undecodable: ledger.undecodable,
            filter: self.0.filter.as_ref().map(ToString::to_string),
            last_fired: ledger.last_fired,
        };
        (status, ledger)
    }
}

/// Returns `true` for the 1st and every 100th of a count.
fn should_log(count: u64) -> bool {
    count == 1 || count.is_multiple_of(100)
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("trigger_id", &self.trigger_id()).finish_non_exhaustive()
    }
}
