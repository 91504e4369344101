//! A source with its sink: a whole trigger.

use std::fmt;
use std::sync::Arc;

use super::any::{AnySource, source};
use super::{SharedByRuntime, Sink, SinkDeps, SourceContext};
use crate::declare::TriggerConfig;
use crate::observe::status::TriggerStatus;
use crate::queue::{Ledger, Queue};
use crate::source::trigger::TriggerError;
use crate::store::Target;
use crate::task::Tasks;

/// A trigger: a source, and the sink that it offers its events to.
pub(crate) struct BoundTrigger {
    pub(crate) source: Arc<dyn AnySource>,
    cx: SourceContext,
}

impl BoundTrigger {
    pub(crate) fn new(
        config: &TriggerConfig,
        mut deps: SinkDeps,
        shared: SharedByRuntime,
        tasks: Arc<Tasks>,
    ) -> BoundTrigger {
        let process = deps.dead_letters.as_ref().map(|kept| kept.process.as_str());
        let scope = scope(process, &deps.queue.trigger().id);
        if config.source_kind().relays {
            // The event of another kind is kept already, so an event without capacity is no reason for a dead letter.
            deps.dead_letters = None;
            deps.durable = None;
        }
        let cx = SourceContext { sink: Sink::new(config, &deps), shared, scope, tasks };
        BoundTrigger { source: source(config), cx }
    }

    pub(crate) fn id(&self) -> &str {
        self.cx.sink.trigger_id()
    }

    pub(crate) fn sink(&self) -> &Sink {
        &self.cx.sink
    }

    pub(crate) fn queue(&self) -> &Queue {
        self.cx.sink.queue()
    }

    /// Reports what keeps the source from starting, for a trigger without the checks of a runtime.
    pub(crate) fn check(&self) -> Result<(), TriggerError> {
        let problems = self.source.check(self.cx.secrets());
        if problems.is_empty() { Ok(()) } else { Err(TriggerError::failed(problems.join("; "))) }
    }

    /// Takes what only one can have.
    pub(crate) async fn bind(&self) -> Result<(), TriggerError> {
        self.source.bind(&self.cx).await
    }

    /// Connects. Nothing is accepted yet.
    pub(crate) async fn open(&self) -> Result<(), TriggerError> {
        self.source.open(&self.cx).await
    }

    /// Accepts events. The queue is open.
    pub(crate) fn accept(&self) {
        self.source.accept(&self.cx);
    }

    /// Takes no more events from outside.
    pub(crate) async fn refuse(&self) {
        if let Err(panic) = self.source.refuse().await {
            tracing::error!(trigger = self.id(), %panic, "the source panicked when it was to take no more events");
        }
    }

    /// Lets go of everything. The sink is closed by then.
    pub(crate) async fn close(&self) {
        if let Err(panic) = self.source.close().await {
            tracing::error!(trigger = self.id(), %panic, "the source panicked when it was closed");
        }
    }

    /// The status, and the account of what became of its events, at one moment.
    pub(crate) fn status(&self) -> (TriggerStatus, Ledger) {
        let (mut status, ledger) = self.cx.sink.status_and_ledger();
        self.source.status(&mut status);
        (status, ledger)
    }
}

/// Returns what identifies a trigger in a runtime, also after a restart.
fn scope(process: Option<&str>, trigger: &str) -> Arc<str> {
    match process {
        Some(process) => Target { process: process.into(), trigger: trigger.into() }.to_string().into(),
        None => trigger.into(),
    }
}

impl fmt::Debug for BoundTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundTrigger").field("id", &self.id()).finish_non_exhaustive()
    }
}
