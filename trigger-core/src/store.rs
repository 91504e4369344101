//! The seam of a store: what keeps the events of a program that has accepted them, until they are settled.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::event::{Frame, HeldEvent, Receipt};

/// A store: it keeps accepted events outside of the memory of the process, so that they survive a crash. A runtime uses it
/// by [`Builder::store`](crate::Builder::store).
///
/// With a store, a publication, a request and an event of a custom source wait until the event is safe, and no worker takes
/// it before. An event is then settled by its [`Receipt`], which the store makes. What was not settled is loaded at the next
/// start, with its attempts: so an event is handled at least once. What is redelivered twice has the same id.
///
/// Every method may be called from several threads at once. `append` and the calls of receipts come from the publishers and
/// the workers of a program: they record the call and return, and another thread of the store does the I/O.
///
/// A store that keeps nothing, so that a crash loses its events as without it:
///
/// ```
/// # use std::time::SystemTime;
/// # use trigger_core::{Commit, DeadLetter, Entry, Receipt, RetryState, Store, StoreError, StoredEvent};
/// struct Nothing;
///
/// impl Store for Nothing {
///     fn append(&self, entry: Entry, commit: Commit) {
///         commit.done(entry.targets().iter().map(|_| Box::new(Settled) as Box<dyn Receipt>).collect());
///     }
///
///     fn load(&self, _: Option<u64>, _: usize) -> Result<Vec<StoredEvent>, StoreError> {
///         Ok(Vec::new())
///     }
/// }
///
/// struct Settled;
///
/// impl Receipt for Settled {
///     fn retry(&self, _: &RetryState, _: SystemTime) {}
///     fn handled(self: Box<Self>) {}
///     fn dead(self: Box<Self>, _: &DeadLetter) {}
///     fn release(self: Box<Self>) {}
/// }
/// ```
pub trait Store: Send + Sync + 'static {
    /// Takes over an event and its targets: the triggers that are to handle it. The store keeps one delivery for each
    /// target, which is settled by its own receipt.
    ///
    /// Once the event is safe with all its deliveries, the store calls [`Commit::done`]. If it is not stored, the store calls
    /// [`Commit::failed`]. It calls them in the order of its log, which is the order in which a later
    /// [`load`](Self::load) returns the events.
    fn append(&self, entry: Entry, commit: Commit);

    /// Returns the stored deliveries after a position, in the order of the log: up to `most`, and fewer only at the end.
    /// `None` begins with the first one. Each has a new receipt, and its attempts and due time if it was retried. The
    /// positions ascend.
    ///
    /// The runtime calls it before any source accepts an event. It may block.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read. The start then fails, as it does after a panic.
    fn load(&self, after: Option<u64>, most: usize) -> Result<Vec<StoredEvent>, StoreError>;

    /// Waits until every recorded call is safe, and ends the store. The runtime calls it once, at the end of its shutdown.
    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}

/// An event to store, with its targets.
///
/// ```
/// # use trigger_core::Entry;
/// /// Returns what a store writes: the event, and how many deliveries it has.
/// fn record(entry: &Entry) -> (Vec<u8>, usize) {
///     (entry.frame().encode(), entry.targets().len())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Entry {
    frame: Arc<Frame>,
    targets: Vec<Target>,
}

impl Entry {
    pub(crate) fn new(frame: Arc<Frame>, targets: Vec<Target>) -> Entry {
        Entry { frame, targets }
    }

    /// The event. [`Frame::encode`] writes it.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The triggers that are to handle it, at least one, in the order of the receipts.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }
}

/// A trigger of a process, by their names. They identify the trigger after a restart.
///
/// ```
/// # use trigger_core::Target;
/// let target = Target { process: "charge".into(), trigger: "event-order.placed".into() };
/// assert_eq!(target.to_string(), "`event-order.placed` of `charge`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The name of the process.
    pub process: Arc<str>,
    /// The id of the trigger.
    pub trigger: Arc<str>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of `{}`", self.trigger, self.process)
    }
}

/// A stored delivery, from [`Store::load`].
///
/// ```
/// # use trigger_core::{Frame, HeldEvent, Receipt, StoredEvent, Target};
/// /// Returns the delivery that a store has read at a position of its log.
/// fn stored(position: u64, target: Target, frame: Frame, receipt: impl Receipt + 'static) -> StoredEvent {
///     StoredEvent { position, target, event: HeldEvent::new(frame, receipt) }
/// }
/// ```
#[derive(Debug)]
pub struct StoredEvent {
    /// Its position in the log.
    pub position: u64,
    /// The trigger that is to handle it.
    pub target: Target,
    /// The event with its receipt.
    pub event: HeldEvent,
}

/// The receipts of the deliveries of one entry, in the order of its targets; or why it is not stored.
pub(crate) type Committed = Result<Vec<Box<dyn Receipt>>, StoreError>;

/// The answer to [`Store::append`]. A drop is a failure.
///
/// ```
/// # use trigger_core::{Commit, Receipt, StoreError};
/// fn answer(written: std::io::Result<()>, receipts: Vec<Box<dyn Receipt>>, commit: Commit) {
///     match written {
///         Ok(()) => commit.done(receipts),
///         Err(error) => commit.failed(StoreError::new(error.to_string())),
///     }
/// }
/// ```
pub struct Commit(Option<Box<dyn FnOnce(Committed) + Send>>);

impl Commit {
    pub(crate) fn new(end: impl FnOnce(Committed) + Send + 'static) -> Commit {
        Commit(Some(Box::new(end)))
    }

    /// Queues the event, which is safe, and wakes its publisher. The receipts are in the order of the targets.
    pub fn done(mut self, receipts: Vec<Box<dyn Receipt>>) {
        self.end(Ok(receipts));
    }

    /// Returns the error to the publisher.
    pub fn failed(mut self, error: StoreError) {
        self.end(Err(error));
    }

    fn end(&mut self, committed: Committed) {
        if let Some(end) = self.0.take() {
            end(committed);
        }
    }
}

impl Drop for Commit {
    fn drop(&mut self) {
        self.end(Err(StoreError::unknown("the store ended before it has answered")));
    }
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Commit")
    }
}

/// Why a store did not do what it was asked for.
///
/// ```
/// # use trigger_core::StoreError;
/// assert!(!StoreError::new("the disk is full").is_unknown());
/// assert!(StoreError::unknown("the write failed halfway").is_unknown());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    message: Arc<str>,
    is_unknown: bool,
}

impl StoreError {
    /// Returns the error of an event that is not stored.
    pub fn new(message: impl Into<Arc<str>>) -> StoreError {
        StoreError { message: message.into(), is_unknown: false }
    }

    /// Returns the error of an event that may be stored or not, such as after a write that failed halfway. The publisher must
    /// not assume either.
    pub fn unknown(message: impl Into<Arc<str>>) -> StoreError {
        StoreError { message: message.into(), is_unknown: true }
    }

    /// Returns `true` if the event may be stored nevertheless.
    pub fn is_unknown(&self) -> bool {
        self.is_unknown
    }
}
