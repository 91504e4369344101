//! [`MessageTrigger`]: messages of the MessageBroker, in a bounded queue.

use crate::broker::MessageBroker;
use crate::bus::EventBus;
use crate::config::TriggerConfig;
use crate::event::TriggerEvent;
use crate::filter::Filter;
use crate::policy::Overflow;
use crate::status::TriggerStatus;
use crate::trigger::standalone::Standalone;
use crate::trigger::{Trigger, TriggerError};

/// Receives the messages whose topic matches a pattern from a [`MessageBroker`]. A clone is a handle to the same
/// trigger.
///
/// By default it holds 100 messages and drops the newest when full; its id is `message-PATTERN`.
#[derive(Clone, Debug)]
pub struct MessageTrigger(Standalone);

impl MessageTrigger {
    /// A trigger for the messages whose topic matches this [pattern](crate::TopicPattern). It receives from `start`
    /// on, which refuses an invalid pattern.
    pub fn new(broker: &MessageBroker, pattern: &str) -> MessageTrigger {
        let config = TriggerConfig::message(pattern);
        MessageTrigger(Standalone::new(config, EventBus::new(), broker.clone()))
    }

    fn with(self, change: impl FnOnce(TriggerConfig) -> TriggerConfig) -> MessageTrigger {
        MessageTrigger(self.0.with(change))
    }

    /// Names the trigger. A setter makes a new trigger,
    /// not started and empty, so settings are given before `start`.
    pub fn trigger_id(self, id: impl Into<String>) -> MessageTrigger {
        self.with(|config| config.id(id))
    }

    /// How many messages may wait: at least 1. The default is 100.
    pub fn capacity(self, capacity: usize) -> MessageTrigger {
        self.with(|config| config.queue(capacity))
    }

    /// How many bytes the contents that wait may have together: at least 1. The default is no limit but that of
    /// [`capacity`](Self::capacity).
    pub fn queue_bytes(self, bytes: usize) -> MessageTrigger {
        self.with(|config| config.queue_bytes(bytes))
    }

    /// What happens to a message that finds the queue full. The default is [`Overflow::DropNewest`].
    pub fn overflow(self, overflow: Overflow) -> MessageTrigger {
        self.with(|config| config.overflow(overflow))
    }

    /// Takes only the messages that the filter lets through. The default is every one.
    pub fn filter(self, filter: Filter) -> MessageTrigger {
        self.with(|config| config.filter(filter))
    }

    /// Takes everything that waits, in order.
    pub fn drain_pending(&self) -> Vec<TriggerEvent> {
        self.0.drain_pending()
    }
}

impl Trigger for MessageTrigger {
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
