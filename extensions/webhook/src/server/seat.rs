//! The place of one connection among those of its server.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::server::connections::Awaits;
use crate::server::head_deadline::HeadDeadline;
use crate::server::load::Load;
use crate::server::settings::{Limits, ServerSettings};

/// The place of one connection. Its drop frees the place.
#[derive(Debug)]
pub(crate) struct Seat {
    load: Arc<Load>,
    at: u32,
    /// The client, if the limit of its connections applies to it.
    client: Option<IpAddr>,
    head: Arc<HeadDeadline>,
    open: Mutex<Open>,
}

/// The requests of a connection whose heads have arrived, and which are not answered: one of HTTP/1.1, several of HTTP/2.
#[derive(Debug, Default)]
struct Open {
    requests: u32,
    /// Those of them that wait for a body.
    bodies: u32,
}

impl Seat {
    /// Returns the place of a new connection.
    ///
    /// # Errors
    ///
    /// The reason of a refusal, as that of `Connections::enter`.
    pub(crate) fn new(
        load: &Arc<Load>,
        settings: &ServerSettings,
        address: IpAddr,
    ) -> Result<Seat, &'static str> {
        let Limits { connections, connections_per_client, head_timeout, .. } = settings.limits;
        let client = counted(address.to_canonical(), settings);
        let head = Arc::new(HeadDeadline::new(head_timeout));
        let limited = client.map(|client| (client, connections_per_client));
        let entered =
            load.connections.enter(Arc::clone(&head), connections.min(load.descriptors), limited)?;
        if entered.evicted {
            load.counts.add("connections");
        }
        Ok(Seat { load: Arc::clone(load), at: entered.at, client, head, open: Mutex::default() })
    }

    pub(crate) fn load(&self) -> &Arc<Load> {
        &self.load
    }

    /// Returns the deadline of the next head.
    pub(crate) fn head(&self) -> &HeadDeadline {
        &self.head
    }

    /// The lock is held while the connection changes its list, otherwise two requests of it could leave it in the wrong one.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the deadline of a head, after one has arrived. Until the request ends, the connection does not make way.
    pub(crate) fn arrived(&self) -> OpenRequest<'_> {
        let mut open = self.open();
        open.requests += 1;
        self.busy();
        OpenRequest { seat: Some(self) }
    }

    /// Makes an open request one that waits for a body, until the result is dropped. The connection makes way if all its
    /// requests wait for one.
    pub(crate) fn awaits_body(&self) -> AwaitedBody<'_> {
        let mut open = self.open();
        open.bodies += 1;
        self.wait_for_bodies(&open);
        AwaitedBody { seat: self }
    }

    fn busy(&self) {
        self.head.stop();
        self.load.connections.busy(self.at);
    }

    fn wait_for_bodies(&self, open: &Open) {
        if open.bodies == open.requests {
            self.load.connections.wait(self.at, Awaits::Body);
        }
    }

    /// Ends a request. After the last one the deadline of the next head starts. Returns `true` if the connection is older than
    /// its lifetime.
    fn ended(&self) -> bool {
        let mut open = self.open();
        open.requests -= 1;
        if open.requests > 0 {
            self.wait_for_bodies(&open);
            return false;
        }
        // Before it can be evicted, so that the eviction is not overwritten.
        let is_old = self.head.start();
        self.load.connections.wait(self.at, Awaits::Head);
        is_old
    }
}

/// A request whose head has arrived. Its drop ends it, such as when the client resets its stream.
#[derive(Debug)]
pub(crate) struct OpenRequest<'a> {
    /// The connection, until the request has ended.
    seat: Option<&'a Seat>,
}

impl OpenRequest<'_> {
    /// Ends the request, which was answered. Returns `true` if the connection is older than its lifetime.
    pub(crate) fn answered(mut self) -> bool {
        self.seat.take().is_some_and(Seat::ended)
    }
}

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        if let Some(seat) = self.seat.take() {
            seat.ended();
        }
    }
}

/// The wait of a request for its body. Its drop ends the wait.
#[derive(Debug)]
pub(crate) struct AwaitedBody<'a> {
    seat: &'a Seat,
}

impl Drop for AwaitedBody<'_> {
    fn drop(&mut self) {
        let mut open = self.seat.open();
        open.bodies -= 1;
        self.seat.busy();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.load.connections.leave(self.at, self.client);
    }
}

/// Returns the address under which the connections of a client are counted: an IPv6 client has a /64 network. Returns `None`
/// for this machine and the proxies of the server, which connect for many clients.
fn counted(address: IpAddr, settings: &ServerSettings) -> Option<IpAddr> {
    if address.is_loopback() || settings.is_trusted_proxy(address) {
        return None;
    }
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(load: &Arc<Load>, settings: &ServerSettings, address: &str, count: usize) -> Vec<Seat> {
        let address: IpAddr = address.parse().expect("an address");
        (0..count).map_while(|_| Seat::new(load, settings, address).ok()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn client_has_64_connections_and_another_one_its_own() {
        let (load, settings) = (Arc::<Load>::default(), ServerSettings::new("a", 0));
        for (client, same, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::1"),
        ] {
            let mut kept = seats(&load, &settings, client, 100);
            assert_eq!(kept.len(), 64, "{client}");
            assert_eq!(seats(&load, &settings, same, 1).len(), 0, "{same}");
            assert_eq!(seats(&load, &settings, other, 1).len(), 1, "{other}");
            kept.pop();
            assert_eq!(seats(&load, &settings, same, 2).len(), 1, "{same}, after one has ended");
        }
        let address = [192, 0, 2, 1].into();
        assert_eq!(Seat::new(&load, &settings, address).map(|seat| seat.client), Ok(Some(address)));
    }

    #[tokio::test(start_paused = true)]
    async fn this_machine_and_the_proxies_have_more_connections() {
        let (load, mut settings) = (Arc::<Load>::default(), ServerSettings::new("a", 0));
        settings.trusted_proxies = vec!["192.0.2.8/31".parse().expect("a network")];
        for (address, count) in [
            ("127.0.0.2", 100),
            ("::1", 100),
            ("192.0.2.9", 100),
            ("::ffff:192.0.2.9", 100),
            ("192.0.2.10", 64),
        ] {
            assert_eq!(seats(&load, &settings, address, 100).len(), count, "{address}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_32_connections_that_leave_are_over_the_limit() {
        let (load, mut settings) = (Arc::<Load>::default(), ServerSettings::new("a", 0));
        settings.limits.connections = 40;
        let kept = seats(&load, &settings, "127.0.0.1", 100);
        assert_eq!(kept.len(), 72, "no connection that was evicted has ended");
        assert_eq!(Seat::new(&load, &settings, [127, 0, 0, 1].into()).err(), Some("connections"));
        drop(kept);
        assert_eq!(seats(&load, &settings, "127.0.0.1", 100).len(), 72);
    }
}
