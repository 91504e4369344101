//! The routes of a server: to a webhook, to `/health`, or to an error response.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use http::header::ALLOW;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::Serialize;
use smol_str::{SmolStr, ToSmolStr};
use tower::ServiceExt;
use trigger_grammar::path::{self, HEALTH};

use crate::client::{Arrival, Client};
use crate::respond::{Answer, error, later, respond};
use crate::rules::Rules;
use crate::rules::refused::Refused;
use crate::server::check::{HeaderSummary, Refusal, is_gzip};
use crate::server::peer::Origin;
use crate::server::settings::ServerSettings;
use crate::server::tls::Tls;
use patterns::Patterns;
use trigger_core::Sink;

mod patterns;

/// One path of a server, with the sink of its trigger.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) sink: Sink,
    /// The path of the trigger, which may have captures.
    pub(crate) path: SmolStr,
    pub(crate) has_captures: bool,
    /// The maximum size of a body, in bytes.
    pub(crate) body_limit: usize,
    pub(crate) rules: Rules,
    /// `true` if a body that has arrived is an event as it is, unless it is a CloudEvent.
    pub(crate) takes_plain_bodies: bool,
    pub(crate) refused: Refused,
    /// What it gives for its server.
    pub(crate) settings: Arc<ServerSettings>,
    /// The certificate that it gives for its server.
    pub(crate) tls: Option<Arc<Tls>>,
    /// `true` if the server listens only on loopback.
    pub(crate) on_loopback: bool,
}

impl Endpoint {
    pub(crate) fn new(
        sink: Sink,
        path: &str,
        body_limit: usize,
        rules: Rules,
        settings: Arc<ServerSettings>,
    ) -> Endpoint {
        Endpoint {
            sink,
            path: path.into(),
            has_captures: path::has_captures(path),
            body_limit,
            takes_plain_bodies: rules.takes_plain_bodies(),
            rules,
            refused: Refused::default(),
            on_loopback: settings.is_on_loopback(),
            settings,
            tls: None,
        }
    }

    /// Decides by its head whether a request may come in. Returns the address of its client, if it is not that of the
    /// connection.
    ///
    /// # Errors
    ///
    /// The [`Refusal`] that answers the request.
    #[inline]
    pub(crate) fn admit<B, P: Origin>(
        &self,
        peer: &P,
        request: &Request<B>,
        summary: &HeaderSummary<'_>,
    ) -> Result<Option<SmolStr>, Refusal> {
        if self.rules.gone {
            return Err(Refusal::new(StatusCode::GONE, "this webhook is gone").because("gone"));
        }
        let address = peer.address().map(|address| address.ip());
        let may_be_local = peer.may_be_local(self.on_loopback) && !peer.knows_host(request, summary);
        let admission = &self.rules.admission;
        let client = if admission.admits_peers() && !may_be_local && address.is_some() {
            None
        } else {
            let client = admission.admit(Arrival { peer: address, may_be_local }, request)?;
            let peer = address.map(|peer| Client::Address(peer.to_canonical()));
            Some(client).filter(|client| Some(*client) != peer)
        };
        if summary.encoded && !(self.rules.gzip && is_gzip(request.headers())) {
            let message = match self.rules.gzip {
                true => "send the body without Content-Encoding, or with gzip",
                false => "send the body without Content-Encoding",
            };
            let refusal = Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
            return Err(refusal.because("unsupported"));
        }
        Ok(client.map(|client| client.to_smolstr()))
    }

    /// Returns the captures of a path, decoded.
    pub(crate) fn captures(&self, path: &str) -> Vec<(&str, String)> {
        if !self.has_captures {
            return Vec::new();
        }
        let segments = path::segments(&self.path).zip(path::segments(path));
        let captured = segments.filter_map(|(pattern, segment)| {
            let name = pattern.strip_prefix('{')?.strip_suffix('}')?;
            Some((name, path::decode(segment)?.into_owned()))
        });
        captured.collect()
    }

    /// Returns `true` if both have the same path, whatever the names of their captures are.
    pub(crate) fn has_path_of(&self, other: &Endpoint) -> bool {
        self.path == other.path
            || (self.has_captures && other.has_captures && path::matches_same(&self.path, &other.path))
    }

    /// Returns `true` if a request with this method may be an event.
    #[inline]
    fn allows(&self, method: &Method) -> bool {
        self.rules.allows(method)
    }

    /// Returns the methods of [`allows`](Self::allows), as the value of `Allow`.
    fn allow(&self) -> HeaderValue {
        HeaderValue::try_from(self.rules.allow()).unwrap_or(HeaderValue::from_static("POST"))
    }
}

/// A snapshot of the routes of a server.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// The webhooks whose paths have no captures.
    literals: HashMap<SmolStr, Arc<Endpoint>, foldhash::fast::RandomState>,
    /// The other webhooks, if there are any.
    patterns: Option<Patterns>,
    /// The routes that are for no webhook.
    others: Router,
}

/// Why no webhook has a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unrouted {
    Unknown,
    /// A capture of its webhook cannot be decoded.
    Undecodable,
}

impl Table {
    /// Returns the routes of these webhooks, and of the program.
    pub(crate) fn new(endpoints: &[Arc<Endpoint>], own: Option<&Router>) -> Table {
        let all: Arc<[Arc<Endpoint>]> = endpoints.into();
        let others = Router::new()
            .route(HEALTH, get(health).with_state(all))
            .method_not_allowed_fallback(async || not_allowed());
        let others = match own {
            Some(own) => others.fallback_service(own.clone()),
            None => others.fallback(async || error(StatusCode::NOT_FOUND, "not found")),
        };
        let mut table = Table { others, ..Table::default() };
        for endpoint in endpoints {
            if endpoint.has_captures {
                table.patterns.get_or_insert_default().insert(endpoint);
            } else {
                table.literals.insert(endpoint.path.clone(), Arc::clone(endpoint));
            }
        }
        table
    }

    /// Returns the webhook of a request.
    #[inline(always)]
    pub(crate) fn endpoint<B>(&self, request: &Request<B>) -> Option<&Arc<Endpoint>> {
        self.at(request.uri().path()).ok().filter(|endpoint| endpoint.allows(request.method()))
    }

    /// Returns the webhook of a path, for every method. A literal path wins over a capture.
    #[inline(always)]
    fn at(&self, path: &str) -> Result<&Arc<Endpoint>, Unrouted> {
        match (self.literals.get(path), &self.patterns) {
            (Some(endpoint), _) => Ok(endpoint),
            (None, Some(patterns)) => by_pattern(patterns, path),
            (None, None) => Err(Unrouted::Unknown),
        }
    }

    /// Answers a request that is for no webhook.
    pub(crate) async fn other(&self, request: Request<Body>) -> Response<Body> {
        let answer = match self.at(request.uri().path()) {
            Ok(endpoint) => {
                let mut answer = not_allowed();
                answer.headers_mut().insert(ALLOW, endpoint.allow());
                answer
            }
            Err(Unrouted::Undecodable) => {
                error(StatusCode::BAD_REQUEST, "the path is not valid percent-encoded UTF-8")
            }
            Err(Unrouted::Unknown) => {
                let routed = self.others.clone().oneshot(request).await;
                return routed.unwrap_or_else(|never| match never {});
            }
        };
        answer.map(Body::new)
    }
}

/// Returns the webhook of a path that is no literal one. `/health` is a capture of no webhook, because the server answers it.
///
/// A capture that cannot be decoded is refused here, because its event would only become a dead letter.
fn by_pattern<'a>(patterns: &'a Patterns, path: &str) -> Result<&'a Arc<Endpoint>, Unrouted> {
    let endpoint = patterns.find(path).filter(|_| path != HEALTH).ok_or(Unrouted::Unknown)?;
    let captured = path::segments(&endpoint.path).zip(path::segments(path));
    let mut captured = captured.filter(|(segment, _)| path::has_captures(segment));
    let is_decodable = captured.all(|(_, segment)| path::decode(segment).is_some());
    if is_decodable { Ok(endpoint) } else { Err(Unrouted::Undecodable) }
}

fn not_allowed() -> Answer {
    error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
}

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    /// The id of the first webhook.
    trigger_id: Option<&'a str>,
    queue_size: usize,
    /// Every webhook, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    triggers: Vec<TriggerHealth<'a>>,
}

#[derive(Serialize)]
struct TriggerHealth<'a> {
    trigger_id: &'a str,
    queue_size: usize,
}

/// Answers `healthy` while every webhook of the server accepts. The queue size is their sum.
async fn health(State(endpoints): State<Arc<[Arc<Endpoint>]>>) -> Answer {
    let accepting = !endpoints.is_empty() && endpoints.iter().all(|endpoint| endpoint.sink.is_open());
    let each = endpoints.iter().map(|endpoint| TriggerHealth {
        trigger_id: endpoint.sink.trigger_id(),
        queue_size: endpoint.sink.queue_size(),
    });
    let each: Vec<_> = each.collect();
    let health = Health {
        status: if accepting { "healthy" } else { "stopping" },
        trigger_id: each.first().map(|first| first.trigger_id),
        queue_size: each.iter().map(|trigger| trigger.queue_size).sum(),
        triggers: if each.len() > 1 { each } else { Vec::new() },
    };
    if accepting {
        respond(StatusCode::OK, &health)
    } else {
        later(respond(StatusCode::SERVICE_UNAVAILABLE, &health))
    }
}
