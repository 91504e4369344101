//! The routes of a server: to a webhook, to `/health`, or to an error response.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::{any, get};
use http::header::ALLOW;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::Serialize;
use smol_str::SmolStr;
use tower::ServiceExt;
use trigger_grammar::path::HEALTH;

use super::respond::{Answer, error, later, respond};
use super::settings::ServerSettings;
use trigger_core::Sink;

/// One path of a server, with the sink of its trigger.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) sink: Sink,
    pub(super) path: SmolStr,
    /// The maximum size of a body, in bytes.
    pub(super) body_limit: usize,
    /// What it gives for its server.
    pub(super) settings: Arc<ServerSettings>,
}

/// A snapshot of the routes of a server.
#[derive(Debug, Default)]
pub(super) struct Table {
    endpoints: HashMap<SmolStr, Arc<Endpoint>, foldhash::fast::RandomState>,
    others: Router,
}

impl Table {
    pub(super) fn new(endpoints: &[Arc<Endpoint>]) -> Table {
        let all: Arc<[Arc<Endpoint>]> = endpoints.into();
        let not_allowed = async || error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
        let webhook = async move || ([(ALLOW, HeaderValue::from_static("POST"))], not_allowed().await);
        let mut others = Router::new().route(HEALTH, get(health).with_state(all));
        for endpoint in endpoints {
            others = others.route(&endpoint.path, any(webhook));
        }
        let others = others
            .method_not_allowed_fallback(not_allowed)
            .fallback(async || error(StatusCode::NOT_FOUND, "not found"));
        let by_path = |endpoint: &Arc<Endpoint>| (endpoint.path.clone(), Arc::clone(endpoint));
        Table { endpoints: endpoints.iter().map(by_path).collect(), others }
    }

    /// Returns the webhook of a request.
    #[inline(always)]
    pub(super) fn endpoint<B>(&self, request: &Request<B>) -> Option<&Arc<Endpoint>> {
        if request.method() == Method::POST { self.endpoints.get(request.uri().path()) } else { None }
    }

    /// Answers a request that is for no webhook.
    pub(super) async fn other(&self, request: Request<Body>) -> Response<Body> {
        self.others.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }
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
