//! What the clients use of a server at the moment, and what it has refused.

use std::sync::Arc;

use super::bodies::Bodies;
use super::connections::Connections;
use super::counts::Counts;
use super::descriptors::connections_allowed;

/// What the clients use of a server at the moment, and what it has refused.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) connections: Connections,
    pub(super) bodies: Arc<Bodies>,
    pub(super) counts: Counts,
    /// The number of connections for which the system allows files, when the server was made.
    pub(super) descriptors: usize,
}

impl Default for Load {
    fn default() -> Load {
        let (connections, bodies, counts) = (Connections::default(), Arc::default(), Counts::default());
        Load { connections, bodies, counts, descriptors: connections_allowed() }
    }
}
