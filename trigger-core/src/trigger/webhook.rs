//! [`WebhookTrigger`]: HTTP requests to a path, in a bounded queue.

use std::fmt;
use std::net::SocketAddr;

use crate::broker::MessageBroker;
use crate::bus::EventBus;
use crate::config::{SourceConfig, TriggerConfig};
use crate::event::TriggerEvent;
use crate::filter::Filter;
use crate::policy::{self, Overflow};
use crate::status::TriggerStatus;
use crate::trigger::standalone::Standalone;
use crate::trigger::{Trigger, TriggerError};

/// Receives the `POST` requests to one path of an HTTP server. A clone is a handle to the same trigger.
///
/// By default it is `/webhook` on port 9090 of `0.0.0.0`, holds 1000 requests, answers 503 when full, and takes
/// bodies up to 1 MiB; its id is `webhook-PORT/PATH`. A request is answered `202` with the id of its event once that
/// is in the queue. `GET /health` tells whether it accepts. Used directly, each trigger has a
/// server of its own; in a runtime, those of one host and port share one.
///
/// ```no_run
/// # use trigger_core::{Trigger, WebhookTrigger};
/// # async fn example() -> trigger_core::Result {
/// let trigger = WebhookTrigger::new().path("/events").port(9090).host("127.0.0.1");
/// trigger.start().await?;
/// let event = trigger.wait_for_next().await?;
/// println!("{} {}", event.metadata()["remote"], event.payload());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WebhookTrigger(Standalone);

impl Default for WebhookTrigger {
    fn default() -> WebhookTrigger {
        WebhookTrigger::new()
    }
}

impl WebhookTrigger {
    /// A trigger with the default settings. It listens from `start` on.
    pub fn new() -> WebhookTrigger {
        let config = TriggerConfig::webhook(policy::WEBHOOK_PATH, policy::WEBHOOK_PORT);
        WebhookTrigger(Standalone::new(config, EventBus::new(), MessageBroker::new()))
    }

    fn with(self, change: impl FnOnce(TriggerConfig) -> TriggerConfig) -> WebhookTrigger {
        WebhookTrigger(self.0.with(change))
    }

    /// The path, literal, beginning with `/`. The default is `/webhook`. A setter makes a new
    /// trigger, not started and empty, so settings are given before `start`.
    pub fn path(self, path: impl Into<String>) -> WebhookTrigger {
        self.with(|mut config| {
            if let SourceConfig::Webhook { path: old, .. } = &mut config.source {
                *old = path.into();
            }
            config
        })
    }

    /// The port; 0 lets the system pick one, which [`local_addr`](Self::local_addr) tells. The default is 9090.
    pub fn port(self, port: u16) -> WebhookTrigger {
        self.with(|mut config| {
            if let SourceConfig::Webhook { port: old, .. } = &mut config.source {
                *old = port;
            }
            config
        })
    }

    /// The host to listen on: an IP address or a name. The default is `0.0.0.0`, every interface.
    pub fn host(self, host: impl Into<String>) -> WebhookTrigger {
        self.with(|config| config.host(host))
    }

    /// The largest body, in bytes; a larger one is answered 413. The default is 1 MiB.
    pub fn body_limit(self, bytes: usize) -> WebhookTrigger {
        self.with(|config| config.body_limit(bytes))
    }

    /// Names the trigger.
    pub fn trigger_id(self, id: impl Into<String>) -> WebhookTrigger {
        self.with(|config| config.id(id))
    }

    /// How many requests may wait: at least 1. The default is 1000.
    pub fn capacity(self, capacity: usize) -> WebhookTrigger {
        self.with(|config| config.queue(capacity))
    }

    /// How many bytes the bodies that wait may have together: at least [`body_limit`](Self::body_limit). The default is
    /// no limit but that of [`capacity`](Self::capacity).
    pub fn queue_bytes(self, bytes: usize) -> WebhookTrigger {
        self.with(|config| config.queue_bytes(bytes))
    }

    /// What happens to a request that finds the queue full: by default it is answered 503. It may be
    /// [`Overflow::DropOldest`] or [`Overflow::Wait`], which waits for room for up to 30 s.
    pub fn overflow(self, overflow: Overflow) -> WebhookTrigger {
        self.with(|config| config.overflow(overflow))
    }

    /// The address it listens on; `None` while it does not.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.trigger().source.local_addr()
    }

    /// Takes only the requests that the filter lets through. Another one is answered 200 with `"status":"filtered"`. The default is every one.
    pub fn filter(self, filter: Filter) -> WebhookTrigger {
        self.with(|config| config.filter(filter))
    }

    /// Takes everything that waits, in order.
    pub fn drain_pending(&self) -> Vec<TriggerEvent> {
        self.0.drain_pending()
    }
}

impl Trigger for WebhookTrigger {
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

impl fmt::Debug for WebhookTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookTrigger")
            .field("id", &self.0.id())
            .field("local_addr", &self.local_addr())
            .finish_non_exhaustive()
    }
}
