//! One process of a runtime: its wiring, its start and its status. [`drain`](super::drain) has its end.

use std::net::SocketAddr;
use std::sync::Arc;

use super::bound_trigger::BoundTrigger;
use super::context::RuntimeContext;
use super::process_phase::{ProcessPhase, Settled};
use crate::config::TriggerConfig;
use crate::event::TriggerInfo;
use crate::process::{Policy, Process};
use crate::queue::{Bounds, Inbox, Ledger, Queue, QueueSettings, Workers};
use crate::registry::{Declaration, Problem, ProblemKind};
use crate::status::{ProcessStatus, TriggerStatus};
use crate::task::{Tasks, threads};
use crate::trigger::{AnyTrigger, LostEvents, TriggerError, Wiring, queue};

/// The queue of a custom trigger has one event: the one that is on its way to a worker.
const CUSTOM_QUEUE: Bounds = Bounds { events: 1, bytes: None };

/// One process of a runtime.
pub(super) struct ProcessHandle {
    pub(super) declaration: Declaration,
    pub(super) process: Arc<Process>,
    pub(super) triggers: Vec<BoundTrigger>,
    pub(super) phase: ProcessPhase,
    /// Held by the caller that ends the process.
    pub(super) ending: tokio::sync::Mutex<()>,
    pub(super) workers: Tasks,
    /// The tasks that carry events from custom triggers to their queues.
    pub(super) pumps: Tasks,
    /// The task that releases events whose retry is due.
    pub(super) retry_clock: Tasks,
}

impl ProcessHandle {
    /// Wires a process. Nothing starts.
    pub(super) fn new(
        declaration: Declaration,
        name: String,
        custom: Vec<Arc<dyn AnyTrigger>>,
        configs: impl Iterator<Item = TriggerConfig>,
        context: &RuntimeContext,
    ) -> ProcessHandle {
        let configs: Vec<_> = configs.collect();
        let settings = &declaration.config;
        // The events of a custom trigger bring their own `TriggerInfo`.
        let of_custom = custom.iter().map(|_| QueueSettings {
            bounds: CUSTOM_QUEUE,
            evicts: false,
            trigger: Arc::new(TriggerInfo::custom(&name)),
        });
        let queues = configs.iter().map(queue).chain(of_custom).collect();
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
        let custom = custom.into_iter().enumerate();
        let custom =
            custom.map(|(index, trigger)| BoundTrigger::custom(trigger, wiring(of_configs + index).queue));
        let triggers: Vec<BoundTrigger> = triggers.chain(custom).collect();
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
            phase: ProcessPhase::default(),
            ending: tokio::sync::Mutex::default(),
            workers: Tasks::default(),
            pumps: Tasks::default(),
            retry_clock: Tasks::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.process.name
    }

    /// Binds its ports, without listening.
    pub(super) async fn bind(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for trigger in &self.triggers {
            match trigger.bind().await {
                // The check of the declarations has found these problems.
                Ok(()) | Err(TriggerError::Config(_) | TriggerError::PathTaken { .. }) => {}
                Err(error) => problems.push(self.problem(error)),
            }
        }
        problems
    }

    /// Starts its triggers. Webhooks listen, and accept no request yet.
    pub(super) async fn start(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for trigger in &self.triggers {
            if let Err(error) = trigger.start(&self.pumps, &self.process.env.shutdown).await {
                problems.push(self.problem(error));
            }
        }
        problems
    }

    /// Accepts requests.
    pub(super) fn accept(&self) {
        self.triggers.iter().for_each(BoundTrigger::accept);
    }

    /// Starts the workers, after the triggers have opened the queues. Otherwise the workers would end: they do once every
    /// queue is closed.
    pub(super) fn work(&self) {
        self.phase.begin(|| {
            if self.process.policy.retry > 0 {
                let (process, stop) = (Arc::clone(&self.process), self.retry_clock.stop_token().clone());
                self.retry_clock.spawn(async move {
                    stop.run_until_cancelled(process.inbox.watch_clock()).await;
                });
            }
            let worker = |number| self.workers.spawn(Arc::clone(&self.process).work(number));
            (0..self.process.policy.concurrency).map(worker).collect()
        });
    }

    /// Undoes a start that has failed.
    pub(super) async fn undo(&self) {
        for trigger in &self.triggers {
            trigger.stop_custom().await;
            trigger.close();
            trigger.leave_port().await;
        }
        self.process.inbox.abandon();
        self.process.wait_graph.remove(&self.process.inbox);
    }

    /// Closes every queue for new events.
    pub(super) fn close(&self) {
        self.triggers.iter().for_each(BoundTrigger::close);
    }

    pub(super) fn local_addr(&self, trigger_id: &str) -> Option<SocketAddr> {
        self.triggers.iter().filter(|trigger| trigger.id() == trigger_id).find_map(BoundTrigger::local_addr)
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.ledgers().map(|ledger| ledger.in_flight()).sum()
    }

    /// The events that it has settled since its start.
    pub(super) fn settled(&self) -> Settled {
        self.ledgers().fold(Settled::default(), |sum, ledger| Settled {
            handled: sum.handled + ledger.handled,
            dead_lettered: sum.dead_lettered + ledger.dead_lettered,
        })
    }

    pub(super) fn ledgers(&self) -> impl Iterator<Item = Ledger> {
        self.triggers.iter().map(|trigger| trigger.queue().snapshot().ledger)
    }

    pub(super) fn status(&self) -> ProcessStatus {
        let (triggers, ledgers): (Vec<TriggerStatus>, Vec<Ledger>) =
            self.triggers.iter().map(BoundTrigger::status).unzip();
        let sum = |of: fn(&Ledger) -> u64| ledgers.iter().map(of).sum();
        ProcessStatus {
            name: self.name().to_owned(),
            handler: self.declaration.path(),
            state: self.phase.state(self.process.inbox.is_paused()),
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
