//! Finds the publications that may reach several processes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Overlap, ProcessDescription, SourceDescription};
use crate::event::TriggerKind;
use crate::event::topic::TopicPattern;

/// Processes by their index.
type Indices = BTreeSet<usize>;

/// Returns the overlaps among these processes, by kind, each in alphabetical order.
pub(super) fn among(processes: &[ProcessDescription]) -> Vec<Overlap> {
    let mut kinds: BTreeMap<&str, (TriggerKind, Publications<'_>)> = BTreeMap::new();
    for (index, process) in processes.iter().enumerate() {
        for SourceDescription { kind, pattern, subscription, .. } in
            process.triggers.iter().map(|t| &t.source)
        {
            let Some(subscription) = subscription else { continue };
            let (_, publications) =
                kinds.entry(kind.as_str()).or_insert_with(|| (*kind, Publications::default()));
            publications.has_wildcards |= subscription.has_wildcards;
            let sources = publications.by_pattern.entry(pattern).or_default();
            sources.entry(subscription.source.as_deref()).or_default().insert(index);
        }
    }
    let names = |indices: &Indices| indices.iter().map(|index| processes[*index].name.clone()).collect();
    let overlaps = kinds.into_values().flat_map(|(kind, publications)| {
        let overlaps = publications.overlaps().into_iter();
        overlaps.map(move |(patterns, source, indices)| Overlap {
            kind,
            patterns: patterns.into_iter().map(str::to_owned).collect(),
            event_source: source.map(str::to_owned),
            processes: names(&indices),
        })
    });
    overlaps.collect()
}

/// The processes that get the publications of one kind, by pattern and source.
#[derive(Default)]
struct Publications<'a> {
    has_wildcards: bool,
    by_pattern: BTreeMap<&'a str, BTreeMap<Option<&'a str>, Indices>>,
}

/// The patterns and the source of an overlap, with its processes.
type Reached<'a> = (Vec<&'a str>, Option<&'a str>, Indices);

impl<'a> Publications<'a> {
    fn overlaps(&self) -> Vec<Reached<'a>> {
        if self.has_wildcards {
            let every = |sources: &BTreeMap<_, Indices>| sources.values().flatten().copied().collect();
            let patterns =
                self.by_pattern.iter().map(|(pattern, sources)| (*pattern, every(sources))).collect();
            return of_patterns(&patterns)
                .into_iter()
                .map(|(patterns, indices)| (patterns, None, indices))
                .collect();
        }
        let by_type = self.by_pattern.iter().flat_map(|(event_type, sources)| {
            of_sources(sources).into_iter().map(|(source, indices)| (vec![*event_type], source, indices))
        });
        by_type.collect()
    }
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
