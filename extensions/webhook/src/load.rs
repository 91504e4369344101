//! What the clients use of a server at the moment, and what it has refused.

use super::connections::Connections;
use super::counts::Counts;
use super::descriptors::connections_allowed;

/// What the clients use of a server at the moment, and what it has refused.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) connections: Connections,
    pub(super) counts: Counts,
    /// The number of connections for which the system allows files, when the server was made.
    pub(super) descriptors: usize,
}

impl Default for Load {
    fn default() -> Load {
        let (connections, counts) = (Connections::default(), Counts::default());
        Load { connections, counts, descriptors: connections_allowed() }
    }
}
