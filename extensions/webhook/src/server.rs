//! A server: its sockets, and the paths of the webhooks that share it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connection::{self, Shared};
use super::settings::ServerSettings;
use super::sockets::Sockets;
use super::table::{Endpoint, Table};
use trigger_core::TriggerError;

/// The servers of one runtime, by name. Webhooks with the same host and port share a server.
#[derive(Debug, Default)]
pub(super) struct Ports {
    servers: tokio::sync::Mutex<HashMap<String, Arc<Server>>>,
}

/// The listeners of one host and port, and the connections they have accepted.
#[derive(Debug)]
pub(super) struct Server {
    sockets: Sockets,
    endpoints: Mutex<Vec<Arc<Endpoint>>>,
    shared: Arc<Shared>,
}

impl Ports {
    /// Adds a path to the server of these settings. Binds a new server if necessary. The server accepts nothing before
    /// [`Server::accept`].
    pub(super) async fn join(
        &self,
        settings: &Arc<ServerSettings>,
        endpoint: Arc<Endpoint>,
    ) -> Result<Arc<Server>, TriggerError> {
        let mut servers = self.servers.lock().await;
        let server = match servers.get(&settings.name) {
            Some(server) if !server.is_closing() => Arc::clone(server),
            _ => {
                let server = Server::bind(settings).await;
                Arc::new(server.map_err(|error| TriggerError::bind(&*settings.host, settings.port, error))?)
            }
        };
        server.add(endpoint)?;
        servers.insert(settings.name.clone(), Arc::clone(&server));
        Ok(server)
    }

    /// Removes a path. With the last path it also removes the server: when this returns, its port is closed.
    pub(super) async fn leave(&self, server: &Arc<Server>, endpoint: &Arc<Endpoint>) {
        let mut servers = self.servers.lock().await;
        if server.remove(endpoint) {
            let name = &server.shared.settings.name;
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
    async fn bind(settings: &Arc<ServerSettings>) -> io::Result<Server> {
        let sockets = Sockets::bind(&settings.host, settings.port).await?;
        for address in sockets.addresses().iter().filter(|address| !address.ip().is_loopback()) {
            tracing::warn!(
                %address,
                "anyone who can reach this address can post to its webhooks; listen on 127.0.0.1 behind a proxy that \
                 checks who posts"
            );
        }
        let shared = Arc::new(Shared::new(Arc::clone(settings)));
        Ok(Server { sockets, endpoints: Mutex::default(), shared })
    }

    /// Returns the first address it listens on. For port 0 it has the assigned port.
    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        self.sockets.addresses().first().copied()
    }

    fn endpoints(&self) -> MutexGuard<'_, Vec<Arc<Endpoint>>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, endpoint: Arc<Endpoint>) -> Result<(), TriggerError> {
        let mut endpoints = self.endpoints();
        if let Some(other) = endpoints.iter().find(|other| other.path == endpoint.path) {
            let resource = format!("the path {} of {}", endpoint.path, self.shared.settings.name);
            return Err(TriggerError::taken(resource, other.sink.trigger_id()));
        }
        endpoints.push(endpoint);
        self.shared.table.store(Arc::new(Table::new(&endpoints)));
        Ok(())
    }

    /// Removes a path. Returns `true` if it was the last one.
    fn remove(&self, endpoint: &Arc<Endpoint>) -> bool {
        let mut endpoints = self.endpoints();
        endpoints.retain(|other| !Arc::ptr_eq(other, endpoint));
        if endpoints.is_empty() {
            // Its path stays while the server closes, so that later requests are answered 503.
            return true;
        }
        self.shared.table.store(Arc::new(Table::new(&endpoints)));
        false
    }

    /// Removes the path of a dropped trigger, without a wait for connections.
    pub(super) fn abandon(&self, endpoint: &Arc<Endpoint>) {
        if self.remove(endpoint) {
            self.shared.tasks.stop_token().cancel();
            self.sockets.close();
        }
    }

    /// Begins to listen, unless it listens. The system queues connections, and the server answers none before `accept`.
    pub(super) fn listen(&self) -> io::Result<()> {
        self.sockets.listen()
    }

    /// Begins to accept connections, if it listens and does not accept yet.
    pub(super) fn accept(&self) {
        let Some(listeners) = self.sockets.take_listeners() else { return };
        for address in self.sockets.addresses() {
            tracing::info!(%address, "webhook server listens");
        }
        self.shared.tasks.spawn(connection::accept(listeners, &self.shared));
    }

    /// Returns `true` once it closes. It never opens again.
    pub(super) fn is_closing(&self) -> bool {
        self.shared.tasks.stop_token().is_cancelled()
    }

    /// Closes the port, answers the requests that have arrived, and ends every connection.
    async fn close(&self) {
        self.shared.tasks.stop_token().cancel();
        self.shared.tasks.ended().await;
    }
}
