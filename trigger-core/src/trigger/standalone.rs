//! The common part of the triggers that a program uses without a runtime.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::{Trigger, TriggerError};
use crate::broker::MessageBroker;
use crate::bus::EventBus;
use crate::clock::SharedClock;
use crate::config::TriggerConfig;
use crate::dead_letter::DeadLetters;
use crate::deadlock::WaitGraph;
use crate::event::TriggerEvent;
use crate::queue::{Inbox, Queue};
use crate::source::{BoundTrigger, SharedByRuntime, SinkDeps, queue};
use crate::status::TriggerStatus;

/// A trigger without a runtime. A clone is a handle to the same trigger.
#[derive(Clone)]
pub(super) struct Standalone(Arc<Inner>);

struct Inner {
    config: TriggerConfig,
    bus: EventBus,
    broker: MessageBroker,
    trigger: BoundTrigger,
    /// `true` once it has started. Locked while the trigger starts or stops, so that the two never overlap.
    started: Mutex<bool>,
}

impl Standalone {
    pub(super) fn new(config: TriggerConfig, bus: EventBus, broker: MessageBroker) -> Standalone {
        let wait_graph = Arc::<WaitGraph>::default();
        let deps = SinkDeps {
            queue: Queue::of(
                Inbox::new(vec![queue(&config, config.trigger_id().to_owned())], None, None, Arc::default()),
                0,
            ),
            dead_letters: None,
            wait_graph: Arc::clone(&wait_graph),
            clock: SharedClock::default_now(),
        };
        let shared = SharedByRuntime {
            bus: bus.clone(),
            broker: broker.clone(),
            dead_letters: DeadLetters::new(wait_graph),
            values: Arc::default(),
        };
        let trigger = BoundTrigger::new(&config, deps, shared, Arc::default());
        Standalone(Arc::new(Inner { config, bus, broker, trigger, started: Mutex::default() }))
    }

    /// Returns the trigger with changed settings, stopped and with an empty queue.
    pub(super) fn with(&self, change: impl FnOnce(TriggerConfig) -> TriggerConfig) -> Standalone {
        let Inner { config, bus, broker, .. } = &*self.0;
        Standalone::new(change(config.clone()), bus.clone(), broker.clone())
    }

    pub(super) fn trigger(&self) -> &BoundTrigger {
        &self.0.trigger
    }

    /// Takes and returns all queued events, in order.
    pub(super) fn drain_pending(&self) -> Vec<TriggerEvent> {
        self.trigger().queue().drain()
    }
}

impl Trigger for Standalone {
    fn id(&self) -> &str {
        self.trigger().id()
    }

    async fn start(&self) -> Result<(), TriggerError> {
        let mut started = self.0.started.lock().await;
        if *started {
            return Ok(());
        }
        let trigger = self.trigger();
        let opened = async {
            self.0.config.validate()?;
            trigger.bind().await?;
            trigger.open().await
        };
        if let Err(error) = opened.await {
            trigger.close().await;
            return Err(error);
        }
        trigger.accept();
        *started = true;
        Ok(())
    }

    async fn stop(&self) {
        let mut started = self.0.started.lock().await;
        *started = false;
        let trigger = self.trigger();
        trigger.refuse().await;
        trigger.sink().close();
        trigger.close().await;
    }

    async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
        self.trigger().sink().wait_for_next().await
    }

    fn status(&self) -> TriggerStatus {
        self.trigger().status().0
    }
}

impl fmt::Debug for Standalone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.trigger.fmt(f)
    }
}
