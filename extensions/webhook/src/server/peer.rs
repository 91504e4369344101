//! How a request came: the data that the reading of a request needs of its connection.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Request;
use smol_str::SmolStr;
use tokio_util::sync::CancellationToken;

use crate::client::LocalHost;
use crate::server::check::HeaderSummary;
use crate::server::load::Load;
use crate::server::seat::{AwaitedBody, Seat};
use crate::server::settings::{Limits, ServerSettings};

/// How a request came: over a connection of a server of this crate, or from a server of the program.
pub(crate) trait Origin: Sync {
    fn limits(&self) -> &Limits;
    fn load(&self) -> &Load;
    /// Returns the token that is cancelled when the webhook stops.
    fn stop(&self) -> &CancellationToken;
    /// Returns the address of the TCP peer, if it is known.
    fn address(&self) -> Option<SocketAddr>;
    /// Returns the IP address of the TCP peer as a text, or `unknown`.
    fn remote(&self) -> &SmolStr;
    /// Returns `true` if a browser on this machine may have sent the request. `on_loopback` is `true` if the webhook's own server
    /// listens only on loopback.
    fn may_be_local(&self, on_loopback: bool) -> bool;
    /// Returns `true` if the browser guard has admitted the `Host` of the request before, and no browser sent it.
    fn knows_host<B>(&self, request: &Request<B>, summary: &HeaderSummary<'_>) -> bool {
        let _ = (request, summary);
        false
    }
    /// Notes that a body has begun, and has not arrived until the result is dropped. A connection of another server has none.
    fn awaits_body(&self) -> Option<AwaitedBody<'_>>;
}

/// The client of a connection, and the checks of its requests.
#[derive(Debug)]
pub(crate) struct Peer<C> {
    pub(crate) address: SocketAddr,
    /// The IP address as a text.
    pub(crate) remote: SmolStr,
    pub(crate) checks: C,
    pub(crate) local_host: LocalHost,
    pub(crate) seat: Seat,
    /// The settings of the server when the connection began.
    pub(crate) settings: Arc<ServerSettings>,
    /// Cancelled when the server stops.
    pub(crate) stop: CancellationToken,
}

impl<C: Sync> Origin for Peer<C> {
    fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    fn load(&self) -> &Load {
        self.seat.load()
    }

    fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    #[inline]
    fn address(&self) -> Option<SocketAddr> {
        Some(self.address)
    }

    #[inline]
    fn remote(&self) -> &SmolStr {
        &self.remote
    }

    #[inline]
    fn may_be_local(&self, on_loopback: bool) -> bool {
        on_loopback
    }

    #[inline]
    fn knows_host<B>(&self, request: &Request<B>, summary: &HeaderSummary<'_>) -> bool {
        self.local_host.admits(request, summary)
    }

    fn awaits_body(&self) -> Option<AwaitedBody<'_>> {
        Some(self.seat.awaits_body())
    }
}
