//! [`StandaloneTrigger`]: a trigger of any kind, without a runtime.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::{Trigger, TriggerError};
use crate::clock::SharedClock;
use crate::declare::TriggerConfig;
use crate::dedupe::LazyDedupe;
use crate::event::TriggerEvent;
use crate::observe::status::TriggerStatus;
use crate::process::dead_letter::DeadLetters;
use crate::process::deadlock::WaitGraph;
use crate::queue::{Inbox, Queue};
use crate::secrets::Secrets;
use crate::source::broker::MessageBroker;
use crate::source::bus::EventBus;
use crate::source::{BoundTrigger, SharedByRuntime, SharedValues, SinkDeps, queue};
use crate::task::Tasks;

/// A trigger of any kind that a program uses without a runtime: a source with a bounded queue. A clone is a handle to the
/// same trigger.
///
/// [`EventTrigger`](crate::EventTrigger), [`MessageTrigger`](crate::MessageTrigger) and
/// `WebhookTrigger` are such triggers, with the settings of their kinds. A crate with a kind of its
/// own can offer one in the same way. Its source is bound, opened and closed again at each `start` and `stop`.
///
/// ```
/// # use std::borrow::Cow;
/// # use trigger_core::{
/// #     Draft, SourceContext, SourceKind, StandaloneTrigger, Trigger, TriggerConfig, TriggerError, TriggerSource,
/// # };
/// static COUNTDOWN: SourceKind = SourceKind::new("countdown", "a number");
///
/// struct Countdown;
///
/// impl TriggerSource for Countdown {
/// #   fn kind(&self) -> &'static SourceKind { &COUNTDOWN }
/// #   fn pattern(&self) -> Cow<'_, str> { "3".into() }
///     fn accept(&self, cx: &SourceContext) {
///         let sink = cx.sink().clone();
///         cx.spawn(async move {
///             for number in ["3", "2", "1"] {
///                 sink.send(Draft::new("number", number)).await;
///             }
///         });
///     }
///     // ..
/// }
///
/// # async fn example() -> trigger_core::Result {
/// let trigger = StandaloneTrigger::new(TriggerConfig::custom(Countdown).queue(10));
/// trigger.start().await?;
/// assert_eq!(trigger.wait_for_next().await?.payload(), 3);
/// trigger.stop().await;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct StandaloneTrigger(Arc<Inner>);

struct Inner {
    config: TriggerConfig,
    bus: EventBus,
    broker: MessageBroker,
    trigger: BoundTrigger,
    values: SharedValues,
    /// The tasks of the source.
    tasks: Arc<Tasks>,
    /// `true` once it has started. Locked while the trigger starts or stops, so that the two never overlap.
    started: Mutex<bool>,
}

impl StandaloneTrigger {
    /// Returns a trigger with these settings, and with a bus and a broker of its own. It accepts events after `start`,
    /// which refuses an invalid setting.
    pub fn new(config: TriggerConfig) -> StandaloneTrigger {
        StandaloneTrigger::of(config, EventBus::new(), MessageBroker::new())
    }

    fn of(config: TriggerConfig, bus: EventBus, broker: MessageBroker) -> StandaloneTrigger {
        let wait_graph = Arc::<WaitGraph>::default();
        let settings = queue(&config, config.trigger_id().to_owned());
        let deps = SinkDeps {
            queue: Queue::of(Inbox::new(vec![settings], None, None, Arc::default(), None), 0),
            dead_letters: None,
            durable: None,
            wait_graph: Arc::clone(&wait_graph),
            clock: SharedClock::default_now(),
        };
        let shared = SharedByRuntime {
            bus: bus.clone(),
            broker: broker.clone(),
            dead_letters: DeadLetters::new(wait_graph),
            dedupe: LazyDedupe::default(),
            secrets: Secrets::default(),
            values: SharedValues::default(),
        };
        let values = shared.values.clone();
        let tasks = Arc::<Tasks>::default();
        let trigger = BoundTrigger::new(&config, deps, shared, Arc::clone(&tasks));
        StandaloneTrigger(Arc::new(Inner {
            config,
            bus,
            broker,
            trigger,
            values,
            tasks,
            started: Mutex::default(),
        }))
    }

    /// Sets the bus that the source uses. Each setter returns a new trigger, which is stopped and empty, so call the
    /// setters before `start`.
    pub fn bus(self, bus: &EventBus) -> StandaloneTrigger {
        StandaloneTrigger::of(self.0.config.clone(), bus.clone(), self.0.broker.clone())
    }

    /// Sets the broker that the source uses.
    pub fn broker(self, broker: &MessageBroker) -> StandaloneTrigger {
        StandaloneTrigger::of(self.0.config.clone(), self.0.bus.clone(), broker.clone())
    }

    /// Changes the settings. A crate that offers a trigger of its own kind makes its setters of this.
    ///
    /// ```
    /// # use trigger_core::{StandaloneTrigger, TriggerConfig};
    /// let trigger = StandaloneTrigger::new(TriggerConfig::event("pipeline.error"));
    /// let trigger = trigger.with(|config| config.queue(10));
    /// ```
    pub fn with(self, change: impl FnOnce(TriggerConfig) -> TriggerConfig) -> StandaloneTrigger {
        let Inner { config, bus, broker, .. } = &*self.0;
        StandaloneTrigger::of(change(config.clone()), bus.clone(), broker.clone())
    }

    /// Returns the address that the source listens on, or `None` if it does not listen.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.trigger.source.local_addr()
    }

    /// Returns the value of this type that the source gets from [`SourceContext::shared`](crate::SourceContext::shared). A new
    /// trigger, such as that of a setter, has values of its own.
    pub fn shared<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.0.values.get()
    }

    /// Takes and returns all queued events, in order.
    pub fn drain_pending(&self) -> Vec<TriggerEvent> {
        self.0.trigger.queue().drain()
    }

    /// Ends the source and its tasks, as the drain of a runtime does.
    async fn end(&self) {
        let Inner { trigger, tasks, .. } = &*self.0;
        trigger.refuse().await;
        tasks.stop_token().cancel();
        tasks.ended().await;
        trigger.sink().close();
        trigger.close().await;
    }
}

impl Trigger for StandaloneTrigger {
    fn id(&self) -> &str {
        self.0.trigger.id()
    }

    async fn start(&self) -> Result<(), TriggerError> {
        let mut started = self.0.started.lock().await;
        if *started {
            return Ok(());
        }
        let Inner { trigger, tasks, .. } = &*self.0;
        tasks.renew();
        let opened = async {
            self.0.config.validate()?;
            trigger.check()?;
            trigger.bind().await?;
            trigger.open().await
        };
        if let Err(error) = opened.await {
            self.end().await;
            return Err(error);
        }
        trigger.sink().open();
        trigger.accept();
        *started = true;
        Ok(())
    }

    async fn stop(&self) {
        let mut started = self.0.started.lock().await;
        *started = false;
        self.end().await;
    }

    async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
        self.0.trigger.sink().wait_for_next().await
    }

    fn status(&self) -> TriggerStatus {
        self.0.trigger.status().0
    }
}

impl fmt::Debug for StandaloneTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandaloneTrigger").field("id", &self.id()).finish_non_exhaustive()
    }
}
