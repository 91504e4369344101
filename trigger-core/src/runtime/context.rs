//! What the processes of one runtime share.

use std::sync::Arc;

use crate::process::deadlock::WaitGraph;
use crate::process::handler::Env;
use crate::queue::Quiescence;
use crate::source::SharedByRuntime;

/// What the processes of one runtime share.
pub(super) struct RuntimeContext {
    pub(super) shared: SharedByRuntime,
    pub(super) env: Arc<Env>,
    pub(super) quiescence: Arc<Quiescence>,
    pub(super) wait_graph: Arc<WaitGraph>,
}
