//! What the clients use of a server at the moment, and what it has refused.

use std::sync::Arc;

use crate::server::bodies::Bodies;
use crate::server::connections::Connections;
use crate::server::counts::Counts;
use crate::server::descriptors::connections_allowed;

/// What the clients use of a server at the moment, and what it has refused.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) connections: Connections,
    pub(crate) bodies: Arc<Bodies>,
    pub(crate) counts: Counts,
    /// The number of connections for which the system allows files, when the server was made.
    pub(crate) descriptors: usize,
}

impl Default for Load {
    fn default() -> Load {
        let (connections, bodies, counts) = (Connections::default(), Arc::default(), Counts::default());
        Load { connections, bodies, counts, descriptors: connections_allowed() }
    }
}
