//! Building a runtime: everything is checked, then every port is taken, then everything starts, or nothing does.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::cli::CliRequest;
use super::hooks::Hook;
use super::process_handle::{ProcessHandle, RuntimeContext};
use super::{Runtime, StartError};
use crate::broker::MessageBroker;
use crate::bus::EventBus;
use crate::clock::{Clock, SharedClock};
use crate::config::{ProcessConfig, TriggerConfig};
use crate::dead_letter::DeadLetters;
use crate::deadlock::WaitGraph;
use crate::error::Result;
use crate::handler::{Env, Handler, Provided};
use crate::policy;
use crate::registry::{
    Declaration, HandlerRecord, Location, Problem, ProblemKind, TRIGGER_CORE_HANDLERS_V1, check,
};
use crate::routes::Routes;
use crate::trigger::{AnyTrigger, Trigger};

/// What to do about a process that nothing starts.
pub(super) const NO_TRIGGER: &str = "the process has no trigger, so nothing would start it";

/// What to do about a program without handlers.
const NO_HANDLER: &str = "no handler is linked into this program. A crate that nothing names is not linked: name \
the crates that hold handlers, as in `#[triggers::main(crates(billing, reports))]`, or write `use billing as _;`, \
or list the handlers with `.handlers(handlers![..])`";

/// What to do about a builder that was given nothing.
const NO_PROCESS: &str = "the runtime has no process: add the handlers of the program with `.linked()`, or some \
with `.handlers(handlers![..])`, or one with `.process(..)`";

/// Builds a [`Runtime`].
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    bus: EventBus,
    broker: MessageBroker,
    provided: Provided,
    linked: bool,
    records: Vec<&'static HandlerRecord>,
    declarations: Vec<Declaration>,
    /// Triggers of the program's own, by the name of their process.
    custom: Vec<(String, Location, Arc<dyn AnyTrigger>)>,
    drain_deadline: Duration,
    clock: Option<SharedClock>,
    on_start: Vec<Hook>,
    on_stop: Vec<Hook>,
    /// What it is to answer instead of starting.
    pub(super) cli: Option<CliRequest>,
}

/// What a builder comes to, before any of it exists: the processes in their order, and what keeps them from starting.
pub(super) struct Plan {
    pub(super) processes: Vec<Planned>,
    pub(super) problems: Vec<Problem>,
}

/// A process as it is to be.
pub(super) struct Planned {
    pub(super) declaration: Declaration,
    pub(super) name: String,
    /// Its triggers of the program's own.
    pub(super) own: Vec<Arc<dyn AnyTrigger>>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("linked", &self.linked).finish_non_exhaustive()
    }
}

impl Builder {
    pub(super) fn new() -> Builder {
        Builder {
            bus: EventBus::new(),
            broker: MessageBroker::new(),
            provided: Provided::default(),
            linked: false,
            records: Vec::new(),
            declarations: Vec::new(),
            custom: Vec::new(),
            drain_deadline: policy::DRAIN_DEADLINE,
            clock: None,
            on_start: Vec::new(),
            on_stop: Vec::new(),
            cli: None,
        }
    }

    /// Uses this bus instead of one of its own.
    pub fn bus(mut self, bus: EventBus) -> Builder {
        self.bus = bus;
        self
    }

    /// Uses this broker instead of one of its own.
    pub fn broker(mut self, broker: MessageBroker) -> Builder {
        self.broker = broker;
        self
    }

    /// Gives handlers a value: each call of one that takes a `State<T>` gets a clone. A second value of the same type
    /// replaces the first.
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Builder {
        self.provided.insert(value);
        self
    }

    /// Adds every attribute handler that is linked into the program.
    pub fn linked(mut self) -> Builder {
        self.linked = true;
        self
    }

    /// Adds exactly these attribute handlers: `.handlers(handlers![page_oncall, other_crate::ingest])`.
    pub fn handlers(mut self, handlers: impl IntoIterator<Item = &'static HandlerRecord>) -> Builder {
        self.records.extend(handlers);
        self
    }

    /// Adds a process with a closure or fn as its handler, which may take the same arguments as one with attributes,
    /// except captures.
    #[track_caller]
    pub fn process<H, Args>(mut self, name: impl Into<String>, config: ProcessConfig, handler: H) -> Builder
    where
        H: Handler<Args>,
    {
        self.declarations.push(Declaration::of_closure(name.into(), Location::caller(), config, handler));
        self
    }

    /// Adds a trigger of the program's own to the process of this name, which must exist. The runtime starts and stops
    /// it. Its queue stays its own: what that drops is counted in its status, and is no dead letter.
    #[track_caller]
    pub fn trigger(mut self, process: impl Into<String>, trigger: impl Trigger) -> Builder {
        self.custom.push((process.into(), Location::caller(), Arc::new(trigger)));
        self
    }

    /// Uses this clock for the ids and timestamps of events, and for dead letters. The default is that of the bus or the
    /// broker, if another runtime gave it one; else the system's, or a [`PausedClock`](crate::PausedClock) if tokio's
    /// clock is paused.
    pub fn clock(mut self, clock: impl Clock) -> Builder {
        self.clock = Some(SharedClock::new(clock));
        self
    }

    /// How long handlers may go on once the drain has begun. The default is 30 s. What is left then is cancelled, and
    /// ports are closed within half a second each.
    pub fn drain_deadline(mut self, deadline: Duration) -> Builder {
        self.drain_deadline = deadline;
        self
    }

    /// Does this before anything starts: when every port is taken and nothing listens yet. Several hooks run one after
    /// the other. An error of one, or its panic, keeps the runtime from starting.
    ///
    /// ```
    /// # use trigger_core::Runtime;
    /// let builder = Runtime::builder()
    ///     .on_start(|| async { println!("warming up"); Ok(()) })
    ///     .on_stop(|| async { println!("closed"); Ok(()) });
    /// # drop(builder);
    /// ```
    #[track_caller]
    pub fn on_start<F, Fut>(mut self, hook: F) -> Builder
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result> + Send + 'static,
    {
        self.on_start.push(Hook::new(Location::caller(), hook));
        self
    }

    /// Does this at the end of a shutdown, when no handler runs any more and every port is closed. Several hooks run one
    /// after the other, the last one first. They have until the deadline of the drain, and in any case 5 s. An error
    /// of one, or its panic, is logged.
    #[track_caller]
    pub fn on_stop<F, Fut>(mut self, hook: F) -> Builder
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result> + Send + 'static,
    {
        self.on_stop.push(Hook::new(Location::caller(), hook));
        self
    }

    /// Starts the runtime.
    ///
    /// # Errors
    ///
    /// [`StartError`] with every problem there is: settings that cannot be used, two processes of one name, two
    /// webhooks of one path, a state nobody gives, a port that is taken, no handler at all. Nothing is left bound,
    /// subscribed or running, and no request was answered.
    ///
    /// # Cancel safety
    ///
    /// Dropped half way, nothing is left bound, subscribed or running; a trigger of the program's own may have started.
    pub async fn start(mut self) -> Result<Runtime, StartError> {
        if let Some(request) = self.cli {
            request.answer(self);
        }
        let Plan { processes, mut problems } = self.plan();
        let on_start = std::mem::take(&mut self.on_start);
        let runtime = self.wire(processes);
        problems.extend(runtime.bind().await);
        if !problems.is_empty() {
            return Err(StartError::of(problems));
        }
        runtime.context.bus.routes().set_clock(&runtime.context.env.clock);
        runtime.context.broker.routes().set_clock(&runtime.context.env.clock);
        runtime.open(on_start).await?;
        let processes = runtime.processes();
        let triggers: usize = processes.iter().map(|handle| handle.triggers.len()).sum();
        let names: Vec<_> = processes.iter().map(|handle| handle.name()).collect();
        tracing::info!(processes = names.len(), triggers, "started {}", names.join(", "));
        drop(processes);
        Ok(runtime)
    }

    pub(super) fn longest_drain(&self) -> Duration {
        self.drain_deadline
    }

    /// Starts the runtime, waits for SIGINT or SIGTERM (elsewhere Ctrl-C), drains, and prints the
    /// [`DrainReport`](super::DrainReport). A second signal ends the program at once.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and if events were left at the deadline of the drain.
    pub async fn run(self) -> Result {
        super::run(self).await
    }

    /// Brings every declaration together, those of attributes by file and line.
    fn collect(&mut self) {
        let mut records = std::mem::take(&mut self.records);
        if self.linked {
            records.extend(TRIGGER_CORE_HANDLERS_V1.iter());
        }
        records.sort_by_key(|record| record.site.order());
        // A handler may be both linked and listed.
        records.dedup_by(|a, b| std::ptr::eq(*a, *b));
        let of_builder = std::mem::take(&mut self.declarations);
        self.declarations = records.into_iter().map(Declaration::of).chain(of_builder).collect();
    }

    /// Everything that a start does before it takes a port, which is also all that a check does.
    pub(super) fn plan(&mut self) -> Plan {
        self.collect();
        self.provided.insert(self.bus.clone());
        self.provided.insert(self.broker.clone());
        let names = process_names(&self.declarations);
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let declarations: Vec<&Declaration> = self.declarations.iter().collect();
        let mut problems = check(&declarations, &known, &self.provided);
        if declarations.is_empty() {
            problems.push(Problem::general(
                ProblemKind::Empty,
                if self.linked { NO_HANDLER } else { NO_PROCESS },
            ));
        }
        let mut custom = std::mem::take(&mut self.custom);
        let mut processes = Vec::new();
        for (declaration, name) in std::mem::take(&mut self.declarations).into_iter().zip(names) {
            let own = custom.extract_if(.., |(process, ..)| *process == name);
            let own: Vec<_> = own.map(|(_, _, trigger)| trigger).collect();
            if declaration.config.triggers.is_empty() && own.is_empty() {
                problems.push(Problem::of(&declaration, ProblemKind::Empty, NO_TRIGGER));
            }
            processes.push(Planned { declaration, name, own });
        }
        problems.extend(custom.into_iter().map(|(process, location, trigger)| {
            let id = trigger.id();
            let message =
                format!("the trigger `{id}` at {location} names the process `{process}`, and there is none");
            Problem::general(ProblemKind::UnknownProcess, message)
        }));
        problems.extend(self.clock_problems());
        Plan { processes, problems }
    }

    /// The clock that the runtime is to have, if the builder, the bus or the broker has one.
    fn given_clock(&self) -> Option<&SharedClock> {
        let wired = self.bus.routes().wired_clock().or_else(|| self.broker.routes().wired_clock());
        self.clock.as_ref().or(wired)
    }

    /// A bus or a broker whose other runtime has another clock.
    fn clock_problems(&self) -> Vec<Problem> {
        let Some(clock) = self.given_clock() else { return Vec::new() };
        let theirs = [("bus", self.bus.routes()), ("broker", self.broker.routes())];
        let differs = |(name, routes): (&str, &Arc<Routes>)| {
            routes.wired_clock().filter(|other| !other.is_same(clock)).map(|_| {
                let message = format!(
                    "the {name} has the clock of another runtime; leave `.clock(..)` out to use that one, or give this \
                     runtime a {name} of its own"
                );
                Problem::general(ProblemKind::Conflict, message)
            })
        };
        theirs.into_iter().filter_map(differs).collect()
    }

    /// Connects everything, without starting any of it.
    fn wire(self, processes: Vec<Planned>) -> Runtime {
        let clock = self.given_clock().cloned().unwrap_or_else(SharedClock::default_now);
        let wait_graph = Arc::new(WaitGraph::default());
        let dead_letters = DeadLetters::new(Arc::clone(&wait_graph));
        let mut provided = self.provided;
        provided.insert(dead_letters.clone());
        let context = RuntimeContext {
            bus: self.bus,
            broker: self.broker,
            env: Arc::new(Env { provided, shutdown: CancellationToken::new(), clock }),
            dead_letters,
            ports: Arc::default(),
            quiescence: Arc::default(),
            wait_graph,
        };
        let wired = |planned: Planned| {
            let configs = with_unique_ids(planned.declaration.config.triggers.clone());
            Arc::new(ProcessHandle::new(planned.declaration, planned.name, planned.own, configs, &context))
        };
        let processes = processes.into_iter().map(wired).collect();
        Runtime::new(context, processes, self.drain_deadline, self.on_stop)
    }
}

impl Runtime {
    /// Starts what was wired and bound. What can fail comes first; then webhooks answer, and then the workers begin.
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
            problems.extend(handle.start().await);
        }
        if problems.is_empty() {
            processes.iter().for_each(|handle| handle.accept());
            processes.iter().for_each(|handle| handle.work());
            return Ok(());
        }
        for handle in &processes {
            handle.undo().await;
        }
        Err(StartError::of(problems))
    }

    /// Takes every port, listening on none, so that all that are taken by others are found at once.
    async fn bind(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for handle in &self.processes() {
            problems.extend(handle.bind().await);
        }
        problems
    }
}

/// The name of each process: the one it was given, else the name of its handler, else, where that is taken, the
/// handler's full path.
fn process_names(declarations: &[Declaration]) -> Vec<String> {
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for declaration in declarations {
        *uses.entry(declaration.name.as_deref().unwrap_or(&declaration.handler)).or_default() += 1;
    }
    let name = |declaration: &Declaration| match &declaration.name {
        Some(name) => name.clone(),
        None if uses.get(declaration.handler.as_str()).is_some_and(|uses| *uses > 1) => declaration.path(),
        None => declaration.handler.clone(),
    };
    declarations.iter().map(name).collect()
}

/// The triggers of one process, `-2`, `-3` added to the ids that repeat.
pub(super) fn with_unique_ids(configs: Vec<TriggerConfig>) -> impl Iterator<Item = TriggerConfig> {
    let mut taken: HashSet<String> = HashSet::new();
    configs.into_iter().map(move |config| {
        let wanted = config.trigger_id();
        let mut id = wanted.clone();
        let mut number = 2;
        while !taken.insert(id.clone()) {
            id = format!("{wanted}-{number}");
            number += 1;
        }
        config.id(id)
    })
}
