//! One process of a runtime: its wiring, its start and its status. [`drain`](super::drain) has its end.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::ops::Add;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::context::RuntimeContext;
use super::process_phase::ProcessPhase;
use super::report::Settled;
use crate::clock;
use crate::declare::TriggerConfig;
use crate::observe::observer::ObservedProcess;
use crate::observe::status::{ProcessState, ProcessStatus};
use crate::panic::guard;
use crate::process::dead_letter::CountedDeadLetters;
use crate::process::{LogLimits, Observed, Policy, Process, Unobserved, Watch};
use crate::queue::{Inbox, Ledger, Queue, Workers};
use crate::registry::{Declaration, Problem, ProblemKind, unique_ids};
use crate::source::durable::Durable;
use crate::source::trigger::TriggerError;
use crate::source::{BoundTrigger, DeadLetterSink, SinkDeps, queue};
use crate::store::Target;
use crate::task::{Tasks, threads};

/// One process of a runtime.
pub(super) struct ProcessHandle {
    pub(super) declaration: Declaration,
    pub(super) process: Arc<Process>,
    pub(super) triggers: Vec<BoundTrigger>,
    pub(super) phase: ProcessPhase,
    /// Held by the caller that ends the process.
    pub(super) ending: tokio::sync::Mutex<()>,
    pub(super) workers: Tasks,
    /// The tasks of its sources.
    pub(super) source_tasks: Arc<Tasks>,
    /// The task that releases events that are due: retries, and events that something else keeps.
    pub(super) retry_clock: Tasks,
    /// `true` once the tokio runtime was dropped under the process.
    is_orphaned: Arc<AtomicBool>,
}

impl ProcessHandle {
    /// Wires a process. Nothing starts.
    pub(super) fn new(declaration: Declaration, name: String, context: &RuntimeContext) -> ProcessHandle {
        let settings = &declaration.config;
        let ids: Vec<_> = unique_ids(&settings.triggers).into_iter().collect();
        let triggers = settings.triggers.iter().zip(ids.iter().cloned());
        let queues = triggers.map(|(config, id)| queue(config, id)).collect();
        let workers = Workers { count: settings.concurrency, threads: threads() };
        let quiescence = Arc::clone(&context.quiescence);
        let observed = context.observers.clone();
        let observed = observed.map(|observers| ObservedProcess::new(name.clone(), observers));
        let inbox = Inbox::new(queues, settings.key.clone(), Some(workers), quiescence, observed);
        context.wait_graph.add(&inbox);
        let source_tasks = Arc::<Tasks>::default();
        let dead_letters = CountedDeadLetters::new(context.shared.dead_letters.clone());
        let bind = |(port, config): (usize, &TriggerConfig)| {
            let deps = SinkDeps {
                queue: Queue::of(Arc::clone(&inbox), port),
                dead_letters: Some(DeadLetterSink {
                    process: name.clone(),
                    dead_letters: dead_letters.clone(),
                }),
                durable: context.store.as_ref().map(|store| Durable {
                    store: Arc::clone(store),
                    target: Target { process: name.as_str().into(), trigger: ids[port].as_str().into() },
                }),
                wait_graph: Arc::clone(&context.wait_graph),
                clock: context.env.clock.clone(),
            };
            BoundTrigger::new(config, deps, context.shared.clone(), Arc::clone(&source_tasks))
        };
        let triggers: Vec<_> = settings.triggers.iter().enumerate().map(bind).collect();
        let known = triggers.iter().map(|trigger| (trigger.id().to_owned(), trigger.queue().trigger().kind));
        context.shared.dead_letters.attach(&name, &inbox, known.collect());
        let policy = Policy {
            concurrency: settings.concurrency,
            timeout: settings.timeout,
            retry: settings.retry,
            backoff: settings.backoff,
        };
        let process = Process {
            name,
            new_slot: Arc::clone(&declaration.call),
            policy,
            inbox,
            env: Arc::clone(&context.env),
            dead_letters,
            wait_graph: Arc::clone(&context.wait_graph),
            logs: LogLimits::default(),
        };
        ProcessHandle {
            declaration,
            process: Arc::new(process),
            triggers,
            phase: ProcessPhase::default(),
            ending: tokio::sync::Mutex::default(),
            workers: Tasks::default(),
            source_tasks,
            retry_clock: Tasks::default(),
            is_orphaned: Arc::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.process.name
    }

    /// Binds its sources: each takes what only one can have, such as a port. `is_sound` is `true` if the check of the
    /// declarations has found no problem.
    pub(super) async fn bind(&self, is_sound: bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        for trigger in &self.triggers {
            match trigger.bind().await {
                Ok(()) => {}
                // The check has found these problems too, and each is to be reported once.
                Err(TriggerError::Config(_) | TriggerError::Taken { .. }) if !is_sound => {}
                Err(error) => problems.push(self.problem(error)),
            }
        }
        problems
    }

    /// Opens its sources. None of them accepts events yet.
    pub(super) async fn open(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for trigger in &self.triggers {
            if let Err(error) = trigger.open().await {
                problems.push(self.problem(error));
            }
        }
        problems
    }

    /// Opens every queue.
    pub(super) fn open_queues(&self) {
        self.triggers.iter().for_each(|trigger| trigger.sink().open());
    }

    /// Accepts events. The queues are open.
    pub(super) fn accept(&self) {
        self.triggers.iter().for_each(BoundTrigger::accept);
    }

    /// Starts to handle events, after the triggers have opened the queues. Otherwise the workers would end: they do once every
    /// queue is closed. Each worker is made when an event needs it.
    pub(super) fn work(self: &Arc<Self>) {
        if !self.phase.begin() {
            return;
        }
        let (process, stop) = (Arc::clone(&self.process), self.retry_clock.stop_token());
        self.retry_clock.spawn(async move {
            stop.run_until_cancelled(process.inbox.watch_clock()).await;
        });
        // The publisher of the event may run on another tokio runtime, or on none.
        let (handle, runtime) = (Arc::downgrade(self), tokio::runtime::Handle::current());
        self.process.inbox.make_workers(move || {
            if let Some(handle) = handle.upgrade() {
                handle.phase.add_worker(|number| handle.spawn_worker(number, &runtime));
            }
        });
    }

    fn spawn_worker(&self, number: usize, runtime: &tokio::runtime::Handle) -> AbortHandle {
        let observed = self.process.inbox.observed().is_some();
        let orphan = Orphan {
            queues: self.triggers.iter().map(|trigger| trigger.queue().clone()).collect(),
            process: Arc::clone(&self.process),
            flag: Arc::clone(&self.is_orphaned),
            has_ended: false,
        };
        if observed {
            self.workers.spawn_on(runtime, replaced_on_panic::<Observed>(orphan, number))
        } else {
            self.workers.spawn_on(runtime, replaced_on_panic::<Unobserved>(orphan, number))
        }
    }

    /// Undoes a start that has failed.
    pub(super) async fn undo(&self) {
        for trigger in &self.triggers {
            trigger.refuse().await;
            trigger.sink().close();
            trigger.close().await;
        }
        self.source_tasks.stop_token().cancel();
        self.process.inbox.abandon();
        self.process.wait_graph.remove(&self.process.inbox);
    }

    /// Closes every queue for new events.
    pub(super) fn close(&self) {
        self.triggers.iter().for_each(|trigger| trigger.sink().close());
    }

    pub(super) fn local_addr(&self, trigger_id: &str) -> Option<SocketAddr> {
        let mut named = self.triggers.iter().filter(|trigger| trigger.id() == trigger_id);
        named.find_map(|trigger| trigger.source.local_addr())
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.ledgers().map(|ledger| ledger.in_flight()).sum()
    }

    /// The events that it has settled since its start.
    pub(super) fn settled(&self) -> Settled {
        let each = self.ledgers();
        let each = each.map(|Ledger { handled, dead_lettered, .. }| Settled { handled, dead_lettered });
        each.fold(Settled::default(), Settled::add)
    }

    pub(super) fn ledgers(&self) -> impl Iterator<Item = Ledger> {
        self.triggers.iter().map(|trigger| trigger.queue().ledger())
    }

    /// Returns `true` once the tokio runtime was dropped under the process, so that nothing handles its events.
    pub(super) fn is_orphaned(&self) -> bool {
        self.is_orphaned.load(Ordering::Relaxed)
    }

    pub(super) fn status(&self) -> ProcessStatus {
        let mut status = ProcessStatus {
            name: self.name().to_owned(),
            handler: self.declaration.path(),
            state: match self.is_orphaned() {
                true => ProcessState::Stopped,
                false => self.phase.state(self.process.inbox.is_paused()),
            },
            concurrency: self.process.policy.concurrency,
            in_flight: 0,
            handled: 0,
            failed: 0,
            retried: 0,
            waiting: 0,
            dead_lettered: 0,
            dead_letters: self.process.dead_letters.counts(),
            triggers: Vec::with_capacity(self.triggers.len()),
        };
        for trigger in &self.triggers {
            let (trigger, ledger) = trigger.status();
            status.in_flight += ledger.in_flight();
            status.handled += ledger.handled;
            status.failed += ledger.failed;
            status.retried += ledger.retried;
            status.waiting += trigger.waiting;
            status.dead_lettered += ledger.dead_lettered;
            status.triggers.push(trigger);
        }
        status
    }

    fn problem(&self, error: TriggerError) -> Problem {
        let kind = match error {
            TriggerError::Config(_) => ProblemKind::Config,
            TriggerError::Bind { .. } | TriggerError::Taken { .. } => ProblemKind::Bind,
            TriggerError::Stopped | TriggerError::Failed(_) => ProblemKind::Trigger,
        };
        Problem::of(&self.declaration, kind, error.to_string())
    }
}

/// Detects the drop of a worker that has not ended, and was not aborted by its process: the tokio runtime was dropped.
struct Orphan {
    queues: Vec<Queue>,
    process: Arc<Process>,
    flag: Arc<AtomicBool>,
    /// `true` once the worker has ended by itself. Another worker may return an event to the queue after that, so the inbox
    /// need not be over any more.
    has_ended: bool,
}

/// Closes the queues, so that no publisher queues an event that nothing will handle.
impl Drop for Orphan {
    fn drop(&mut self) {
        if self.has_ended || self.process.inbox.is_over() || self.flag.swap(true, Ordering::Relaxed) {
            return;
        }
        // No drain waits for its events.
        self.process.inbox.abandon();
        self.queues.iter().for_each(Queue::close);
        tracing::error!(process = %self.process.name, "the tokio runtime was dropped, so the process has stopped");
    }
}

/// The shortest time between two replacements of a worker.
const REPLACEMENT_PAUSE: Duration = Duration::from_secs(1);

/// Runs a worker until its queues are closed. The worker guards the code of a handler, but not itself, nor a clock of the
/// program. If it panics, its event is requeued, and a new worker takes its place.
async fn replaced_on_panic<W: Watch>(mut orphan: Orphan, number: usize) {
    let process = Arc::clone(&orphan.process);
    process.inbox.begin_worker();
    let mut replaced: Option<clock::Instant> = None;
    loop {
        let mut work = pin!(Arc::clone(&process).work::<W>(number));
        let ended = poll_fn(|task| match guard(|| work.as_mut().poll(task)) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        });
        let Err(panic) = ended.await else {
            orphan.has_ended = true;
            return;
        };
        tracing::error!(process = %process.name, %panic, "a worker panicked, replacing it");
        // A worker that panics again and again must not use up its thread.
        if let Some(last) = replaced {
            clock::sleep_until(last + REPLACEMENT_PAUSE).await;
        }
        replaced = Some(clock::instant());
    }
}
