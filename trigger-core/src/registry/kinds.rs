//! The kinds of sources: those of this crate, and those that are linked.

use crate::config::{SourceKind, TRIGGER_CORE_KINDS_V1};
use crate::source::{CUSTOM, DEAD_LETTER, EVENT, MESSAGE};
use crate::webhook::WEBHOOK;

/// The kinds of this crate.
const KINDS: &[&SourceKind] = &[&EVENT, &MESSAGE, &WEBHOOK, &DEAD_LETTER, &CUSTOM];

/// Returns every kind that the program knows: those of this crate first.
pub(crate) fn all_kinds() -> impl Iterator<Item = &'static SourceKind> + Clone {
    KINDS.iter().chain(TRIGGER_CORE_KINDS_V1.iter()).copied()
}
