//! The events that a sink does not queue: how they are logged and kept as dead letters.

use std::sync::Arc;

use trigger_grammar::size::show_size;

use super::Sink;
use crate::declare::filter::Filter;
use crate::event::{DEEPEST, DeadLetter, DeadLetterReason, Frame, TriggerEvent};
use crate::log_limit::LogLimit;
use crate::observe::observer::DropReason;
use crate::panic::{drop_quietly, guard};

/// The limits of the lines that a sink may repeat.
#[derive(Default)]
pub(super) struct LogLimits {
    full: LogLimit,
    pub(super) deadlock: LogLimit,
    undecodable: LogLimit,
    filter_panicked: LogLimit,
    too_deep: LogLimit,
}

impl Sink {
    /// Drops an event whose cascade is too deep, and keeps it as a dead letter. Returns `false` if the filter refuses it or
    /// the queue is closed.
    #[cold]
    pub(crate) fn break_loop(&self, frame: Arc<Frame>) -> bool {
        let Ok(item) = self.filtered_item(frame) else { return false };
        if !self.0.queue.is_open() {
            return false;
        }
        self.0.queue.count_dropped(&item.frame, DropReason::Loop);
        let event = self.0.queue.event(item);
        let (trigger, depth) = (self.trigger_id(), event.frame().depth());
        self.0.logs.too_deep.log(trigger, || {
            tracing::error!(trigger, event = %event.id(), depth, "event dropped, handlers publish in a loop");
        });
        let error = |_: &TriggerEvent| {
            format!(
                "its depth is {depth}, and at most {DEEPEST} is queued: the handlers before it publish, directly or in a \
                 circle, what they handle"
            )
        };
        drop_quietly(self.dead_letter(event, DeadLetterReason::Loop, error));
        true
    }

    /// Returns the event if the filter accepts it. The filter is code of the user, so no lock is held while it runs.
    pub(super) fn filtered(&self, filter: &Filter, event: TriggerEvent) -> Option<TriggerEvent> {
        match guard(|| filter.takes(&event)) {
            Ok(Some(true)) => return Some(event),
            Ok(Some(false)) => self.0.queue.count_filtered(event.frame()),
            Ok(None) => {
                let count = self.0.queue.count_undecodable(event.frame());
                let (trigger, event) = (self.trigger_id(), event.id());
                self.0.logs.undecodable.log(trigger, || {
                    tracing::warn!(trigger, %event, undecodable = count, "the body is not what `filter` reads: {filter}");
                });
            }
            Err(panic) => {
                self.0.queue.count_filtered(event.frame());
                self.0.logs.filter_panicked.log(self.trigger_id(), || {
                    tracing::error!(trigger = self.trigger_id(), event = %event.id(), %panic, "the filter panicked: {filter}");
                });
                let error = |_: &TriggerEvent| format!("in the filter: {panic}");
                drop_quietly(self.dead_letter(event, DeadLetterReason::Panicked, error));
                return None;
            }
        }
        // Its bytes may have an owner of the user, whose drop may panic.
        drop_quietly(event);
        None
    }

    /// Keeps an event that found no capacity as a dead letter, and logs it. Returns the dead letter, whose drop may run code
    /// of the user.
    pub(super) fn drop_event(
        &self,
        event: TriggerEvent,
        count: u64,
        why: Option<&str>,
    ) -> Option<Arc<DeadLetter>> {
        let (trigger, capacity) = (self.trigger_id(), self.0.capacity);
        self.0.logs.full.log(trigger, || {
            tracing::warn!(trigger, capacity, dropped = count, "queue full, event dropped");
        });
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
        let (id, bytes, limit) = (self.trigger_id(), event.raw().len(), self.0.byte_capacity);
        if bytes > limit {
            return format!("it has {bytes} bytes, and the queue of `{id}` holds {limit}");
        }
        let full = self.0.full.get_or_init(|| {
            let (capacity, limit) = (self.0.capacity, show_size(limit as u64));
            format!("the queue of `{id}` was full: it holds {capacity} events and {limit} of bodies")
        });
        full.clone()
    }
}
