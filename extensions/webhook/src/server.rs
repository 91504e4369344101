//! A server: its socket, and the paths of the webhooks that share it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpSocket, lookup_host};

use super::connection::{self, Shared};
use super::settings::ServerSettings;
use super::table::{Endpoint, Table};
use trigger_core::TriggerError;

/// The maximum number of connections that the system queues for the accept loop.
const BACKLOG: u32 = 1024;

/// The servers of one runtime, by name. Webhooks with the same host and port share a server.
#[derive(Debug, Default)]
pub(super) struct Ports {
    servers: tokio::sync::Mutex<HashMap<String, Arc<Server>>>,
}

/// One listener and the connections it has accepted.
#[derive(Debug)]
pub(super) struct Server {
    local_addr: SocketAddr,
    socket: Mutex<Socket>,
    endpoints: Mutex<Vec<Arc<Endpoint>>>,
    shared: Arc<Shared>,
}

/// The state of a server's socket.
#[derive(Debug)]
enum Socket {
    Bound(TcpSocket),
    Listening(TcpListener),
    /// Moved to the accept loop, or refused by the system.
    Moved,
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
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in lookup_host((&*settings.host, settings.port)).await? {
            match Server::bind_address(settings, address) {
                Ok(server) => return Ok(server),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn bind_address(settings: &Arc<ServerSettings>, address: SocketAddr) -> io::Result<Server> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Otherwise a restart would have to wait until the connections of the last run time out.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let local_addr = socket.local_addr()?;
        if !local_addr.ip().is_loopback() {
            tracing::warn!(
                address = %local_addr,
                "anyone who can reach this address can post to its webhooks; listen on 127.0.0.1 behind a proxy that \
                 checks who posts"
            );
        }
        Ok(Server {
            local_addr,
            socket: Mutex::new(Socket::Bound(socket)),
            endpoints: Mutex::default(),
            shared: Arc::new(Shared::new(Arc::clone(settings))),
        })
    }

    /// Returns the address it listens on. For port 0 it has the assigned port.
    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local_addr
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
            *self.socket() = Socket::Moved;
        }
    }

    /// Begins to listen, unless it listens. The system queues connections, and the server answers none before `accept`.
    pub(super) fn listen(&self) -> io::Result<()> {
        let mut socket = self.socket();
        // Another webhook of this server may have done it before.
        *socket = match std::mem::replace(&mut *socket, Socket::Moved) {
            Socket::Bound(bound) => Socket::Listening(bound.listen(BACKLOG)?),
            other => other,
        };
        Ok(())
    }

    /// Begins to accept connections, if it listens and does not accept yet.
    pub(super) fn accept(&self) {
        let mut socket = self.socket();
        match std::mem::replace(&mut *socket, Socket::Moved) {
            Socket::Listening(listener) => {
                tracing::info!(address = %self.local_addr, "webhook server listens");
                self.shared.tasks.spawn(connection::accept(listener, &self.shared));
            }
            other => *socket = other,
        }
    }

    fn socket(&self) -> MutexGuard<'_, Socket> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
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
