//! The seam to metrics, history and traces: what an [`Observer`] is called for, and what it gets.

use std::time::Duration;

use crate::event::{DeadLetterReason, Frame};

mod report;

pub(crate) use report::{ObservedProcess, Observers, PushReport};

/// A program's view of everything that happens to the events of a runtime, for metrics, a history or traces.
///
/// [`Builder::observer`](crate::Builder::observer) adds one. Every method does nothing by default, so an observer
/// implements only those that it needs.
///
/// ```
/// # use std::sync::Arc;
/// # use std::sync::atomic::{AtomicU64, Ordering};
/// # use trigger_core::{Ended, ObservedEnd, Observer, ProcessConfig, Runtime, Text, TriggerConfig};
/// /// Counts the dead letters of all processes.
/// #[derive(Clone, Default)]
/// struct Failures(Arc<AtomicU64>);
///
/// impl Observer for Failures {
///     fn settled(&self, end: &ObservedEnd<'_>) {
///         if let Ended::DeadLettered(reason) = end.how {
///             println!("{} after {} attempts: {reason}", end.event.frame.id(), end.attempts);
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// # async fn example() -> trigger_core::Result {
/// let failures = Failures::default();
/// let runtime = Runtime::builder()
///     .observer(failures.clone())
///     .process("archive", ProcessConfig::new().trigger(TriggerConfig::message("reports.*")), |_: Text| async {
///         Err::<(), _>("the disk is full")
///     })
///     .start()
///     .await?;
/// runtime.broker().publish("reports.daily", "all well").await?;
/// runtime.shutdown().await;
/// assert_eq!(failures.0.load(Ordering::Relaxed), 1);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
///
/// # When each method is called
///
/// An event that reaches several triggers is reported for each of them. For one event at one trigger the calls do not
/// overlap, and come in this order:
///
/// 1. [`published`](Self::published), once for all triggers, if the event came through the bus or the broker.
/// 2. Either [`queued`](Self::queued), once, or [`dropped`](Self::dropped), once, after which nothing follows. A
///    trigger that takes no more events reports neither, and counts neither.
/// 3. For each attempt [`started`](Self::started), and [`attempt_failed`](Self::attempt_failed) if it failed. A handler
///    that is cancelled, at the end of a drain, reports no end of its attempt.
/// 4. [`settled`](Self::settled), once: the event was handled, dead-lettered, evicted or released.
///
/// The calls agree with the status: for a trigger whose process has ended, `accepted` is the number of its `queued`,
/// and each has its `settled`. An event that a drain leaves is reported as dead-lettered with the reason
/// [`Drained`](DeadLetterReason::Drained); the status shows it as queued. A runtime that is dropped without a shutdown
/// loses its events, and reports no end for them.
///
/// A dead letter that is redriven is queued again, with the id of its event. A dead-letter trigger queues an event with
/// the id of the dead-lettered one, after the `settled` of that one.
///
/// The status shows `queued`, `dropped` and an eviction right before the call, and everything else right after it.
///
/// # Where it is called
///
/// On the task of the actor, without a lock of the queue: the publisher or the source calls `published`, `queued`,
/// `dropped`, and `settled` for an evicted event; the worker calls the others; a drain calls `settled` for what it
/// leaves. Different events are reported from several threads at once. Several observers are called in the order of
/// their addition.
///
/// # What it must not do
///
/// - Block or wait: it delays the publisher or the worker, and other publishers of the process.
/// - Publish, redrive, or offer an event. What it publishes reaches its triggers, but is not reported as published,
///   queued or dropped, otherwise an observer could call itself for ever.
///
/// A panic is caught, and changes nothing for the event. The first panic of each observer is logged.
pub trait Observer: Send + Sync + 'static {
    /// A valid event or message is offered to the triggers that match, if any. This comes before every other call for
    /// it. An observer sees the publications of the runtime's bus and broker, also through another runtime that has the
    /// same bus or broker, from the start until the runtime is dropped.
    fn published(&self, publication: &ObservedPublication<'_>) {
        let _ = publication;
    }

    /// An event is in the queue of a trigger. It counts as `accepted`.
    fn queued(&self, event: &ObservedEvent<'_>) {
        let _ = event;
    }

    /// An event was not queued. It counts as `dropped` or `filtered`, and not as `accepted`. If it is kept as a dead
    /// letter, that follows.
    fn dropped(&self, event: &ObservedEvent<'_>, reason: DropReason) {
        let _ = (event, reason);
    }

    /// A worker begins an attempt: it makes the arguments of the handler, and calls the handler.
    fn started(&self, attempt: &ObservedAttempt<'_>) {
        let _ = attempt;
    }

    /// An attempt failed: an error, a panic, a timeout, or a requested retry. It counts as `failed`. The event is tried
    /// again, or `settled` follows. A rejection, or an argument that cannot be made, is no failed attempt.
    fn attempt_failed(&self, failure: &ObservedFailure<'_>) {
        let _ = failure;
    }

    /// An event that was queued has ended.
    fn settled(&self, end: &ObservedEnd<'_>) {
        let _ = end;
    }
}

/// A publication on the bus or the broker.
///
/// ```
/// # use trigger_core::{ObservedPublication, Observer};
/// struct Log;
///
/// impl Observer for Log {
///     fn published(&self, publication: &ObservedPublication<'_>) {
///         println!("{} for {} triggers", publication.frame.name(), publication.triggers);
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ObservedPublication<'a> {
    /// The event or message.
    pub frame: &'a Frame,
    /// The number of triggers whose event type or pattern matches, before their filters. With 0 the publication counts
    /// as [`unmatched`](crate::EventBus::unmatched).
    pub triggers: usize,
}

/// An event at one trigger of a process.
///
/// ```
/// # use trigger_core::{ObservedEvent, Observer};
/// struct Log;
///
/// impl Observer for Log {
///     fn queued(&self, event: &ObservedEvent<'_>) {
///         println!("{} is queued for {} by {}", event.frame.id(), event.process, event.trigger_id);
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ObservedEvent<'a> {
    /// The event: its id, kind, name, time and bytes.
    pub frame: &'a Frame,
    /// The name of the process.
    pub process: &'a str,
    /// The id of the trigger whose queue the event belongs to, as in the status.
    pub trigger_id: &'a str,
}

/// An attempt at an event.
///
/// ```
/// # use trigger_core::{ObservedAttempt, Observer};
/// struct Log;
///
/// impl Observer for Log {
///     fn started(&self, attempt: &ObservedAttempt<'_>) {
///         println!("attempt {} at {}", attempt.number, attempt.event.frame.id());
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ObservedAttempt<'a> {
    /// The event.
    pub event: ObservedEvent<'a>,
    /// The number of the attempt, from 1, as in [`Attempt::number`](crate::Attempt::number).
    pub number: u32,
}

/// A failed attempt.
///
/// ```
/// # use trigger_core::{ObservedFailure, Observer};
/// struct Log;
///
/// impl Observer for Log {
///     fn attempt_failed(&self, failure: &ObservedFailure<'_>) {
///         println!("{} after {:?}, again in {:?}", failure.error, failure.duration, failure.retry_after);
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ObservedFailure<'a> {
    /// The attempt.
    pub attempt: ObservedAttempt<'a>,
    /// How long the attempt took, by tokio's clock.
    pub duration: Duration,
    /// Why the attempt failed: `Failed` for an error or a requested retry, `Panicked`, `TimedOut`, or `Rejected` for a permanent
    /// error. It is the reason of the dead letter, if no attempt follows. Then `RetriesExhausted` takes the place of
    /// `Failed`, unless this was the only attempt.
    pub reason: DeadLetterReason,
    /// The whole text of the error or panic.
    pub error: &'a str,
    /// The time until the next attempt, or `None` if no attempt follows.
    pub retry_after: Option<Duration>,
}

/// The end of an event at one trigger.
///
/// ```
/// # use trigger_core::{ObservedEnd, Observer};
/// struct Log;
///
/// impl Observer for Log {
///     fn settled(&self, end: &ObservedEnd<'_>) {
///         println!("{} ended: {:?} after {} attempts", end.event.frame.id(), end.how, end.attempts);
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ObservedEnd<'a> {
    /// The event.
    pub event: ObservedEvent<'a>,
    /// How it ended.
    pub how: Ended,
    /// The number of attempts since it was queued: 0 if the handler was never called. A cancelled one does not count.
    pub attempts: u32,
    /// How long the attempt took that settled the event, by tokio's clock. `None` if no attempt did: the event was
    /// evicted, or a drain left it.
    pub duration: Option<Duration>,
}

/// How an event ended that was queued.
///
/// ```
/// # use trigger_core::{Ended, ObservedEnd, Observer};
/// struct Log;
///
/// impl Observer for Log {
///     fn settled(&self, end: &ObservedEnd<'_>) {
///         match end.how {
///             Ended::Handled => println!("done"),
///             Ended::DeadLettered(reason) => println!("dead-lettered: {reason}"),
///             other => println!("{other:?}"),
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// The handler handled it.
    Handled,
    /// It is a dead letter.
    DeadLettered(DeadLetterReason),
    /// A newer event took its place, by [`Overflow::DropOldest`](crate::Overflow::DropOldest). It counts as `evicted`
    /// and `dropped`, and is kept as a dead letter unless it came through a dead-letter trigger.
    Evicted,
    /// The process ended, and gave it back to what keeps it: see [`Receipt`](crate::Receipt). It counts as `released`.
    Released,
}

/// Why an event was not queued.
///
/// ```
/// # use trigger_core::{DropReason, ObservedEvent, Observer};
/// struct Log;
///
/// impl Observer for Log {
///     fn dropped(&self, event: &ObservedEvent<'_>, reason: DropReason) {
///         if reason == DropReason::Full {
///             println!("no room for {}", event.frame.id());
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The queue was full, and the publisher does not wait any more. It counts as `dropped`.
    Full,
    /// The store did not keep it. It counts as `dropped`, and its publisher has the error.
    NotStored,
    /// Handlers publish in a loop, and the cascade of the event is too deep. It counts as `dropped`.
    Loop,
    /// The source of the event was not the wanted one, or the filter rejected the event or panicked. It counts as
    /// `filtered`.
    Filtered,
    /// The filter could not decode the body. It counts as `undecodable` and `filtered`.
    Undecodable,
}
