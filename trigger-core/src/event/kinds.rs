//! The kinds of sources by their names.

use super::frame::{CUSTOM, DEAD_LETTER_KIND, SourceKind};
use super::kind::TriggerKind;
use super::published::{EVENT, MESSAGE};
use super::request::WEBHOOK;

const KINDS: &[&SourceKind] = &[&EVENT, &MESSAGE, &WEBHOOK, &CUSTOM, &DEAD_LETTER_KIND];

/// The source of this kind.
pub(crate) fn source_kind(kind: TriggerKind) -> Option<&'static SourceKind> {
    KINDS.iter().find(|source| source.kind == kind).copied()
}

/// An event that comes through a trigger of this kind, with its article.
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
