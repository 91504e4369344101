//! The sockets of a server: one for each address of its host, all with one port.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};

/// The maximum number of connections that the system queues for the accept loop, at each address.
const BACKLOG: u32 = 1024;

/// How many free ports are tried for a host with several addresses. The port of the first address may be taken at another
/// one.
const FREE_PORTS: usize = 8;

/// The sockets of one server.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// Its addresses, at least one. For port 0 they have the assigned port.
    addresses: Vec<SocketAddr>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Bound(Vec<TcpSocket>),
    Listening(Vec<TcpListener>),
    /// Moved to the accept loop, or refused by the system.
    Moved,
}

impl Sockets {
    /// Binds every address of a host, without listening.
    pub(crate) async fn bind(host: &str, port: u16) -> io::Result<Sockets> {
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in lookup_host((host, port)).await? {
            // The hosts file may list an address twice.
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Sockets::bind_all(&addresses, bind_one)
    }

    /// Binds every address that this machine has. Port 0 becomes one free port of all of them.
    fn bind_all(
        addresses: &[SocketAddr],
        bind_one: impl Fn(SocketAddr) -> io::Result<TcpSocket>,
    ) -> io::Result<Sockets> {
        let is_free = addresses.first().is_some_and(|address| address.port() == 0);
        let mut tries = if is_free { FREE_PORTS } else { 1 };
        loop {
            tries -= 1;
            match Sockets::try_bind_all(addresses, &bind_one) {
                Err(error) if error.kind() == ErrorKind::AddrInUse && tries > 0 => {}
                bound => return bound,
            }
        }
    }

    fn try_bind_all(
        addresses: &[SocketAddr],
        bind_one: impl Fn(SocketAddr) -> io::Result<TcpSocket>,
    ) -> io::Result<Sockets> {
        let (mut bound, mut sockets) = (Vec::<SocketAddr>::new(), Vec::new());
        let mut failure = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            let mut address = *address;
            if let Some(first) = bound.first() {
                address.set_port(first.port());
            }
            match bind_one(address) {
                Ok(socket) => {
                    bound.push(socket.local_addr()?);
                    sockets.push(socket);
                }
                // Somebody else has the port, and would get the requests to this address.
                Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => {
                    return Err(error);
                }
                Err(error) => {
                    // Such as `::1` of `localhost`, on a machine without IPv6.
                    tracing::info!(%address, %error, "an address of the host is not used");
                    failure = error;
                }
            }
        }
        if sockets.is_empty() {
            return Err(failure);
        }
        Ok(Sockets { addresses: bound, state: Mutex::new(State::Bound(sockets)) })
    }

    /// Returns the addresses, the first one of the host first.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to listen, unless it listens. If the system refuses one address, all are closed.
    pub(crate) fn listen(&self) -> io::Result<()> {
        let mut state = self.state();
        // Another webhook of the server may have done it before.
        *state = match std::mem::replace(&mut *state, State::Moved) {
            State::Bound(sockets) => {
                let listeners = sockets.into_iter().map(|socket| socket.listen(BACKLOG));
                State::Listening(listeners.collect::<io::Result<_>>()?)
            }
            other => other,
        };
        Ok(())
    }

    /// Returns the listeners, if it listens, and they were not taken.
    pub(crate) fn take_listeners(&self) -> Option<Vec<TcpListener>> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Moved) {
            State::Listening(listeners) => Some(listeners),
            other => {
                *state = other;
                None
            }
        }
    }

    /// Closes the sockets, unless the listeners were taken.
    pub(crate) fn close(&self) {
        *self.state() = State::Moved;
    }
}

fn bind_one(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Otherwise a restart would have to wait until the connections of the last run time out.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Accepts the next connection of any listener. It begins with the one at `next`, and sets `next` to the one behind that of
/// the connection. Otherwise a busy address would starve the others.
pub(crate) async fn accept(
    listeners: &[TcpListener],
    next: &mut usize,
) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|task| {
        for turn in 0..listeners.len() {
            let at = (*next + turn) % listeners.len();
            if let Poll::Ready(accepted) = listeners[at].poll_accept(task) {
                *next = at + 1;
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener as StdListener};

    use super::*;

    const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
    /// No machine has this address (RFC 5737).
    const FOREIGN: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn of(ips: &[IpAddr], port: u16) -> Vec<SocketAddr> {
        ips.iter().map(|ip| SocketAddr::new(*ip, port)).collect()
    }

    fn bound(ips: &[IpAddr], port: u16) -> Vec<IpAddr> {
        let sockets = Sockets::bind_all(&of(ips, port), bind_one).expect("free ports");
        let port = sockets.addresses()[0].port();
        assert!(port != 0 && sockets.addresses().iter().all(|address| address.port() == port), "{sockets:?}");
        sockets.addresses().iter().map(SocketAddr::ip).collect()
    }

    #[tokio::test]
    async fn connections_to_every_address_of_a_host_are_accepted_on_one_port() {
        let another = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        for ips in [&[V6, V4][..], &[V4, V6], &[V4, another, V6], &[V4]] {
            let sockets = Sockets::bind_all(&of(ips, 0), bind_one).expect("free ports");
            sockets.listen().expect("free ports");
            let listeners = sockets.take_listeners().expect("it listens");
            assert_eq!(sockets.addresses().len(), ips.len(), "this machine needs IPv6");
            let mut next = 0;
            for _ in 0..2 {
                for (address, ip) in sockets.addresses().iter().zip(ips) {
                    assert_eq!((address.ip(), address.port()), (*ip, sockets.addresses()[0].port()));
                    let client = TcpStream::connect(address).await.expect("an open port");
                    let (_, remote) = accept(&listeners, &mut next).await.expect("a connection");
                    assert_eq!(remote, client.local_addr().expect("an address"));
                }
            }
        }
    }

    #[tokio::test]
    async fn busy_address_does_not_starve_another_one() {
        let sockets = Sockets::bind_all(&of(&[V4, V6], 0), bind_one).expect("free ports");
        sockets.listen().expect("free ports");
        let listeners = sockets.take_listeners().expect("it listens");
        let [v4, v6] = *sockets.addresses() else { panic!("this machine needs IPv6: {sockets:?}") };
        let mut clients = Vec::new();
        for address in [v4, v4, v4, v6] {
            clients.push(TcpStream::connect(address).await.expect("an open port"));
        }
        let (mut next, mut accepted) = (0, Vec::new());
        for _ in 0..2 {
            accepted.push(accept(&listeners, &mut next).await.expect("a connection").1.ip());
        }
        assert_eq!(accepted, [V4, V6]);
    }

    #[tokio::test]
    async fn address_that_the_machine_does_not_have_is_left_out() {
        assert_eq!(bound(&[FOREIGN, V4], 0), [V4]);
        assert_eq!(bound(&[V4, FOREIGN, V6], 0), [V4, V6]);
        let error = Sockets::bind_all(&of(&[FOREIGN], 0), bind_one).expect_err("no machine has it");
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        assert_eq!(Sockets::bind_all(&[], bind_one).expect_err("no address").kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn port_that_is_taken_at_one_address_is_refused() {
        let taken = StdListener::bind((V6, 0)).expect("a free port");
        let port = taken.local_addr().expect("an address").port();
        for ips in [&[V4, V6][..], &[V6, V4], &[FOREIGN, V4, V6]] {
            let error = Sockets::bind_all(&of(ips, port), bind_one).expect_err("the port is taken");
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
        }
        // None of the refused sockets has kept the other address.
        StdListener::bind((V4, port)).expect("a free port");
    }

    #[tokio::test]
    async fn free_port_that_is_taken_at_another_address_is_replaced() {
        for taken in [0, 1, FREE_PORTS - 1, FREE_PORTS] {
            let left = Cell::new(taken);
            let bind = |address: SocketAddr| match left.get() {
                // Only the port of the first address may be taken at another one.
                0 => bind_one(address),
                _ if address.port() == 0 => bind_one(address),
                more => {
                    left.set(more - 1);
                    Err(ErrorKind::AddrInUse.into())
                }
            };
            let bound = Sockets::bind_all(&of(&[V4, V6], 0), bind);
            let addresses = bound.map(|sockets| sockets.addresses().len()).map_err(|error| error.kind());
            assert_eq!(
                addresses,
                if taken < FREE_PORTS { Ok(2) } else { Err(ErrorKind::AddrInUse) },
                "{taken}"
            );
        }
    }
}
