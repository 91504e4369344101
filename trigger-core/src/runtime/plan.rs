//! The plan of a runtime: the processes that a builder declares, and the checks between them. Making it binds and
//! starts nothing, so a check and a description end here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::Builder;
#[cfg(feature = "main")]
use super::configured::Configuration;
use crate::clock::SharedClock;
use crate::registry::{
    Declaration, Problem, ProblemKind, TRIGGER_CORE_HANDLERS_V1, all_kinds, check, check_sources, warnings,
};
use crate::secrets::Secrets;
use crate::source::routes::Routes;

/// The problem of a process that nothing starts.
pub(super) const NO_TRIGGER: &str = "the process has no trigger, so nothing would start it";

/// The problem of a program without handlers, and its remedies.
const NO_HANDLER: &str = "no handler is linked into this program. A crate that nothing names is not linked: name \
the crates that hold handlers, as in `#[triggers::main(crates(billing, reports))]`, or write `use billing as _;`, \
or list the handlers with `.handlers(handlers![..])`";

/// The problem of a builder without processes, and its remedies.
const NO_PROCESS: &str = "the runtime has no process: add the handlers of the program with `.linked()`, or some \
with `.handlers(handlers![..])`, or one with `.process(..)`";

/// The processes of a builder in their order, and the problems that keep them from starting.
pub(super) struct Plan {
    pub(super) processes: Vec<PlannedProcess>,
    pub(super) problems: Vec<Problem>,
}

impl Plan {
    /// Adds what keeps the sources from starting, such as a missing secret.
    pub(super) fn check_sources(&mut self, secrets: &Secrets) {
        let declarations = self.processes.iter().map(|process| &process.declaration);
        let found: Vec<_> =
            declarations.flat_map(|declaration| check_sources(declaration, secrets)).collect();
        self.problems.extend(found);
    }

    /// Returns what does not keep the processes from starting, but the program may not mean.
    pub(super) fn warnings(&self, drain_deadline: Duration) -> Vec<Problem> {
        warnings(self.processes.iter().map(|process| &process.declaration), drain_deadline)
    }
}

/// A process that is declared and not wired yet.
pub(super) struct PlannedProcess {
    pub(super) declaration: Declaration,
    pub(super) name: String,
}

impl Builder {
    /// Makes the plan: all that a start does before it binds a port. It moves the declarations out of the builder.
    pub(super) fn plan(&mut self) -> Plan {
        self.provided.insert(self.bus.clone());
        self.provided.insert(self.broker.clone());
        let mut declarations = self.collect();
        let names = process_names(&declarations);
        let mut unclaimed = std::mem::take(&mut self.custom);
        for (declaration, name) in declarations.iter_mut().zip(&names) {
            let custom = unclaimed.extract_if(.., |(process, ..)| process == name);
            declaration.config.triggers.extend(custom.map(|(_, _, trigger)| trigger));
        }
        // The ids of the triggers are those of the declarations, so they are complete before a setting changes.
        let configured = self.configure(&mut declarations, &names);
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut problems = check(&declarations.iter().collect::<Vec<_>>(), &known, &self.provided);
        if declarations.is_empty() {
            problems.push(Problem::general(
                ProblemKind::Empty,
                if self.linked { NO_HANDLER } else { NO_PROCESS },
            ));
        }
        let mut processes = Vec::new();
        for (declaration, name) in declarations.into_iter().zip(names) {
            if declaration.config.triggers.is_empty() {
                problems.push(Problem::of(&declaration, ProblemKind::Empty, NO_TRIGGER));
            }
            processes.push(PlannedProcess { declaration, name });
        }
        problems.extend(unclaimed.into_iter().map(|(process, location, trigger)| {
            let id = trigger.trigger_id();
            let message = format!(
                "the trigger `{id}` at {location} names the process `{process}`, which does not exist"
            );
            Problem::general(ProblemKind::UnknownProcess, message)
        }));
        problems.extend(configured);
        problems.extend(self.clock_problems());
        problems.extend(kind_problems());
        Plan { processes, problems }
    }

    /// Applies what an operator has set outside of the program. Returns the faults.
    #[cfg(feature = "main")]
    fn configure(&self, declarations: &mut [Declaration], names: &[String]) -> Vec<Problem> {
        self.configuration
            .as_ref()
            .map_or_else(Vec::new, |configuration| configuration.apply(declarations, names))
    }

    #[cfg(not(feature = "main"))]
    fn configure(&self, _: &mut [Declaration], _: &[String]) -> Vec<Problem> {
        Vec::new()
    }

    /// Returns the deadline of a drain: the one that an operator has set, or else that of the program.
    pub(super) fn effective_drain_deadline(&self) -> Duration {
        #[cfg(feature = "main")]
        if let Some(deadline) = self.configuration.as_ref().and_then(Configuration::drain_deadline) {
            return deadline;
        }
        self.drain_deadline
    }

    /// Collects every declaration: those of attributes by file and line, then those of the builder.
    fn collect(&mut self) -> Vec<Declaration> {
        let mut records = std::mem::take(&mut self.records);
        if self.linked {
            records.extend(TRIGGER_CORE_HANDLERS_V1.iter());
        }
        records.sort_by_key(|record| record.site.order());
        // A handler may be both linked and listed.
        records.dedup_by(|a, b| std::ptr::eq(*a, *b));
        let of_builder = std::mem::take(&mut self.declarations);
        records.into_iter().map(Declaration::of).chain(of_builder).collect()
    }

    /// The clock that was given to the builder, or by another runtime to the bus or the broker.
    pub(super) fn given_clock(&self) -> Option<&SharedClock> {
        let wired = self.bus.routes().wired_clock().or_else(|| self.broker.routes().wired_clock());
        self.clock.as_ref().or(wired)
    }

    /// The problem of a bus or a broker to which another runtime gave another clock.
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
}

/// The problems of kinds of sources: two of one name, and settings whose key has another meaning. A configuration could
/// mean either.
fn kind_problems() -> Vec<Problem> {
    let mut seen = HashSet::new();
    let mut messages = Vec::new();
    for source in all_kinds() {
        let kind = source.kind();
        if !seen.insert(kind) {
            messages
                .push(format!("two kinds of sources have the name `{kind}`; give one of them another name"));
        }
        if let Some(key) = source.undeclared_key() {
            messages.push(format!(
                "the kind of sources `{kind}` names the key `{key}` in its claims or as its largest body, and has no such \
                 plain setting; declare it, or name another key"
            ));
        }
        if let Some(key) = source.repeated_key() {
            messages.push(format!(
                "the kind of sources `{kind}` has a setting `{key}`, a key that every trigger has or that the kind has \
                 twice; give the setting another name"
            ));
        }
    }
    messages.into_iter().map(|message| Problem::general(ProblemKind::Conflict, message)).collect()
}

/// The name of each process: its own, else the name of its handler, else, if that is taken, the handler's full path.
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
