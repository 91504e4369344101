//! [`WebhookTrigger`]: a bounded queue of HTTP requests to one path.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::Value;
use smol_str::ToSmolStr;
use trigger_core::{
    Bytes, Draft, Filter, Overflow, Rejection, StandaloneTrigger, Trigger, TriggerConfig, TriggerError,
    TriggerEvent, TriggerStatus,
};

use crate::event::cloudevents::{CloudEventError, read};
use crate::event::draft::draft;
use crate::event::headers::Headers;
use crate::event::query::query_without_secrets;
use crate::rules::signature::OwnVerifier;
use crate::server::Ports;
use crate::source::WEBHOOK;
use crate::verify::Verifier;

/// Receives the `POST` requests to one path of an HTTP server. A clone is a handle to the same trigger.
///
/// By default it is `/webhook` on port 9090 of `0.0.0.0`, queues up to 1000 requests, answers 503 when full, and takes
/// bodies up to 1 MiB. Its id is `webhook-PORT/PATH`. A request is answered `202` with the id of its event once the
/// event is queued. `GET /health` returns whether it accepts requests. Without a runtime, each trigger has its own
/// server. In a runtime, the webhooks of one host and port share a server.
///
/// ```no_run
/// # use trigger_core::Trigger;
/// # use trigger_webhook::WebhookTrigger;
/// # async fn example() -> trigger_core::Result {
/// let trigger = WebhookTrigger::new().path("/events").port(9090).host("127.0.0.1");
/// trigger.start().await?;
/// let event = trigger.wait_for_next().await?;
/// println!("{} {}", event.metadata()["remote"], event.payload());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WebhookTrigger(StandaloneTrigger);

impl Default for WebhookTrigger {
    fn default() -> WebhookTrigger {
        WebhookTrigger::new()
    }
}

impl WebhookTrigger {
    /// Returns a trigger with the default settings. It listens after `start`.
    pub fn new() -> WebhookTrigger {
        let config = TriggerConfig::of(&WEBHOOK);
        WebhookTrigger(StandaloneTrigger::new(config))
    }

    /// Returns the event of a request from 127.0.0.1, for the test of a handler. `path` may have a query, whose
    /// secrets are removed.
    ///
    /// ```
    /// # use trigger_core::{Context, FromTrigger};
    /// # use trigger_webhook::{Headers, Query, WebhookTrigger};
    /// # use std::collections::HashMap;
    /// let headers = Headers::from_iter([("x-github-event", "push")]);
    /// let event = WebhookTrigger::event("/github?ref=main", headers, r#"{"id": 7}"#);
    /// let cx = Context::new(&event);
    /// assert_eq!(Headers::from_trigger(&cx)?.get("x-github-event"), Some("push"));
    /// assert_eq!(Query::<HashMap<String, String>>::from_trigger(&cx)?["ref"], "main");
    /// # Ok::<(), trigger_core::Rejection>(())
    /// ```
    pub fn event(path: &str, headers: Headers, body: impl Into<Bytes>) -> TriggerEvent {
        event_of_test(path, draft_of_test(path, headers, body.into()))
    }

    /// Returns the event of a request with a CloudEvent, in binary or structured mode, for the test of a handler. See
    /// [`CloudEvent`](crate::CloudEvent).
    ///
    /// ```
    /// # use trigger_core::{Context, FromTrigger, Rejection};
    /// # use trigger_webhook::{CloudEvent, Headers, WebhookTrigger};
    /// let headers = Headers::from_iter([("content-type", "application/cloudevents+json")]);
    /// let body = r#"{"specversion": "1.0", "id": "A1", "source": "/shop", "type": "com.example.order", "data": 7}"#;
    /// let event = WebhookTrigger::cloudevent("/orders", headers, body)?;
    /// assert_eq!(CloudEvent::<u64>::from_trigger(&Context::new(&event))?.data, 7);
    /// # Ok::<(), Rejection>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A request that a webhook would refuse: it has no CloudEvent, or one that is not valid.
    pub fn cloudevent(
        path: &str,
        headers: Headers,
        body: impl Into<Bytes>,
    ) -> Result<TriggerEvent, Rejection> {
        let body = body.into();
        let events = read(&headers.to_map(), &body, false).and_then(|events| {
            events.and_then(|mut events| events.pop()).ok_or_else(CloudEventError::missing)
        });
        let event = events.map_err(|error| Rejection::invalid(error.message))?;
        let draft = draft_of_test(path, headers, event.data(&body));
        Ok(event_of_test(path, event.add_to(draft)))
    }

    fn with(self, change: impl FnOnce(TriggerConfig) -> TriggerConfig) -> WebhookTrigger {
        WebhookTrigger(self.0.with(change))
    }

    /// Sets the path, which begins with `/`. The default is `/webhook`. A whole segment may be a capture, such as
    /// `/hooks/{tenant}`, which [`Context::capture`](trigger_core::Context::capture) returns. Each setter returns a new
    /// trigger, which is stopped and empty, so call the setters before `start`.
    pub fn path(self, path: impl Into<String>) -> WebhookTrigger {
        self.with(|config| config.setting("webhook_path", path.into()))
    }

    /// Sets the port. With 0 the system assigns one, which [`local_addr`](Self::local_addr) returns. The default is
    /// 9090.
    pub fn port(self, port: u16) -> WebhookTrigger {
        self.with(|config| config.setting("webhook_port", port))
    }

    /// Sets the host to listen on: an IP address, or a name. Of a name it uses every address that this machine has, all with
    /// one port. The default is `0.0.0.0`, every interface.
    pub fn host(self, host: impl Into<String>) -> WebhookTrigger {
        self.with(|config| config.host(host))
    }

    /// Sets the maximum size of a body, in bytes. A larger body is answered 413. The default is 1 MiB.
    pub fn body_limit(self, bytes: usize) -> WebhookTrigger {
        self.with(|config| config.body_limit(bytes))
    }

    /// Sets the id of the trigger.
    pub fn trigger_id(self, id: impl Into<String>) -> WebhookTrigger {
        self.with(|config| config.id(id))
    }

    /// Sets the maximum number of queued requests: at least 1. The default is 1000.
    pub fn capacity(self, capacity: usize) -> WebhookTrigger {
        self.with(|config| config.queue(capacity))
    }

    /// Sets the maximum size of all queued bodies, in bytes: at least [`body_limit`](Self::body_limit). By default only
    /// [`capacity`](Self::capacity) limits the queue.
    pub fn queue_bytes(self, bytes: usize) -> WebhookTrigger {
        self.with(|config| config.queue_bytes(bytes))
    }

    /// Sets the policy for a request that finds the queue full. By default it is answered 503. The policy may also be
    /// [`Overflow::DropOldest`], or [`Overflow::Wait`], with which the request waits for capacity for up to 30 s.
    pub fn overflow(self, overflow: Overflow) -> WebhookTrigger {
        self.with(|config| config.overflow(overflow))
    }

    /// Takes only requests that this verifier accepts, such as a [`Verify`](crate::Verify). Others are answered 401. The default
    /// is no verifier.
    ///
    /// ```
    /// # use trigger_webhook::{Verify, VerifyError, WebhookTrigger};
    /// let trigger = WebhookTrigger::new().path("/github").verify(Verify::github(["It's a Secret to Everybody"])?);
    /// # drop(trigger);
    /// # Ok::<(), VerifyError>(())
    /// ```
    pub fn verify(self, verifier: impl Verifier) -> WebhookTrigger {
        self.with(|config| config.value("verify", OwnVerifier::new(verifier)))
    }

    /// Sets a setting of webhooks, which is the same as in a configuration: `trigger.setting("rate", "50/s")`.
    pub fn setting(self, key: &str, value: impl Into<Value>) -> WebhookTrigger {
        self.with(|config| config.setting(key, value))
    }

    /// Returns the address it listens on, or `None` while it does not listen.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.local_addr()
    }

    /// Takes only the requests that pass the filter. Others are answered 200 with `"status":"filtered"`. The default is
    /// no filter.
    pub fn filter(self, filter: Filter) -> WebhookTrigger {
        self.with(|config| config.filter(filter))
    }

    pub(crate) fn ports(&self) -> Arc<Ports> {
        self.0.shared()
    }

    /// Takes and returns all queued requests, in order.
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

/// Returns the draft of a request from 127.0.0.1. `target` may have a query.
fn draft_of_test(target: &str, headers: Headers, body: Bytes) -> Draft {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    draft(path, headers, Ipv4Addr::LOCALHOST.to_smolstr(), query_without_secrets(query), body)
}

/// Returns the event of a draft as a trigger of this path delivers it.
fn event_of_test(target: &str, draft: Draft) -> TriggerEvent {
    let path = target.split('?').next().unwrap_or_default();
    TriggerEvent::from_draft(&WEBHOOK, format!("webhook-{path}"), draft)
}
