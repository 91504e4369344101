//! [`EventTrigger`]: events of the EventBus, in a bounded queue.

use crate::broker::MessageBroker;
use crate::bus::EventBus;
use crate::config::TriggerConfig;
use crate::event::TriggerEvent;
use crate::filter::Filter;
use crate::policy::Overflow;
use crate::status::TriggerStatus;
use crate::trigger::standalone::Standalone;
use crate::trigger::{Trigger, TriggerError};

/// Receives the events of one type from an [`EventBus`]. A clone is a handle to the same trigger.
///
/// By default it takes every source, holds 100 events and drops the newest when full; its id is `event-TYPE`.
#[derive(Clone, Debug)]
pub struct EventTrigger(Standalone);

impl EventTrigger {
    /// A trigger for the events of this type. It receives from `start` on, which refuses an invalid type.
    pub fn new(bus: &EventBus, event_type: &str) -> EventTrigger {
        let config = TriggerConfig::event(event_type);
        EventTrigger(Standalone::new(config, bus.clone(), MessageBroker::new()))
    }

    fn with(self, change: impl FnOnce(TriggerConfig) -> TriggerConfig) -> EventTrigger {
        EventTrigger(self.0.with(change))
    }

    /// Takes the events of this source only; others are counted as filtered. A setter makes a new trigger,
    /// not started and empty, so settings are given before `start`.
    pub fn source_filter(self, source: impl Into<String>) -> EventTrigger {
        self.with(|config| config.source(source))
    }

    /// Names the trigger.
    pub fn trigger_id(self, id: impl Into<String>) -> EventTrigger {
        self.with(|config| config.id(id))
    }

    /// How many events may wait: at least 1. The default is 100.
    pub fn capacity(self, capacity: usize) -> EventTrigger {
        self.with(|config| config.queue(capacity))
    }

    /// How many bytes the data that waits may have together: at least 1. The default is no limit but that of
    /// [`capacity`](Self::capacity).
    pub fn queue_bytes(self, bytes: usize) -> EventTrigger {
        self.with(|config| config.queue_bytes(bytes))
    }

    /// What happens to an event that finds the queue full. The default is [`Overflow::DropNewest`].
    pub fn overflow(self, overflow: Overflow) -> EventTrigger {
        self.with(|config| config.overflow(overflow))
    }

    /// Takes only the events that the filter lets through. The default is every one.
    pub fn filter(self, filter: Filter) -> EventTrigger {
        self.with(|config| config.filter(filter))
    }

    /// Takes everything that waits, in order.
    pub fn drain_pending(&self) -> Vec<TriggerEvent> {
        self.0.drain_pending()
    }
}

impl Trigger for EventTrigger {
    fn id(&self) -> &str {
        self.0.id()
    }

    async fn start(&self) -> Result<(), TriggerError> {
        self.0.start().await
    }

    async fn stop(&self) {
        self.0.stop().await;
    }

    async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
        self.0.wait_for_next().await
    }

    fn status(&self) -> TriggerStatus {
        self.0.status()
    }
}
