//! The kinds of events by their names: those of every crate that is linked.

use std::str::FromStr;

use linkme::distributed_slice;

use super::frame::EventForm;
use super::kind::TriggerKind;
use super::published::{EVENT_FORM, MESSAGE_FORM};
use crate::event::error::ConfigError;
use crate::event::names;

/// The forms of events of every crate that is linked into the program. Its name is unique, because all linked crates
/// share the sections of object files.
#[distributed_slice]
pub static TRIGGER_CORE_FORMS_V1: [&'static EventForm];

/// The form of a dead letter without the frame of its event, which has its own form.
pub(crate) const DEAD_LETTER_FORM: EventForm = EventForm::new(TriggerKind::DeadLetter);

/// The form of an event of a [`Trigger`](crate::Trigger) that the program brings itself.
pub(crate) const CUSTOM_FORM: EventForm = EventForm::new(TriggerKind::Custom);

/// The forms of the kinds of this crate.
const FORMS: &[&EventForm] = &[&EVENT_FORM, &MESSAGE_FORM, &DEAD_LETTER_FORM, &CUSTOM_FORM];

/// Returns every form that the program knows: those of this crate first.
fn all_forms() -> impl Iterator<Item = &'static EventForm> + Clone {
    FORMS.iter().chain(TRIGGER_CORE_FORMS_V1.iter()).copied()
}

/// Returns the form of the events of this kind.
pub(crate) fn form_of(kind: TriggerKind) -> Option<&'static EventForm> {
    all_forms().find(|form| form.kind == kind)
}

/// Returns the linked kind of this name.
impl FromStr for TriggerKind {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<TriggerKind, ConfigError> {
        let kinds = all_forms().map(|form| form.kind);
        kinds.clone().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let mut known: Vec<_> = kinds.map(TriggerKind::as_str).collect();
            // The linker decides the order.
            known.sort_unstable();
            names::unknown("kind", text, &known)
        })
    }
}
