//! The wall clock and the source of ids, in the one place where they are read.

use std::time::SystemTime;

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
