//! The receiving end of a trigger: where a source offers an event, and what becomes of it at the bound.

use std::sync::Arc;

use crate::clock::SharedClock;
use crate::config::TriggerConfig;
use crate::dead_letter::DeadLetters;
use crate::deadlock::{WaitGraph, Waited};
use crate::event::{DeadLetter, DeadLetterReason, Frame, TriggerEvent};
use crate::filter::Filter;
use crate::panic::{drop_quietly, guard};
use crate::policy::Overflow;
use crate::queue::{Item, Ledger, Pushed, Queue};
use crate::status::TriggerStatus;
use crate::trigger::{TriggerError, Wiring};

/// A built-in trigger without its source: its settings, its queue, and its policy for a full one.
// In this order, so that what each event needs is in one line of the cache.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) queue: Queue,
    overflow: Overflow,
    /// That of the settings.
    filter: Option<Filter>,
    pub(crate) config: TriggerConfig,
    lost: Option<LostEvents>,
    wait_graph: Arc<WaitGraph>,
    pub(crate) clock: SharedClock,
}

/// Where a runtime keeps the events that had no room.
#[derive(Clone, Debug)]
pub(crate) struct LostEvents {
    pub(crate) process: String,
    pub(crate) dead_letters: DeadLetters,
}

/// What became of an event that was offered.
#[derive(Debug)]
pub(crate) enum Offer {
    Queued,
    /// The filter does not take it.
    Filtered,
    /// There was no room, and nobody needs to be told.
    Dropped,
    /// There was no room, and the publisher is to be told.
    Rejected,
    /// There is no room yet, and the publisher is to wait.
    Waiting(Box<WaitingOffer>),
    /// The trigger takes nothing any more.
    Closed,
}

impl Intake {
    pub(crate) fn new(config: TriggerConfig, wiring: &Wiring) -> Intake {
        Intake {
            queue: wiring.queue.clone(),
            overflow: config.overflow_policy(),
            filter: config.filter.clone(),
            lost: wiring.lost.clone(),
            wait_graph: Arc::clone(&wiring.wait_graph),
            clock: wiring.clock.clone(),
            config,
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.queue.trigger().id
    }

    pub(crate) async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
        // One who takes without end gives way to others; before anything is taken, so that nothing can be lost here.
        tokio::task::coop::consume_budget().await;
        self.queue.pop().await.ok_or(TriggerError::Stopped)
    }

    /// Queues the event, or does what the filter or the policy says.
    #[inline]
    pub(crate) fn offer(self: &Arc<Self>, frame: Arc<Frame>) -> Offer {
        let item = match &self.filter {
            None => Item::from(frame),
            // One that takes nothing any more does not say that it would not have taken this.
            Some(_) if !self.queue.is_open() => return Offer::Closed,
            Some(filter) => match self.filtered(filter, self.queue.event(frame.into())) {
                Some(event) => event.into(),
                None => return Offer::Filtered,
            },
        };
        let pushed = match self.overflow {
            Overflow::DropOldest => self.queue.push_evicting(item),
            _ => self.queue.push(item),
        };
        match pushed {
            Pushed::Queued => Offer::Queued,
            Pushed::Closed(item) => {
                drop(item);
                Offer::Closed
            }
            Pushed::Evicted(oldest, dropped) => {
                let before = dropped - oldest.len() as u64;
                for (count, item) in (before + 1..).zip(oldest) {
                    self.lose(self.queue.event(item), count, None);
                }
                Offer::Queued
            }
            Pushed::Full(item) => self.full(item),
        }
    }

    /// What becomes of an event that has no room.
    #[cold]
    fn full(self: &Arc<Self>, item: Item) -> Offer {
        match self.overflow {
            Overflow::Wait => {
                let offer = WaitingOffer { intake: Arc::clone(self), item: Some(item), deadlock: false };
                Offer::Waiting(Box::new(offer))
            }
            Overflow::Reject => {
                self.queue.count_dropped();
                Offer::Rejected
            }
            _ => {
                self.lose(self.queue.event(item), self.queue.count_dropped(), None);
                Offer::Dropped
            }
        }
    }

    /// Gives the event back if the filter takes it. The filter is the user's code, and no lock is held while it runs.
    fn filtered(&self, filter: &Filter, event: TriggerEvent) -> Option<TriggerEvent> {
        match guard(|| filter.takes(&event)) {
            Ok(Some(true)) => return Some(event),
            Ok(Some(false)) => self.queue.count_filtered(),
            Ok(None) => {
                let count = self.queue.count_undecodable();
                if is_told(count) {
                    let (trigger, event) = (self.id(), event.id());
                    tracing::warn!(trigger, %event, undecodable = count, "the body is not what `filter` reads: {filter}");
                }
            }
            Err(panic) => {
                self.queue.count_filtered();
                tracing::error!(trigger = self.id(), event = %event.id(), %panic, "the filter panicked: {filter}");
                self.keep(event, DeadLetterReason::Panicked, |_| format!("in the filter: {panic}"));
                return None;
            }
        }
        // Its bytes may have an owner of the user's.
        drop_quietly(event);
        None
    }

    /// Keeps an event that had no room as a dead letter, and warns of the 1st and every 100th.
    fn lose(&self, event: TriggerEvent, count: u64, why: Option<&str>) {
        let capacity = self.config.capacity();
        if is_told(count) {
            tracing::warn!(trigger = self.id(), capacity, dropped = count, "queue full, event dropped");
        }
        self.keep(event, DeadLetterReason::Overflow, |event| {
            why.map_or_else(|| self.why_no_room(event), str::to_owned)
        });
    }

    /// Keeps an event that did not come into the queue as a dead letter. Where none are kept nobody asks for the `error`.
    fn keep(
        &self,
        event: TriggerEvent,
        reason: DeadLetterReason,
        error: impl FnOnce(&TriggerEvent) -> String,
    ) {
        let Some(lost) = &self.lost else {
            // Its bytes may have an owner of the user's, and it may be a worker that loses it.
            return drop_quietly(event);
        };
        let now = self.clock.now();
        let error = error(&event);
        let letter = DeadLetter::new(event.without_json(), &*lost.process, reason, error).between(now, now);
        lost.dead_letters.keep(letter);
    }

    /// Which bound an event has met.
    fn why_no_room(&self, event: &TriggerEvent) -> String {
        let (id, bytes, capacity) = (self.id(), event.raw().len(), self.config.capacity());
        match self.config.queue_bytes {
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

    pub(crate) fn status(&self) -> TriggerStatus {
        self.status_and_ledger().0
    }

    /// The status, and the account it was made from.
    pub(crate) fn status_and_ledger(&self) -> (TriggerStatus, Ledger) {
        let now = self.queue.snapshot();
        let ledger = now.ledger;
        let status = TriggerStatus {
            id: self.id().to_owned(),
            kind: self.queue.trigger().kind,
            pattern: self.config.pattern().to_owned(),
            queue_size: now.queued,
            queue_bytes: now.bytes,
            waiting: now.waiting,
            capacity: self.config.capacity(),
            accepted: ledger.accepted,
            dropped: ledger.dropped,
            filtered: ledger.filtered,
            undecodable: ledger.undecodable,
            filter: self.config.filter.as_ref().map(ToString::to_string),
            last_fired: ledger.last_fired,
        };
        (status, ledger)
    }
}

/// Whether one more of what is not lost in silence is told of.
fn is_told(count: u64) -> bool {
    count == 1 || count.is_multiple_of(100)
}

/// An event that waits for room. Given up, it counts as dropped.
#[derive(Debug)]
pub(crate) struct WaitingOffer {
    intake: Arc<Intake>,
    item: Option<Item>,
    /// Whether it was given up because the wait would never have ended.
    deadlock: bool,
}

impl WaitingOffer {
    /// The id of the trigger.
    pub(crate) fn trigger(&self) -> &str {
        self.intake.id()
    }

    /// Waits until the event is queued, or never can be.
    pub(crate) async fn queued(mut self: Box<Self>) -> Waited {
        let intake = Arc::clone(&self.intake);
        let waited = intake.wait_graph.push(&intake.queue, &mut self.item).await;
        self.deadlock = waited == Waited::Deadlock;
        waited
    }
}

impl Drop for WaitingOffer {
    fn drop(&mut self) {
        if let Some(item) = self.item.take() {
            let event = self.intake.queue.event(item);
            let why = self.deadlock.then_some(DEADLOCK);
            if self.deadlock {
                tracing::error!(trigger = self.intake.id(), event = %event.id(), "{DEADLOCK}");
            }
            self.intake.lose(event, self.intake.queue.count_dropped(), why);
        }
    }
}

/// What is said of an event whose publisher would have waited for ever.
const DEADLOCK: &str = "every handler that could make room waits for room, the publisher among them: a handler published, \
directly or in a circle, to its own process, whose queue is full and whose overflow policy is `wait`";
