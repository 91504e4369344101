//! The kinds of sources by their names: those of this crate, and those that are linked.

use std::str::FromStr;

use linkme::distributed_slice;

use super::frame::{CUSTOM, DEAD_LETTER_KIND, SourceKind};
use super::kind::TriggerKind;
use super::published::{EVENT, MESSAGE};
use super::request::WEBHOOK;
use crate::error::ConfigError;
use crate::names;

/// The kinds of every crate that is linked into the program. Its name is unique because sections of object files are shared
/// by all that is linked.
#[distributed_slice]
pub static TRIGGER_CORE_KINDS_V1: [&'static SourceKind];

const KINDS: &[&SourceKind] = &[&EVENT, &MESSAGE, &WEBHOOK, &CUSTOM, &DEAD_LETTER_KIND];

/// Every kind that the program knows: those of this crate first.
pub(crate) fn all_kinds() -> impl Iterator<Item = &'static SourceKind> {
    KINDS.iter().chain(TRIGGER_CORE_KINDS_V1.iter()).copied()
}

/// The source of this kind.
pub(crate) fn source_kind(kind: TriggerKind) -> Option<&'static SourceKind> {
    all_kinds().find(|source| source.kind == kind)
}

/// An event that comes through a trigger of this kind, with its article. Const evaluation knows the kinds of this crate.
pub(crate) const fn shown(kind: TriggerKind) -> &'static str {
    let mut at = 0;
    while at < KINDS.len() {
        if KINDS[at].kind.is(kind) {
            return KINDS[at].shown;
        }
        at += 1;
    }
    "an event of another kind"
}

/// A kind that is linked, by its name.
impl FromStr for TriggerKind {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<TriggerKind, ConfigError> {
        let found = all_kinds().map(SourceKind::kind).find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            let known: Vec<_> = all_kinds().map(|source| source.kind.as_str()).collect();
            names::unknown("kind", text, &known)
        })
    }
}
