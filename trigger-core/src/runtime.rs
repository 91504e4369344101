//! The runtime: owns everything that runs, from the first subscription to the last event of the drain.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::broker::MessageBroker;
use crate::bus::EventBus;
use crate::dead_letter::DeadLetters;
use crate::error::Result;
use crate::panic;
use crate::status::RuntimeStatus;

mod bound_trigger;
mod build;
mod change;
mod cli;
mod describe;
mod drain;
mod entry;
mod hooks;
mod process_handle;
mod signal;
mod start_error;

pub use build::Builder;
pub use change::UnknownProcess;
pub use describe::check;
pub use drain::{DrainReport, ProcessReport};
pub use entry::{MainOutput, main};
use hooks::Hook;
use process_handle::{ProcessHandle, RuntimeContext};
use signal::Signals;
pub use start_error::StartError;

/// How long after the deadline of the drain a program may still run before it is ended, whatever its handlers do: `on_stop`
/// hooks have 5 s of it.
const FORCED_EXIT_DELAY: Duration = Duration::from_secs(6);

/// A running set of processes, with its bus, its broker, its webhook servers and its dead letters.
///
/// Several can live in one program; they share nothing. Dropped without [`shutdown`](Self::shutdown), it ends at
/// once: ports are closed, handlers are cancelled, and what waits is lost.
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
    /// In the order of their declaration; those that were added come last.
    processes: RwLock<Vec<Arc<ProcessHandle>>>,
    /// Held while a process is added.
    changing: tokio::sync::Mutex<()>,
    drain_deadline: Duration,
    /// When the drain ends, once it has begun.
    drain_deadline_at: OnceLock<Instant>,
    drained: OnceCell<DrainReport>,
    /// What is still to be done at the end.
    on_stop: Mutex<Vec<Hook>>,
}

impl Runtime {
    /// A builder with nothing in it.
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn new(
        context: RuntimeContext,
        processes: Vec<Arc<ProcessHandle>>,
        drain_deadline: Duration,
        on_stop: Vec<Hook>,
    ) -> Runtime {
        panic::note_places();
        Runtime {
            context,
            processes: RwLock::new(processes),
            changing: tokio::sync::Mutex::default(),
            drain_deadline,
            drain_deadline_at: OnceLock::new(),
            drained: OnceCell::new(),
            on_stop: Mutex::new(on_stop),
        }
    }

    fn processes(&self) -> Vec<Arc<ProcessHandle>> {
        self.processes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A handle to the bus of the runtime.
    pub fn bus(&self) -> EventBus {
        self.context.bus.clone()
    }

    /// A handle to the broker of the runtime.
    pub fn broker(&self) -> MessageBroker {
        self.context.broker.clone()
    }

    /// A handle to the events that were given up on.
    pub fn dead_letters(&self) -> DeadLetters {
        self.context.dead_letters.clone()
    }

    /// The address a webhook trigger listens on, by the id of the trigger: where port 0 was asked for, the one that
    /// the system picked. `None` for another trigger, and after the shutdown.
    pub fn local_addr(&self, trigger_id: &str) -> Option<SocketAddr> {
        self.processes().iter().find_map(|handle| handle.local_addr(trigger_id))
    }

    /// The state of every process and trigger at this moment.
    pub fn status(&self) -> RuntimeStatus {
        RuntimeStatus { processes: self.processes().iter().map(|handle| handle.status()).collect() }
    }

    /// Drains the runtime: what was accepted is handled, then everything ends.
    ///
    /// Webhooks answer 503 and the program's own triggers stop; handlers are told by `Shutdown`. The bus and the
    /// broker go on, so that handlers can finish what they have begun, until nothing is queued or running; then
    /// they are left too, and ports are closed. Retries are made at their time, but those that would come after the deadline
    /// are not waited for. At the deadline (30 s unless the builder says otherwise) handlers that still run are
    /// cancelled, which is no attempt; their events, with those still queued, are `left`, and are kept as dead letters.
    /// Then the [`on_stop`](Builder::on_stop) hooks run.
    ///
    /// Called again, it returns the same report.
    ///
    /// # Cancel safety
    ///
    /// Dropped half way, the runtime drains no further until it is called again, with the same deadline. So it is not
    /// for a handler to await: the drain would wait for that handler, and end with it at the deadline. Neither is it to
    /// be kept and not polled: another call would wait for it.
    pub async fn shutdown(&self) -> DrainReport {
        self.drained.get_or_init(|| self.drain()).await.clone()
    }

    /// Waits for SIGINT or SIGTERM (elsewhere Ctrl-C), then drains and prints the report to stderr. A second signal ends
    /// the program at once. So does the end of the drain's deadline and 6 s more, with exit code 1, if handlers block every
    /// thread of the program and nothing else can end it.
    ///
    /// A signal that comes between the start and this call ends the program at once too; [`Builder::run`] has no such
    /// gap.
    ///
    /// # Errors
    ///
    /// If events were left, or if the system does not let us listen for signals.
    pub async fn run_until_signal(&self) -> Result {
        self.run_until(Signals::listen(self.drain_deadline.saturating_add(FORCED_EXIT_DELAY))?).await
    }

    /// How many events are accepted and not settled.
    fn pending(&self) -> usize {
        self.processes().iter().map(|handle| handle.process.inbox.pending()).sum()
    }

    async fn run_until(&self, mut signals: Signals) -> Result {
        signals.running();
        let signal = signals.next().await;
        tracing::info!(%signal, deadline = ?self.drain_deadline, "draining; a second signal ends at once");
        let report = tokio::select! {
            report = self.shutdown() => report,
            second = signals.next() => {
                tracing::error!(signal = %second, left = self.pending(), "ended before the drain was over");
                std::process::exit(second.exit_code())
            }
        };
        eprintln!("{report}");
        if report.left > 0 {
            return Err(format!("events were left: {}", report.left).into());
        }
        Ok(())
    }
}

/// A runtime that nobody holds any more ends at once.
impl Drop for Runtime {
    fn drop(&mut self) {
        self.context.env.shutdown.cancel();
        self.processes().iter().for_each(|handle| handle.drop_everything());
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

/// Starts the builder's runtime and runs it until a signal.
async fn run(builder: Builder) -> Result {
    // Before anything is accepted, so that no signal finds the program without its handler.
    let signals = Signals::listen(builder.longest_drain().saturating_add(FORCED_EXIT_DELAY))?;
    builder.start().await?.run_until(signals).await
}
