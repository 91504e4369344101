//! The data that the requests of one connection share.

use smol_str::SmolStr;
use tokio_util::sync::CancellationToken;

use super::head_deadline::HeadDeadline;

/// The client of a connection, and the checks of its requests.
#[derive(Debug)]
pub(super) struct Peer<C> {
    /// The IP address of the client.
    pub(super) remote: SmolStr,
    pub(super) checks: C,
    pub(super) head_deadline: HeadDeadline,
    /// Cancelled when the server stops.
    pub(super) stop: CancellationToken,
}

impl<C> Peer<C> {
    /// Returns the client of a new connection, whose first head begins now.
    pub(super) fn new(remote: SmolStr, checks: C, stop: CancellationToken) -> Peer<C> {
        Peer { remote, checks, head_deadline: HeadDeadline::new(), stop }
    }
}
