//! One process of a runtime, from its wiring to its end.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::bound_trigger::BoundTrigger;
use super::context::RuntimeContext;
use super::report::ProcessReport;
use crate::config::TriggerConfig;
use crate::event::{DeadLetter, DeadLetterReason, TriggerInfo};
use crate::process::{Policy, Process};
use crate::queue::{Bounds, Inbox, Ledger, Queue, QueueSettings, Workers};
use crate::registry::{Declaration, Problem, ProblemKind};
use crate::status::{ProcessState, ProcessStatus, TriggerStatus};
use crate::task::{Tasks, all, threads};
use crate::trigger::{AnyTrigger, LostEvents, TriggerError, Wiring, queue};

/// How long aborted handlers get to notice. One that blocks its thread never does.
const ABORT_GRACE: Duration = Duration::from_millis(100);

/// The one event of a trigger of the program's own that is on its way to a worker.
const OF_CUSTOM: Bounds = Bounds { events: 1, bytes: None };

/// One process of a runtime.
pub(super) struct ProcessHandle {
    pub(super) declaration: Declaration,
    pub(super) process: Arc<Process>,
    pub(super) triggers: Vec<BoundTrigger>,
    workers: Tasks,
    handles: Mutex<Vec<AbortHandle>>,
    /// The tasks that carry events from the program's own triggers into our queues.
    pumps: Tasks,
    /// The task that watches for the retries that are due.
    clock: Tasks,
    /// What had been handled and dead-lettered when it was told to end.
    ending: OnceLock<(u64, u64)>,
    cancelled: OnceCell<()>,
    ended: OnceCell<ProcessReport>,
    stopped: AtomicBool,
}

impl ProcessHandle {
    /// Connects a process, without starting any of it.
    pub(super) fn new(
        declaration: Declaration,
        name: String,
        own: Vec<Arc<dyn AnyTrigger>>,
        configs: impl Iterator<Item = TriggerConfig>,
        context: &RuntimeContext,
    ) -> ProcessHandle {
        let configs: Vec<_> = configs.collect();
        let settings = &declaration.config;
        // Their events bring what they remember of their trigger.
        let of_own = own.iter().map(|_| QueueSettings {
            bounds: OF_CUSTOM,
            evicts: false,
            trigger: Arc::new(TriggerInfo::custom(&name)),
        });
        let queues = configs.iter().map(queue).chain(of_own).collect();
        let workers = Workers { count: settings.concurrency, threads: threads() };
        let inbox = Inbox::new(queues, settings.key.clone(), Some(workers), Arc::clone(&context.quiescence));
        context.wait_graph.add(&inbox);
        let wiring = |port: usize| Wiring {
            queue: Queue::of(Arc::clone(&inbox), port),
            lost: Some(LostEvents { process: name.clone(), dead_letters: context.dead_letters.clone() }),
            wait_graph: Arc::clone(&context.wait_graph),
            clock: context.env.clock.clone(),
        };
        let of_configs = configs.len();
        let configs = configs.into_iter().enumerate();
        let triggers = configs.map(|(port, config)| BoundTrigger::new(config, context, &wiring(port)));
        let own = own.into_iter().enumerate();
        let own = own.map(|(index, trigger)| BoundTrigger::custom(trigger, wiring(of_configs + index).queue));
        let triggers: Vec<BoundTrigger> = triggers.chain(own).collect();
        let known = triggers.iter().map(|trigger| (trigger.id().to_owned(), trigger.queue().trigger().kind));
        context.dead_letters.attach(&name, &inbox, known.collect());
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
            dead_letters: context.dead_letters.clone(),
            wait_graph: Arc::clone(&context.wait_graph),
        };
        ProcessHandle {
            declaration,
            process: Arc::new(process),
            triggers,
            workers: Tasks::default(),
            handles: Mutex::default(),
            pumps: Tasks::default(),
            clock: Tasks::default(),
            ending: OnceLock::new(),
            cancelled: OnceCell::new(),
            ended: OnceCell::new(),
            stopped: AtomicBool::new(false),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.process.name
    }

    /// Takes its ports, listening on none.
    pub(super) async fn bind(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for trigger in &self.triggers {
            match trigger.bind().await {
                // The check of the declarations has told these.
                Ok(()) | Err(TriggerError::Config(_) | TriggerError::PathTaken { .. }) => {}
                Err(error) => problems.push(self.problem(error)),
            }
        }
        problems
    }

    /// Starts what can fail.
    pub(super) async fn start(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for trigger in &self.triggers {
            if let Err(error) = trigger.start(&self.pumps, &self.process.env.shutdown).await {
                problems.push(self.problem(error));
            }
        }
        problems
    }

    /// Lets requests in.
    pub(super) fn accept(&self) {
        self.triggers.iter().for_each(BoundTrigger::accept);
    }

    /// Starts the workers. They end where every queue is closed, and so must find them open.
    pub(super) fn work(&self) {
        let worker = |number| self.workers.spawn(Arc::clone(&self.process).work(number));
        let handles = (0..self.process.policy.concurrency).map(worker).collect();
        *self.handles.lock().unwrap_or_else(PoisonError::into_inner) = handles;
        if self.process.policy.retry > 0 {
            let (process, stop) = (Arc::clone(&self.process), self.clock.stop_token().clone());
            self.clock.spawn(async move {
                stop.run_until_cancelled(process.inbox.watch_clock()).await;
            });
        }
    }

    /// Undoes a start.
    pub(super) async fn undo(&self) {
        for trigger in &self.triggers {
            trigger.stop_custom().await;
            trigger.close();
            trigger.leave_port().await;
        }
        self.process.inbox.abandon();
        self.process.wait_graph.remove(&self.process.inbox);
    }

    /// Tells the process that it is to end until then. A pause is over: what wait_graph would be left.
    pub(super) fn begin_to_end(&self, deadline: Instant) {
        self.ending.get_or_init(|| self.settled());
        self.process.inbox.drain_until(deadline);
        // The room of a retry that is not waited for any more is never made.
        self.process.wait_graph.check();
        self.triggers.iter().for_each(BoundTrigger::refuse_requests);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.get().is_some()
    }

    /// Stops the program's own triggers, and wait_graph for what they have handed out.
    pub(super) async fn stop_custom(&self) {
        all(self.triggers.iter().map(BoundTrigger::stop_custom)).await;
        self.pumps.ended().await;
    }

    /// Lets nothing in any more, wait_graph for the workers until the deadline, and cancels those that still run. What is left
    /// is kept among the dead letters.
    pub(super) async fn end(&self, deadline: Instant) -> ProcessReport {
        self.ended.get_or_init(|| self.end_once(deadline)).await.clone()
    }

    /// Lets go of the ports. Until then its paths answer 503.
    pub(super) async fn leave_ports(&self) {
        all(self.triggers.iter().map(BoundTrigger::leave_port)).await;
    }

    async fn end_once(&self, deadline: Instant) -> ProcessReport {
        // Before the queues close, so that a pump leaves what it has not carried where it is.
        self.pumps.stop_token().cancel();
        self.close();
        if timeout_at(deadline, self.workers.ended()).await.is_err() {
            self.cancel().await;
        }
        // An event that a pump has just taken is in a queue when the pump has ended.
        self.pumps.ended_within(ABORT_GRACE).await;
        self.clock.stop_token().cancel();
        let left = self.keep_left() + self.triggers.iter().map(BoundTrigger::held_outside).sum::<usize>();
        self.process.wait_graph.remove(&self.process.inbox);
        self.stopped.store(true, Ordering::Release);
        let (handled_before, dead_lettered_before) = self.ending.get().copied().unwrap_or_default();
        let (handled, dead_lettered) = self.settled();
        ProcessReport {
            name: self.name().to_owned(),
            handler: self.declaration.path(),
            location: self.declaration.location.to_string(),
            completed: handled - handled_before,
            dead_lettered: dead_lettered - dead_lettered_before,
            left,
            // Those that were given back are not taken again.
            stuck: self.ledgers().map(|ledger| ledger.requeued + ledger.in_flight()).sum(),
        }
    }

    /// Cancels the handlers that still run. Their events go back to their queues.
    pub(super) async fn cancel(&self) {
        self.cancelled.get_or_init(|| self.cancel_once()).await;
    }

    async fn cancel_once(&self) {
        let (process, location) = (self.name(), self.declaration.location);
        let (handler, in_flight) = (self.declaration.path(), self.in_flight());
        if in_flight > 0 {
            tracing::error!(%process, %handler, %location, in_flight, "still running at the drain deadline, cancelling");
        }
        self.abort_workers();
        if !self.workers.ended_within(ABORT_GRACE).await {
            tracing::error!(%process, %handler, %location, "the handler blocks its thread and cannot be cancelled");
        }
    }

    /// Keeps what is queued as dead letters, so that the program can still get at it, and tells how much is left.
    fn keep_left(&self) -> usize {
        let inbox = &self.process.inbox;
        for (event, retry) in inbox.left() {
            let now = self.process.env.clock.now();
            let error = retry.as_ref().map_or_else(
                || "it was not handled before the end".to_owned(),
                |state| format!("there was no time for a retry after: {}", state.last_error),
            );
            let letter = DeadLetter::new(event, self.name(), DeadLetterReason::Drained, error)
                .attempts(retry.as_ref().map_or(0, |state| state.failed_attempts))
                .between(retry.map_or(now, |state| state.first_at), now);
            if self.process.env.shutdown.is_cancelled() {
                // Nobody is there any more to be told.
                self.process.dead_letters.keep_untold(letter);
            } else {
                self.process.dead_letters.keep(letter);
            }
        }
        inbox.abandon();
        let left: usize = self.triggers.iter().map(|trigger| trigger.queue().len()).sum();
        left + usize::try_from(self.in_flight()).unwrap_or(usize::MAX)
    }

    /// Ends at once, because nobody holds the runtime any more.
    pub(super) fn drop_everything(&self) {
        for tasks in [&self.pumps, &self.clock] {
            tasks.stop_token().cancel();
        }
        self.close();
        self.abort_workers();
        self.process.wait_graph.remove(&self.process.inbox);
    }

    fn abort_workers(&self) {
        // What one worker gives back is not for another one whose turn to be aborted has yet to come.
        self.process.inbox.abandon();
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(AbortHandle::abort);
    }

    fn close(&self) {
        self.triggers.iter().for_each(BoundTrigger::close);
    }

    pub(super) fn local_addr(&self, trigger_id: &str) -> Option<SocketAddr> {
        self.triggers.iter().filter(|trigger| trigger.id() == trigger_id).find_map(BoundTrigger::local_addr)
    }

    fn in_flight(&self) -> u64 {
        self.ledgers().map(|ledger| ledger.in_flight()).sum()
    }

    /// How many events were handled and how many dead-lettered, since the start.
    fn settled(&self) -> (u64, u64) {
        self.ledgers()
            .fold((0, 0), |(handled, dead), ledger| (handled + ledger.handled, dead + ledger.dead_lettered))
    }

    fn ledgers(&self) -> impl Iterator<Item = Ledger> {
        self.triggers.iter().map(|trigger| trigger.queue().snapshot().ledger)
    }

    fn state(&self) -> ProcessState {
        if self.stopped.load(Ordering::Acquire) {
            ProcessState::Stopped
        } else if self.is_ending() {
            ProcessState::Draining
        } else if self.process.inbox.is_paused() {
            ProcessState::Paused
        } else {
            ProcessState::Running
        }
    }

    pub(super) fn status(&self) -> ProcessStatus {
        let (triggers, ledgers): (Vec<TriggerStatus>, Vec<Ledger>) =
            self.triggers.iter().map(BoundTrigger::status).unzip();
        let sum = |of: fn(&Ledger) -> u64| ledgers.iter().map(of).sum();
        ProcessStatus {
            name: self.name().to_owned(),
            handler: self.declaration.path(),
            state: self.state(),
            concurrency: self.process.policy.concurrency,
            in_flight: sum(|ledger| ledger.in_flight()),
            handled: sum(|ledger| ledger.handled),
            failed: sum(|ledger| ledger.failed),
            retried: sum(|ledger| ledger.retried),
            waiting: triggers.iter().map(|trigger| trigger.waiting).sum(),
            dead_lettered: sum(|ledger| ledger.dead_lettered),
            triggers,
        }
    }

    fn problem(&self, error: TriggerError) -> Problem {
        let kind = match error {
            TriggerError::Config(_) => ProblemKind::Config,
            TriggerError::Bind { .. } | TriggerError::PathTaken { .. } => ProblemKind::Bind,
            TriggerError::Stopped | TriggerError::Failed(_) => ProblemKind::Trigger,
        };
        Problem::of(&self.declaration, kind, error.to_string())
    }
}
