//! The checks of all declarations of a program, alone and together. They need no port and no event.

use std::collections::HashSet;

use trigger_grammar::hint;

use super::clash::{Claim, Takes, Thing};
use super::record::SourceRecord;
use super::*;
use crate::config::{self, CustomSource, SourceConfig, TriggerConfig};
use crate::event::SourceKind;
use crate::handler::Extensions;

/// Returns every problem of these declarations. `names` are the names of their processes, and `provided` the values of
/// the runtime.
pub(crate) fn check(declarations: &[&Declaration], names: &[&str], provided: &Extensions) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (declaration, name) in declarations.iter().zip(names) {
        settings(declaration, &mut problems);
        dead_letters(declaration, name, names, &mut problems);
        arguments(declaration, provided, &mut problems);
        repeated_ids(declaration, &mut problems);
    }
    custom_sources(declarations, names, &mut problems);
    clashing(declarations, names, &mut problems);
    problems
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
    let faults = config.faults().into_iter().chain(config.triggers.iter().flat_map(TriggerConfig::faults));
    problems.extend(faults.map(|fault| Problem::of(declaration, ProblemKind::Config, fault.to_string())));
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
            let fault = argument.fault_of(source.kind(), source.shown);
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

/// Checks the processes that its dead-letter triggers name.
fn dead_letters(declaration: &Declaration, own: &str, names: &[&str], problems: &mut Vec<Problem>) {
    for trigger in &declaration.config.triggers {
        let SourceConfig::DeadLetter { process: Some(process) } = &trigger.source else { continue };
        // The check of the settings reports an empty name.
        if process.is_empty() {
            continue;
        }
        if process == own {
            problems.push(Problem::of(
                declaration,
                ProblemKind::UnknownProcess,
                format!(
                    "it asks for the dead letters of `{process}`, which is its own process, and it never gets those; \
                     name another process, or leave out the name for those of every other process"
                ),
            ));
        } else if !names.contains(&process.as_str()) {
            let others: Vec<&str> = names.iter().copied().filter(|name| *name != own).collect();
            let meant = match hint::did_you_mean(process, others.iter().copied()) {
                Some(near) => format!("; did you mean `{near}`?"),
                None if others.is_empty() => String::new(),
                None => format!("; the other processes are: {}", others.join(", ")),
            };
            let message = format!(
                "it asks for the dead letters of the process `{process}`, which does not exist{meant}"
            );
            problems.push(Problem::of(declaration, ProblemKind::UnknownProcess, message));
        }
    }
}

/// Checks that no two triggers share a custom source, because a source offers its events to one sink, and that no two claim
/// the same resource.
fn custom_sources(declarations: &[&Declaration], names: &[&str], problems: &mut Vec<Problem>) {
    let mut seen: Vec<(&CustomSource, &str)> = Vec::new();
    for (declaration, name) in declarations.iter().zip(names) {
        for trigger in &declaration.config.triggers {
            let SourceConfig::Custom(source) = &trigger.source else { continue };
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
fn clashing_claim<'a>(source: &'a CustomSource, other: &CustomSource, same_process: bool) -> Option<&'a str> {
    let excludes =
        |claim: &&config::Claim| (claim.is_of_runtime || same_process) && other.claims().contains(claim);
    source.claims().iter().find(excludes).map(|claim| claim.resource.as_str())
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
    let sources: Vec<Vec<_>> = declarations
        .iter()
        .map(|declaration| declaration.config.triggers.iter().map(|t| SourceRecord::of(&t.source)).collect())
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
        let triggers = triggers.filter_map(|(source, takes)| Some(Thing::Source(source.as_ref()?, takes)));
        let things = path.into_iter().chain(name).chain(triggers);
        claims.extend(things.map(|thing| Some(Claim::new(process, &sites[process], thing))));
    }
    problems.extend(clash::clashes(&claims).into_iter().map(|clash| {
        Problem::of(declarations[clash.process()], ProblemKind::Conflict, clash.message().as_str())
    }));
}
