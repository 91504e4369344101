//! The receiving end of a trigger: where a source offers an event, and what becomes of it at the bound.

use std::sync::Arc;

use crate::clock;
use crate::config::TriggerConfig;
use crate::dead_letter::{DeadLetter, DeadLetterReason, DeadLetters};
use crate::event::{Envelope, TriggerEvent, TriggerInfo};
use crate::policy::Overflow;
use crate::queue::{Ledger, Pushed, Queue};
use crate::status::TriggerStatus;
use crate::topic::TopicPattern;
use crate::trigger::{TriggerError, Wiring};

/// A built-in trigger without its source: its settings, its queue, and its policy for a full one.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) config: TriggerConfig,
    pub(crate) queue: Arc<Queue>,
    info: Arc<TriggerInfo>,
    overflow: Overflow,
    lost: Option<LostEvents>,
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
    /// There was no room, and nobody needs to be told.
    Dropped,
    /// There was no room, and the publisher is to be told.
    Rejected,
    /// There is no room yet, and the publisher is to wait.
    Waiting(WaitingOffer),
    /// The trigger takes nothing any more.
    Closed,
}

impl Intake {
    pub(crate) fn new(config: TriggerConfig, wiring: &Wiring) -> Intake {
        let pattern = TopicPattern::parse(config.pattern()).ok().filter(|pattern| !pattern.is_literal());
        let info = TriggerInfo { id: config.trigger_id(), kind: config.kind(), pattern };
        Intake {
            queue: Arc::new(Queue::new(config.capacity(), wiring.ready.clone(), wiring.pending.clone())),
            info: Arc::new(info),
            overflow: config.overflow_policy(),
            lost: wiring.lost.clone(),
            config,
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.info.id
    }

    pub(crate) async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
        self.queue.pop().await.ok_or(TriggerError::Stopped)
    }

    /// Queues the event, or does what the policy says.
    pub(crate) fn offer(self: &Arc<Self>, envelope: &Arc<Envelope>) -> Offer {
        let event = TriggerEvent { trigger: Arc::clone(&self.info), envelope: Arc::clone(envelope) };
        let pushed = match self.overflow {
            Overflow::DropOldest => self.queue.push_evicting(event),
            _ => self.queue.push(event),
        };
        match (pushed, self.overflow) {
            (Pushed::Queued, _) => Offer::Queued,
            (Pushed::Closed(_), _) => Offer::Closed,
            (Pushed::Evicted(oldest, dropped), _) => {
                self.lose(oldest, dropped);
                Offer::Queued
            }
            (Pushed::Full(event), Overflow::Wait) => {
                Offer::Waiting(WaitingOffer { intake: Arc::clone(self), event: Some(event) })
            }
            (Pushed::Full(_), Overflow::Reject) => {
                self.queue.count_dropped();
                Offer::Rejected
            }
            (Pushed::Full(event), _) => {
                self.lose(event, self.queue.count_dropped());
                Offer::Dropped
            }
        }
    }

    /// Keeps an event that had no room as a dead letter, and warns of the 1st and every 100th.
    fn lose(&self, event: TriggerEvent, count: u64) {
        let capacity = self.queue.capacity();
        if count == 1 || count.is_multiple_of(100) {
            tracing::warn!(trigger = self.id(), capacity, dropped = count, "queue full, event dropped");
        }
        if let Some(lost) = &self.lost {
            let now = clock::now();
            lost.dead_letters.keep(DeadLetter {
                event,
                process: lost.process.clone(),
                reason: DeadLetterReason::Overflow,
                error: format!("the queue of `{}` held {capacity} events, its capacity", self.id()),
                attempts: 0,
                first_at: now,
                last_at: now,
            });
        }
    }

    pub(crate) fn status(&self) -> TriggerStatus {
        self.status_and_ledger().0
    }

    /// The status, and the account it was made from.
    pub(crate) fn status_and_ledger(&self) -> (TriggerStatus, Ledger) {
        let (queue_size, ledger) = self.queue.snapshot();
        let status = TriggerStatus {
            id: self.id().to_owned(),
            kind: self.info.kind,
            pattern: self.config.pattern().to_owned(),
            queue_size,
            capacity: self.queue.capacity(),
            accepted: ledger.accepted,
            dropped: ledger.dropped,
            filtered: ledger.filtered,
            last_fired: ledger.last_fired,
        };
        (status, ledger)
    }
}

/// An event that waits for room. Given up, it counts as dropped.
#[derive(Debug)]
pub(crate) struct WaitingOffer {
    intake: Arc<Intake>,
    event: Option<TriggerEvent>,
}

impl WaitingOffer {
    /// Waits until the event is queued. Says whether it was; it is not if the trigger stops before.
    pub(crate) async fn queued(mut self) -> bool {
        let intake = Arc::clone(&self.intake);
        intake.queue.push_waiting(&mut self.event).await;
        self.event.is_none()
    }
}

impl Drop for WaitingOffer {
    fn drop(&mut self) {
        if let Some(event) = self.event.take() {
            self.intake.lose(event, self.intake.queue.count_dropped());
        }
    }
}
