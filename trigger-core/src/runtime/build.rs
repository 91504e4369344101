//! Building a runtime: everything is checked, then every port is taken, then everything starts, or nothing does.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::panic::Location as CallerLocation;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{Notify, OnceCell};

use super::wired::Wired;
use super::{Running, Runtime};
use crate::broker::MessageBroker;
use crate::bus::EventBus;
use crate::config::{ProcessConfig, TriggerConfig};
use crate::dead_letter::DeadLetters;
use crate::error::Result;
use crate::handler::{Env, Handler, Needs, Provided};
use crate::policy;
use crate::process::Process;
use crate::queue::Pending;
use crate::registry::{Declaration, HandlerRecord, Location, Problem, TRIGGER_CORE_HANDLERS_V1, check};
use crate::task::Tasks;
use crate::trigger::{AnyTrigger, LostEvents, Trigger, TriggerError, Wiring};
use crate::webhook::Ports;

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
        let name = name.into();
        let mut needs = Needs::default();
        H::needs(&mut needs);
        self.declarations.push(Declaration {
            handler: name.clone(),
            name: Some(name),
            module: "",
            location: here(),
            config,
            needs,
            call: Arc::new(move |cx| handler.call(cx)),
        });
        self
    }

    /// Adds a trigger of the program's own to the process of this name, which must exist. The runtime starts and stops
    /// it. Its queue stays its own: what that drops is counted in its status, and is no dead letter.
    #[track_caller]
    pub fn trigger(mut self, process: impl Into<String>, trigger: impl Trigger) -> Builder {
        self.custom.push((process.into(), here(), Arc::new(trigger)));
        self
    }

    /// How long handlers may go on once the drain has begun. The default is 30 s. What is left then is cancelled, and
    /// ports are closed within half a second each.
    pub fn drain_deadline(mut self, deadline: Duration) -> Builder {
        self.drain_deadline = deadline;
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
        self.collect();
        self.provided.insert(self.bus.clone());
        self.provided.insert(self.broker.clone());
        let mut problems = check(&self.declarations, &self.provided);
        if self.declarations.is_empty() {
            problems.push(Problem::general(if self.linked { NO_HANDLER } else { NO_PROCESS }));
        }
        let mut runtime = self.wire(&mut problems);
        problems.extend(runtime.bind().await);
        if !problems.is_empty() {
            return Err(StartError::of(problems));
        }
        runtime.open().await?;
        let names: Vec<_> = runtime.processes.iter().map(|running| running.process.name.as_str()).collect();
        tracing::info!(
            processes = names.len(),
            triggers = runtime.triggers().count(),
            "started {}",
            names.join(", ")
        );
        Ok(runtime)
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
        records.sort_by_key(|record| (record.file, record.line, record.name));
        // A handler may be both linked and listed.
        records.dedup_by(|a, b| std::ptr::eq(*a, *b));
        let of_builder = std::mem::take(&mut self.declarations);
        self.declarations = records.into_iter().map(Declaration::of).chain(of_builder).collect();
    }

    /// Connects everything, without starting any of it.
    fn wire(self, problems: &mut Vec<Problem>) -> Runtime {
        let names = process_names(&self.declarations);
        let pending = Arc::new(Pending::default());
        let dead_letters = DeadLetters::default();
        let env = Arc::new(Env { provided: self.provided, ..Env::default() });
        let ports = Arc::new(Ports::default());
        let mut custom = self.custom;
        let mut processes = Vec::new();
        for (declaration, name) in self.declarations.into_iter().zip(names) {
            let lost = LostEvents { process: name.clone(), dead_letters: dead_letters.clone() };
            let wiring =
                Wiring { ready: Arc::new(Notify::new()), pending: pending.clone(), lost: Some(lost) };
            let (handler, location) = (declaration.path(), declaration.location);
            let own = custom.extract_if(.., |(process, ..)| *process == name).collect::<Vec<_>>();
            if declaration.config.triggers.is_empty() && own.is_empty() {
                problems
                    .push(Problem::of(&declaration, "the process has no trigger, so nothing would start it"));
            }
            let configs = with_unique_ids(declaration.config.triggers);
            let triggers = configs.map(|config| Wired::new(config, &self.bus, &self.broker, &ports, &wiring));
            let own = own.into_iter().map(|(_, _, trigger)| {
                Wired::custom(trigger, Arc::clone(&wiring.ready), Arc::clone(&pending))
            });
            let triggers: Vec<_> = triggers.chain(own).collect();
            let process = Process {
                name,
                call: declaration.call,
                concurrency: declaration.config.concurrency,
                queues: triggers.iter().map(|trigger| Arc::clone(trigger.queue())).collect(),
                ready: wiring.ready,
                env: Arc::clone(&env),
                dead_letters: dead_letters.clone(),
                turn: AtomicUsize::new(0),
            };
            let process = Arc::new(process);
            processes.push(Running { handler, location, process, triggers, workers: Vec::new() });
        }
        problems.extend(custom.into_iter().map(|(process, location, trigger)| {
            let id = trigger.id();
            Problem::general(format!(
                "the trigger `{id}` at {location} names the process `{process}`, and there is none"
            ))
        }));
        Runtime {
            bus: self.bus,
            broker: self.broker,
            env,
            dead_letters,
            processes,
            tasks: Tasks::default(),
            pumps: Tasks::default(),
            pending,
            drain_deadline: self.drain_deadline,
            drain_began: OnceLock::new(),
            drained: OnceCell::new(),
            stopped: AtomicBool::new(false),
        }
    }
}

impl Runtime {
    /// Starts what was wired and bound. What can fail comes first; then webhooks answer, and then the workers begin,
    /// which end where every queue is closed, and so must find them open.
    async fn open(&mut self) -> Result<(), StartError> {
        let mut problems = Vec::new();
        for running in &self.processes {
            for trigger in &running.triggers {
                if let Err(error) = trigger.start(&self.pumps, &self.env.shutdown).await {
                    problems.push(running.problem(error));
                }
            }
        }
        if problems.is_empty() {
            self.triggers().for_each(Wired::accept);
            for running in &mut self.processes {
                let worker =
                    || self.tasks.spawn(Arc::clone(&running.process).work(self.tasks.stop_token().clone()));
                running.workers = std::iter::repeat_with(worker).take(running.process.concurrency).collect();
            }
            return Ok(());
        }
        for trigger in self.triggers() {
            trigger.stop_custom().await;
            trigger.close();
            trigger.leave_port().await;
        }
        Err(StartError::of(problems))
    }

    /// Takes every port, listening on none, so that all that are taken by others are found at once.
    async fn bind(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for running in &self.processes {
            for trigger in &running.triggers {
                match trigger.bind().await {
                    // The check of the declarations has told these.
                    Ok(()) | Err(TriggerError::Config(_) | TriggerError::PathTaken { .. }) => {}
                    Err(error) => problems.push(running.problem(error)),
                }
            }
        }
        problems
    }
}

impl Running {
    fn problem(&self, error: TriggerError) -> Problem {
        Problem::at(self.handler.clone(), self.location, error.to_string())
    }
}

#[track_caller]
fn here() -> Location {
    let caller = CallerLocation::caller();
    Location { file: caller.file(), line: caller.line() }
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
fn with_unique_ids(configs: Vec<TriggerConfig>) -> impl Iterator<Item = TriggerConfig> {
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

/// Why a runtime did not start: every problem there is.
#[derive(Clone, PartialEq, Eq)]
pub struct StartError {
    problems: Vec<Problem>,
}

impl StartError {
    fn of(mut problems: Vec<Problem>) -> StartError {
        problems.sort_by_key(Problem::place);
        StartError { problems }
    }

    /// The problems, in the order of the declarations they are about.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problems[..] {
            [problem] => write!(f, "the runtime did not start: {problem}"),
            problems => {
                write!(f, "the runtime did not start, there are {} problems:", problems.len())?;
                problems.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
            }
        }
    }
}

/// As `Display`, so that an `unwrap` in a test shows something a person can read.
impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StartError {}
