//! Finds the publications that may reach several processes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Overlap, ProcessDescription, SourceDescription};
use crate::event::TriggerKind;
use crate::topic::TopicPattern;

/// Processes by their index.
type Indices = BTreeSet<usize>;

/// Returns the overlaps among these processes: first of events, then of messages, each in alphabetical order.
pub(super) fn among(processes: &[ProcessDescription]) -> Vec<Overlap> {
    let mut events: BTreeMap<&str, BTreeMap<Option<&str>, Indices>> = BTreeMap::new();
    let mut messages: BTreeMap<&str, Indices> = BTreeMap::new();
    for (index, process) in processes.iter().enumerate() {
        for trigger in &process.triggers {
            match &trigger.source {
                SourceDescription::Event { event_type, event_source } => {
                    let sources = events.entry(event_type).or_default();
                    sources.entry(event_source.as_deref()).or_default().insert(index);
                }
                SourceDescription::Message { topic } => {
                    messages.entry(topic).or_default().insert(index);
                }
                _ => {}
            }
        }
    }
    let names = |indices: &Indices| indices.iter().map(|index| processes[*index].name.clone()).collect();
    let event = |(event_type, source, indices): (&str, Option<&str>, Indices)| Overlap {
        kind: TriggerKind::Event,
        patterns: vec![event_type.to_owned()],
        event_source: source.map(str::to_owned),
        processes: names(&indices),
    };
    let message = |(patterns, indices): (Vec<&str>, Indices)| Overlap {
        kind: TriggerKind::Message,
        patterns: patterns.into_iter().map(str::to_owned).collect(),
        event_source: None,
        processes: names(&indices),
    };
    let of_events = events.iter().flat_map(|(event_type, sources)| {
        of_sources(sources).into_iter().map(|(source, indices)| (*event_type, source, indices))
    });
    of_events.map(event).chain(of_patterns(&messages).into_iter().map(message)).collect()
}

/// Returns the overlaps of one event type, by source. Processes that take every source overlap with those of each single
/// source. Processes of two different sources do not overlap.
fn of_sources<'a>(sources: &BTreeMap<Option<&'a str>, Indices>) -> Vec<(Option<&'a str>, Indices)> {
    let of_every = sources.get(&None).cloned().unwrap_or_default();
    let reached = sources.iter().map(|(source, indices)| (*source, indices | &of_every));
    // If a source adds no process to those of every source, its overlap is the same and would be reported twice.
    reached
        .filter(|(source, reached)| reached.len() > 1 && (source.is_none() || *reached != of_every))
        .collect()
}

/// Returns the overlaps of messages: the processes of each pattern, and of each wildcard pattern with another pattern.
fn of_patterns<'a>(patterns: &BTreeMap<&'a str, Indices>) -> Vec<(Vec<&'a str>, Indices)> {
    let same = patterns.iter().map(|(pattern, indices)| (vec![*pattern], indices.clone()));
    let parsed = patterns.iter().filter_map(|(text, indices)| {
        let pattern = TopicPattern::parse(text).ok()?;
        let is_literal = pattern.is_literal();
        Some((*text, pattern, is_literal, indices))
    });
    let parsed: Vec<_> = parsed.collect();
    let mut pairs = Vec::new();
    for (text, pattern, _, indices) in parsed.iter().filter(|(_, _, is_literal, _)| !is_literal) {
        for (other_text, other, is_literal, other_indices) in &parsed {
            // Two wildcard patterns meet twice in this loop, in either order. Only one of the two counts.
            if (*is_literal || text < other_text) && pattern.overlaps(other) {
                pairs.push((vec![*text, *other_text], *indices | *other_indices));
            }
        }
    }
    let mut all: Vec<_> = same.chain(pairs).filter(|(_, indices)| indices.len() > 1).collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}
