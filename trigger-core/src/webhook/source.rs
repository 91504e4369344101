//! The source of a webhook: a path of a server, which the webhooks of one host and port share.

use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use smol_str::ToSmolStr;
use trigger_grammar::kind;

use super::form::{draft, metadata, read};
use super::headers::Headers;
use super::query::query_without_secrets;
use super::server::{Ports, Server};
use super::settings::ServerSettings;
use super::table::Endpoint;
use crate::{
    BoxSource, Bytes, Overflow, SourceContext, SourceKind, TriggerConfig, TriggerError, TriggerEvent,
    TriggerSource,
};

/// A webhook request. Its payload is its body.
pub static WEBHOOK: SourceKind = SourceKind::new(kind::WEBHOOK.name, "a webhook request")
    .metadata(metadata, read)
    .queue(1000)
    // The 503 of a full queue is a rejection.
    .overflow(Overflow::Reject)
    .settings(kind::WEBHOOK.settings, |settings| {
        let (path, port) = (settings.text("webhook_path")?, settings.port("webhook_port")?);
        let (host, body_limit) = (settings.text("webhook_host")?, settings.size("body_limit")?);
        Ok(BoxSource::new(WebhookSource::new(path, port, host, body_limit)))
    })
    .claims(kind::WEBHOOK.claims)
    .refuses(kind::WEBHOOK.refuses, Some("503 when full"))
    .largest_body("body_limit");

impl TriggerConfig {
    /// Returns a trigger for HTTP requests to this path and port. With port 0 the system picks a free port.
    pub fn webhook(path: impl Into<String>, port: u16) -> TriggerConfig {
        TriggerConfig::of(&WEBHOOK).setting("webhook_path", path.into()).setting("webhook_port", port)
    }

    /// Listens on this host: an IP address or a name. For webhook triggers; the default is `0.0.0.0`.
    pub fn host(self, host: impl Into<String>) -> TriggerConfig {
        self.setting("webhook_host", host.into())
    }

    /// Refuses a body over this many bytes with 413. For webhook triggers; the default is 1 MiB.
    pub fn body_limit(self, bytes: usize) -> TriggerConfig {
        self.setting("body_limit", bytes)
    }
}

impl TriggerEvent {
    /// Returns the event of a webhook request from 127.0.0.1, for the test of a handler. `path` may have a query, whose
    /// secrets are removed.
    ///
    /// ```
    /// # use trigger_core::{Context, FromTrigger, Headers, Query, TriggerEvent};
    /// # use std::collections::HashMap;
    /// let headers = Headers::from_iter([("x-github-event", "push")]);
    /// let event = TriggerEvent::webhook("/github?ref=main", headers, r#"{"id": 7}"#);
    /// let cx = Context::new(&event);
    /// assert_eq!(Headers::from_trigger(&cx)?.get("x-github-event"), Some("push"));
    /// assert_eq!(Query::<HashMap<String, String>>::from_trigger(&cx)?["ref"], "main");
    /// # Ok::<(), trigger_core::Rejection>(())
    /// ```
    pub fn webhook(path: &str, headers: Headers, body: impl Into<Bytes>) -> TriggerEvent {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let remote = Ipv4Addr::LOCALHOST.to_smolstr();
        let draft = draft(path, headers, remote, query_without_secrets(query), body.into());
        TriggerEvent::from_draft(&WEBHOOK, format!("webhook-{path}"), draft)
    }
}

/// The source of the `POST` requests to one path.
pub(crate) struct WebhookSource {
    path: String,
    body_limit: usize,
    settings: Arc<ServerSettings>,
    /// The server, while the path is bound to it.
    bound: Mutex<Option<Bound>>,
}

#[derive(Clone)]
struct Bound {
    ports: Arc<Ports>,
    server: Arc<Server>,
    endpoint: Arc<Endpoint>,
}

impl WebhookSource {
    fn new(path: &str, port: u16, host: &str, body_limit: usize) -> WebhookSource {
        let settings = Arc::new(ServerSettings::new(host, port));
        WebhookSource { path: path.to_owned(), body_limit, settings, bound: Mutex::default() }
    }

    fn bound(&self) -> Option<Bound> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_bound(&self, bound: Option<Bound>) {
        *self.bound.lock().unwrap_or_else(PoisonError::into_inner) = bound;
    }
}

impl TriggerSource for WebhookSource {
    fn kind(&self) -> &'static SourceKind {
        &WEBHOOK
    }

    fn pattern(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.path)
    }

    fn default_id(&self) -> String {
        format!("webhook-{}{}", self.settings.port, self.path)
    }

    fn description(&self) -> Cow<'_, str> {
        let (host, port, path) = (&self.settings.host, self.settings.port, &self.path);
        // Brackets separate the colons of an IPv6 address from that of the port.
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        format!("{open}{host}{close}:{port}{path}").into()
    }

    /// Binds the port, without listening.
    async fn bind(&self, cx: &SourceContext) -> Result<(), TriggerError> {
        match self.bound() {
            // An earlier stop was dropped before its end.
            Some(bound) if bound.server.is_closing() => self.close().await,
            Some(_) => return Ok(()),
            None => {}
        }
        let ports = cx.shared::<Ports>();
        let endpoint = Arc::new(Endpoint {
            sink: cx.sink().clone(),
            path: self.path.as_str().into(),
            body_limit: self.body_limit,
        });
        let server = ports.join(&self.settings, Arc::clone(&endpoint)).await?;
        self.set_bound(Some(Bound { ports, server, endpoint }));
        Ok(())
    }

    /// Listens on the port, without accepting connections.
    async fn open(&self, _: &SourceContext) -> Result<(), TriggerError> {
        let Some(bound) = self.bound() else { return Ok(()) };
        let settings = &self.settings;
        bound.server.listen().map_err(|error| TriggerError::bind(&*settings.host, settings.port, error))
    }

    fn accept(&self, _: &SourceContext) {
        if let Some(bound) = self.bound() {
            bound.server.accept();
        }
    }

    /// Answers 503 to every request. The port stays open.
    async fn refuse(&self) {
        if let Some(bound) = self.bound() {
            bound.endpoint.sink.close();
        }
    }

    async fn close(&self) {
        if let Some(Bound { ports, server, endpoint }) = self.bound() {
            endpoint.sink.close();
            ports.leave(&server, &endpoint).await;
            self.set_bound(None);
        }
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.bound().map(|bound| bound.server.local_addr())
    }
}

/// Answers 503 to a request that is still arriving, because no process takes its event, and frees the path.
impl Drop for WebhookSource {
    fn drop(&mut self) {
        if let Some(Bound { server, endpoint, .. }) = self.bound() {
            endpoint.sink.close();
            server.abandon(&endpoint);
        }
    }
}
