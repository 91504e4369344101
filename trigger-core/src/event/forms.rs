//! The forms of events by their kinds.

use super::frame::{CUSTOM, EventForm};
use super::kind::TriggerKind;
use super::published::{EVENT, MESSAGE};
use super::request::WEBHOOK;

const FORMS: &[&EventForm] = &[&EVENT, &MESSAGE, &WEBHOOK, &CUSTOM];

/// The form of the events of this kind. Dead letters have the form of their own event.
pub(crate) fn form_of(kind: TriggerKind) -> Option<&'static EventForm> {
    FORMS.iter().find(|form| form.kind == kind).copied()
}

/// An event that comes through a trigger of this kind, with its article.
pub(crate) const fn shown(kind: TriggerKind) -> &'static str {
    let mut at = 0;
    while at < FORMS.len() {
        if FORMS[at].kind.is(kind) {
            return FORMS[at].shown;
        }
        at += 1;
    }
    if kind.is(TriggerKind::DeadLetter) { "a dead letter" } else { "an event of another kind" }
}
