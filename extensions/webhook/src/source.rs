//! The source of a webhook: a path of a server, which the webhooks of one host and port share.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use trigger_grammar::kind;
use trigger_grammar::size::show_size;

use crate::event::draft::{metadata, read};
use crate::rules::RuleSet;
use crate::rules::signature::Signature;
use crate::server::settings::ServerSettings;
use crate::server::table::Endpoint;
use crate::server::tls::Tls;
use crate::server::tls_files::TlsFiles;
use crate::server::{Ports, Server};
use trigger_core::{
    BoxSource, Overflow, Secrets, SourceContext, SourceKind, TriggerError, TriggerSource, TriggerStatus,
    source_kind,
};

source_kind! {
    /// A webhook request. Its payload is its body.
    pub static WEBHOOK: SourceKind = SourceKind::new(kind::WEBHOOK.name, "a webhook request")
        .metadata(metadata, read)
        .queue(1000)
        // The 503 of a full queue is a rejection.
        .overflow(Overflow::Reject)
        .settings(kind::WEBHOOK.settings, |settings| {
            let (path, port) = (settings.text("webhook_path")?, settings.port("webhook_port")?);
            let (host, body_limit) = (settings.text("webhook_host")?, settings.size("body_limit")?);
            let rules = RuleSet::of(settings)?;
            let mut server = ServerSettings::new(host, port).given_by(settings)?;
            server.trusted_proxies = rules.trusted_proxies().to_vec();
            if settings.flag("mount")? {
                server = server.mounted();
            }
            Ok(BoxSource::new(WebhookSource::new(path, server, rules, body_limit)))
        })
        .claims(kind::WEBHOOK.claims)
        .refuses(kind::WEBHOOK.refuses, Some("503 when full"))
        .largest_body("body_limit");
}

/// The source of the `POST` requests to one path.
pub(crate) struct WebhookSource {
    path: String,
    body_limit: usize,
    rules: RuleSet,
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
    fn new(path: &str, settings: ServerSettings, rules: RuleSet, body_limit: usize) -> WebhookSource {
        let settings = Arc::new(settings);
        WebhookSource { path: path.to_owned(), body_limit, rules, settings, bound: Mutex::default() }
    }

    fn bound(&self) -> Option<Bound> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_bound(&self, bound: Option<Bound>) {
        *self.bound.lock().unwrap_or_else(PoisonError::into_inner) = bound;
    }
}

impl WebhookSource {
    /// Reads the certificate that the webhook gives.
    fn tls(&self, secrets: &Secrets) -> Result<Option<Tls>, Vec<String>> {
        self.settings.tls.as_ref().map(|files| Tls::new(files, secrets)).transpose()
    }

    /// Warns if everyone may post to the webhook. A mounted one has no address.
    fn warn(&self, address: Option<SocketAddr>) {
        let needs_certificate = self.settings.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        if self.rules.scheme().is_some() || needs_certificate {
            return;
        }
        let Some(address) = address else {
            tracing::warn!(
                path = self.path,
                "anyone who can reach the router can post to this webhook; add `verify = ..`, or a layer that checks who posts"
            );
            return;
        };
        if !address.ip().is_loopback() {
            tracing::warn!(
                %address,
                path = self.path,
                "anyone who can reach this address can post to this webhook; add `verify = ..`, or listen on 127.0.0.1 \
                 behind a proxy that checks who posts"
            );
        }
    }

    /// Logs where the webhook listens.
    fn log(&self, server: &Server) {
        let (scheme, body_limit) = (self.rules.scheme().unwrap_or("none"), show_size(self.body_limit as u64));
        let Some(address) = server.local_addr() else {
            tracing::info!(path = self.path, verify = scheme, body_limit, "webhook is mounted");
            return;
        };
        let tls = server.tls_files();
        let protocol = if tls.is_some() { "https" } else { "http" };
        let url = format!("{protocol}://{address}{}", self.path);
        let client_certificates = tls.and_then(|tls| tls.client_ca.as_ref()).map(|_| "required");
        tracing::info!(url, client_certificates, verify = scheme, body_limit, "webhook listens");
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
        match self.settings.is_mounted {
            true => format!("webhook{}", self.path),
            false => format!("webhook-{}{}", self.settings.port, self.path),
        }
    }

    fn description(&self) -> Cow<'_, str> {
        let (host, port, path) = (&self.settings.host, self.settings.port, &self.path);
        if self.settings.is_mounted {
            return format!("{path} of the router").into();
        }
        // Brackets separate the colons of an IPv6 address from that of the port.
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        let (protocol, clients) = match &self.settings.tls {
            None => ("", ""),
            Some(TlsFiles { client_ca: None, .. }) => ("https://", ""),
            Some(_) => ("https://", " with client certificates"),
        };
        format!("{protocol}{open}{host}{close}:{port}{path}{clients}").into()
    }

    fn check(&self, secrets: &Secrets) -> Vec<String> {
        let tls = self.tls(secrets).err().unwrap_or_default();
        self.rules.problems(secrets).into_iter().chain(tls).collect()
    }

    /// Binds the port, without listening. A mounted webhook has none.
    async fn bind(&self, cx: &SourceContext) -> Result<(), TriggerError> {
        match self.bound() {
            // An earlier stop was dropped before its end.
            Some(bound) if bound.server.is_closing() => self.close().await,
            Some(_) => return Ok(()),
            None => {}
        }
        let ports = cx.shared::<Ports>();
        // The check has reported the faults, and `open` fails.
        let (Ok(rules), Ok(tls)) = (self.rules.started(cx), self.tls(cx.secrets())) else { return Ok(()) };
        let settings = match ports.mounts_all() && !self.settings.is_mounted {
            true => Arc::new(self.settings.mounted()),
            false => Arc::clone(&self.settings),
        };
        let mut endpoint = Endpoint::new(cx.sink().clone(), &self.path, self.body_limit, rules, settings);
        endpoint.tls = tls.map(Arc::new);
        let endpoint = Arc::new(endpoint);
        let server = ports.join(Arc::clone(&endpoint)).await?;
        self.warn(server.local_addr());
        self.set_bound(Some(Bound { ports, server, endpoint }));
        Ok(())
    }

    /// Listens on the port, without accepting connections.
    async fn open(&self, cx: &SourceContext) -> Result<(), TriggerError> {
        let Some(bound) = self.bound() else {
            let faults = self.check(cx.secrets());
            return Err(TriggerError::failed(faults.join("; ")));
        };
        let settings = &self.settings;
        bound.server.listen().map_err(|error| TriggerError::bind(&*settings.host, settings.port, error))
    }

    fn accept(&self, cx: &SourceContext) {
        let Some(Bound { ports, server, endpoint }) = self.bound() else { return };
        ports.accept(&server);
        self.log(&server);
        if endpoint.rules.signature.as_ref().is_some_and(Signature::is_watched) {
            cx.spawn(async move {
                if let Some(signature) = &endpoint.rules.signature {
                    signature.watch().await;
                }
            });
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

    fn status(&self, status: &mut TriggerStatus) {
        let Some(Bound { server, endpoint, .. }) = self.bound() else { return };
        let own = endpoint.refused.counts().into_iter();
        let of_server = server.counts().filter(|(_, count)| *count > 0);
        status.refused.extend(own.map(|(reason, count)| (reason.into(), count)));
        for (reason, count) in of_server {
            *status.refused.entry(reason.into()).or_default() += count;
        }
        let evicted = endpoint.rules.admission.evicted_clients();
        if evicted > 0 {
            status.refused.insert("evicted_clients".into(), evicted);
        }
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.bound().and_then(|bound| bound.server.local_addr())
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
