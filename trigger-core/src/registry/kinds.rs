//! The kinds of sources: those of this crate, and those that are linked.

use crate::declare::{SourceKind, TRIGGER_CORE_KINDS_V1, WEBHOOK};
use crate::event::error::ConfigError;
use crate::event::names;
use crate::source::{CUSTOM, DEAD_LETTER, EVENT, MESSAGE};

/// The kinds of this crate.
const KINDS: &[&SourceKind] = &[&EVENT, &MESSAGE, &DEAD_LETTER, &CUSTOM];

/// Returns every kind that the program knows: those of this crate first.
pub(crate) fn all_kinds() -> impl Iterator<Item = &'static SourceKind> + Clone {
    KINDS.iter().chain(TRIGGER_CORE_KINDS_V1.iter()).copied()
}

/// Returns the kind of this name, if a configuration may have it.
pub(super) fn kind_named(name: &str) -> Result<&'static SourceKind, ConfigError> {
    let kinds = all_kinds().filter(|source| source.make.is_some());
    // Without the source of webhooks, their kind says what is missing.
    kinds.clone().chain([&WEBHOOK]).find(|source| source.kind().as_str() == name).ok_or_else(|| {
        let mut known: Vec<_> = kinds.map(|source| source.kind().as_str()).collect();
        // The linker decides the order.
        known.sort_unstable();
        names::unknown("type", name, &known)
    })
}
