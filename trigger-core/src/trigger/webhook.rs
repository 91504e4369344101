//! [`WebhookTrigger`]: HTTP requests to a path, in a bounded queue.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::{SourceConfig, TriggerConfig};
use crate::event::TriggerEvent;
use crate::filter::Filter;
use crate::policy::{self, Overflow};
use crate::status::TriggerStatus;
use crate::trigger::{Intake, Trigger, TriggerError, Wiring};
use crate::webhook::{Endpoint, Ports, Server};

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
pub struct WebhookTrigger(Arc<Inner>);

struct Inner {
    endpoint: Arc<Endpoint>,
    host: String,
    port: u16,
    ports: Arc<Ports>,
    /// Held while the trigger starts or stops, so that the two never overlap.
    changing: tokio::sync::Mutex<()>,
    /// The server, while the trigger is bound to one.
    server: Mutex<Option<Arc<Server>>>,
}

impl Default for WebhookTrigger {
    fn default() -> WebhookTrigger {
        WebhookTrigger::new()
    }
}

impl WebhookTrigger {
    /// A trigger with the default settings. It listens from `start` on.
    pub fn new() -> WebhookTrigger {
        let config = TriggerConfig::webhook(policy::WEBHOOK_PATH, policy::WEBHOOK_PORT);
        let wiring = Wiring::alone(&config);
        WebhookTrigger::wired(Arc::default(), config, &wiring)
    }

    /// A trigger whose server is one of `ports`.
    pub(crate) fn wired(ports: Arc<Ports>, config: TriggerConfig, wiring: &Wiring) -> WebhookTrigger {
        let (path, port, host, body_limit) = match &config.source {
            SourceConfig::Webhook { path, port, host, body_limit } => {
                (path.clone(), *port, host.clone(), *body_limit)
            }
            _ => (String::new(), 0, String::new(), 0),
        };
        let endpoint =
            Endpoint { intake: Arc::new(Intake::new(config, wiring)), path: path.into(), body_limit };
        WebhookTrigger(Arc::new(Inner {
            endpoint: Arc::new(endpoint),
            host,
            port,
            ports,
            changing: tokio::sync::Mutex::default(),
            server: Mutex::default(),
        }))
    }

    fn with(self, change: impl FnOnce(TriggerConfig) -> TriggerConfig) -> WebhookTrigger {
        let config = change(self.0.endpoint.intake.config.clone());
        let wiring = Wiring::alone(&config);
        WebhookTrigger::wired(Arc::default(), config, &wiring)
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
        self.server().map(|server| server.local_addr())
    }

    /// Takes only the requests that the filter lets through. Another one is answered 200 with `"status":"filtered"`. The default is every one.
    pub fn filter(self, filter: Filter) -> WebhookTrigger {
        self.with(|config| config.filter(filter))
    }

    /// Takes everything that waits, in order.
    pub fn drain_pending(&self) -> Vec<TriggerEvent> {
        self.0.endpoint.intake.queue.drain()
    }

    /// Takes its place on a port, without listening.
    pub(crate) async fn bind(&self) -> Result<(), TriggerError> {
        let _changing = self.0.changing.lock().await;
        self.bind_locked().await.map(drop)
    }

    /// Listens on the port it has bound, without answering anyone.
    pub(crate) fn listen(&self) -> Result<(), TriggerError> {
        let Some(server) = self.server() else { return Ok(()) };
        server.listen().map_err(|error| TriggerError::Bind {
            host: self.0.host.clone(),
            port: self.0.port,
            error,
        })
    }

    /// Takes requests from now on.
    pub(crate) fn accept(&self) {
        self.intake().queue.open();
        if let Some(server) = self.server() {
            server.accept();
        }
    }

    async fn bind_locked(&self) -> Result<Arc<Server>, TriggerError> {
        match self.server() {
            // Its stop was given up half way.
            Some(server) if server.is_closing() => self.leave().await,
            Some(server) => return Ok(server),
            None => {}
        }
        self.0.endpoint.intake.config.validate()?;
        let server = self.0.ports.join(&self.0.host, self.0.port, Arc::clone(&self.0.endpoint)).await?;
        self.set_server(Some(Arc::clone(&server)));
        Ok(server)
    }

    /// Answers 503 from now on, while the port stays open and the queue can be taken from.
    pub(crate) fn refuse(&self) {
        self.0.endpoint.intake.queue.close();
    }

    async fn leave(&self) {
        self.refuse();
        if let Some(server) = self.server() {
            self.0.ports.leave(&server, &self.0.endpoint).await;
            self.set_server(None);
        }
    }

    fn server(&self) -> Option<Arc<Server>> {
        self.0.server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_server(&self, server: Option<Arc<Server>>) {
        *self.0.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    pub(crate) fn intake(&self) -> &Arc<Intake> {
        &self.0.endpoint.intake
    }
}

impl Trigger for WebhookTrigger {
    fn id(&self) -> &str {
        self.intake().id()
    }

    async fn start(&self) -> Result<(), TriggerError> {
        let _changing = self.0.changing.lock().await;
        self.bind_locked().await?;
        if let Err(error) = self.listen() {
            self.leave().await;
            return Err(error);
        }
        self.accept();
        Ok(())
    }

    async fn stop(&self) {
        let _changing = self.0.changing.lock().await;
        self.leave().await;
    }

    async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
        self.intake().wait_for_next().await
    }

    fn status(&self) -> TriggerStatus {
        self.intake().status()
    }
}

/// A request that is still arriving is answered 503: nobody is left to take its event. Its path is free again.
impl Drop for Inner {
    fn drop(&mut self) {
        self.endpoint.intake.queue.close();
        let server = self.server.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(server) = server {
            server.abandon(&self.endpoint);
        }
    }
}

impl fmt::Debug for WebhookTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookTrigger")
            .field("id", &self.intake().id())
            .field("local_addr", &self.local_addr())
            .finish_non_exhaustive()
    }
}
