//! Filters: which of the events that a trigger gets it takes.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::closure::Closure;
use crate::event::TriggerEvent;

/// Which of its events a trigger takes, for [`TriggerConfig::filter`](crate::TriggerConfig::filter). In an attribute it
/// is the closure alone: `filter = |error: &PipelineError| error.code >= 500`.
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
/// It is asked where the event is published, before the queue, so it should be cheap. What it keeps out counts as
/// `filtered` in the status of the trigger, and a publisher does not count the trigger as one that matched. A body that is
/// not what the filter reads does not pass: it counts as `filtered` and as `undecodable`, and is warned of on the 1st and
/// every 100th.
///
/// An event whose filter panics is kept as a dead letter.
///
/// Two filters are equal if the texts of their closures are, or if one is a clone of the other.
#[derive(Clone, PartialEq)]
pub struct Filter(Closure<bool>);

impl Filter {
    /// Takes the events for which the function says `true`. It gets the body, decoded from JSON; a function of a
    /// [`TriggerEvent`] gets the event as it is.
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

    /// The filter of a declaration.
    pub(crate) fn written(takes: fn(&TriggerEvent) -> Option<bool>, text: &'static str) -> Filter {
        Filter(Closure::written(takes, text))
    }

    /// The closure as it is written in the attribute.
    pub(crate) fn text(&self) -> Option<&'static str> {
        self.0.text()
    }

    /// Whether the event is taken; nothing for a body that the filter cannot read. It runs code of the user's, which may
    /// panic.
    pub(crate) fn takes(&self, event: &TriggerEvent) -> Option<bool> {
        self.0.call(event)
    }
}

/// The closure as it is written in the attribute, else the type that it reads.
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
