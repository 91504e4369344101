//! A server: its sockets, and the paths of the webhooks that share it.

pub(crate) mod accept;
pub(crate) mod bodies;
pub(crate) mod body_clock;
pub(crate) mod check;
pub(crate) mod chunks;
pub(crate) mod connection;
pub(crate) mod connections;
pub(crate) mod counts;
pub(crate) mod descriptors;
pub(crate) mod dispatch;
pub(crate) mod framing;
pub(crate) mod head_checks;
pub(crate) mod head_deadline;
#[cfg(any(test, fuzzing))]
pub(crate) mod in_memory;
pub(crate) mod limits;
pub(crate) mod load;
pub(crate) mod mounted;
pub(crate) mod peer;
pub(crate) mod receive;
pub(crate) mod seat;
pub(crate) mod settings;
pub(crate) mod sockets;
pub(crate) mod stream;
pub(crate) mod table;
pub(crate) mod tasks;
pub(crate) mod timed_body;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(not(feature = "tls"))]
#[path = "server/no_tls.rs"]
pub(crate) mod tls;
pub(crate) mod tls_files;
pub(crate) mod woken;
pub(crate) mod write_limit;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use axum::Router;

use crate::server::accept::accept;
use crate::server::connection::Shared;
use crate::server::settings::{Different, ServerSettings};
use crate::server::sockets::Sockets;
use crate::server::table::{Endpoint, Table};
use crate::server::tls_files::TlsFiles;
use trigger_core::TriggerError;

/// The servers of one runtime, by name. Webhooks with the same host and port share a server.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    servers: tokio::sync::Mutex<HashMap<String, Arc<Server>>>,
    /// The mounted webhooks, also after they have left, so that later requests are answered 503.
    mounted: ArcSwapOption<Shared>,
    /// `true` if every webhook is mounted.
    mounts_all: AtomicBool,
    /// The routes of the program on every port.
    routes: Mutex<Option<Router>>,
}

/// The listeners of one host and port, and the connections they have accepted. That of the mounted webhooks has none.
#[derive(Debug)]
pub(crate) struct Server {
    sockets: Option<Sockets>,
    /// The routes of the program.
    routes: Option<Router>,
    paths: Mutex<Paths>,
    shared: Arc<Shared>,
}

/// The webhooks of a server, in the order in which they joined.
#[derive(Debug, Default)]
struct Paths {
    endpoints: Vec<Arc<Endpoint>>,
    /// `true` if a webhook has joined after the table of the server was built.
    is_ahead_of_table: bool,
}

impl Ports {
    /// Mounts every webhook.
    pub(crate) fn mount_all(&self) {
        self.mounts_all.store(true, Ordering::Relaxed);
    }

    pub(crate) fn mounts_all(&self) -> bool {
        self.mounts_all.load(Ordering::Relaxed)
    }

    /// Sets the routes of the program on the ports that are bound later.
    pub(crate) fn set_routes(&self, routes: Router) {
        *self.routes.lock().unwrap_or_else(PoisonError::into_inner) = Some(routes);
    }

    fn routes(&self) -> Option<Router> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns `true` if a port is bound.
    pub(crate) async fn has_port(&self) -> bool {
        self.servers.lock().await.values().any(|server| server.sockets.is_some())
    }

    /// Returns what the mounted webhooks share, if there are or were any.
    pub(crate) fn mounted(&self) -> Option<Arc<Shared>> {
        self.mounted.load_full()
    }

    /// Begins to take the requests of a server.
    pub(crate) fn accept(&self, server: &Server) {
        server.accept();
        if server.sockets.is_none() {
            self.mounted.store(Some(Arc::clone(&server.shared)));
        }
    }

    /// Adds a path to the server of these settings. Binds a new server if necessary. The server accepts nothing before
    /// [`accept`](Self::accept).
    pub(crate) async fn join(&self, endpoint: Arc<Endpoint>) -> Result<Arc<Server>, TriggerError> {
        let settings = Arc::clone(&endpoint.settings);
        if let Some(key) = settings.zero() {
            return Err(TriggerError::failed(format!("`{key}` is 0: use at least 1")));
        }
        let mut servers = self.servers.lock().await;
        let server = match servers.get(&settings.name) {
            Some(server) if !server.is_closing() => Arc::clone(server),
            _ => {
                let server = Server::bind(&settings, self.routes()).await;
                Arc::new(server.map_err(|error| TriggerError::bind(&*settings.host, settings.port, error))?)
            }
        };
        server.add(endpoint)?;
        servers.insert(settings.name.clone(), Arc::clone(&server));
        Ok(server)
    }

    /// Removes a path. With the last path it also removes the server: when this returns, its port is closed.
    pub(crate) async fn leave(&self, server: &Arc<Server>, endpoint: &Arc<Endpoint>) {
        let mut servers = self.servers.lock().await;
        if server.remove(endpoint) {
            let name = &endpoint.settings.name;
            // After a cancelled stop, another server may have this name.
            if servers.get(name).is_some_and(|current| Arc::ptr_eq(current, server)) {
                servers.remove(name);
            }
            // Released first, so that other ports do not wait for the connections of this one.
            drop(servers);
            server.close().await;
        }
    }
}

impl Server {
    async fn bind(settings: &Arc<ServerSettings>, routes: Option<Router>) -> io::Result<Server> {
        let shared = Arc::new(Shared::new(Arc::clone(settings)));
        let (sockets, routes) = match settings.is_mounted {
            true => (None, None),
            false => (Some(Sockets::bind(&settings.host, settings.port).await?), routes),
        };
        Ok(Server { sockets, routes, paths: Mutex::default(), shared })
    }

    /// Returns the first address it listens on. For port 0 it has the assigned port.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        self.sockets.as_ref()?.addresses().first().copied()
    }

    fn paths(&self) -> MutexGuard<'_, Paths> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Builds the table and the settings of these paths, which are those of the requests and connections from now on.
    fn publish(&self, paths: &mut Paths) {
        paths.is_ahead_of_table = false;
        let mut all = paths.endpoints.iter().map(|endpoint| &endpoint.settings);
        if let Some(first) = all.next() {
            let merge = |merged: ServerSettings, other: &Arc<ServerSettings>| {
                // `add` has refused different values.
                merged.merged(other).unwrap_or(merged)
            };
            self.shared.settings.store(Arc::new(all.fold(first.as_ref().clone(), merge)));
        }
        self.shared.table.store(Arc::new(Table::new(&paths.endpoints, self.routes.as_ref())));
    }

    /// Adds a path. Requests reach it after the next [`accept`](Self::accept), so that a start builds one table for all webhooks.
    fn add(&self, endpoint: Arc<Endpoint>) -> Result<(), TriggerError> {
        let mut paths = self.paths();
        let name = &endpoint.settings.name;
        if let Some(other) = paths.endpoints.iter().find(|other| other.has_path_of(&endpoint)) {
            let resource = format!("the path {} of {name}", endpoint.path);
            return Err(TriggerError::taken(resource, other.sink.trigger_id()));
        }
        for other in &paths.endpoints {
            if let Err(Different { key, values: [one, another] }) = other.settings.merged(&endpoint.settings)
            {
                let [first, second] = [other, &endpoint].map(|endpoint| endpoint.sink.trigger_id());
                return Err(TriggerError::failed(format!(
                    "`{key}` is a limit of {name}, and `{first}` gives {one}, `{second}` gives {another}: give one \
                     value, or give it once"
                )));
            }
        }
        if let (Some(tls), Some(running)) = (&endpoint.settings.tls, self.shared.tls.get())
            && running.as_ref().is_none_or(|running| running.files() != tls)
        {
            let trigger = endpoint.sink.trigger_id();
            return Err(TriggerError::failed(format!(
                "`tls` of {name} cannot change while it listens: give `{trigger}` what its other webhooks give"
            )));
        }
        paths.endpoints.push(endpoint);
        paths.is_ahead_of_table = true;
        Ok(())
    }

    /// Removes a path. Returns `true` if it was the last one.
    fn remove(&self, endpoint: &Arc<Endpoint>) -> bool {
        let mut paths = self.paths();
        paths.endpoints.retain(|other| !Arc::ptr_eq(other, endpoint));
        if paths.endpoints.is_empty() {
            // Its path stays while the server closes, so that later requests are answered 503.
            return true;
        }
        // For the same reason every path stays while all of them close.
        if paths.endpoints.iter().any(|other| other.sink.is_open()) {
            self.publish(&mut paths);
        }
        false
    }

    /// Removes the path of a dropped trigger, without a wait for connections.
    pub(crate) fn abandon(&self, endpoint: &Arc<Endpoint>) {
        if self.remove(endpoint) {
            self.shared.tasks.stop_token().cancel();
            if let Some(sockets) = &self.sockets {
                sockets.close();
            }
        }
    }

    /// Begins to listen, unless it listens. The system queues connections, and the server answers none before `accept`.
    pub(crate) fn listen(&self) -> io::Result<()> {
        self.sockets.as_ref().map_or(Ok(()), Sockets::listen)
    }

    /// Begins to accept connections, if it listens and does not accept yet. Requests reach every path that was added.
    fn accept(&self) {
        let mut paths = self.paths();
        if paths.is_ahead_of_table {
            self.publish(&mut paths);
        }
        drop(paths);
        let Some(sockets) = &self.sockets else { return };
        let Some(listeners) = sockets.take_listeners() else { return };
        for address in sockets.addresses() {
            tracing::info!(%address, "webhook server listens");
        }
        let (limit, allowed) = (self.shared.settings.load().limits.connections, self.shared.load.descriptors);
        if allowed < limit {
            tracing::warn!(
                limit,
                allowed,
                "the limit of open files allows fewer connections; raise it, as with `ulimit -n` or `LimitNOFILE=`"
            );
        }
        self.secure();
        self.shared.tasks.spawn(accept(listeners, &self.shared));
    }

    /// Returns `true` once it closes. It never opens again.
    pub(crate) fn is_closing(&self) -> bool {
        self.shared.tasks.stop_token().is_cancelled()
    }

    /// Closes the port, answers the requests that have arrived, and ends every connection.
    async fn close(&self) {
        self.shared.tasks.stop_token().cancel();
        self.shared.tasks.ended().await;
        for (reason, count) in self.counts().filter(|(_, count)| *count > 0) {
            let server = &*self.shared.settings.load().name;
            tracing::info!(server, reason, count, "refused by the webhook server");
        }
    }

    /// Returns the files of the certificate, once the server accepts, if its connections have TLS.
    pub(crate) fn tls_files(&self) -> Option<&TlsFiles> {
        self.shared.tls.get()?.as_ref().map(|tls| tls.files())
    }

    /// Makes every connection one of TLS if a webhook gives a certificate, and keeps that up to date.
    fn secure(&self) {
        let tls = self.paths().endpoints.iter().find_map(|endpoint| endpoint.tls.clone());
        if let Some(tls) = tls.clone() {
            let stop = self.shared.tasks.stop_token().clone();
            self.shared.tasks.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tls.watch() => {}
                }
            });
        }
        // It was not set before, because the listeners are taken once.
        let _ = self.shared.tls.set(tls);
    }

    /// Returns how often the server has refused a connection or a request, by reason.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.shared.load.counts.iter()
    }
}
