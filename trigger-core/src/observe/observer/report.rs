//! The calls of the observers. A panic of an observer ends its call and nothing else.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    DropReason, Ended, ObservedAttempt, ObservedEnd, ObservedEvent, ObservedFailure, ObservedPublication,
    Observer,
};
use crate::event::{Frame, TriggerInfo};
use crate::panic::{drop_quietly, guard};

thread_local! {
    /// `true` while this thread calls observers.
    static REPORTING: Cell<bool> = const { Cell::new(false) };
}

/// The observers of a runtime, at least one. A clone is a handle to the same observers.
#[derive(Clone)]
pub(crate) struct Observers(Arc<[Registered]>);

struct Registered {
    observer: Box<dyn Observer>,
    /// `true` once a panic of the observer was logged.
    panicked: AtomicBool,
}

impl Observers {
    /// Returns the observers, or `None` if the list is empty.
    pub(crate) fn new(observers: Vec<Box<dyn Observer>>) -> Option<Observers> {
        let registered = |observer| Registered { observer, panicked: AtomicBool::new(false) };
        (!observers.is_empty()).then(|| Observers(observers.into_iter().map(registered).collect()))
    }

    pub(crate) fn is_same(&self, other: &Observers) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Reports a publication, which matches this number of triggers.
    pub(crate) fn published(&self, frame: &Frame, triggers: usize) {
        self.each(|observer| observer.published(&ObservedPublication { frame, triggers }));
    }

    /// Calls each observer, unless this call comes from an observer.
    fn each(&self, call: impl Fn(&dyn Observer)) {
        if REPORTING.replace(true) {
            return;
        }
        for Registered { observer, panicked } in &*self.0 {
            if let Err(panic) = guard(|| call(&**observer))
                && !panicked.swap(true, Ordering::Relaxed)
            {
                tracing::error!(%panic, "an observer panicked; its later panics are not logged");
            }
        }
        REPORTING.set(false);
    }
}

/// The observers of one process, which report its events.
#[derive(Debug)]
pub(crate) struct ObservedProcess {
    name: String,
    observers: Observers,
    /// Held from a push until its report is over.
    pushing: Mutex<()>,
}

impl ObservedProcess {
    pub(crate) fn new(name: String, observers: Observers) -> ObservedProcess {
        ObservedProcess { name, observers, pushing: Mutex::default() }
    }

    pub(crate) fn event<'a>(&'a self, trigger: &'a TriggerInfo, frame: &'a Frame) -> ObservedEvent<'a> {
        ObservedEvent { frame, process: &self.name, trigger_id: &trigger.id }
    }

    /// Begins the report of a push.
    #[cold]
    pub(crate) fn begin_push<'a>(&'a self, trigger: &'a TriggerInfo, frame: &Arc<Frame>) -> PushReport<'a> {
        let order = || self.pushing.lock().unwrap_or_else(PoisonError::into_inner);
        // An observer of this thread may push the event. Then the thread may hold the lock already.
        let order = (!REPORTING.get()).then(order);
        PushReport { process: self, trigger, frame: Arc::clone(frame), order }
    }

    pub(crate) fn dropped(&self, trigger: &TriggerInfo, frame: &Frame, reason: DropReason) {
        self.observers.each(|observer| observer.dropped(&self.event(trigger, frame), reason));
    }

    /// Makes a report that follows the report of each finished push. A worker that has taken an event calls it, as does a
    /// drain that has found one. Otherwise they could report the event before the publisher has reported its push.
    ///
    /// Does nothing if an observer of this thread caused the call, because the thread may hold the lock already.
    pub(crate) fn in_order(&self, report: impl FnOnce()) {
        if !REPORTING.get() {
            let _order = self.pushing.lock().unwrap_or_else(PoisonError::into_inner);
            report();
        }
    }

    pub(crate) fn queued(&self, trigger: &TriggerInfo, frame: &Frame) {
        let event = self.event(trigger, frame);
        self.observers.each(|observer| observer.queued(&event));
    }

    pub(crate) fn started(&self, attempt: &ObservedAttempt<'_>) {
        self.observers.each(|observer| observer.started(attempt));
    }

    pub(crate) fn attempt_failed(&self, failure: &ObservedFailure<'_>) {
        self.observers.each(|observer| observer.attempt_failed(failure));
    }

    /// Reports that an event was evicted after this number of attempts.
    pub(crate) fn evicted(&self, trigger: &TriggerInfo, frame: &Frame, attempts: u32) {
        let event = self.event(trigger, frame);
        self.settled(&ObservedEnd { event, how: Ended::Evicted, attempts, duration: None });
    }

    pub(crate) fn settled(&self, end: &ObservedEnd<'_>) {
        self.observers.each(|observer| observer.settled(end));
    }
}

/// The report of a push. Until its end, no worker reports the start of an event.
pub(crate) struct PushReport<'a> {
    process: &'a ObservedProcess,
    trigger: &'a TriggerInfo,
    frame: Arc<Frame>,
    /// `None` if an observer pushes the event.
    order: Option<MutexGuard<'a, ()>>,
}

impl PushReport<'_> {
    /// Makes another report before this one, unless an observer pushes the event.
    pub(crate) fn in_turn(&self, report: impl FnOnce()) {
        if self.order.is_some() {
            report();
        }
    }

    /// Reports that the event is queued.
    pub(crate) fn queued(&self) {
        self.process.queued(self.trigger, &self.frame);
    }

    /// Reports that the push has evicted an event after this number of attempts.
    pub(crate) fn evicted(&self, frame: &Frame, attempts: u32) {
        self.process.evicted(self.trigger, frame, attempts);
    }

    /// Ends the report of an event that was queued.
    pub(crate) fn end(self) {
        drop(self.order);
        // A worker may have settled the event. Then this drops its bytes, which may be user code and may panic.
        drop_quietly(self.frame);
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observers").field("len", &self.0.len()).finish_non_exhaustive()
    }
}
