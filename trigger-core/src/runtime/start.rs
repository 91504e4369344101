//! The start of a runtime: it wires every process, binds every port, and then starts everything or nothing.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::context::RuntimeContext;
use super::hooks::Hook;
use super::plan::{Plan, PlannedProcess};
use super::process_handle::ProcessHandle;
use super::runtime_phase::RuntimePhase;
use super::{Builder, Runtime, RuntimeHandle, StartError};
use crate::clock::{self, SharedClock};
use crate::dedupe::LazyDedupe;
use crate::observe::observer::Observers;
use crate::process::dead_letter::DeadLetters;
use crate::process::deadlock::WaitGraph;
use crate::process::handler::Env;
use crate::registry::{Problem, ProblemKind};
use crate::source::SharedByRuntime;
use crate::source::routes::Routes;

/// The problem of a tokio runtime without timers, and its remedy.
const NO_TIMERS: &str = "the tokio runtime has no timers, which timeouts, retries and the drain need: start inside of a \
tokio runtime that is built with `enable_time()` or `enable_all()`";

/// The warning of a program in which a panic aborts.
const PANIC_ABORTS: &str = "the program is built with `panic = \"abort\"`: a panic in a handler ends the program, and every \
event in memory is lost";

impl Builder {
    /// Starts the runtime.
    ///
    /// # Errors
    ///
    /// [`StartError`] with every problem there is: settings that cannot be used, two processes of one name, two
    /// webhooks of one path, a state that was not given, a port that is taken, no handler at all, a tokio runtime without
    /// timers. Nothing is left
    /// bound, subscribed or running, and no request was answered.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing is left bound, subscribed or running; a custom source may have opened.
    pub async fn start(mut self) -> Result<Runtime, StartError> {
        let mut plan = self.plan();
        #[cfg(feature = "main")]
        if let Some(request) = self.cli {
            request.answer(plan, &self.secrets, self.effective_drain_deadline());
        }
        plan.check_sources(&self.secrets);
        log_warnings(&plan.warnings(self.effective_drain_deadline()));
        let Plan { processes, mut problems } = plan;
        if !clock::has_timers() {
            problems.push(Problem::general(ProblemKind::Tokio, NO_TIMERS));
            return Err(StartError::of(problems));
        }
        #[cfg(feature = "main")]
        if let Some(configuration) = self.configuration.as_ref().filter(|all| !all.is_empty()) {
            tracing::info!("configured by {}", configuration.origins().join(", "));
        }
        let on_start = std::mem::take(&mut self.on_start);
        let runtime = self.wire(processes);
        problems.extend(runtime.bind(problems.is_empty()).await);
        if !problems.is_empty() {
            runtime.undo().await;
            return Err(StartError::of(problems));
        }
        runtime.context.shared.bus.routes().set_clock(&runtime.context.env.clock);
        runtime.context.shared.broker.routes().set_clock(&runtime.context.env.clock);
        runtime.context.observe_publications();
        if let Err(error) = runtime.open(on_start).await {
            runtime.undo().await;
            return Err(error);
        }
        let processes = runtime.processes();
        let triggers: usize = processes.iter().map(|handle| handle.triggers.len()).sum();
        let names: Vec<_> = processes.iter().map(|handle| handle.name()).collect();
        tracing::info!(processes = names.len(), triggers, "started {}", names.join(", "));
        if cfg!(panic = "abort") {
            tracing::warn!("{PANIC_ABORTS}");
        }
        drop(processes);
        Ok(runtime)
    }

    /// Returns the routes of the bus and the broker, except of those that the program has given.
    fn own_routes(&self) -> Vec<Arc<Routes>> {
        let bus = (!self.is_bus_given).then(|| self.bus.routes());
        let broker = (!self.is_broker_given).then(|| self.broker.routes());
        bus.into_iter().chain(broker).cloned().collect()
    }

    /// Connects the processes with the bus, the broker and each other. Nothing starts.
    fn wire(self, processes: Vec<PlannedProcess>) -> Runtime {
        let own_routes = self.own_routes();
        let drain_deadline = self.effective_drain_deadline();
        let clock = self.given_clock().cloned().unwrap_or_else(SharedClock::default_now);
        let wait_graph = Arc::new(WaitGraph::default());
        let dead_letters = DeadLetters::new(Arc::clone(&wait_graph));
        let mut provided = self.provided;
        provided.insert(dead_letters.clone());
        let shared = SharedByRuntime {
            bus: self.bus,
            broker: self.broker,
            dead_letters,
            dedupe: LazyDedupe::of(self.dedupe),
            secrets: self.secrets,
            values: self.values,
        };
        // The handlers get a handle, so the phase comes before its processes.
        let phase = Arc::<RuntimePhase>::default();
        provided.insert(RuntimeHandle::new(&shared, &phase));
        let context = RuntimeContext {
            shared,
            own_routes,
            env: Arc::new(Env { provided, shutdown: CancellationToken::new(), clock }),
            quiescence: Arc::default(),
            wait_graph,
            observers: Observers::new(self.observers),
            store: self.store,
        };
        let wired = |planned: PlannedProcess| {
            Arc::new(ProcessHandle::new(planned.declaration, planned.name, &context))
        };
        phase.wire(processes.into_iter().map(wired).collect());
        Runtime::new(context, phase, drain_deadline, self.on_stop)
    }
}

/// Logs what does not keep processes from starting, but the program may not mean.
pub(super) fn log_warnings(warnings: &[Problem]) {
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
}

impl Runtime {
    /// Starts the processes that were wired and bound. The steps that can fail come first; then sources
    /// accept events, and then the workers begin.
    async fn open(&self, on_start: Vec<Hook>) -> Result<(), StartError> {
        for hook in on_start {
            let location = hook.location;
            if let Err(error) = hook.run().await {
                let message = format!("the `on_start` hook at {location} failed: {error}");
                return Err(StartError::of(vec![Problem::general(ProblemKind::Hook, message)]));
            }
        }
        let processes = self.processes();
        let mut problems = Vec::new();
        for handle in &processes {
            problems.extend(handle.open().await);
        }
        if problems.is_empty() {
            problems.extend(self.context.load_stored(&processes, true));
        }
        if problems.is_empty() {
            processes.iter().for_each(|handle| handle.accept());
            processes.iter().for_each(|handle| handle.work());
            return Ok(());
        }
        Err(StartError::of(problems))
    }

    /// Undoes a start that has failed.
    async fn undo(&self) {
        for handle in &self.processes() {
            handle.undo().await;
        }
    }

    /// Binds every source before the first one opens, so that all ports that others have taken are found at once.
    async fn bind(&self, is_sound: bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        for handle in &self.processes() {
            problems.extend(handle.bind(is_sound).await);
        }
        problems
    }
}
