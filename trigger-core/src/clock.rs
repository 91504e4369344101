//! The clocks and the source of ids, in the one place where they are read.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

pub(crate) use tokio::time::{Instant, timeout_at};
use uuid::{NoContext, Uuid};

use crate::event::{EventId, Timestamp};

/// The present time, as events and dead letters are stamped with it.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// What counts the time between two looks at the system's clock: a counter of the processor where it has a steady one, and
/// the system's monotonic clock elsewhere.
static COUNTER: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);

/// Measures how fast the counter counts, once in a program. That takes a millisecond, or up to 200 ms on a machine that
/// has much else to do, and is done before there is an event that would have to wait for it.
pub(crate) fn prepare() {
    LazyLock::force(&COUNTER);
}

/// The last id, and the millisecond that it is of.
static LAST: Mutex<Last> =
    Mutex::new(Last { id: 0, look: Look { moment: Timestamp::UNIX_EPOCH, at: 0, left: 0 } });

struct Last {
    id: u128,
    look: Look,
}

/// What the system's clock showed when it was last looked at.
struct Look {
    moment: Timestamp,
    /// When that was, by the counter.
    at: u64,
    /// How many nanoseconds of the millisecond were left.
    left: u64,
}

/// A new id, and the present moment that it is made of. Ids of one program sort in the order they were made, also where the
/// clock is set back.
///
/// The first id of a millisecond is random. Each that follows it in the same one is the next number, which needs no more
/// randomness and has room for 2^61 of them (RFC 9562 section 6.2, method 2, with the guard bit of method 1).
///
/// The system's clock is asked for the first of them. What has gone by since then is counted, which takes a tenth of the
/// time: a processor has to finish all that it has begun before it answers a system's clock, and does not for its counter.
/// As no look is older than a millisecond, a counter that goes wrong, or a clock that is set, is off for no longer.
#[inline]
pub(crate) fn stamp() -> (EventId, Timestamp) {
    let counter = &*COUNTER;
    let at = counter.raw();
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let gone = counter.delta_as_nanos(last.look.at, at);
    let moment = if last.look.at <= at && gone < last.look.left {
        last.id += 1;
        last.look.moment.later(gone)
    } else {
        last.look(at)
    };
    (EventId(Uuid::from_u128(last.id)), moment)
}

impl Last {
    #[cold]
    fn look(&mut self, at: u64) -> Timestamp {
        // A clock that shows no such year stands still.
        let moment = Timestamp::of(now()).unwrap_or(Timestamp::UNIX_EPOCH);
        let since_1970 = moment.since_1970();
        let (seconds, nanoseconds) = (since_1970.as_secs(), since_1970.subsec_nanos());
        self.look = Look { moment, at, left: u64::from(1_000_000 - nanoseconds % 1_000_000) };
        let random = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanoseconds));
        let first = random.as_u128() & !GUARD;
        // Where the clock was set back, the last one is of a later millisecond.
        self.id = if first >> 80 > self.id >> 80 { first } else { self.id + 1 };
        moment
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
    fn time_is_what_the_system_shows() {
        const ASIDE: Duration = Duration::from_micros(100);
        let began = now();
        // Through several milliseconds, of which each has one look.
        while began.elapsed().is_ok_and(|gone| gone < Duration::from_millis(20)) {
            let (before, (_, moment), after) = (now(), stamp(), now());
            let time = moment.time();
            assert!(
                before - ASIDE < time && time < after + ASIDE,
                "{time:?} between {before:?} and {after:?}"
            );
        }
    }

    #[test]
    fn ids_are_of_version_7_and_their_time_and_sort_in_the_order_they_were_made() {
        let mut before = EventId(Uuid::nil());
        for _ in 0..10_000 {
            let (id, moment) = stamp();
            assert!(id > before, "{id} after {before}");
            assert_eq!((id.0.get_version_num(), id.0.get_variant()), (7, uuid::Variant::RFC4122));
            let (seconds, _) = id.0.get_timestamp().expect("a time").to_unix();
            let of_now = moment.since_1970().as_secs();
            assert!(seconds.abs_diff(of_now) <= 1, "{seconds} of {of_now}");
            before = id;
        }
    }
}
