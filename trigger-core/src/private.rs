//! The items that generated code names. Not a public API: it changes without notice.

pub use linkme;
pub use trigger_grammar::setting::{Code, Value};

pub use crate::declare::policy::Overflow;
pub use crate::declare::{SourceKind, TRIGGER_CORE_KINDS_V1 as KINDS};
pub use crate::event::{EventForm, TRIGGER_CORE_FORMS_V1 as FORMS};
pub use crate::process::handler::{Argument, Context, HandlerResult, HandlerSlot, Rejection, new_slot, run};
pub use crate::registry::{
    Claims, HandlerRecord, ProcessRecord, Site, TRIGGER_CORE_HANDLERS_V1 as HANDLERS, TriggerRecord,
    argument, const_checks, count,
};
#[cfg(feature = "main")]
pub use crate::runtime::{MainOutput, main};

/// The kinds that have an attribute.
pub mod kinds {
    pub use crate::declare::WEBHOOK;
    pub use crate::source::{DEAD_LETTER, EVENT, MESSAGE};
}

/// What makes the values of the program that settings take, by the key of the setting.
pub mod code {
    use std::any::Any;

    use crate::event::TriggerEvent;

    /// Returns what reads the id of an event.
    pub fn dedupe(id: fn(&TriggerEvent) -> Option<String>) -> Box<dyn Any + Send + Sync> {
        Box::new(id)
    }
}

use std::fmt::Display;
use std::hash::Hash;
use std::str::FromStr;

use serde::Deserialize;

use crate::declare::TriggerConfig;
use crate::event::TriggerEvent;
use crate::process::handler::FromTrigger;
use crate::source::TriggerSource;

/// Makes an argument of a handler.
///
/// # Errors
///
/// The rejection, with the name of the argument.
pub fn arg<T: FromTrigger>(cx: &Context<'_>, argument: &'static str) -> Result<T, Rejection> {
    T::from_trigger(cx).map_err(|rejection| rejection.of(argument))
}

/// What `#[on_source(..)]` takes: a source, or a `Result` with one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of events",
    label = "not a source",
    note = "`#[on_source(..)]` takes a type that implements `TriggerSource`, or a `Result` of one whose error can be shown"
)]
pub trait IntoSource {
    /// Returns the trigger of the source. An error is a fault of the trigger, with the text of the expression.
    fn trigger(self, text: &str) -> TriggerConfig;
}

#[diagnostic::do_not_recommend]
impl<S: TriggerSource> IntoSource for S {
    fn trigger(self, _: &str) -> TriggerConfig {
        TriggerConfig::custom(self)
    }
}

#[diagnostic::do_not_recommend]
impl<S: TriggerSource, E: Display> IntoSource for Result<S, E> {
    fn trigger(self, text: &str) -> TriggerConfig {
        self.map_or_else(|error| TriggerConfig::without_source(text, error), TriggerConfig::custom)
    }
}

/// Returns the trigger of `#[on_source(..)]`, without its settings. `text` is the expression as it is written.
pub fn source(source: impl IntoSource, text: &str) -> TriggerConfig {
    source.trigger(text)
}

/// A type that is parsed from one token of a topic, or from one segment of a path.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a topic or a path",
    label = "not made from text",
    note = "the argument of a `{{capture}}` is a `String`, a number, or any other type with `FromStr` whose error can be \
            shown: implement both for `{Self}`"
)]
pub trait FromCapture: Sized {
    /// Parses the text.
    ///
    /// # Errors
    ///
    /// The reason why the text is invalid.
    fn read(text: &str) -> Result<Self, String>;
}

#[diagnostic::do_not_recommend]
impl<T: FromStr<Err: Display>> FromCapture for T {
    fn read(text: &str) -> Result<T, String> {
        text.parse().map_err(|error: T::Err| error.to_string())
    }
}

/// Parses what the pattern captured under the name of the argument.
///
/// # Errors
///
/// A rejection if the trigger has no such capture, or the text is not a valid `T`.
pub fn capture<T: FromCapture>(cx: &Context<'_>, name: &'static str) -> Result<T, Rejection> {
    let value = capture_opt(cx, name)?;
    value.ok_or_else(|| Rejection::absent("the trigger has no such capture").of(name))
}

/// Parses a captured text, as [`capture`] does, for an argument that is an `Option`. Returns `None` if the trigger has
/// no such capture.
///
/// # Errors
///
/// A rejection if the text is not a valid `T`.
pub fn capture_opt<T: FromCapture>(cx: &Context<'_>, name: &'static str) -> Result<Option<T>, Rejection> {
    let Some(text) = cx.capture(name) else { return Ok(None) };
    T::read(&text).map(Some).map_err(|error| {
        let place = if cx.event().frame().form.name_is_topic { "topic" } else { "path" };
        Rejection::invalid(format!("{text:?} in the {place}: {error}")).of(name)
    })
}

/// Returns the key of an event, from its body, or from the event itself if `T` is `TriggerEvent`. Returns `None` for a
/// body that is not a valid `T`.
pub fn key<T: for<'de> Deserialize<'de> + 'static>(
    event: &TriggerEvent,
    hash: impl FnOnce(&T) -> u64,
) -> Option<u64> {
    crate::declare::closure::read(event, hash)
}

/// Returns the id of an event, from its body, or from the event itself if `T` is `TriggerEvent`. Returns `None` for a body
/// that is not a valid `T`.
pub fn id<T: for<'de> Deserialize<'de> + 'static>(
    event: &TriggerEvent,
    id: impl FnOnce(&T) -> String,
) -> Option<String> {
    crate::declare::closure::read(event, id)
}

/// Returns `Some(true)` if a filter takes an event, by its body, or by the event itself if `T` is `TriggerEvent`.
/// Returns `None` for a body that is not a valid `T`.
pub fn filter<T: for<'de> Deserialize<'de> + 'static>(
    event: &TriggerEvent,
    takes: impl FnOnce(&T) -> bool,
) -> Option<bool> {
    crate::declare::closure::read(event, takes)
}

/// Returns the hash of a key.
pub fn hash<K: Hash + ?Sized>(key: &K) -> u64 {
    crate::declare::key::hash(key)
}
