//! The runtime: it owns everything that runs, from the first subscription to the last event of the drain.
//!
//! The folder has the builder and its plan, the start, the changes, the drain, and the command line. It knows every layer,
//! and only programs use it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::observe::status::RuntimeStatus;
use crate::panic;
use crate::process::dead_letter::DeadLetters;
use crate::source::broker::MessageBroker;
use crate::source::bus::EventBus;

mod builder;
mod change;
#[cfg(feature = "main")]
mod cli;
#[cfg(feature = "main")]
mod configured;
mod context;
mod describe;
mod drain;
#[cfg(feature = "main")]
mod entry;
mod handle;
mod hooks;
mod own_end;
mod plan;
mod process_handle;
mod process_phase;
mod report;
#[cfg(feature = "main")]
mod run;
mod runtime_phase;
#[cfg(feature = "main")]
mod signal;
mod start;
mod start_error;
#[cfg(feature = "main")]
mod stderr;
mod stored;

pub use builder::Builder;
pub use change::{RemoveError, UnknownProcess};
use context::RuntimeContext;
pub use describe::check;
#[cfg(feature = "main")]
pub use entry::{MainOutput, main};
pub use handle::RuntimeHandle;
use hooks::Hook;
use process_handle::ProcessHandle;
pub use report::{DrainReport, ProcessReport};
use runtime_phase::RuntimePhase;
pub use start_error::StartError;

/// A running set of processes, with its bus, its broker, its webhook servers and its dead letters.
///
/// Several can live in one program; they share nothing. A runtime that is dropped without
/// [`shutdown`](Self::shutdown) ends at once: ports are closed, handlers are cancelled, and queued events are lost. Its bus and
/// its broker refuse publications, as after a shutdown.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::message("reports.*"));
/// let runtime = Runtime::builder()
///     .process("archive", config, |report: Text| async move { println!("{report}") })
///     .start()
///     .await?;
/// runtime.broker().publish("reports.daily", "all well").await?;
/// let report = runtime.shutdown().await;
/// assert_eq!((report.completed, report.left), (1, 0));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
pub struct Runtime {
    context: RuntimeContext,
    /// The handles refer to it weakly, so it ends with the runtime.
    phase: Arc<RuntimePhase>,
    /// Has the methods that read the processes, pause and resume.
    handle: RuntimeHandle,
    drain_deadline: Duration,
    /// Held while a process is added.
    adding: Mutex<()>,
    /// Held by the caller that drains the runtime. These hooks have not run yet.
    stop_hooks: Mutex<Vec<Hook>>,
}

impl Runtime {
    /// A builder with nothing in it.
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn new(
        context: RuntimeContext,
        phase: Arc<RuntimePhase>,
        drain_deadline: Duration,
        on_stop: Vec<Hook>,
    ) -> Runtime {
        panic::note_places();
        Runtime {
            handle: RuntimeHandle::new(&context.shared, &phase),
            context,
            phase,
            drain_deadline,
            adding: Mutex::default(),
            stop_hooks: Mutex::new(on_stop),
        }
    }

    fn processes(&self) -> Vec<Arc<ProcessHandle>> {
        self.phase.processes()
    }

    /// A handle to the bus of the runtime.
    pub fn bus(&self) -> EventBus {
        self.handle.bus()
    }

    /// A handle to the broker of the runtime.
    pub fn broker(&self) -> MessageBroker {
        self.handle.broker()
    }

    /// A handle to the dead letters of the runtime.
    pub fn dead_letters(&self) -> DeadLetters {
        self.handle.dead_letters()
    }

    /// The address that a webhook trigger listens on, by the id of the trigger. For port 0 it has the port that the system
    /// picked, and for a host with several addresses it is the first one. `None` for another trigger, and after the shutdown.
    pub fn local_addr(&self, trigger_id: &str) -> Option<SocketAddr> {
        self.handle.local_addr(trigger_id)
    }

    /// The state of every process and trigger at this moment.
    pub fn status(&self) -> RuntimeStatus {
        self.handle.status()
    }

    /// Drains the runtime: accepted events are handled, then everything ends.
    ///
    /// 1. Webhooks answer 503, custom sources stop, and `Shutdown` notifies the handlers. The bus and the broker still
    ///    deliver, so that handlers can publish their follow-up events.
    /// 2. The drain waits until no event is queued or running. Retries run when they are due, except those due after
    ///    the deadline, for which it does not wait.
    /// 3. At the deadline (30 s unless the builder sets another) it cancels the handlers that still run, which is no
    ///    attempt. Their events and all queued events are `left`, and are kept as dead letters.
    /// 4. The runtime unsubscribes from the bus and the broker, closes its ports, and runs the
    ///    [`on_stop`](Builder::on_stop) hooks. From now on a publication fails with
    ///    [`PublishError::Closed`](crate::PublishError::Closed), so that no event is lost in silence.
    ///
    /// A bus or a broker that was given to the builder, and to which the program or another runtime has a handle of its own at
    /// the start, stays open: its other subscribers go on.
    ///
    /// A second call returns the same report.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the drain stops where it is. The next call continues it, with the same deadline. A
    /// future that is kept and not polled holds up every other call.
    ///
    /// # Panics
    ///
    /// If a handler, a task of a source or an `on_stop` hook of the runtime awaits it, because the drain would wait for its
    /// caller. The panic costs the handler one attempt, and the drain does not begin. A task that the handler spawns may
    /// await it.
    pub async fn shutdown(&self) -> DrainReport {
        self.refuse_own_shutdown();
        self.drain().await
    }

    /// The number of events that are accepted and not settled.
    fn pending(&self) -> usize {
        self.processes().iter().map(|handle| handle.process.inbox.pending()).sum()
    }
}

/// Ends the runtime at once.
impl Drop for Runtime {
    fn drop(&mut self) {
        self.context.env.shutdown.cancel();
        self.context.forget_publications();
        self.context.close_publications();
        self.processes().iter().for_each(|handle| handle.abort());
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processes = self.processes();
        f.debug_struct("Runtime")
            .field("processes", &processes.iter().map(|handle| handle.name()).collect::<Vec<_>>())
            .field("pending", &self.pending())
            .finish_non_exhaustive()
    }
}
