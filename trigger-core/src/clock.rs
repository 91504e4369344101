//! The clocks and the source of ids, in the one place where they are read.

use std::time::{Duration, SystemTime};

pub(crate) use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::event::EventId;

/// The present time, as events and dead letters are stamped with it.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// A new id. Ids of one process sort in the order they were made.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn event_id() -> EventId {
    EventId(Uuid::now_v7())
}

/// Thirty years: as far ahead as tokio's own timers look.
const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// The present moment on the clock that waits go by; tests pause it.
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// The moment after this time. One that no clock can hold never comes.
pub(crate) fn after(time: Duration) -> Instant {
    let now = instant();
    now.checked_add(time.min(NEVER)).unwrap_or(now)
}
