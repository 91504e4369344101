//! Sources: where the events of a trigger come from. Each kind of source is one module, in this crate or in another one.
//!
//! A [`TriggerSource`] offers events to the [`Sink`] of its [`SourceContext`]. The runtime owns the queue behind the sink,
//! and everything after it. The bus and the broker are here with their routes, because their subscriptions are sources. The
//! folder knows events, queues, handlers and dead letters. The registry and the runtime use it.

use std::borrow::Cow;
use std::future::Future;
use std::net::SocketAddr;

use crate::declare::{Claim, SourceKind};
use crate::observe::status::TriggerStatus;
use crate::secrets::Secrets;
use crate::source::trigger::TriggerError;

mod any;
mod bound_trigger;
pub(crate) mod broker;
pub(crate) mod bus;
mod context;
mod dead_letter;
mod deps;
mod draft;
pub(crate) mod durable;
mod event;
mod message;
mod polled;
pub(crate) mod publish;
pub(crate) mod routes;
mod shared;
mod sink;
mod subscription;
pub(crate) mod trigger;

pub(crate) use any::problems;
pub(crate) use bound_trigger::BoundTrigger;
pub(crate) use context::SharedByRuntime;
pub use context::SourceContext;
pub use dead_letter::DEAD_LETTER;
pub(crate) use deps::{DeadLetterSink, SinkDeps, queue};
pub use draft::{Draft, Offered};
pub use event::EVENT;
pub use event::Source;
pub use message::MESSAGE;
pub use message::Sender;
pub(crate) use polled::CUSTOM;
pub(crate) use shared::{SharedValues, WeakValues};
pub use sink::Sink;
pub(crate) use sink::{Offer, Waited, WaitingOffer};

/// Where the events of a trigger come from: a timer, a folder, a queue of another system.
///
/// A process gets a custom source by `#[on_source(..)]`, [`TriggerConfig::custom`](crate::TriggerConfig::custom),
/// [`Builder::source`](crate::Builder::source), or a configuration with the `type` of its
/// [linked kind](crate::source_kind). Its events have ids, filters, overflow policies, retries, dead letters and counts, as
/// the events of built-in sources have.
///
/// The runtime calls the methods in this order:
///
/// | method | the runtime calls it | the source |
/// |---|---|---|
/// | [`check`](Self::check) | at the start, and for a check without a start | finds what is missing, such as a secret |
/// | [`bind`](Self::bind) | at the start | takes exclusive resources, such as a port |
/// | [`open`](Self::open) | after every source of the runtime is bound | connects |
/// | [`accept`](Self::accept) | after every source is open | begins to offer events |
/// | [`refuse`](Self::refuse) | when the drain begins | stops taking events from outside |
/// | [`close`](Self::close) | after the workers have ended | frees its resources |
///
/// If a `bind` or an `open` fails, the runtime does not start, and calls `refuse` and `close` of every source. It may call
/// both several times, because the caller of a shutdown may drop its future: repeated calls must be harmless. If the runtime
/// is dropped, it calls neither, and drops the source, whose `Drop` frees the resources.
///
/// ```
/// # use std::borrow::Cow;
/// # use std::time::Duration;
/// # use trigger_core::{Draft, Offered, SourceContext, SourceKind, TriggerSource};
/// static TICKER: SourceKind = SourceKind::new("ticker", "a tick");
///
/// struct Ticker(Duration);
///
/// impl TriggerSource for Ticker {
///     fn kind(&self) -> &'static SourceKind {
///         &TICKER
///     }
///
///     fn pattern(&self) -> Cow<'_, str> {
///         format!("every {:?}", self.0).into()
///     }
///
///     fn accept(&self, cx: &SourceContext) {
///         let (sink, mut ticks) = (cx.sink().clone(), tokio::time::interval(self.0));
///         cx.spawn(async move {
///             loop {
///                 ticks.tick().await;
///                 if sink.send(Draft::new("tick", "null")).await == Offered::Closed {
///                     break;
///                 }
///             }
///         });
///     }
/// }
/// ```
pub trait TriggerSource: Send + Sync + 'static {
    /// Returns the kind of the source.
    fn kind(&self) -> &'static SourceKind;

    /// Returns what the source listens to, such as a topic or a folder. A status has it.
    fn pattern(&self) -> Cow<'_, str>;

    /// Returns the default id of its trigger. By default it is `KIND-PATTERN` with hyphens, such as `dead-letter-orders`, or
    /// the kind alone if the pattern is empty.
    fn default_id(&self) -> String {
        let kind = self.kind().kind().as_str().replace('_', "-");
        match &*self.pattern() {
            "" => kind,
            pattern => format!("{kind}-{pattern}"),
        }
    }

    /// Returns what the source listens to in the words of a [description](crate::Description). By default it is the pattern.
    fn description(&self) -> Cow<'_, str> {
        self.pattern()
    }

    /// Returns the resources that no other trigger may have. A check compares them before the start. The runtime calls it
    /// once. By default the source claims nothing.
    fn claims(&self) -> Vec<Claim> {
        Vec::new()
    }

    /// Returns what keeps the source from starting, such as a missing secret. [`Builder::check`](crate::Builder::check), `--check`
    /// and the start report it with the handler. A text says the fault and the remedy, and has no secret. The call does no
    /// other I/O than reading secrets, and needs no async runtime.
    ///
    /// After a problem, a start still calls [`bind`](Self::bind) of every source, to report every taken port too.
    ///
    /// ```
    /// # use trigger_core::Secrets;
    /// fn check(secrets: &Secrets) -> Vec<String> {
    ///     match secrets.read("FEED_KEY") {
    ///         Some(_) => Vec::new(),
    ///         None => vec!["the environment variable `FEED_KEY` is not set; it has the key of the feed".to_owned()],
    ///     }
    /// }
    /// ```
    fn check(&self, secrets: &Secrets) -> Vec<String> {
        let _ = secrets;
        Vec::new()
    }

    /// Takes exclusive resources, such as a port. The runtime reports the errors of all sources together.
    ///
    /// # Errors
    ///
    /// [`TriggerError`] if a resource is taken. The runtime then does not start.
    fn bind(&self, cx: &SourceContext) -> impl Future<Output = Result<(), TriggerError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Connects the source. The sink is still closed.
    ///
    /// # Errors
    ///
    /// [`TriggerError`] if it cannot connect. The runtime then does not start.
    fn open(&self, cx: &SourceContext) -> impl Future<Output = Result<(), TriggerError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Begins to offer events to the sink, which is open now. A source that waits for events does so in a task of
    /// [`SourceContext::spawn`]. The call must not block.
    fn accept(&self, cx: &SourceContext);

    /// Stops taking events from outside of the program, and offers the events that it has taken. Then the runtime drops the
    /// tasks of the source. A source of events inside of the program does nothing, because handlers still publish.
    ///
    /// # Cancel safety
    ///
    /// The runtime drops the future at the deadline of the drain.
    fn refuse(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Frees the resources of the source. The sink is closed.
    fn close(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Returns the number of events that it has taken from outside and not offered. At the end of a drain they count as left.
    fn left(&self) -> usize {
        0
    }

    /// Adds what the source knows to the status of its trigger, such as what it has [refused](TriggerStatus::refused).
    /// `status` has the counts of the queue.
    fn status(&self, status: &mut TriggerStatus) {
        let _ = status;
    }

    /// Returns the address that the source listens on, if it does.
    fn local_addr(&self) -> Option<SocketAddr> {
        None
    }
}
