//! The builder of a runtime, with its setters.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "main")]
use super::cli::CliRequest;
#[cfg(feature = "main")]
use super::configured::Configuration;
use super::hooks::Hook;
use crate::clock::{Clock, SharedClock};
use crate::declare::policy;
use crate::declare::{ProcessConfig, TriggerConfig};
use crate::dedupe::Dedupe;
use crate::event::error::Result;
use crate::observe::observer::Observer;
use crate::process::handler::{Extensions, Handler};
use crate::registry::{Declaration, HandlerRecord, Location};
use crate::secrets::Secrets;
use crate::source::broker::MessageBroker;
use crate::source::bus::EventBus;
use crate::source::trigger::Trigger;
use crate::source::{SharedValues, TriggerSource};
use crate::store::Store;

/// Builds a [`Runtime`](super::Runtime).
///
/// ```
/// # use trigger_core::{ProcessConfig, Runtime, Text, TriggerConfig};
/// # async fn example() -> trigger_core::Result {
/// let config = ProcessConfig::new().trigger(TriggerConfig::event("mail"));
/// let runtime = Runtime::builder()
///     .drain_deadline(std::time::Duration::from_secs(10))
///     .process("mail", config, |text: Text| async move { println!("{text}") })
///     .start()
///     .await?;
/// # runtime.shutdown().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    pub(super) bus: EventBus,
    pub(super) broker: MessageBroker,
    /// `true` if the program has given the bus, so that it does not end with the runtime.
    pub(super) is_bus_given: bool,
    pub(super) is_broker_given: bool,
    pub(super) provided: Extensions,
    pub(super) linked: bool,
    pub(super) records: Vec<&'static HandlerRecord>,
    pub(super) declarations: Vec<Declaration>,
    /// Custom sources, with the name of their process.
    pub(super) custom: Vec<(String, Location, TriggerConfig)>,
    pub(super) drain_deadline: Duration,
    pub(super) clock: Option<SharedClock>,
    pub(super) observers: Vec<Box<dyn Observer>>,
    pub(super) store: Option<Arc<dyn Store>>,
    pub(super) dedupe: Option<Arc<dyn Dedupe>>,
    pub(super) secrets: Secrets,
    pub(super) values: SharedValues,
    pub(super) on_start: Vec<Hook>,
    pub(super) on_stop: Vec<Hook>,
    /// The request of the command line, which the builder answers instead of starting.
    #[cfg(feature = "main")]
    pub(super) cli: Option<CliRequest>,
    /// What an operator has set outside of the program.
    #[cfg(feature = "main")]
    pub(super) configuration: Option<Configuration>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("linked", &self.linked).finish_non_exhaustive()
    }
}

impl Builder {
    pub(super) fn new() -> Builder {
        Builder {
            bus: EventBus::new(),
            broker: MessageBroker::new(),
            is_bus_given: false,
            is_broker_given: false,
            provided: Extensions::default(),
            linked: false,
            records: Vec::new(),
            declarations: Vec::new(),
            custom: Vec::new(),
            drain_deadline: policy::DRAIN_DEADLINE,
            clock: None,
            observers: Vec::new(),
            store: None,
            dedupe: None,
            secrets: Secrets::default(),
            values: SharedValues::default(),
            on_start: Vec::new(),
            on_stop: Vec::new(),
            #[cfg(feature = "main")]
            cli: None,
            #[cfg(feature = "main")]
            configuration: None,
        }
    }

    /// Uses this bus instead of a new one. It stays open after the end of the runtime, which closes a bus of its own: see
    /// [`PublishError::Closed`](crate::PublishError::Closed).
    pub fn bus(mut self, bus: EventBus) -> Builder {
        self.bus = bus;
        self.is_bus_given = true;
        self
    }

    /// Uses this broker instead of a new one. It stays open after the end of the runtime.
    pub fn broker(mut self, broker: MessageBroker) -> Builder {
        self.broker = broker;
        self.is_broker_given = true;
        self
    }

    /// Gives handlers a value: each call of a handler that takes a `State<T>` gets a clone. A second value of the same
    /// type replaces the first.
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Builder {
        self.provided.insert(value);
        self
    }

    /// Adds every attribute handler that is linked into the program.
    pub fn linked(mut self) -> Builder {
        self.linked = true;
        self
    }

    /// Adds these attribute handlers: `.handlers(handlers![page_oncall, other_crate::ingest])`. The builder of
    /// `#[triggers::main]` has every linked handler already, so a program that wants only some starts from
    /// [`Runtime::builder`](super::Runtime::builder).
    pub fn handlers(mut self, handlers: impl IntoIterator<Item = &'static HandlerRecord>) -> Builder {
        self.records.extend(handlers);
        self
    }

    /// Adds a process whose handler is a closure or a fn. It may take the same arguments as a handler with attributes,
    /// except captures.
    #[track_caller]
    pub fn process<H, Args>(mut self, name: impl Into<String>, config: ProcessConfig, handler: H) -> Builder
    where
        H: Handler<Args>,
    {
        self.declarations.push(Declaration::of_closure(name.into(), Location::caller(), config, handler));
        self
    }

    /// Adds a custom source to the process of this name, which must exist: a trigger with the defaults of its kind. One
    /// with settings is a [`TriggerConfig::custom`] of its process.
    #[track_caller]
    pub fn source(mut self, process: impl Into<String>, source: impl TriggerSource) -> Builder {
        self.custom.push((process.into(), Location::caller(), TriggerConfig::custom(source)));
        self
    }

    /// Adds a custom [`Trigger`] to the process of this name, which must exist. The runtime starts and stops the trigger,
    /// and takes its events one at a time: the others wait in its own queue. Its status counts the events that this queue
    /// drops, and they are no dead letters.
    #[track_caller]
    pub fn trigger(mut self, process: impl Into<String>, trigger: impl Trigger) -> Builder {
        self.custom.push((process.into(), Location::caller(), TriggerConfig::polled(trigger)));
        self
    }

    /// Uses this clock for the ids and timestamps of events, and for dead letters. The default is the clock that another
    /// runtime gave the bus or the broker. Without one it is the system's, or a [`PausedClock`](crate::PausedClock) if
    /// tokio's clock is paused.
    pub fn clock(mut self, clock: impl Clock) -> Builder {
        self.clock = Some(SharedClock::new(clock));
        self
    }

    /// Adds an observer of everything that happens to events: see [`Observer`]. Several are called in the order of their
    /// addition.
    pub fn observer(mut self, observer: impl Observer) -> Builder {
        self.observers.push(Box::new(observer));
        self
    }

    /// Keeps accepted events in this store until they are settled, so that they survive a crash: see [`Store`]. Events of
    /// dead-letter triggers are not stored. The default is no store.
    ///
    /// A publication waits for the store, and fails with [`PublishError::NotStored`](crate::PublishError::NotStored). The
    /// start loads the stored events, and queues them ahead of new ones. A drain leaves in the store what is not handled.
    /// Dead letters are kept in memory, and a redriven one is queued without the store.
    pub fn store(mut self, store: impl Store) -> Builder {
        self.store = Some(Arc::new(store));
        self
    }

    /// Remembers the ids of accepted events in this dedupe, so that a repeated delivery makes one event: see [`Dedupe`]. The
    /// default is a [`MemoryDedupe`](crate::MemoryDedupe), which the first source that needs one makes.
    pub fn dedupe(mut self, dedupe: impl Dedupe) -> Builder {
        self.dedupe = Some(Arc::new(dedupe));
        self
    }

    /// Reads the secrets of sources by this function, from a name to a value, such as those of a test or of a vault. It may be
    /// called several times for a name, and a panic counts as a missing secret. By default a name is that of an environment
    /// variable, or the path of a file if it contains a `/`: see [`Secrets`].
    ///
    /// ```
    /// # use trigger_core::Runtime;
    /// let builder = Runtime::builder().secrets(|name| (name == "FEED_KEY").then(|| "of a test".to_owned()));
    /// # drop(builder);
    /// ```
    pub fn secrets(mut self, read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Builder {
        self.secrets = Secrets::new(read);
        self
    }

    /// Returns the value of this type that the sources of the runtime get from
    /// [`SourceContext::shared`](crate::SourceContext::shared). The first call makes it. An extension with sources of its own
    /// gives them here what a program sets for all of them, by a trait of the extension:
    ///
    /// ```
    /// # use std::sync::OnceLock;
    /// # use std::time::Duration;
    /// # use trigger_core::Builder;
    /// /// What all feeds of a runtime share. Their source reads it from its `SourceContext`.
    /// #[derive(Default)]
    /// struct Feeds { timeout: OnceLock<Duration> }
    ///
    /// pub trait FeedTimeout {
    ///     fn feed_timeout(self, timeout: Duration) -> Self;
    /// }
    ///
    /// impl FeedTimeout for Builder {
    ///     fn feed_timeout(self, timeout: Duration) -> Builder {
    ///         let _ = self.shared::<Feeds>().timeout.set(timeout);
    ///         self
    ///     }
    /// }
    /// ```
    pub fn shared<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.values.get()
    }

    /// Sets how long handlers may run after the drain has begun. The default is 30 s. At the deadline the runtime cancels
    /// the handlers that still run. It then closes each port within half a second.
    pub fn drain_deadline(mut self, deadline: Duration) -> Builder {
        self.drain_deadline = deadline;
        self
    }

    /// Adds a hook that runs before anything starts: every port is bound, and none listens yet. Several hooks run one
    /// after the other. If a hook returns an error or panics, the runtime does not start.
    ///
    /// ```
    /// # use trigger_core::Runtime;
    /// let builder = Runtime::builder()
    ///     .on_start(|| async { println!("warming up"); Ok(()) })
    ///     .on_stop(|| async { println!("closed"); Ok(()) });
    /// # drop(builder);
    /// ```
    #[track_caller]
    pub fn on_start<F, Fut>(mut self, hook: F) -> Builder
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result> + Send + 'static,
    {
        self.on_start.push(Hook::new(Location::caller(), hook));
        self
    }

    /// Adds a hook that runs at the end of a shutdown, after the last handler has ended and every port is closed. Several
    /// hooks run one after the other, in the reverse order of their addition. Together they have until the deadline of
    /// the drain, and at least 5 s. The runtime logs the error or panic of a hook.
    #[track_caller]
    pub fn on_stop<F, Fut>(mut self, hook: F) -> Builder
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result> + Send + 'static,
    {
        self.on_stop.push(Hook::new(Location::caller(), hook));
        self
    }
}
