//! Filters: a trigger takes only the events that its filter accepts.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::declare::closure::Closure;
use crate::event::TriggerEvent;

/// The filter of a trigger, for [`TriggerConfig::filter`](crate::TriggerConfig::filter). An attribute has the closure
/// alone: `filter = |error: &PipelineError| error.code >= 500`.
///
/// ```
/// # use trigger_core::{Filter, TriggerConfig};
/// # #[derive(serde::Deserialize)]
/// # struct PipelineError { code: u16 }
/// let config = TriggerConfig::event("pipeline.error")
///     .filter(Filter::of(|error: &PipelineError| error.code >= 500));
/// # drop(config);
/// ```
///
/// The publisher runs the filter on every event before it queues the event, so the filter should be cheap. An event that
/// it refuses counts as `filtered` in the status of the trigger. For the publisher the trigger does not count as matched.
/// A body that does not decode as the closure's type is refused. It counts as `filtered` and as `undecodable`, and is
/// logged: at most 10 times in a second, then once a second.
///
/// An event whose filter panics becomes a dead letter.
///
/// Two filters are equal if the texts of their closures are equal, or if one is a clone of the other.
#[derive(Clone, PartialEq)]
pub struct Filter(Closure<bool>);

impl Filter {
    /// Returns a filter that accepts the events for which the function returns `true`. The function gets the body,
    /// decoded from JSON. A function of a [`TriggerEvent`] gets the event itself.
    ///
    /// ```
    /// # use trigger_core::{Filter, TriggerEvent};
    /// let small = Filter::of(|event: &TriggerEvent| event.raw().len() < 1024);
    /// # drop(small);
    /// ```
    pub fn of<T>(takes: impl Fn(&T) -> bool + Send + Sync + 'static) -> Filter
    where
        T: DeserializeOwned + 'static,
    {
        Filter(Closure::of(takes))
    }

    /// Returns the filter of an attribute.
    pub(crate) fn written(takes: fn(&TriggerEvent) -> Option<bool>, text: &'static str) -> Filter {
        Filter(Closure::written(takes, text))
    }

    /// Returns the source text of the closure in the attribute; `None` for a filter of the builder.
    pub(crate) fn text(&self) -> Option<&'static str> {
        self.0.text()
    }

    /// Returns `true` if the filter accepts the event; `None` if the body does not decode. It runs user code, which may
    /// panic.
    pub(crate) fn takes(&self, event: &TriggerEvent) -> Option<bool> {
        self.0.call(event)
    }
}

/// Shows the source text of the closure in the attribute, otherwise the type of its argument.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({self})")
    }
}
