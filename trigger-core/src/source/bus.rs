//! The event bus. It carries events inside the program, by type and source.

use std::future::IntoFuture;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use crate::process::handler::{Context, FromTrigger, Rejection};
use crate::source::publish::{Channel, Publication, PublishError, Published, Publishing};
use crate::source::routes::Routes;

/// The event bus. It carries events from publishers to the triggers of their type. A clone is a handle to the same bus.
///
/// ```
/// # use trigger_core::{EventBus, Published};
/// # async fn example() -> trigger_core::Result {
/// let bus = EventBus::new();
/// let sent: Published = bus.emit("pipeline.error", &["disk full"]).source("data-pipeline").await?;
/// assert_eq!(sent.matched(), Some(0));   // nobody listens
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct EventBus {
    routes: Arc<Routes>,
}

impl EventBus {
    /// Returns a new bus. Two buses share no events.
    pub fn new() -> EventBus {
        EventBus::default()
    }

    /// Emits an event once the result is awaited. `data` is written as JSON. Bytes, such as `Bytes` or `Vec<u8>`, are
    /// refused; emit them with [`emit_raw`](Self::emit_raw). A string that holds JSON stays a
    /// string, with a warning in the log.
    ///
    /// An event type is a [`Topic`](crate::Topic).
    ///
    /// What a handler emits is one deeper in a cascade than the event that it handles, and an event over the depth of 32 is
    /// [dropped](crate::DeadLetterReason::Loop). What a task emits that the handler has spawned begins a new cascade.
    pub fn emit<'a>(&'a self, event_type: &'a str, data: impl Serialize) -> Emit<'a> {
        self.publication(event_type, Publication::encode(&self.routes, Channel::Bus, event_type, data))
    }

    /// Emits an event with encoded data, JSON or not, once the result is awaited.
    pub fn emit_raw<'a>(&'a self, event_type: &'a str, data: impl Into<Bytes>) -> Emit<'a> {
        self.publication(event_type, Ok(data.into()))
    }

    /// Returns the number of events so far whose type matched no subscription. An event counts as matched if only the
    /// source or a filter of a subscription refuses it.
    ///
    /// ```
    /// # use trigger_core::EventBus;
    /// # async fn example() -> trigger_core::Result {
    /// let bus = EventBus::new();
    /// bus.emit("pipeline.eror", "disk full").await?;
    /// assert_eq!(bus.unmatched(), 1);
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn unmatched(&self) -> u64 {
        self.routes.unmatched()
    }

    fn publication<'a>(&'a self, name: &'a str, body: Result<Bytes, serde_json::Error>) -> Emit<'a> {
        Emit(Publication { routes: &self.routes, by: Channel::Bus, name, body: Some(body), author: None })
    }

    pub(crate) fn routes(&self) -> &Arc<Routes> {
        &self.routes
    }
}

impl<'a> Context<'a> {
    /// Sets the bus, in a context for a test.
    ///
    /// ```
    /// # use trigger_core::{Context, EventBus, FromTrigger, TriggerEvent};
    /// let event = TriggerEvent::new("sensor", "21", Default::default());
    /// assert!(EventBus::from_trigger(&Context::new(&event).bus(EventBus::new())).is_ok());
    /// assert!(EventBus::from_trigger(&Context::new(&event)).is_err());
    /// ```
    pub fn bus(self, bus: EventBus) -> Context<'a> {
        self.provide(bus)
    }
}

impl FromTrigger for EventBus {
    fn from_trigger(cx: &Context<'_>) -> Result<EventBus, Rejection> {
        cx.env.provided.get().ok_or_else(|| Rejection::absent("no event bus"))
    }
}

/// An event that is emitted once it is awaited. The result is [`Published`].
///
/// # Errors
///
/// [`PublishError`] for an invalid type, for data that cannot be written as JSON, for a full queue of a trigger with
/// [`Overflow::Reject`](crate::Overflow::Reject), for a wait that would never end, and after the end of the runtime that made
/// the bus.
///
/// # Cancel safety
///
/// As [`Publishing`].
///
/// ```
/// # use trigger_core::EventBus;
/// # async fn example() -> trigger_core::Result {
/// let bus = EventBus::new();
/// let id = bus.emit("build.failed", "nightly").source("ci").await?.id();
/// println!("published {id}");
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is emitted until it is awaited"]
pub struct Emit<'a>(Publication<'a>);

impl Emit<'_> {
    /// Sets the source of the event.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.0.author = Some(source.into().into());
        self
    }
}

impl<'a> IntoFuture for Emit<'a> {
    type Output = Result<Published, PublishError>;
    type IntoFuture = Publishing<'a>;

    fn into_future(self) -> Publishing<'a> {
        Publishing::new(self.0)
    }
}
