//! The clocks and the source of ids, in the one place where they are read.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use tokio::time::{Instant, timeout_at};
use uuid::{ContextV7, Timestamp, Uuid};

use crate::event::EventId;

/// The present time, as events and dead letters are stamped with it.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Keeps the ids of one millisecond in their order.
static IDS: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// A new id, and the present time that it is made of: the clock is looked at once. Ids of one program sort in the order
/// they were made.
pub(crate) fn stamp() -> (EventId, SystemTime) {
    let now = now();
    // A clock before 1970 stands still as far as ids go.
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let timestamp = Timestamp::from_unix(&IDS, since.as_secs(), since.subsec_nanos());
    (EventId(Uuid::new_v7(timestamp)), now)
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
