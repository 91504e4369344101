//! [`MessageTrigger`]: a bounded queue of messages from a message broker.

use crate::declare::TriggerConfig;
use crate::declare::filter::Filter;
use crate::declare::policy::Overflow;
use crate::event::TriggerEvent;
use crate::observe::status::TriggerStatus;
use crate::source::broker::MessageBroker;
use crate::source::trigger::{StandaloneTrigger, Trigger, TriggerError};

/// Receives the messages whose topic matches a pattern from a [`MessageBroker`]. A clone is a handle to the same
/// trigger.
///
/// By default it queues up to 100 messages, drops the newest when full, and has the id `message-PATTERN`.
///
/// ```
/// # use trigger_core::{MessageBroker, MessageTrigger, Trigger};
/// # async fn example() -> trigger_core::Result {
/// let broker = MessageBroker::new();
/// let reports = MessageTrigger::new(&broker, "reports.*").capacity(10);
/// reports.start().await?;
/// broker.publish("reports.daily", "all well").await?;
/// assert_eq!(reports.drain_pending().len(), 1);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct MessageTrigger(StandaloneTrigger);

impl MessageTrigger {
    /// Returns a trigger for the messages whose topic matches this [pattern](crate::TopicPattern). It receives messages
    /// after `start`, which refuses an invalid pattern.
    pub fn new(broker: &MessageBroker, pattern: &str) -> MessageTrigger {
        MessageTrigger(StandaloneTrigger::new(TriggerConfig::message(pattern)).broker(broker))
    }

    fn with(self, change: impl FnOnce(TriggerConfig) -> TriggerConfig) -> MessageTrigger {
        MessageTrigger(self.0.with(change))
    }

    /// Sets the id of the trigger. Each setter returns a new trigger, which is stopped and empty, so call the setters
    /// before `start`.
    pub fn trigger_id(self, id: impl Into<String>) -> MessageTrigger {
        self.with(|config| config.id(id))
    }

    /// Sets the maximum number of queued messages: at least 1. The default is 100.
    pub fn capacity(self, capacity: usize) -> MessageTrigger {
        self.with(|config| config.queue(capacity))
    }

    /// Sets the maximum size of all queued contents, in bytes: at least 1. By default only
    /// [`capacity`](Self::capacity) limits the queue.
    pub fn queue_bytes(self, bytes: usize) -> MessageTrigger {
        self.with(|config| config.queue_bytes(bytes))
    }

    /// Sets the policy for a message that finds the queue full. The default is [`Overflow::DropNewest`].
    pub fn overflow(self, overflow: Overflow) -> MessageTrigger {
        self.with(|config| config.overflow(overflow))
    }

    /// Takes only the messages that pass the filter. The default is no filter.
    pub fn filter(self, filter: Filter) -> MessageTrigger {
        self.with(|config| config.filter(filter))
    }

    /// Takes and returns all queued messages, in order.
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
