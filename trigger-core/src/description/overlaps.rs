//! Which publications may reach several processes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Overlap, ProcessDescription, SourceDescription};
use crate::event::TriggerKind;
use crate::topic::TopicPattern;

/// Processes, by their place in the list.
type Places = BTreeSet<usize>;

/// The overlaps among these processes: of events, then of messages, each in the order of the alphabet.
pub(super) fn among(processes: &[ProcessDescription]) -> Vec<Overlap> {
    let mut events: BTreeMap<&str, BTreeMap<Option<&str>, Places>> = BTreeMap::new();
    let mut messages: BTreeMap<&str, Places> = BTreeMap::new();
    for (place, process) in processes.iter().enumerate() {
        for trigger in &process.triggers {
            match &trigger.source {
                SourceDescription::Event { event_type, event_source } => {
                    let sources = events.entry(event_type).or_default();
                    sources.entry(event_source.as_deref()).or_default().insert(place);
                }
                SourceDescription::Message { topic } => {
                    messages.entry(topic).or_default().insert(place);
                }
                _ => {}
            }
        }
    }
    let names = |places: &Places| places.iter().map(|place| processes[*place].name.clone()).collect();
    let event = |(event_type, source, places): (&str, Option<&str>, Places)| Overlap {
        kind: TriggerKind::Event,
        patterns: vec![event_type.to_owned()],
        event_source: source.map(str::to_owned),
        processes: names(&places),
    };
    let message = |(patterns, places): (Vec<&str>, Places)| Overlap {
        kind: TriggerKind::Message,
        patterns: patterns.into_iter().map(str::to_owned).collect(),
        event_source: None,
        processes: names(&places),
    };
    let of_events = events.iter().flat_map(|(event_type, sources)| {
        of_sources(sources).into_iter().map(|(source, places)| (*event_type, source, places))
    });
    of_events.map(event).chain(of_patterns(&messages).into_iter().map(message)).collect()
}

/// Those of one event type. What takes every source meets those that take one; two that take different ones never meet.
fn of_sources<'a>(sources: &BTreeMap<Option<&'a str>, Places>) -> Vec<(Option<&'a str>, Places)> {
    let of_every = sources.get(&None).cloned().unwrap_or_default();
    let met = sources.iter().map(|(source, places)| (*source, places | &of_every));
    // Who takes every source and this one besides was told with those that take every source.
    met.filter(|(source, met)| met.len() > 1 && (source.is_none() || *met != of_every)).collect()
}

/// Those of patterns: of each with itself, and of those with a wildcard with all others.
fn of_patterns<'a>(patterns: &BTreeMap<&'a str, Places>) -> Vec<(Vec<&'a str>, Places)> {
    let same = patterns.iter().map(|(pattern, places)| (vec![*pattern], places.clone()));
    let parsed = patterns.iter().filter_map(|(text, places)| {
        let pattern = TopicPattern::parse(text).ok()?;
        let is_literal = pattern.is_literal();
        Some((*text, pattern, is_literal, places))
    });
    let parsed: Vec<_> = parsed.collect();
    let mut pairs = Vec::new();
    for (text, pattern, _, places) in parsed.iter().filter(|(_, _, is_literal, _)| !is_literal) {
        for (other_text, other, is_literal, other_places) in &parsed {
            // Two with wildcards come here twice.
            if (*is_literal || text < other_text) && pattern.overlaps(other) {
                pairs.push((vec![*text, *other_text], *places | *other_places));
            }
        }
    }
    let mut all: Vec<_> = same.chain(pairs).filter(|(_, places)| places.len() > 1).collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}
