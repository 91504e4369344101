//! The end of a source: where it offers an event, and what becomes of the event at the bound of the queue.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::deps::{DeadLetterSink, SinkDeps};
use super::draft::{Draft, Offered};
use crate::clock::SharedClock;
use crate::declare::filter::Filter;
use crate::declare::policy::Overflow;
use crate::declare::{SourceKind, TriggerConfig};
use crate::event::{EventId, HeldEvent, TriggerEvent};
use crate::observe::status::TriggerStatus;
use crate::process::deadlock::WaitGraph;
use crate::queue::{Item, Ledger, Queue, receipt};
use crate::source::durable::Durable;
use crate::source::trigger::TriggerError;

mod drops;
mod offer;
mod send;
mod send_all;
mod waiting;

use drops::LogLimits;
pub(crate) use offer::Offer;
use send::Sending;
pub(crate) use waiting::{Waited, WaitingOffer};

/// The receiving end of a trigger: its queue, with its filter, its bounds and its overflow policy. A source offers events to
/// it. A clone is a handle to the same queue.
///
/// The runtime opens the queue after every source has opened, and closes it when the process ends. It counts every event
/// that is offered: see [`TriggerStatus`].
///
/// ```
/// # use trigger_core::{Draft, Offered, SourceContext};
/// async fn count(cx: SourceContext) {
///     let sink = cx.sink().clone();
///     for number in 0..3 {
///         if sink.send(Draft::new("number", number.to_string())).await == Offered::Closed {
///             break;
///         }
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Sink(Arc<Inner>);

// In this order, so that what each event needs is in one line of the cache.
#[repr(C, align(64))]
struct Inner {
    queue: Queue,
    overflow: Overflow,
    /// Boxed, so that what each event needs stays in one line of the cache.
    durable: Option<Box<Durable>>,
    filter: Option<Filter>,
    dead_letters: Option<DeadLetterSink>,
    wait_graph: Arc<WaitGraph>,
    clock: SharedClock,
    kind: &'static SourceKind,
    pattern: String,
    capacity: usize,
    byte_capacity: usize,
    /// The error of an event that finds the queue full.
    full: OnceLock<String>,
    logs: LogLimits,
}

impl Sink {
    pub(crate) fn new(config: &TriggerConfig, deps: &SinkDeps) -> Sink {
        Sink(Arc::new(Inner {
            queue: deps.queue.clone(),
            overflow: config.overflow_policy(),
            filter: config.filter.clone(),
            dead_letters: deps.dead_letters.clone(),
            durable: deps.durable.clone().map(Box::new),
            wait_graph: Arc::clone(&deps.wait_graph),
            clock: deps.clock.clone(),
            kind: config.source_kind(),
            pattern: config.pattern().to_owned(),
            capacity: config.capacity(),
            byte_capacity: config.byte_capacity(),
            full: OnceLock::new(),
            logs: LogLimits::default(),
        }))
    }

    /// Returns the id of the trigger.
    pub fn trigger_id(&self) -> &str {
        &self.0.queue.trigger().id
    }

    /// Returns the pattern that the trigger listens to.
    pub(crate) fn pattern(&self) -> &str {
        &self.0.pattern
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
    pub fn send(&self, draft: Draft) -> impl Future<Output = Offered> + Send + '_ {
        Sending::new(self, draft)
    }

    /// Returns the number of events and of bytes that fit now. Both are 0 if the queue is closed, or if publishers wait for
    /// capacity.
    pub fn room_for(&self) -> (usize, usize) {
        self.0.queue.capacity_now()
    }

    /// Returns `false` if an event with this many bytes would now be [rejected](Overflow::Reject) because the queue is full. It
    /// counts nothing. A source can so refuse an event before it reads its body; the answer may be outdated when it does.
    pub fn has_room(&self, bytes: usize) -> bool {
        // Other policies make room, and `send` says that a queue is closed.
        if self.0.overflow != Overflow::Reject || !self.is_open() {
            return true;
        }
        let (events, free) = self.room_for();
        events > 0 && bytes <= free
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

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.0.clock
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    pub(crate) async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
        // A loop of takes yields to other tasks. It yields before the take, so that no taken event is lost.
        tokio::task::coop::consume_budget().await;
        self.0.queue.pop().await.ok_or(TriggerError::Stopped)
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
            publishers_waiting: now.publishers,
            oldest: now.oldest.map(|published| self.0.clock.age(published)),
            capacity: self.0.capacity,
            accepted: ledger.accepted,
            dropped: ledger.dropped,
            evicted: ledger.evicted,
            released: ledger.released,
            filtered: ledger.filtered,
            undecodable: ledger.undecodable,
            refused: BTreeMap::new(),
            filter: self.0.filter.as_ref().map(ToString::to_string),
            last_fired: ledger.last_fired,
        };
        (status, ledger)
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("trigger_id", &self.trigger_id()).finish_non_exhaustive()
    }
}
