//! What the processes of one runtime share.

use std::sync::Arc;

use crate::observe::observer::Observers;
use crate::process::deadlock::WaitGraph;
use crate::process::handler::Env;
use crate::queue::Quiescence;
use crate::source::SharedByRuntime;
use crate::source::routes::Routes;
use crate::store::Store;

/// What the processes of one runtime share.
pub(super) struct RuntimeContext {
    pub(super) shared: SharedByRuntime,
    /// Those of the bus and the broker that belong to the runtime alone. They close at its end.
    pub(super) own_routes: Vec<Arc<Routes>>,
    pub(super) env: Arc<Env>,
    pub(super) quiescence: Arc<Quiescence>,
    pub(super) wait_graph: Arc<WaitGraph>,
    pub(super) observers: Option<Observers>,
    pub(super) store: Option<Arc<dyn Store>>,
}

impl RuntimeContext {
    /// Reports the publications of the bus and the broker to the observers of the runtime.
    pub(super) fn observe_publications(&self) {
        if let Some(observers) = &self.observers {
            self.shared.bus.routes().observe(observers);
            self.shared.broker.routes().observe(observers);
        }
    }

    /// Refuses later publications, except on a bus and a broker that the program has too.
    pub(super) fn close_publications(&self) {
        self.own_routes.iter().for_each(|routes| routes.close());
    }

    /// Reports no later publication.
    pub(super) fn forget_publications(&self) {
        if let Some(observers) = &self.observers {
            self.shared.bus.routes().forget(observers);
            self.shared.broker.routes().forget(observers);
        }
    }
}
