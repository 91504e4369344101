//! What an event is, as plain values without I/O, clocks or tasks.
//!
//! A [`Frame`] is a whole event, with the same form for every kind. A [`TriggerEvent`] is a frame with the trigger that
//! it came through. A [`DeadLetter`] is an event with the reason why it was dead-lettered. Topics, names and errors are
//! here, because every value may need them. The folder knows no other layer, and every layer may use it.

mod attributes;
mod codec;
mod dead_letter;
pub(crate) mod error;
mod frame;
mod id;
mod json;
mod kind;
mod kinds;
pub(crate) mod names;
mod printable;
mod published;
mod receipt;
pub(crate) mod topic;
mod trigger_event;

pub use attributes::Attribute;
pub(crate) use attributes::{Attributes, CONTENT_TYPE, ROUTE};
pub use codec::FrameError;
pub use dead_letter::{DeadLetter, DeadLetterReason};
pub(crate) use frame::{DEEPEST, ReadJson};
pub use frame::{EventForm, Frame, ReadMetadata};
pub use id::{EventId, ParseEventIdError};
pub(crate) use json::rfc3339;
pub use kind::TriggerKind;
pub use kinds::TRIGGER_CORE_FORMS_V1;
pub(crate) use kinds::{CUSTOM_FORM, DEAD_LETTER_FORM};
pub(crate) use printable::{printable, printable_before};
pub(crate) use published::{EVENT_FORM, MESSAGE_FORM, SENDER, SOURCE, event_form, message_form};
pub use receipt::{HeldEvent, Receipt, RetryState};
pub use trigger_event::TriggerEvent;
pub(crate) use trigger_event::TriggerInfo;
