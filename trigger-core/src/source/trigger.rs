//! The [`Trigger`] trait, and the triggers that a program may use without a runtime.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use smol_str::SmolStr;

use crate::clock::SharedClock;
use crate::event::error::{ConfigError, Error};
use crate::event::{CUSTOM_FORM, Frame, TriggerEvent, TriggerInfo};
use crate::observe::status::TriggerStatus;

mod event;
mod message;
mod standalone;

pub use event::EventTrigger;
pub use message::MessageTrigger;
pub use standalone::StandaloneTrigger;

/// A source of events with a bounded queue.
///
/// The three triggers of the framework are [`EventTrigger`], [`MessageTrigger`] and `WebhookTrigger`. A
/// [`StandaloneTrigger`] has events of any kind of source. A custom trigger implements this trait, and is added to the builder of the runtime by `trigger(..)`.
///
/// An implementation must fulfil this contract:
///
/// - Repeated calls of `start` and `stop` have no effect. A stopped trigger can be started again.
/// - Any number of tasks may wait for the next event at once. Each event goes to one of them, in order.
/// - After `stop` has returned, no new event is accepted. Accepted events are still delivered, in order. Then every
///   waiter and every later call gets [`TriggerError::Stopped`].
/// - `wait_for_next` is cancel safe: a dropped future has taken no event.
///
/// ```
/// # use trigger_core::{EventBus, EventTrigger, Trigger, TriggerError};
/// # async fn example() -> trigger_core::Result {
/// let bus = EventBus::new();
/// let trigger = EventTrigger::new(&bus, "pipeline.error").source_filter("data-pipeline");
/// trigger.start().await?;
/// bus.emit("pipeline.error", "disk full").source("data-pipeline").await?;
/// let event = trigger.wait_for_next().await?;
/// assert_eq!(event.payload()["data"], "disk full");
/// trigger.stop().await;
/// assert!(matches!(trigger.wait_for_next().await, Err(TriggerError::Stopped)));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
pub trait Trigger: Send + Sync + 'static {
    /// Returns the id of the trigger. It never changes.
    fn id(&self) -> &str;

    /// Begins to accept events.
    ///
    /// # Errors
    ///
    /// [`TriggerError`] if a setting is invalid or the source cannot be reached. The trigger is then stopped.
    fn start(&self) -> impl Future<Output = Result<(), TriggerError>> + Send;

    /// Stops accepting events.
    fn stop(&self) -> impl Future<Output = ()> + Send;

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// [`TriggerError::Stopped`] once the trigger is stopped and its queue is empty. A runtime logs any other error,
    /// and a panic, and polls again after 1 s.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    fn wait_for_next(&self) -> impl Future<Output = Result<TriggerEvent, TriggerError>> + Send;

    /// Returns the current state of the trigger.
    fn status(&self) -> TriggerStatus;
}

/// Why a trigger returned no event, or did not start. Its text includes the text of the cause.
///
/// ```
/// # use trigger_core::{EventBus, EventTrigger, Trigger, TriggerError};
/// # async fn example() -> trigger_core::Result {
/// let trigger = EventTrigger::new(&EventBus::new(), "pipeline error");
/// assert!(matches!(trigger.start().await, Err(TriggerError::Config(_))));
/// assert!(matches!(trigger.wait_for_next().await, Err(TriggerError::Stopped)));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TriggerError {
    /// The trigger is not running and its queue is empty.
    #[error("the trigger is stopped")]
    Stopped,
    /// A setting is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The source cannot listen on the port: see [`bind`](Self::bind).
    #[error("cannot listen on {host}:{port}: {error}")]
    #[non_exhaustive]
    Bind {
        /// The host of the settings.
        host: String,
        /// The port of the settings.
        port: u16,
        /// The error of the system.
        error: std::io::Error,
    },
    /// Another trigger has a resource that only one can have: see [`taken`](Self::taken).
    #[error("{resource} is taken by the trigger `{by}`")]
    #[non_exhaustive]
    Taken {
        /// The resource, such as "the path /events of 0.0.0.0:9090".
        resource: String,
        /// The id of the trigger that has the resource.
        by: String,
    },
    /// A custom trigger failed.
    #[error("{0}")]
    Failed(Error),
}

impl TriggerError {
    /// Returns the error of a source that cannot listen on a port.
    ///
    /// ```
    /// # use std::io;
    /// # use trigger_core::TriggerError;
    /// let error = TriggerError::bind("0.0.0.0", 80, io::ErrorKind::PermissionDenied.into());
    /// assert_eq!(error.to_string(), "cannot listen on 0.0.0.0:80: permission denied");
    /// ```
    pub fn bind(host: impl Into<String>, port: u16, error: std::io::Error) -> TriggerError {
        TriggerError::Bind { host: host.into(), port, error }
    }

    /// Returns the error of a source whose resource another trigger of the program has. `resource` is its text with an
    /// article, and `by` the id of that trigger.
    ///
    /// ```
    /// # use trigger_core::TriggerError;
    /// let error = TriggerError::taken("the folder /var/inbox", "inbox-2");
    /// assert_eq!(error.to_string(), "the folder /var/inbox is taken by the trigger `inbox-2`");
    /// ```
    pub fn taken(resource: impl Into<String>, by: impl Into<String>) -> TriggerError {
        TriggerError::Taken { resource: resource.into(), by: by.into() }
    }

    /// Returns the error of a custom trigger.
    pub fn failed(error: impl Into<Error>) -> TriggerError {
        TriggerError::Failed(error.into())
    }
}

impl TriggerEvent {
    /// Returns an event of a custom trigger, with a new id and the current time.
    ///
    /// `payload` is the encoded body, JSON or not.
    pub fn new(trigger_id: &str, payload: impl Into<Bytes>, metadata: Map<String, Value>) -> TriggerEvent {
        let stamp = SharedClock::SYSTEM.stamp();
        let mut frame = Frame::new(stamp, &CUSTOM_FORM, SmolStr::default(), payload.into());
        for (key, value) in metadata {
            frame.attributes.get_or_insert_default().set(key.into(), value.into());
        }
        TriggerEvent::through(Arc::new(TriggerInfo::custom(trigger_id)), Arc::new(frame))
    }
}
