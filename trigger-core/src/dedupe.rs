//! The seam of ids that an event may have once: was this id seen within its window?

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::event::EventId;
use crate::store::StoreError;

mod memory;
mod scoped;

pub use memory::MemoryDedupe;
pub(crate) use scoped::LazyDedupe;
pub use scoped::ScopedDedupe;

/// Remembers the ids of accepted events, so that a sender that repeats a delivery makes one event of it. A runtime has one:
/// see [`Builder::dedupe`](crate::Builder::dedupe). The default is a [`MemoryDedupe`].
///
/// An id is claimed in two steps, so that an event that was not accepted leaves nothing behind. [`claim`](Self::claim)
/// returns an [`IdClaim`] for a new id. The source then offers the event. It commits the claim with the id of the accepted
/// event, or drops the claim, which releases the id.
///
/// Every method may be called from several threads at once. A commit and a release record the call and return, as the calls
/// of a [`Receipt`](crate::Receipt) do. An implementation that does I/O does it elsewhere.
///
/// An implementation that remembers nothing:
///
/// ```
/// # use std::future::{self, Future};
/// # use std::pin::Pin;
/// # use std::time::SystemTime;
/// # use trigger_core::{Claimed, Dedupe, DedupeCounts, DedupeId, IdClaim, StoreError};
/// struct Forgetful;
///
/// impl Dedupe for Forgetful {
///     fn claim<'a>(
///         &'a self,
///         _: DedupeId<'a>,
///         _: SystemTime,
///     ) -> Pin<Box<dyn Future<Output = Result<Claimed, StoreError>> + Send + 'a>> {
///         Box::pin(future::ready(Ok(Claimed::New(IdClaim::new(|_| {})))))
///     }
///
///     fn counts(&self) -> DedupeCounts {
///         DedupeCounts::default()
///     }
/// }
/// ```
pub trait Dedupe: Send + Sync + 'static {
    /// Claims an id at this time, which is that of the runtime's clock. The window of the id begins at the time of the claim
    /// that is committed.
    ///
    /// While another claim of the id is in progress, the call waits for its end. After a commit it returns
    /// [`Claimed::Duplicate`], even if the window of the other claim is over by then. After a release, one of the calls that wait gets the claim.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the implementation cannot know whether the id was seen.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe. A future that is dropped leaves no claim behind.
    fn claim<'a>(
        &'a self,
        id: DedupeId<'a>,
        now: SystemTime,
    ) -> Pin<Box<dyn Future<Output = Result<Claimed, StoreError>> + Send + 'a>>;

    /// Returns the counts at this moment.
    fn counts(&self) -> DedupeCounts;
}

/// An id, in the scope in which it is unique. An id has 1 to 1024 bytes.
///
/// ```
/// # use std::time::Duration;
/// # use trigger_core::{DedupeError, DedupeId};
/// let id = DedupeId::new("webhook-9090/orders", b"delivery-7")?.window(Duration::from_secs(3600));
/// assert_eq!((id.scope(), id.id()), ("webhook-9090/orders", &b"delivery-7"[..]));
/// assert_eq!(DedupeId::new("webhook-9090/orders", b"").unwrap_err(), DedupeError::Empty);
/// # Ok::<(), DedupeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DedupeId<'a> {
    scope: &'a str,
    id: &'a [u8],
    window: Duration,
}

impl<'a> DedupeId<'a> {
    /// The default window: 10 minutes.
    pub const WINDOW: Duration = Duration::from_secs(600);

    /// The largest id, in bytes. A longer id is refused rather than hashed: a hash that a sender can collide would lose
    /// events.
    pub const MOST_BYTES: usize = 1024;

    /// Returns an id with the default [window](Self::WINDOW).
    ///
    /// # Errors
    ///
    /// [`DedupeError`] if the id is empty or too long.
    pub fn new(scope: &'a str, id: &'a [u8]) -> Result<DedupeId<'a>, DedupeError> {
        match id.len() {
            0 => Err(DedupeError::Empty),
            length if length > Self::MOST_BYTES => Err(DedupeError::TooLong { length }),
            _ => Ok(DedupeId { scope, id, window: Self::WINDOW }),
        }
    }

    /// Sets how long an accepted id is remembered.
    #[must_use]
    pub fn window(self, window: Duration) -> DedupeId<'a> {
        DedupeId { window, ..self }
    }

    /// Returns the scope. Equal ids of two scopes are different.
    pub fn scope(&self) -> &'a str {
        self.scope
    }

    /// Returns the bytes of the id.
    pub fn id(&self) -> &'a [u8] {
        self.id
    }

    /// Returns the time until which an id that is claimed `now` is remembered. A window over 30 years counts as 30 years.
    pub fn until(&self, now: SystemTime) -> SystemTime {
        now.checked_add(self.window.min(LONGEST)).unwrap_or(now)
    }
}

/// Thirty years.
const LONGEST: Duration = Duration::from_secs(86_400 * 365 * 30);

/// The answer to a [claim](Dedupe::claim).
#[derive(Debug)]
pub enum Claimed {
    /// The id was not seen within its window. It is claimed until the [`IdClaim`] is committed or dropped.
    New(IdClaim),
    /// The id was seen, with the id of the event that was accepted first.
    Duplicate(EventId),
}

/// A claim of a new id. A drop releases the id.
///
/// ```
/// # use trigger_core::{Claimed, Draft, EventId, Offered, ScopedDedupe, Sink};
/// /// Offers an event once, and returns the id of the accepted event.
/// async fn offer(sink: &Sink, dedupe: &ScopedDedupe, delivery: &str, draft: Draft) -> trigger_core::Result<Option<EventId>> {
///     Ok(match dedupe.claim(delivery.as_bytes()).await? {
///         Claimed::Duplicate(first) => Some(first),
///         Claimed::New(claim) => match sink.send(draft).await {
///             Offered::Queued(id) => {
///                 claim.commit(id);
///                 Some(id)
///             }
///             // The drop of the claim releases the id, so that the sender may try again.
///             _ => None,
///         },
///     })
/// }
/// ```
#[must_use = "a claim that is dropped is released"]
pub struct IdClaim(Option<Box<dyn FnOnce(Option<EventId>) + Send>>);

impl IdClaim {
    /// Returns a claim that calls this closure at its end: with the id of the accepted event, or with `None` if the claim is
    /// released. An implementation makes it.
    pub fn new(end: impl FnOnce(Option<EventId>) + Send + 'static) -> IdClaim {
        IdClaim(Some(Box::new(end)))
    }

    /// Remembers the id, with the event that was accepted.
    pub fn commit(mut self, event: EventId) {
        self.end(Some(event));
    }

    fn end(&mut self, event: Option<EventId>) {
        if let Some(end) = self.0.take() {
            end(event);
        }
    }

    /// Drops the claim without an end.
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for IdClaim {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl fmt::Debug for IdClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdClaim")
    }
}

/// What a [`Dedupe`] has counted. The [status](crate::RuntimeStatus) of a runtime has it.
///
/// ```
/// # use trigger_core::{Dedupe, MemoryDedupe};
/// assert_eq!(MemoryDedupe::new().counts().entries, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DedupeCounts {
    /// The number of remembered ids. It may include some whose window is over.
    pub entries: u64,
    /// Their size in bytes, with what remembering them takes. 0 if the implementation does not know it.
    pub bytes: u64,
    /// The number of ids that are claimed now, and neither committed nor released.
    pub in_progress: u64,
    /// The number of duplicates so far.
    pub duplicates: u64,
    /// The number of ids that were forgotten within their window so far, because of a bound.
    pub evicted: u64,
}

/// Why an id could not be claimed.
///
/// ```
/// # use trigger_core::{DedupeError, DedupeId};
/// let error = DedupeId::new("webhook-9090/orders", &[b'7'; 2000]).unwrap_err();
/// assert_eq!(error.to_string(), "the id has 2000 bytes, and the maximum is 1024");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DedupeError {
    /// The id has no bytes.
    #[error("the id is empty")]
    Empty,
    /// The id has more than 1024 bytes.
    #[error("the id has {length} bytes, and the maximum is {max}", max = DedupeId::MOST_BYTES)]
    TooLong {
        /// The number of its bytes.
        length: usize,
    },
    /// The implementation cannot know whether the id was seen.
    #[error("{0}")]
    Store(#[from] StoreError),
}
