//! The data that the requests of one connection share.

use std::net::IpAddr;
use std::sync::Arc;

use smol_str::SmolStr;
use tokio_util::sync::CancellationToken;

use super::seat::Seat;
use super::settings::ServerSettings;

/// The client of a connection, and the checks of its requests.
#[derive(Debug)]
pub(super) struct Peer<C> {
    /// The IP address of the client.
    pub(super) address: IpAddr,
    /// The same as a text.
    pub(super) remote: SmolStr,
    pub(super) checks: C,
    pub(super) seat: Seat,
    /// The settings of the server when the connection began.
    pub(super) settings: Arc<ServerSettings>,
    /// Cancelled when the server stops.
    pub(super) stop: CancellationToken,
}
