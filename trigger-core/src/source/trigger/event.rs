//! [`EventTrigger`]: a bounded queue of events from an event bus.

use crate::declare::TriggerConfig;
use crate::declare::filter::Filter;
use crate::declare::policy::Overflow;
use crate::event::TriggerEvent;
use crate::observe::status::TriggerStatus;
use crate::source::bus::EventBus;
use crate::source::trigger::{StandaloneTrigger, Trigger, TriggerError};

/// Receives the events of one type from an [`EventBus`]. A clone is a handle to the same trigger.
///
/// By default it takes every source, queues up to 100 events, drops the newest when full, and has the id `event-TYPE`.
///
/// ```
/// # use trigger_core::{EventBus, EventTrigger, Trigger};
/// # async fn example() -> trigger_core::Result {
/// let bus = EventBus::new();
/// let errors = EventTrigger::new(&bus, "pipeline.error").source_filter("data-pipeline");
/// errors.start().await?;
/// bus.emit("pipeline.error", "disk full").source("data-pipeline").await?;
/// assert_eq!(errors.wait_for_next().await?.payload()["data"], "disk full");
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct EventTrigger(StandaloneTrigger);

impl EventTrigger {
    /// Returns a trigger for the events of this type. It receives events after `start`, which refuses an invalid type.
    pub fn new(bus: &EventBus, event_type: &str) -> EventTrigger {
        EventTrigger(StandaloneTrigger::new(TriggerConfig::event(event_type)).bus(bus))
    }

    fn with(self, change: impl FnOnce(TriggerConfig) -> TriggerConfig) -> EventTrigger {
        EventTrigger(self.0.with(change))
    }

    /// Takes only the events of this source. Others are counted as filtered. Each setter returns a new trigger, which
    /// is stopped and empty, so call the setters before `start`.
    pub fn source_filter(self, source: impl Into<String>) -> EventTrigger {
        self.with(|config| config.source(source))
    }

    /// Sets the id of the trigger.
    pub fn trigger_id(self, id: impl Into<String>) -> EventTrigger {
        self.with(|config| config.id(id))
    }

    /// Sets the maximum number of queued events: at least 1. The default is 100.
    pub fn capacity(self, capacity: usize) -> EventTrigger {
        self.with(|config| config.queue(capacity))
    }

    /// Sets the maximum size of all queued data, in bytes: at least 1. By default only
    /// [`capacity`](Self::capacity) limits the queue.
    pub fn queue_bytes(self, bytes: usize) -> EventTrigger {
        self.with(|config| config.queue_bytes(bytes))
    }

    /// Sets the policy for an event that finds the queue full. The default is [`Overflow::DropNewest`].
    pub fn overflow(self, overflow: Overflow) -> EventTrigger {
        self.with(|config| config.overflow(overflow))
    }

    /// Takes only the events that pass the filter. The default is no filter.
    pub fn filter(self, filter: Filter) -> EventTrigger {
        self.with(|config| config.filter(filter))
    }

    /// Takes and returns all queued events, in order.
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
