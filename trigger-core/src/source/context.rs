//! What a source gets from its runtime.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::{SharedValues, Sink};
use crate::dedupe::{LazyDedupe, ScopedDedupe};
use crate::panic::CatchUnwind;
use crate::process::dead_letter::DeadLetters;
use crate::secrets::Secrets;
use crate::source::broker::MessageBroker;
use crate::source::bus::EventBus;
use crate::task::{self, BoxFuture, Tasks};

/// What a source gets from its runtime: its sink, the bus and the broker, tasks, and values that sources share.
///
/// ```
/// # use trigger_core::{Draft, SourceContext};
/// /// The `accept` of a source that offers one event.
/// fn accept(cx: &SourceContext) {
///     let sink = cx.sink().clone();
///     cx.spawn(async move {
///         sink.send(Draft::new("started", "null")).await;
///     });
/// }
/// ```
#[derive(Clone)]
pub struct SourceContext {
    pub(crate) sink: Sink,
    pub(crate) shared: SharedByRuntime,
    /// Identifies the trigger among those of the runtime, in words.
    pub(crate) scope: Arc<str>,
    /// The tasks of the sources of one process.
    pub(crate) tasks: Arc<Tasks>,
}

/// What the sources of one runtime have in common. A clone is a handle to the same.
#[derive(Clone)]
pub(crate) struct SharedByRuntime {
    pub(crate) bus: EventBus,
    pub(crate) broker: MessageBroker,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) dedupe: LazyDedupe,
    pub(crate) secrets: Secrets,
    pub(crate) values: SharedValues,
}

impl SourceContext {
    /// Returns the sink, to which the source offers its events.
    pub fn sink(&self) -> &Sink {
        &self.sink
    }

    /// Returns the bus of the runtime.
    pub fn bus(&self) -> &EventBus {
        &self.shared.bus
    }

    /// Returns the broker of the runtime.
    pub fn broker(&self) -> &MessageBroker {
        &self.shared.broker
    }

    pub(crate) fn dead_letters(&self) -> &DeadLetters {
        &self.shared.dead_letters
    }

    /// Returns the value of this type that all sources of the runtime share, such as the servers whose ports several
    /// webhooks have. The first call makes it. [`Builder::shared`](crate::Builder::shared) and
    /// [`RuntimeHandle::shared`](crate::RuntimeHandle::shared) return the same value to the extension that has the source.
    ///
    /// A source uses a private type, so that the sources of other crates do not share it.
    pub fn shared<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.shared.values.get()
    }

    /// Returns the [`Dedupe`](crate::Dedupe) of the runtime in the scope of the trigger, for ids that an event may have once,
    /// such as those of deliveries. See [`IdClaim`](crate::IdClaim) for its use.
    pub fn dedupe(&self) -> ScopedDedupe {
        ScopedDedupe::new(self.shared.dedupe.get(), Arc::clone(&self.scope), self.sink.clock().clone())
    }

    /// Returns where the sources of the runtime read secrets.
    pub fn secrets(&self) -> &Secrets {
        &self.shared.secrets
    }

    /// Spawns a task of the source. The runtime drops it after [`refuse`](super::TriggerSource::refuse) has returned, or at
    /// the deadline of the drain. A panic ends the task, and is logged.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task: BoxFuture<'static, ()> = Box::pin(task);
        let (stop, trigger) = (self.tasks.stop_token(), self.sink.trigger_id().to_owned());
        let owner = Arc::as_ptr(&self.tasks).addr();
        self.tasks.spawn(async move {
            let ended = tokio::select! {
                // The token first: a task that is to stop must not take one more event.
                biased;
                () = stop.cancelled() => Ok(()),
                ended = task::owned_by(owner, CatchUnwind::new(task)) => ended,
            };
            if let Err(panic) = ended {
                tracing::error!(%trigger, %panic, "a task of the source panicked, and has ended");
            }
        });
    }
}

impl fmt::Debug for SourceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceContext").field("sink", &self.sink).finish_non_exhaustive()
    }
}
