//! The closures of `key` and `filter`, which take the event or its decoded body. They are shown by their source text.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::event::TriggerEvent;

/// A function of an event or of its body. It returns `None` if the body does not decode as its argument.
pub(crate) struct Closure<R> {
    call: Arc<Call<R>>,
    text: Text,
}

type Call<R> = dyn Fn(&TriggerEvent) -> Option<R> + Send + Sync;

/// The text that shows a closure.
#[derive(Clone, Copy)]
enum Text {
    /// The source text in the attribute.
    Written(&'static str),
    /// The name of the type of its argument.
    Reads(fn() -> &'static str),
}

impl<R> Closure<R> {
    /// Returns a function of the body, decoded from JSON, or of the event if `T` is [`TriggerEvent`].
    pub(crate) fn of<T: DeserializeOwned + 'static>(
        call: impl Fn(&T) -> R + Send + Sync + 'static,
    ) -> Closure<R> {
        Closure { call: Arc::new(move |event| read(event, &call)), text: Text::Reads(type_name::<T>) }
    }

    /// Returns the function of an attribute, with the source text of its closure.
    pub(crate) fn written(call: fn(&TriggerEvent) -> Option<R>, text: &'static str) -> Closure<R>
    where
        R: 'static,
    {
        Closure { call: Arc::new(call), text: Text::Written(text) }
    }

    /// Returns the source text in the attribute; `None` for a closure of the builder.
    pub(crate) fn text(&self) -> Option<&'static str> {
        match self.text {
            Text::Written(text) => Some(text),
            Text::Reads(_) => None,
        }
    }

    /// Calls the closure. It is user code, which may panic.
    pub(crate) fn call(&self, event: &TriggerEvent) -> Option<R> {
        (self.call)(event)
    }
}

/// Calls `make` with the event if `T` is [`TriggerEvent`], otherwise with its body decoded as `T`. Returns `None` if the
/// body does not decode.
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

/// Closures of attributes are equal if their source texts are equal. Other closures are equal if one is a clone of the
/// other.
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
