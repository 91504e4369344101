//! The checks of all declarations of a program, alone and together. They need no port and no event.

use std::collections::HashSet;
use std::time::Duration;

use trigger_grammar::hint;
use trigger_grammar::setting::{Form, Value};

use super::clash::{Claim, Listens, Takes, Thing};
use super::*;
use crate::declare::{self, BoxSource, Settings, SourceKind, TriggerConfig, policy};
use crate::process::handler::Extensions;
use crate::secrets::Secrets;
use crate::source;

/// Returns every problem of these declarations. `names` are the names of their processes, and `provided` the values of
/// the runtime.
pub(crate) fn check(declarations: &[&Declaration], names: &[&str], provided: &Extensions) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (declaration, name) in declarations.iter().zip(names) {
        settings(declaration, &mut problems);
        other_processes(declaration, name, names, &mut problems);
        arguments(declaration, provided, &mut problems);
        repeated_ids(declaration, &mut problems);
    }
    sources(declarations, names, &mut problems);
    clashing(declarations, names, &mut problems);
    problems
}

/// Returns what keeps the sources of a declaration from starting.
pub(crate) fn check_sources(declaration: &Declaration, secrets: &Secrets) -> Vec<Problem> {
    let of_trigger = |trigger: &TriggerConfig| {
        let id = trigger.trigger_id().to_owned();
        let problems = source::problems(trigger, secrets).into_iter();
        problems.map(move |problem| {
            Problem::of(declaration, ProblemKind::Source, format!("its trigger `{id}`: {problem}"))
        })
    };
    declaration.config.triggers.iter().flat_map(of_trigger).collect()
}

/// Returns what a start permits but the program may not mean, given the deadline of its drain.
pub(crate) fn warnings<'a>(
    declarations: impl IntoIterator<Item = &'a Declaration>,
    drain_deadline: Duration,
) -> Vec<Problem> {
    let too_long = |declaration: &'a Declaration| {
        let timeout = declaration.config.timeout.filter(|timeout| *timeout > drain_deadline)?;
        let (timeout, deadline) = (policy::shown(timeout), policy::shown(drain_deadline));
        let message = format!(
            "its timeout of {timeout} is longer than the drain deadline of {deadline}, at which a drain cancels an attempt and \
             leaves the event; set `.drain_deadline(..)` to {timeout} or more, or a shorter `timeout`"
        );
        Some(Problem::of(declaration, ProblemKind::Config, message))
    };
    declarations.into_iter().filter_map(too_long).collect()
}

fn settings(declaration: &Declaration, problems: &mut Vec<Problem>) {
    let config = &declaration.config;
    if declaration.name.as_deref() == Some("") {
        problems.push(Problem::of(
            declaration,
            ProblemKind::Config,
            "the name of the process is empty; leave it out or give one",
        ));
    }
    let own = config.faults().into_iter().map(|fault| (None, fault));
    let of_triggers = config
        .triggers
        .iter()
        .enumerate()
        .flat_map(|(index, trigger)| trigger.faults().into_iter().map(move |fault| (Some(index), fault)));
    problems.extend(own.chain(of_triggers).map(|(trigger, fault)| {
        let message = match declaration.origin(trigger, fault.field()) {
            Some(origin) => format!("{fault}; {origin} sets it"),
            None => fault.to_string(),
        };
        Problem::of(declaration, ProblemKind::Config, message)
    }));
}

fn arguments(declaration: &Declaration, provided: &Extensions, problems: &mut Vec<Problem>) {
    let mut kinds: Vec<&SourceKind> = Vec::new();
    for source in declaration.config.triggers.iter().map(TriggerConfig::source_kind) {
        if !kinds.iter().any(|known| known.kind() == source.kind()) {
            kinds.push(source);
        }
    }
    for argument in &declaration.arguments {
        for source in &kinds {
            let fault = argument.fault(source);
            problems
                .extend(fault.map(|fault| Problem::of(declaration, ProblemKind::Argument, fault.as_str())));
        }
        for need in argument.needs().states {
            if !provided.has(need.type_id) {
                let (argument, type_name) = (argument.name, need.type_name);
                let message =
                    format!("argument `{argument}` needs a `{type_name}`, and no `.state(..)` sets one");
                problems.push(Problem::of(declaration, ProblemKind::MissingState, message));
            }
        }
    }
}

/// Checks the processes that its triggers name.
fn other_processes(declaration: &Declaration, own: &str, names: &[&str], problems: &mut Vec<Problem>) {
    for trigger in &declaration.config.triggers {
        let Some(settings) = trigger.settings() else { continue };
        for setting in settings.table().iter().filter(|setting| setting.form() == Form::Process) {
            // The check of the settings reports an empty name.
            let Some(Value::Text(process)) = settings.value(setting) else { continue };
            let fault = (!process.is_empty()).then(|| fault_of_process(process, own, names)).flatten();
            problems.extend(fault.map(|fault| {
                let message = format!(
                    "its trigger `{}` asks for events of the process `{process}`, {fault}",
                    trigger.trigger_id()
                );
                Problem::of(declaration, ProblemKind::UnknownProcess, message)
            }));
        }
    }
}

/// Returns why a trigger of the process `own` cannot name this process, or `None` if it can.
fn fault_of_process(process: &str, own: &str, names: &[&str]) -> Option<String> {
    if process == own {
        return Some(
            "which is its own process, and it never gets those; name another process, or leave out the name for \
             every other process"
                .to_owned(),
        );
    }
    if names.contains(&process) {
        return None;
    }
    let others: Vec<&str> = names.iter().copied().filter(|name| *name != own).collect();
    let meant = match hint::did_you_mean(process, others.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if others.is_empty() => String::new(),
        None => format!("; the other processes are: {}", others.join(", ")),
    };
    Some(format!("which does not exist{meant}"))
}

/// Checks that no two triggers share a source, because a source offers its events to one sink, and that no two claim the
/// same resource.
fn sources(declarations: &[&Declaration], names: &[&str], problems: &mut Vec<Problem>) {
    let mut seen: Vec<(&BoxSource, &str)> = Vec::new();
    for (declaration, name) in declarations.iter().zip(names) {
        for trigger in &declaration.config.triggers {
            // The check of the settings reports an error. A source without claims that the kind makes is never shared.
            let Ok(source) = trigger.made() else { continue };
            if trigger.settings().is_some() && source.claims.is_empty() {
                continue;
            }
            let conflict = seen.iter().find_map(|(other, process)| {
                if *other == source {
                    return Some(format!(
                        "has the same source as one of the process `{process}`; make a source for each trigger"
                    ));
                }
                let claim = clashing_claim(source, other, name == process)?;
                Some(format!("needs {claim} for itself, and a trigger of the process `{process}` has it"))
            });
            if let Some(conflict) = conflict {
                let message = format!("the trigger `{}` {conflict}", trigger.trigger_id());
                problems.push(Problem::of(declaration, ProblemKind::Conflict, message));
            }
            seen.push((source, name));
        }
    }
}

/// Returns the resource that both sources claim, if only one of them can have it.
fn clashing_claim<'a>(source: &'a BoxSource, other: &BoxSource, same_process: bool) -> Option<&'a str> {
    let excludes =
        |claim: &&declare::Claim| (claim.is_of_runtime || same_process) && other.claims.contains(claim);
    source.claims.iter().find(excludes).map(|claim| claim.resource.as_str())
}

/// Checks that the given ids of its triggers are unique. Repeated default ids are numbered instead.
fn repeated_ids(declaration: &Declaration, problems: &mut Vec<Problem>) {
    let mut taken = HashSet::new();
    for id in declaration.config.triggers.iter().filter_map(|trigger| trigger.id.as_deref()) {
        if !taken.insert(id) {
            problems.push(Problem::of(
                declaration,
                ProblemKind::Conflict,
                format!("two of its triggers have the id `{id}`; give each its own"),
            ));
        }
    }
}

/// Checks that no two declarations claim the same name, path or trigger.
fn clashing(declarations: &[&Declaration], names: &[&str], problems: &mut Vec<Problem>) {
    let sites: Vec<_> = declarations.iter().map(|declaration| declaration.site()).collect();
    let given: Vec<Vec<_>> = declarations
        .iter()
        .map(|declaration| declaration.config.triggers.iter().map(given_by).collect())
        .collect();
    let sources: Vec<Vec<_>> = declarations
        .iter()
        .zip(&given)
        .map(|(declaration, given)| declaration.config.triggers.iter().zip(given).map(listens).collect())
        .collect();
    let mut claims = Vec::new();
    for (process, (declaration, name)) in declarations.iter().zip(names).enumerate() {
        // A process without a given name has the name of its fn, or its path.
        let path = declaration.name.is_none().then_some(Thing::Path);
        let is_another = !name.is_empty() && (path.is_none() || declaration.path() != *name);
        let name = is_another.then_some(Thing::Name(name));
        let takes = declaration.config.triggers.iter().map(|trigger| match &trigger.filter {
            None => Takes::Every,
            Some(filter) => filter.text().map_or(Takes::Unknown, Takes::Those),
        });
        let triggers = sources[process].iter().zip(takes);
        let triggers = triggers.filter_map(|(listens, takes)| Some(Thing::Source(listens.as_ref()?, takes)));
        let things = path.into_iter().chain(name).chain(triggers);
        claims.extend(things.map(|thing| Some(Claim::new(process, &sites[process], thing))));
    }
    problems.extend(clash::clashes(&claims).into_iter().map(|clash| {
        Problem::of(declarations[clash.process()], ProblemKind::Conflict, clash.message().as_str())
    }));
}

fn given_by(trigger: &TriggerConfig) -> Vec<(&'static str, Value<'_>)> {
    trigger.settings().map(Settings::given).unwrap_or_default()
}

/// Returns what a trigger listens to. A source that the program has made has no settings.
fn listens<'a>(
    (trigger, given): (&TriggerConfig, &'a Vec<(&'static str, Value<'a>)>),
) -> Option<Listens<'a>> {
    trigger.settings().map(|_| Listens { kind: trigger.source_kind(), given })
}
