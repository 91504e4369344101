//! The runtime: owns everything that runs, from the first subscription to the last event of the drain.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::OnceCell;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::broker::MessageBroker;
use crate::bus::EventBus;
use crate::dead_letter::DeadLetters;
use crate::error::Result;
use crate::handler::Env;
use crate::process::Process;
use crate::queue::Pending;
use crate::registry::Location;
use crate::status::{ProcessState, ProcessStatus, RuntimeStatus};
use crate::task::{Tasks, all};

mod build;
mod entry;
mod signal;
mod wired;

pub use build::{Builder, StartError};
pub use entry::{MainOutput, main};
use signal::Signals;
use wired::Wired;

/// Thirty years: as far ahead as tokio's own timers look.
const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// How long aborted handlers get to notice. One that blocks its thread never does.
const ABORT_GRACE: Duration = Duration::from_millis(100);

/// A running set of processes, with its bus, its broker, its webhook servers and its dead letters.
///
/// Several can live in one program; they share nothing. Dropped without [`shutdown`](Self::shutdown), it ends at
/// once: ports are closed, handlers are cancelled, and what waits is lost.
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig { triggers: vec![TriggerConfig::message("reports.*")], ..ProcessConfig::default() };
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
    bus: EventBus,
    broker: MessageBroker,
    env: Arc<Env>,
    dead_letters: DeadLetters,
    processes: Vec<Running>,
    /// The workers.
    tasks: Tasks,
    /// The tasks that carry events from the program's own triggers into our queues.
    pumps: Tasks,
    pending: Arc<Pending>,
    drain_deadline: Duration,
    /// The deadline of the drain, and what had been handled and dead-lettered when it began.
    drain_began: OnceLock<(Instant, (u64, u64))>,
    drained: OnceCell<DrainReport>,
    stopped: AtomicBool,
}

/// One process of a runtime.
struct Running {
    handler: String,
    location: Location,
    process: Arc<Process>,
    triggers: Vec<Wired>,
    workers: Vec<AbortHandle>,
}

impl Runtime {
    /// A builder with nothing in it.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// A handle to the bus of the runtime.
    pub fn bus(&self) -> EventBus {
        self.bus.clone()
    }

    /// A handle to the broker of the runtime.
    pub fn broker(&self) -> MessageBroker {
        self.broker.clone()
    }

    /// A handle to the events that were given up on.
    pub fn dead_letters(&self) -> DeadLetters {
        self.dead_letters.clone()
    }

    /// The address a webhook trigger listens on, by the id of the trigger: where port 0 was asked for, the one that
    /// the system picked. `None` for another trigger, and after the shutdown.
    pub fn local_addr(&self, trigger_id: &str) -> Option<SocketAddr> {
        let triggers = self.processes.iter().flat_map(|running| &running.triggers);
        triggers.filter(|trigger| trigger.id() == trigger_id).find_map(Wired::local_addr)
    }

    /// The state of every process and trigger at this moment.
    pub fn status(&self) -> RuntimeStatus {
        let state = if self.stopped.load(Ordering::Acquire) {
            ProcessState::Stopped
        } else if self.env.shutdown.is_cancelled() {
            ProcessState::Draining
        } else {
            ProcessState::Running
        };
        RuntimeStatus { processes: self.processes.iter().map(|running| running.status(state)).collect() }
    }

    /// Drains the runtime: what was accepted is handled, then everything ends.
    ///
    /// Webhooks answer 503 and the program's own triggers stop; handlers are told by `Shutdown`. The bus and the
    /// broker go on, so that handlers can finish what they have begun, until nothing is queued or running; then
    /// they are left too, and ports are closed. At the deadline (30 s unless the builder says otherwise) handlers
    /// that still run are cancelled, and their events, with those still queued, are `left`.
    ///
    /// Called again, it returns the same report.
    ///
    /// # Cancel safety
    ///
    /// Dropped half way, the runtime drains no further until it is called again, with the same deadline. So it is not
    /// for a handler to await: the drain would wait for that handler, and end with it at the deadline.
    pub async fn shutdown(&self) -> DrainReport {
        self.drained.get_or_init(|| self.drain()).await.clone()
    }

    async fn drain(&self) -> DrainReport {
        // A drain that was given up half way is taken up where it began.
        let (deadline, (handled_before, dead_lettered_before)) = *self.drain_began.get_or_init(|| {
            let now = Instant::now();
            // A deadline that no clock can hold is one that never comes.
            (now.checked_add(self.drain_deadline).unwrap_or(now + NEVER), self.settled())
        });
        self.env.shutdown.cancel();
        self.triggers().for_each(Wired::refuse_requests);
        let at_rest = async {
            all(self.triggers().map(Wired::stop_custom)).await;
            self.pumps.ended().await;
            self.pending.ended().await;
        };
        let in_time = timeout_at(deadline, at_rest).await.is_ok();
        // Before the queues close, so that a pump leaves what it has not carried where it is.
        self.pumps.stop_token().cancel();
        self.triggers().for_each(Wired::close);
        if !in_time || timeout_at(deadline, self.tasks.ended()).await.is_err() {
            self.abort().await;
            // An event that a pump has just taken is in a queue when the pump has ended.
            self.pumps.ended_within(ABORT_GRACE).await;
        }
        all(self.triggers().map(Wired::leave_port)).await;
        self.stopped.store(true, Ordering::Release);
        let (handled, dead_lettered) = self.settled();
        DrainReport {
            completed: handled - handled_before,
            dead_lettered: dead_lettered - dead_lettered_before,
            left: self.pending.count() + self.triggers().map(Wired::held_outside).sum::<usize>(),
        }
    }

    /// Cancels the handlers that still run. Their events go back to their queues.
    async fn abort(&self) {
        self.tasks.stop_token().cancel();
        for running in &self.processes {
            let in_flight = running.status(ProcessState::Draining).in_flight;
            if in_flight > 0 {
                let (process, location) = (&running.process.name, running.location);
                tracing::error!(%process, handler = %running.handler, %location, in_flight, "still running at the drain deadline, cancelling");
            }
            running.workers.iter().for_each(AbortHandle::abort);
        }
        if !self.tasks.ended_within(ABORT_GRACE).await {
            tracing::error!("a handler blocks its thread and cannot be cancelled");
        }
    }

    fn triggers(&self) -> impl Iterator<Item = &Wired> {
        self.processes.iter().flat_map(|running| &running.triggers)
    }

    /// How many events were handled and how many dead-lettered, since the start.
    fn settled(&self) -> (u64, u64) {
        let ledgers = self.triggers().map(|trigger| trigger.queue().snapshot().1);
        ledgers
            .fold((0, 0), |(handled, dead), ledger| (handled + ledger.handled, dead + ledger.dead_lettered))
    }

    /// Waits for SIGINT or SIGTERM (elsewhere Ctrl-C), then drains and prints the report to stderr. A second signal ends
    /// the program at once.
    ///
    /// A signal that comes between the start and this call ends the program at once too; [`Builder::run`] has no such
    /// gap.
    ///
    /// # Errors
    ///
    /// If events were left, or if the system does not let us listen for signals.
    pub async fn run_until_signal(&self) -> Result {
        self.run_until(Signals::listen()?).await
    }

    async fn run_until(&self, mut signals: Signals) -> Result {
        let signal = signals.next().await;
        tracing::info!(%signal, deadline = ?self.drain_deadline, "draining; a second signal ends at once");
        let report = tokio::select! {
            report = self.shutdown() => report,
            second = signals.next() => {
                tracing::error!(signal = %second, left = self.pending.count(), "ended before the drain was over");
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
        self.env.shutdown.cancel();
        self.tasks.stop_token().cancel();
        self.pumps.stop_token().cancel();
        self.triggers().for_each(Wired::close);
        for running in &self.processes {
            running.workers.iter().for_each(AbortHandle::abort);
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field(
                "processes",
                &self.processes.iter().map(|running| &running.process.name).collect::<Vec<_>>(),
            )
            .field("pending", &self.pending.count())
            .finish_non_exhaustive()
    }
}

impl Running {
    fn status(&self, state: ProcessState) -> ProcessStatus {
        let mut status = ProcessStatus {
            name: self.process.name.clone(),
            handler: self.handler.clone(),
            state,
            concurrency: self.process.concurrency,
            in_flight: 0,
            handled: 0,
            failed: 0,
            retried: 0,
            dead_lettered: 0,
            triggers: Vec::with_capacity(self.triggers.len()),
        };
        for trigger in &self.triggers {
            let (trigger, ledger) = trigger.status();
            status.in_flight += ledger.in_flight;
            status.handled += ledger.handled;
            status.failed += ledger.failed;
            status.retried += ledger.retried;
            status.dead_lettered += ledger.dead_lettered;
            status.triggers.push(trigger);
        }
        status
    }
}

/// What became of the events that were pending when the drain began, and of those their handlers published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DrainReport {
    /// Handled during the drain.
    pub completed: u64,
    /// Given up on during the drain.
    pub dead_lettered: u64,
    /// Neither: still queued at the deadline, or cancelled in the middle of their handler.
    pub left: usize,
}

impl fmt::Display for DrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DrainReport { completed, dead_lettered, left } = self;
        write!(f, "drained: {completed} completed, {dead_lettered} dead-lettered, {left} left")
    }
}

/// Starts the builder's runtime and runs it until a signal.
async fn run(builder: Builder) -> Result {
    // Before anything is accepted, so that no signal finds the program without its handler.
    let signals = Signals::listen()?;
    builder.start().await?.run_until(signals).await
}
