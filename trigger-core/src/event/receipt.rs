//! A receipt: how whoever keeps an event elsewhere learns the end of its delivery.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::{DeadLetter, Frame};

/// The other end of an event that something else keeps until it is settled: a store, or an engine such as a message queue
/// on another machine. A source queues such an event with its receipt by [`Sink::push_delayed`](crate::Sink::push_delayed).
///
/// The event stays held while it is queued, in flight, or waits for a retry. A worker that is cancelled in the middle of a
/// handler returns the event to its queue, still held. Each receipt ends in exactly one call of [`handled`](Self::handled),
/// [`dead`](Self::dead) or [`release`](Self::release), or in a drop. A drop is a release: nobody has settled the event.
///
/// The runtime calls the receipt before it counts the settlement. So once a drain finds no
/// pending event, every receipt was called. The calls are synchronous and run on a worker, which handles no other event meanwhile. An implementation
/// records the call and returns: it does not wait, it does no I/O, and it has no way to fail. A panic is logged.
///
/// ```
/// # use std::sync::{Arc, Mutex};
/// # use std::time::SystemTime;
/// # use trigger_core::{DeadLetter, Receipt, RetryState};
/// /// Collects the numbers of the entries to delete from a log.
/// struct Entry(u64, Arc<Mutex<Vec<u64>>>);
///
/// impl Receipt for Entry {
///     fn retry(&self, _: &RetryState, _: SystemTime) {}
///
///     fn handled(self: Box<Self>) {
///         self.1.lock().unwrap().push(self.0);
///     }
///
///     fn dead(self: Box<Self>, _: &DeadLetter) {
///         self.1.lock().unwrap().push(self.0);
///     }
///
///     fn release(self: Box<Self>) {}
/// }
/// ```
pub trait Receipt: Send + Sync {
    /// An attempt failed. The next one is due at this time, by the clock of the runtime. The event stays held, and waits in
    /// the memory of the process.
    fn retry(&self, state: &RetryState, due: SystemTime);

    /// The event was handled.
    fn handled(self: Box<Self>);

    /// The event is a dead letter, which the runtime keeps in memory already.
    fn dead(self: Box<Self>, dead_letter: &DeadLetter);

    /// The process gives the event back, and nothing settles it: the process ends. The event is to be delivered again, with
    /// the attempts of the last [`retry`](Self::retry).
    fn release(self: Box<Self>);
}

/// The attempts at an event so far; all of them failed.
///
/// ```
/// # use std::time::SystemTime;
/// # use trigger_core::{HeldEvent, RetryState};
/// /// Continues after the attempts that another system has counted.
/// fn with_attempts(event: HeldEvent, failed_attempts: u32) -> HeldEvent {
///     let (last_error, first_at) = ("the connection was lost".into(), SystemTime::now());
///     event.retry(RetryState { failed_attempts, last_error, first_at })
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryState {
    /// The number of failed attempts: at least 1.
    pub failed_attempts: u32,
    /// The error of the last attempt, at most 1 KiB.
    pub last_error: Arc<str>,
    /// When the first attempt began to wait, or ended without waiting.
    pub first_at: SystemTime,
}

/// An event with its receipt, for [`Sink::push_delayed`](crate::Sink::push_delayed).
///
/// ```
/// # use std::time::{Duration, SystemTime};
/// # use trigger_core::{Frame, HeldEvent, Receipt};
/// fn in_a_minute(frame: Frame, receipt: impl Receipt + 'static) -> HeldEvent {
///     HeldEvent::new(frame, receipt).due(SystemTime::now() + Duration::from_secs(60))
/// }
/// ```
pub struct HeldEvent {
    pub(crate) frame: Frame,
    pub(crate) receipt: Box<dyn Receipt>,
    pub(crate) retry: Option<RetryState>,
    pub(crate) due: Option<SystemTime>,
}

impl HeldEvent {
    /// Returns an event that is due now and had no attempt.
    pub fn new(frame: Frame, receipt: impl Receipt + 'static) -> HeldEvent {
        HeldEvent { frame, receipt: Box::new(receipt), retry: None, due: None }
    }

    /// Sets the attempts so far. They count for the `retry` of the process, and the next attempt has the number after.
    pub fn retry(mut self, state: RetryState) -> HeldEvent {
        self.retry = Some(state);
        self
    }

    /// Sets the time before which no worker takes the event, by the clock of the runtime. A time in the past is now.
    pub fn due(mut self, due: SystemTime) -> HeldEvent {
        self.due = Some(due);
        self
    }
}

impl fmt::Debug for HeldEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HeldEvent { frame, retry, due, .. } = self;
        let mut fields = f.debug_struct("HeldEvent");
        fields.field("frame", frame).field("retry", retry).field("due", due).finish_non_exhaustive()
    }
}
