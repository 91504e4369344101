//! Closures over what an event brings, as `key` and `filter` take them: checked by the compiler, and shown as written.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::event::TriggerEvent;

/// A function of an event. For an event whose body is not what it reads, there is nothing.
pub(crate) struct Closure<R> {
    call: Arc<Call<R>>,
    text: Text,
}

type Call<R> = dyn Fn(&TriggerEvent) -> Option<R> + Send + Sync;

/// How a closure is shown.
#[derive(Clone, Copy)]
enum Text {
    /// As its declaration has it.
    Written(&'static str),
    /// By the type that it reads.
    Reads(fn() -> &'static str),
}

impl<R> Closure<R> {
    /// A function of the body, decoded from JSON, or of the event where `T` is one.
    pub(crate) fn of<T: DeserializeOwned + 'static>(
        call: impl Fn(&T) -> R + Send + Sync + 'static,
    ) -> Closure<R> {
        Closure { call: Arc::new(move |event| read(event, &call)), text: Text::Reads(type_name::<T>) }
    }

    /// The function of a declaration, and the text of its closure.
    pub(crate) fn written(call: fn(&TriggerEvent) -> Option<R>, text: &'static str) -> Closure<R>
    where
        R: 'static,
    {
        Closure { call: Arc::new(call), text: Text::Written(text) }
    }

    /// As its declaration has it.
    pub(crate) fn text(&self) -> Option<&'static str> {
        match self.text {
            Text::Written(text) => Some(text),
            Text::Reads(_) => None,
        }
    }

    /// Runs code of the user's, which may panic.
    pub(crate) fn call(&self, event: &TriggerEvent) -> Option<R> {
        (self.call)(event)
    }
}

/// Runs `make` on the event itself or on its body, as `T` says; nothing for a body that is no `T`.
pub(crate) fn read<T: DeserializeOwned + 'static, R>(
    event: &TriggerEvent,
    make: impl FnOnce(&T) -> R,
) -> Option<R> {
    if let Some(event) = (event as &dyn Any).downcast_ref::<T>() {
        return Some(make(event));
    }
    serde_json::from_slice(event.raw()).ok().map(|body: T| make(&body))
}

impl<R> Clone for Closure<R> {
    fn clone(&self) -> Closure<R> {
        Closure { call: Arc::clone(&self.call), text: self.text }
    }
}

/// Those of one declaration are equal if their texts are, others if one is a clone of the other.
impl<R> PartialEq for Closure<R> {
    fn eq(&self, other: &Closure<R>) -> bool {
        match (self.text, other.text) {
            (Text::Written(one), Text::Written(other)) => one == other,
            _ => Arc::ptr_eq(&self.call, &other.call),
        }
    }
}

impl<R> fmt::Display for Closure<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text {
            Text::Written(text) => f.write_str(text),
            Text::Reads(name) => write!(f, "|_: &{}| ..", name()),
        }
    }
}
