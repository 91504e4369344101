//! A trigger of a process, wired to its queue: a trigger of the framework, or a custom one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::context::RuntimeContext;
use crate::config::{SourceConfig, TriggerConfig};
use crate::panic::{CatchUnwind, guard};
use crate::queue::{Ledger, Queue};
use crate::status::TriggerStatus;
use crate::task::Tasks;
use crate::trigger::{
    AnyTrigger, DeadLetterTrigger, EventTrigger, MessageTrigger, Trigger, TriggerError, WebhookTrigger,
    Wiring,
};

/// How long a pump waits after its trigger has failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// A trigger that is wired to its queue.
pub(super) enum BoundTrigger {
    Event(EventTrigger),
    Message(MessageTrigger),
    Webhook(WebhookTrigger),
    DeadLetter(DeadLetterTrigger),
    /// A trigger that the program implements. A pump moves its events to the queue one at a time; the others wait in the
    /// trigger.
    Custom {
        trigger: Arc<dyn AnyTrigger>,
        queue: Queue,
    },
}

impl BoundTrigger {
    pub(super) fn new(config: TriggerConfig, context: &RuntimeContext, wiring: &Wiring) -> BoundTrigger {
        match config.source {
            SourceConfig::Event { .. } => {
                BoundTrigger::Event(EventTrigger::wired(&context.bus, config, wiring))
            }
            SourceConfig::Message { .. } => {
                BoundTrigger::Message(MessageTrigger::wired(&context.broker, config, wiring))
            }
            SourceConfig::Webhook { .. } => {
                BoundTrigger::Webhook(WebhookTrigger::wired(Arc::clone(&context.ports), config, wiring))
            }
            SourceConfig::DeadLetter { .. } => {
                BoundTrigger::DeadLetter(DeadLetterTrigger::new(&context.dead_letters, config, wiring))
            }
        }
    }

    pub(super) fn custom(trigger: Arc<dyn AnyTrigger>, queue: Queue) -> BoundTrigger {
        BoundTrigger::Custom { trigger, queue }
    }

    pub(super) fn id(&self) -> &str {
        match self {
            BoundTrigger::Event(trigger) => Trigger::id(trigger),
            BoundTrigger::Message(trigger) => Trigger::id(trigger),
            BoundTrigger::Webhook(trigger) => Trigger::id(trigger),
            BoundTrigger::DeadLetter(trigger) => trigger.intake.id(),
            BoundTrigger::Custom { trigger, .. } => trigger.id(),
        }
    }

    pub(super) fn queue(&self) -> &Queue {
        match self {
            BoundTrigger::Event(trigger) => &trigger.intake().queue,
            BoundTrigger::Message(trigger) => &trigger.intake().queue,
            BoundTrigger::Webhook(trigger) => &trigger.intake().queue,
            BoundTrigger::DeadLetter(trigger) => &trigger.intake.queue,
            BoundTrigger::Custom { queue, .. } => queue,
        }
    }

    /// Binds the port of a webhook, without listening.
    pub(super) async fn bind(&self) -> Result<(), TriggerError> {
        match self {
            BoundTrigger::Webhook(trigger) => trigger.bind().await,
            _ => Ok(()),
        }
    }

    /// Starts the trigger. A webhook only listens: it answers no request before every trigger has started.
    pub(super) async fn start(
        &self,
        pumps: &Tasks,
        draining: &CancellationToken,
    ) -> Result<(), TriggerError> {
        match self {
            BoundTrigger::Event(trigger) => Trigger::start(trigger).await,
            BoundTrigger::Message(trigger) => Trigger::start(trigger).await,
            BoundTrigger::Webhook(trigger) => trigger.listen(),
            BoundTrigger::DeadLetter(trigger) => {
                trigger.start();
                Ok(())
            }
            BoundTrigger::Custom { trigger, queue } => {
                trigger.start().await?;
                queue.open();
                let stop = pumps.stop_token().clone();
                pumps.spawn(pump(Arc::clone(trigger), queue.clone(), stop, draining.clone()));
                Ok(())
            }
        }
    }

    /// Accepts requests.
    pub(super) fn accept(&self) {
        if let BoundTrigger::Webhook(trigger) = self {
            trigger.accept();
        }
    }

    /// Answers requests with 503. Events and messages still arrive.
    pub(super) fn refuse_requests(&self) {
        if let BoundTrigger::Webhook(trigger) = self {
            trigger.refuse();
        }
    }

    /// Stops a custom trigger. The events that it has accepted still arrive.
    pub(super) async fn stop_custom(&self) {
        if let BoundTrigger::Custom { trigger, .. } = self
            && let Err(panic) = CatchUnwind::new(trigger.stop()).await
        {
            tracing::error!(trigger = trigger.id(), %panic, "the stop of the trigger panicked");
        }
    }

    /// The number of events that a custom trigger still holds.
    pub(super) fn held_outside(&self) -> usize {
        match self {
            BoundTrigger::Custom { trigger, .. } => guard(|| trigger.status().queue_size).unwrap_or_default(),
            _ => 0,
        }
    }

    /// Accepts no more events and requests.
    pub(super) fn close(&self) {
        match self {
            BoundTrigger::Event(trigger) => trigger.close(),
            BoundTrigger::Message(trigger) => trigger.close(),
            BoundTrigger::Webhook(trigger) => trigger.refuse(),
            BoundTrigger::DeadLetter(trigger) => trigger.close(),
            BoundTrigger::Custom { queue, .. } => queue.close(),
        }
    }

    /// Leaves the port of a webhook. Other triggers hold nothing after [`close`](Self::close).
    pub(super) async fn leave_port(&self) {
        if let BoundTrigger::Webhook(trigger) = self {
            Trigger::stop(trigger).await;
        }
    }

    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            BoundTrigger::Webhook(trigger) => trigger.local_addr(),
            _ => None,
        }
    }

    /// A snapshot of the status, and of the account of its events.
    pub(super) fn status(&self) -> (TriggerStatus, Ledger) {
        match self {
            BoundTrigger::Event(trigger) => trigger.intake().status_and_ledger(),
            BoundTrigger::Message(trigger) => trigger.intake().status_and_ledger(),
            BoundTrigger::Webhook(trigger) => trigger.intake().status_and_ledger(),
            BoundTrigger::DeadLetter(trigger) => trigger.intake.status_and_ledger(),
            BoundTrigger::Custom { trigger, queue } => {
                let mut status = trigger.status();
                let ours = queue.snapshot();
                let handed_out = ours.ledger.accepted + status.queue_size as u64;
                status.accepted = status.accepted.max(handed_out);
                status.queue_size += ours.queued;
                status.queue_bytes += ours.bytes;
                status.waiting += ours.waiting;
                (status, ours.ledger)
            }
        }
    }
}

/// Moves the events of a custom trigger to its queue, until the trigger or the process stops.
async fn pump(
    trigger: Arc<dyn AnyTrigger>,
    queue: Queue,
    stop: CancellationToken,
    draining: CancellationToken,
) {
    loop {
        // Wait for capacity before the event is taken. An event that the pump holds is in no queue, so nothing counts it.
        queue.capacity().await;
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            next = CatchUnwind::new(trigger.wait_for_next()) => next,
        };
        let next = next.unwrap_or_else(|panic| Err(TriggerError::failed(panic)));
        match next {
            Ok(event) => queue.push_taken(event),
            Err(TriggerError::Stopped) => break,
            Err(error) => {
                tracing::error!(trigger = trigger.id(), %error, "trigger failed, polling again in 1 s");
                if timeout(FAILURE_PAUSE, draining.cancelled()).await.is_ok() {
                    break;
                }
            }
        }
    }
    queue.close();
}
