//! Webhooks in the axum application of a program: [`WebhookRouter`] and [`WebhookRoutes`].

use std::sync::Arc;

use axum::Router;
use trigger_core::{Builder, Error, Runtime, RuntimeHandle};

use crate::server::Ports;
use crate::server::mounted;
use crate::trigger::WebhookTrigger;

/// The mounted webhooks of a runtime as an axum router.
pub trait WebhookRouter {
    /// Returns a router of the mounted webhooks, to nest into an application: those with `mount`, and all after
    /// [`mount_webhooks`](WebhookRoutes::mount_webhooks). The server, its TLS and its middleware are those of the application.
    ///
    /// ```no_run
    /// # use std::net::SocketAddr;
    /// # use trigger_core::{ProcessConfig, Runtime, TriggerConfig, TriggerEvent};
    /// # use trigger_webhook::axum::{Router, routing::get};
    /// # use trigger_webhook::{WebhookRouter, WebhookRoutes};
    /// # async fn example() -> trigger_core::Result {
    /// let config = ProcessConfig::new().trigger(TriggerConfig::webhook("/github", 9090));
    /// let runtime = Runtime::builder()
    ///     .process("github", config, |event: TriggerEvent| async move { println!("{}", event.payload()) })
    ///     .mount_webhooks()
    ///     .start()
    ///     .await?;
    /// let app = Router::<()>::new().route("/", get(async || "hello")).nest("/hooks", runtime.router());
    /// // A request to `/hooks/github` reaches the process.
    /// let app = app.into_make_service_with_connect_info::<SocketAddr>();
    /// # drop(app);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// - Its paths are those of the webhooks, and `/health`. `metadata.path` and the path of a verifier are without the prefix
    ///   under which it is nested.
    /// - The limits of bodies, heads and time apply as on a port. The application limits its connections itself.
    /// - The client is known if the request has the extension `ConnectInfo<SocketAddr>`, as by
    ///   `into_make_service_with_connect_info`. Otherwise `metadata.remote` is `unknown`, `allow` refuses every request, and
    ///   `rate_per_client` counts all as one client.
    /// - An unsigned webhook refuses the websites of a browser if the client is this machine or unknown: see `hosts`.
    /// - While the runtime drains, and after its end, a webhook answers 503. The router does not keep the runtime alive.
    fn router(&self) -> Router;
}

impl WebhookRouter for RuntimeHandle {
    fn router(&self) -> Router {
        let ports = self.shared::<Ports>();
        if ports.as_ref().is_some_and(|ports| ports.mounted().is_none()) {
            tracing::warn!(
                "the router has no webhook: add `mount` to a webhook, or `.mount_webhooks()` to the builder"
            );
        }
        mounted::router(ports.as_ref().map(Arc::downgrade).unwrap_or_default())
    }
}

impl WebhookRouter for Runtime {
    fn router(&self) -> Router {
        self.handle().router()
    }
}

/// The requests of a trigger with the setting `mount`.
impl WebhookRouter for WebhookTrigger {
    fn router(&self) -> Router {
        mounted::router(Arc::downgrade(&self.ports()))
    }
}

/// What a builder says of the webhooks and an axum application.
pub trait WebhookRoutes: Sized {
    /// Adds routes of the program to every port that a webhook listens on. They get the requests that are for no webhook, with
    /// any method, and not for `/health`. A second call replaces the routes of the first.
    ///
    /// The limits of the server apply to heads, connections, and the time and the rate of bodies. The size of a body is limited
    /// by the extractors of axum. A request has the extension `ConnectInfo<SocketAddr>`. The routes answer until the port
    /// closes, at the end of the drain. A request that then takes over 500 ms is cut off. A runtime without such a port does
    /// not start.
    ///
    /// ```
    /// # use trigger_core::Runtime;
    /// # use trigger_webhook::axum::{Router, routing::get};
    /// # use trigger_webhook::WebhookRoutes;
    /// let builder = Runtime::builder().routes(Router::new().route("/version", get(async || "1.0")));
    /// # drop(builder);
    /// ```
    #[must_use]
    fn routes(self, routes: Router) -> Self;

    /// Mounts every webhook of the runtime, as its setting `mount` does: no port is bound, and the requests come through
    /// [`WebhookRouter::router`]. The ids of the triggers stay.
    #[must_use]
    fn mount_webhooks(self) -> Self;
}

impl WebhookRoutes for Builder {
    #[track_caller]
    fn routes(self, routes: Router) -> Builder {
        let ports = self.shared::<Ports>();
        ports.set_routes(routes);
        self.on_start(move || async move {
            if ports.has_port().await {
                return Ok(());
            }
            Err(Error::from("`.routes(..)` needs a port, and no webhook of the runtime listens on one"))
        })
    }

    fn mount_webhooks(self) -> Builder {
        self.shared::<Ports>().mount_all();
        self
    }
}
