//! The webhook server. hyper serves HTTP, a `POST` to a webhook goes directly to its trigger, and axum routes all other
//! requests.
//!
//! The accept loop is our own, because `axum::serve` 0.8 installs no timer: a client that sends half a head would keep
//! its connection for ever. The limits below bound the resources that one client can use.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use smol_str::SmolStr;
use tokio::net::{TcpListener, TcpSocket, lookup_host};

use crate::{Sink, TriggerError};

mod connection;
mod form;
mod head_checks;
mod head_deadline;
mod headers;
mod pairs;
mod query;
mod receive;
mod respond;
mod source;
mod stream;
mod tasks;
mod trigger;

pub use headers::Headers;
pub use query::Query;
use receive::Table;
pub use source::WEBHOOK;
use tasks::Tasks;
pub use trigger::WebhookTrigger;

/// The time limit of a request head. It is also the limit of an idle connection.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit of a request body.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The time for which a client may read nothing of a response.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum size of a head, request line and headers, in bytes.
pub(crate) const HEAD_BYTES: usize = 16 * 1024;

/// The maximum size of a request target, in bytes.
pub(crate) const TARGET_BYTES: usize = 8 * 1024;

/// The maximum number of headers of a request.
pub(crate) const HEADERS: usize = 64;

/// The maximum number of connections of one server. Further ones are closed at once, so that they do not fill the
/// backlog.
pub(crate) const CONNECTIONS: usize = 4096;

/// The maximum number of connections that the system queues for the accept loop.
const BACKLOG: u32 = 1024;

/// The time limit for the rest of a body when the server stops. After it the request is answered 503.
const BODY_GRACE: Duration = Duration::from_millis(250);

/// The time limit for a connection to end when the server stops. It is longer than [`BODY_GRACE`], so that every
/// request with a complete head is answered before.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// The time for which a refused client may still send before its connection is closed.
const LINGER: Duration = Duration::from_secs(2);

/// The servers of one runtime, by host and port. Webhooks with the same host and port share a server.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    servers: tokio::sync::Mutex<HashMap<(String, u16), Arc<Server>>>,
}

/// One path of a server, with the sink of its trigger.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) sink: Sink,
    pub(crate) path: SmolStr,
    pub(crate) body_limit: usize,
}

/// One listener and the connections it has accepted.
#[derive(Debug)]
pub(crate) struct Server {
    host: String,
    port: u16,
    local_addr: SocketAddr,
    socket: Mutex<Socket>,
    endpoints: Mutex<Vec<Arc<Endpoint>>>,
    table: ArcSwap<Table>,
    tasks: Tasks,
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
    /// Adds a path to the server of this host and port. Binds a new server if necessary. The server accepts nothing
    /// before [`Server::accept`].
    pub(crate) async fn join(
        &self,
        host: &str,
        port: u16,
        endpoint: Arc<Endpoint>,
    ) -> Result<Arc<Server>, TriggerError> {
        let mut servers = self.servers.lock().await;
        let key = (host.to_owned(), port);
        let server = match servers.get(&key) {
            Some(server) if !server.is_closing() => Arc::clone(server),
            _ => {
                let server = Server::bind(host, port).await;
                Arc::new(server.map_err(|error| TriggerError::bind(host, port, error))?)
            }
        };
        server.add(endpoint)?;
        servers.insert(key, Arc::clone(&server));
        Ok(server)
    }

    /// Removes a path. With the last path it also removes the server: when this returns, its port is closed.
    pub(crate) async fn leave(&self, server: &Arc<Server>, endpoint: &Arc<Endpoint>) {
        let mut servers = self.servers.lock().await;
        if server.remove(endpoint) {
            let key = (server.host.clone(), server.port);
            // After a cancelled stop, another server may have this host and port.
            if servers.get(&key).is_some_and(|current| Arc::ptr_eq(current, server)) {
                servers.remove(&key);
            }
            // Released first, so that other ports do not wait for the connections of this one.
            drop(servers);
            server.close().await;
        }
    }
}

impl Server {
    async fn bind(host: &str, port: u16) -> io::Result<Server> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in lookup_host((host, port)).await? {
            match Server::bind_address(host, port, address) {
                Ok(server) => return Ok(server),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn bind_address(host: &str, port: u16, address: SocketAddr) -> io::Result<Server> {
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
            host: host.to_owned(),
            port,
            local_addr,
            socket: Mutex::new(Socket::Bound(socket)),
            endpoints: Mutex::default(),
            table: ArcSwap::default(),
            tasks: Tasks::default(),
        })
    }

    /// Returns the address it listens on. For port 0 it has the assigned port.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    fn endpoints(&self) -> MutexGuard<'_, Vec<Arc<Endpoint>>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, endpoint: Arc<Endpoint>) -> Result<(), TriggerError> {
        let mut endpoints = self.endpoints();
        if let Some(other) = endpoints.iter().find(|other| other.path == endpoint.path) {
            let resource = format!("the path {} of {}:{}", endpoint.path, self.host, self.port);
            return Err(TriggerError::taken(resource, other.sink.trigger_id()));
        }
        endpoints.push(endpoint);
        self.table.store(Arc::new(Table::new(&endpoints)));
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
        self.table.store(Arc::new(Table::new(&endpoints)));
        false
    }

    /// Removes the path of a dropped trigger, without a wait for connections.
    pub(crate) fn abandon(&self, endpoint: &Arc<Endpoint>) {
        if self.remove(endpoint) {
            self.tasks.stop_token().cancel();
            *self.socket() = Socket::Moved;
        }
    }

    /// Begins to listen, unless it listens. The system queues connections, and the server answers none before `accept`.
    pub(crate) fn listen(&self) -> io::Result<()> {
        let mut socket = self.socket();
        // Another webhook of this server may have done it before.
        *socket = match std::mem::replace(&mut *socket, Socket::Moved) {
            Socket::Bound(bound) => Socket::Listening(bound.listen(BACKLOG)?),
            other => other,
        };
        Ok(())
    }

    /// Begins to accept connections, if it listens and does not accept yet.
    pub(crate) fn accept(self: &Arc<Self>) {
        let mut socket = self.socket();
        match std::mem::replace(&mut *socket, Socket::Moved) {
            Socket::Listening(listener) => {
                tracing::info!(address = %self.local_addr, "webhook server listens");
                let stop = self.tasks.stop_token().clone();
                self.tasks.spawn(connection::accept(listener, Arc::downgrade(self), stop));
            }
            other => *socket = other,
        }
    }

    fn socket(&self) -> MutexGuard<'_, Socket> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns `true` once it closes. It never opens again.
    pub(crate) fn is_closing(&self) -> bool {
        self.tasks.stop_token().is_cancelled()
    }

    /// Closes the port, answers the requests that have arrived, and ends every connection.
    async fn close(&self) {
        self.tasks.stop_token().cancel();
        self.tasks.ended().await;
    }
}
