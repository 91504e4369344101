//! Sources: where the events of a trigger come from. Each kind of source is one module, in this crate or in another one.
//!
//! A [`TriggerSource`] offers events to the [`Sink`] of its [`SourceContext`]; the runtime owns the queue behind the sink and
//! everything after it. The folder knows queues, events and the dead letters, and no process; the runtime calls it.

use std::borrow::Cow;
use std::future::Future;
use std::net::SocketAddr;

use crate::event::SourceKind;
use crate::status::TriggerStatus;
use crate::trigger::TriggerError;

mod any;
mod bound_trigger;
mod context;
mod dead_letter;
mod draft;
mod polled;
mod sink;
mod subscription;

pub(crate) use bound_trigger::BoundTrigger;
pub(crate) use context::SharedByRuntime;
pub use context::SourceContext;
pub use draft::{Draft, Offered};
pub use sink::Sink;
pub(crate) use sink::{DeadLetterSink, Offer, SinkDeps, WaitingOffer, queue};

/// Where the events of a trigger come from: a timer, a folder, a queue of another system.
///
/// The source of a trigger that is declared in code is given by [`TriggerConfig::custom`](crate::TriggerConfig::custom), by `#[on_source(..)]` or by
/// [`Builder::source`](crate::Builder::source). Its events have ids, retries, dead letters and a status as all others.
///
/// The runtime calls the methods in this order:
///
/// | method | when | what for |
/// |---|---|---|
/// | [`bind`](Self::bind) | at the start | to take what only one can have, such as a port |
/// | [`open`](Self::open) | after every source of the runtime is bound | to connect |
/// | [`accept`](Self::accept) | after every source is open | to begin to offer events |
/// | [`refuse`](Self::refuse) | the drain begins | to stop taking events from outside |
/// | [`close`](Self::close) | the process has ended | to let go of what it holds |
///
/// If a `bind` or an `open` fails, nothing starts: `refuse` and `close` are called for every source. `refuse` and `close` may
/// be called again after a caller gave up, so they are harmless when repeated. A source that is dropped without them lets go
/// of what it holds at once; so does one whose runtime is dropped.
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
    /// The kind of the source.
    fn kind(&self) -> &'static SourceKind;

    /// What it listens to, for people and for the default id of its trigger, `KIND-PATTERN`. It is read once.
    fn pattern(&self) -> Cow<'_, str>;

    /// Takes what only one can have, such as a port. The problems of all sources are reported together.
    ///
    /// # Errors
    ///
    /// [`TriggerError`] if it is taken. The runtime then does not start.
    fn bind(&self, cx: &SourceContext) -> impl Future<Output = Result<(), TriggerError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Connects. The sink is still closed.
    ///
    /// # Errors
    ///
    /// [`TriggerError`] if it cannot. The runtime then does not start.
    fn open(&self, cx: &SourceContext) -> impl Future<Output = Result<(), TriggerError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Begins to offer events to the sink, which is open, in general from a task of [`SourceContext::spawn`]. It must not
    /// block.
    fn accept(&self, cx: &SourceContext);

    /// Stops taking events from outside of the program, and offers those that it has taken. After this, the tasks of the
    /// source are dropped. Events that handlers publish still arrive.
    fn refuse(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Lets go of everything, such as the port. The sink is closed.
    fn close(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// How many events it has taken from outside and not offered. What is there at the end of a drain counts as left.
    fn left(&self) -> usize {
        0
    }

    /// Adds what the source itself knows to the status of its trigger, which is that of the queue.
    fn status(&self, status: &mut TriggerStatus) {
        let _ = status;
    }

    /// The address that it listens on, if it does.
    fn local_addr(&self) -> Option<SocketAddr> {
        None
    }
}
