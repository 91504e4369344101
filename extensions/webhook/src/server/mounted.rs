//! The requests to mounted webhooks, which a server of the program receives.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use arc_swap::Guard;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::CONNECTION;
use http::{Request, Response, Version};
use smol_str::{SmolStr, ToSmolStr};
use tokio_util::sync::CancellationToken;
use tower::service_fn;

use crate::respond;
use crate::server::Ports;
use crate::server::connection::Shared;
use crate::server::dispatch::{Dispatch, dispatch};
use crate::server::head_checks::{HeadLimits, Supported};
use crate::server::load::Load;
use crate::server::peer::Origin;
use crate::server::seat::AwaitedBody;
use crate::server::settings::{Limits, ServerSettings};

/// How a request came to a mounted webhook. The server of the program has checked its framing and its `Host`.
struct Mounted {
    shared: Arc<Shared>,
    settings: Arc<ServerSettings>,
    address: Option<SocketAddr>,
    remote: SmolStr,
}

impl Mounted {
    fn new(shared: Arc<Shared>, address: Option<SocketAddr>) -> Mounted {
        let remote = address.map_or(SmolStr::new_static("unknown"), |address| address.ip().to_smolstr());
        Mounted { settings: shared.settings.load_full(), shared, address, remote }
    }
}

impl Origin for Mounted {
    fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    fn load(&self) -> &Load {
        &self.shared.load
    }

    fn stop(&self) -> &CancellationToken {
        self.shared.tasks.stop_token()
    }

    fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    fn remote(&self) -> &SmolStr {
        &self.remote
    }

    /// Returns `true` also if the client is unknown, because the server may listen on loopback.
    fn may_be_local(&self, _: bool) -> bool {
        self.address.is_none_or(|address| address.ip().to_canonical().is_loopback())
    }

    // The server of the program limits its connections itself.
    fn awaits_body(&self) -> Option<AwaitedBody<'_>> {
        None
    }
}

/// Returns a router whose requests go to the mounted webhooks. It does not keep the runtime alive.
pub(crate) fn router(ports: Weak<Ports>) -> Router {
    Router::new().fallback_service(service_fn(move |request: Request<Body>| {
        let shared = ports.upgrade().and_then(|ports| ports.mounted());
        async move { Ok::<_, Infallible>(answer(shared, request).await) }
    }))
}

async fn answer(shared: Option<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let Some(shared) = shared else { return respond::stopping().map(Body::new) };
    let version = request.version();
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|client| client.0);
    let mounted = Mounted::new(shared, address);
    let checks = (HeadLimits(Arc::clone(&mounted.settings)), Supported);
    let dispatched =
        dispatch(Some(mounted.shared.table.load()), &checks, &mounted, request, |table, request| {
            let table = Guard::into_inner(table);
            Box::pin(async move { table.other(request).await })
        });
    let mut answer = match dispatched {
        Dispatch::Known(answer) => answer.map(Body::new),
        Dispatch::Webhook(mut reader) => reader.answer(&mounted).await.map(Body::new),
        Dispatch::Other(other) => other.await,
    };
    if version > Version::HTTP_11 {
        // A later version has no such header (RFC 9113 section 8.2.2).
        answer.headers_mut().remove(CONNECTION);
    }
    answer
}
