//! The clocks and the source of ids, in the one place where they are read.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use tokio::time::{Instant, timeout_at};
use uuid::{NoContext, Timestamp, Uuid};

use crate::event::EventId;

/// The present time, as events and dead letters are stamped with it.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// The last id, and the millisecond that it is of.
static LAST: Mutex<Last> = Mutex::new(Last { id: 0, begins: UNIX_EPOCH, ends: UNIX_EPOCH });

struct Last {
    id: u128,
    begins: SystemTime,
    ends: SystemTime,
}

/// A new id, and the present time that it is made of: the clock is looked at once. Ids of one program sort in the order
/// they were made, also where the clock is set back.
///
/// The first id of a millisecond is random. Each that follows it in the same one is the next number, which needs no more
/// randomness and has room for 2^61 of them (RFC 9562 section 6.2, method 2, with the guard bit of method 1).
#[inline]
pub(crate) fn stamp() -> (EventId, SystemTime) {
    let now = now();
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.begins <= now && now < last.ends {
        last.id += 1;
    } else {
        *last = last.of_another_millisecond(now);
    }
    (EventId(Uuid::from_u128(last.id)), now)
}

impl Last {
    #[cold]
    fn of_another_millisecond(&self, now: SystemTime) -> Last {
        // A clock before 1970 stands still as far as ids go.
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let begins = UNIX_EPOCH + Duration::from_millis(since.as_millis() as u64);
        let random = Uuid::new_v7(Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos()));
        let first = random.as_u128() & !GUARD;
        // Where the clock was set back, the last one is of a later millisecond.
        let id = if first >> 80 > self.id >> 80 { first } else { self.id + 1 };
        Last { id, begins, ends: begins + Duration::from_millis(1) }
    }
}

/// The highest of the random bits behind the variant: clear in the first id of a millisecond, so that no other bit but
/// those behind it ever changes as the ids are counted up.
const GUARD: u128 = 1 << 61;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_version_7_and_their_time_and_sort_in_the_order_they_were_made() {
        let mut before = EventId(Uuid::nil());
        for _ in 0..10_000 {
            let (id, now) = stamp();
            assert!(id > before, "{id} after {before}");
            assert_eq!((id.0.get_version_num(), id.0.get_variant()), (7, uuid::Variant::RFC4122));
            let (seconds, _) = id.0.get_timestamp().expect("a time").to_unix();
            let of_now = now.duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
            assert!(seconds.abs_diff(of_now) <= 1, "{seconds} of {of_now}");
            before = id;
        }
    }
}
