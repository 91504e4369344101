//! The rules that no single declaration can break by itself, and those that only the whole program can check.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::config::SourceConfig;
use crate::handler::Provided;

/// Everything that is wrong with these declarations together. It needs no port and no event.
pub(crate) fn check(declarations: &[Declaration], provided: &Provided) -> Vec<Problem> {
    let mut problems = Vec::new();
    for declaration in declarations {
        settings(declaration, &mut problems);
        states(declaration, provided, &mut problems);
        repeated_triggers(declaration, &mut problems);
        repeated_ids(declaration, &mut problems);
    }
    process_names(declarations, &mut problems);
    webhook_paths(declarations, &mut problems);
    problems
}

fn settings(declaration: &Declaration, problems: &mut Vec<Problem>) {
    let config = &declaration.config;
    let faults = config.faults().into_iter().chain(config.triggers.iter().flat_map(TriggerConfig::faults));
    problems.extend(faults.map(|fault| Problem::of(declaration, fault.to_string())));
}

fn states(declaration: &Declaration, provided: &Provided, problems: &mut Vec<Problem>) {
    for need in &declaration.needs.states {
        if !provided.has(need.type_id) {
            let (argument, type_name) = (need.argument, need.type_name);
            problems.push(Problem::of(
                declaration,
                format!(
                    "argument `{argument}` needs a `{type_name}`, and no `.state(..)` gives the runtime one"
                ),
            ));
        }
    }
}

fn repeated_triggers(declaration: &Declaration, problems: &mut Vec<Problem>) {
    let triggers = &declaration.config.triggers;
    for (index, trigger) in triggers.iter().enumerate() {
        let is_webhook = matches!(trigger.source, SourceConfig::Webhook { .. });
        if !is_webhook && triggers[..index].iter().any(|earlier| earlier.source == trigger.source) {
            let (kind, pattern) = (trigger.kind(), trigger.pattern());
            let message =
                format!("the {kind} trigger `{pattern}` is declared twice, so each would arrive twice");
            problems.push(Problem::of(declaration, message));
        }
    }
}

/// Ids that were given; default ones are numbered where they repeat.
fn repeated_ids(declaration: &Declaration, problems: &mut Vec<Problem>) {
    let mut taken = HashSet::new();
    for id in declaration.config.triggers.iter().filter_map(|trigger| trigger.id.as_deref()) {
        if !taken.insert(id) {
            problems.push(Problem::of(
                declaration,
                format!("two of its triggers have the id `{id}`; give each its own"),
            ));
        }
    }
}

fn process_names(declarations: &[Declaration], problems: &mut Vec<Problem>) {
    let mut first: HashMap<&str, &Declaration> = HashMap::new();
    for declaration in declarations {
        let Some(name) = declaration.name.as_deref() else { continue };
        if name.is_empty() {
            problems
                .push(Problem::of(declaration, "the name of the process is empty; leave it out or give one"));
        } else if let Some(other) = first.insert(name, declaration) {
            let message =
                format!("the process name `{name}` is taken by `{}` at {}", other.path(), other.location);
            problems.push(Problem::of(declaration, message));
        }
    }
}

fn webhook_paths(declarations: &[Declaration], problems: &mut Vec<Problem>) {
    let mut first: HashMap<(&str, u16, &str), &Declaration> = HashMap::new();
    for declaration in declarations {
        for trigger in &declaration.config.triggers {
            let SourceConfig::Webhook { path, port, host, .. } = &trigger.source else { continue };
            if let Some(other) = first.insert((host, *port, path), declaration) {
                let message = format!(
                    "the path {path} of {host}:{port} is taken by `{}` at {}",
                    other.path(),
                    other.location
                );
                problems.push(Problem::of(declaration, message));
            }
        }
    }
}
