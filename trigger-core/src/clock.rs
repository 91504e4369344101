//! The clocks and the source of event ids: the only file that reads the time.
//!
//! There are two clocks. The wall clock, a [`Clock`], gives timestamps and ids; each runtime has one. Retries, timeouts
//! and deadlines use tokio's clock, which tests pause. While it is paused, the default wall clock follows it.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use tokio::time::{Instant, sleep_until, timeout_at};
use uuid::{NoContext, Uuid};

use crate::event::EventId;
use crate::panic::panics;

/// The wall clock of a runtime: the time of its events' ids and timestamps, and of its dead letters.
///
/// A runtime has one clock, which its bus, broker and sources use after the start: see
/// [`Builder::clock`](crate::Builder::clock). Waits use tokio's clock instead. [`PausedClock`] joins the two for a
/// test. A program may implement the trait for its own clock:
///
/// ```
/// # use std::time::{Duration, SystemTime, UNIX_EPOCH};
/// # use trigger_core::{Clock, Runtime};
/// #[derive(Debug)]
/// struct StandsStill;
///
/// impl Clock for StandsStill {
///     fn now(&self) -> SystemTime {
///         UNIX_EPOCH + Duration::from_secs(1_800_000_000)
///     }
/// }
/// # let builder = Runtime::builder().clock(StandsStill);
/// # drop(builder);
/// ```
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the current time. It is called once for each event, so it should be fast, and must not block.
    fn now(&self) -> SystemTime;
}

/// The clock of the system. It is the default, unless tokio's clock is paused when the runtime starts.
///
/// ```
/// # use trigger_core::{Runtime, SystemClock};
/// // Timestamps of the system, also in a test that pauses tokio's clock.
/// let builder = Runtime::builder().clock(SystemClock);
/// # drop(builder);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A clock that begins at a given time and advances with tokio's clock. So a test that pauses tokio's clock also has
/// virtual timestamps and ids.
///
/// A runtime that starts while tokio's clock is paused has such a clock by default, which begins at the system's time.
///
/// ```
/// # use std::time::{Duration, UNIX_EPOCH};
/// # use trigger_core::{Clock, PausedClock};
/// # async fn example() {
/// let begin = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let clock = PausedClock::at(begin);
/// tokio::time::advance(Duration::from_secs(60)).await;
/// assert_eq!(clock.now(), begin + Duration::from_secs(60));
/// # }
/// # let mut tokio = tokio::runtime::Builder::new_current_thread();
/// # tokio.enable_time().start_paused(true).build().unwrap().block_on(example());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PausedClock {
    begins_at: SystemTime,
    began: Instant,
}

impl PausedClock {
    /// Returns a clock whose current time is `time`.
    pub fn at(time: SystemTime) -> PausedClock {
        PausedClock { begins_at: time, began: instant() }
    }
}

impl Clock for PausedClock {
    fn now(&self) -> SystemTime {
        self.begins_at.checked_add(self.began.elapsed()).unwrap_or(self.begins_at)
    }
}

/// A clock that several parts of a runtime share. The default is the system's.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedClock(Option<Arc<NumberedClock>>);

#[derive(Debug)]
struct NumberedClock {
    /// Identifies the clock. The system's clock has 0.
    number: u64,
    clock: Box<dyn Clock>,
}

impl SharedClock {
    /// The clock of the system.
    pub(crate) const SYSTEM: SharedClock = SharedClock(None);

    pub(crate) fn new(clock: impl Clock) -> SharedClock {
        static LAST_NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = LAST_NUMBER.fetch_add(1, Ordering::Relaxed) + 1;
        SharedClock(Some(Arc::new(NumberedClock { number, clock: Box::new(clock) })))
    }

    /// Returns the default clock of a runtime that starts now.
    pub(crate) fn default_now() -> SharedClock {
        if is_paused() { SharedClock::new(PausedClock::at(SystemClock.now())) } else { SharedClock::SYSTEM }
    }

    #[inline]
    pub(crate) fn now(&self) -> SystemTime {
        match &self.0 {
            None => SystemClock.now(),
            Some(numbered) => numbered.clock.now(),
        }
    }

    /// Returns the time after this duration. A duration over 30 years counts as 30 years.
    pub(crate) fn after(&self, duration: Duration) -> SystemTime {
        let now = self.now();
        now.checked_add(duration.min(NEVER)).unwrap_or(now)
    }

    /// Returns the instant of tokio's clock at this time. It is the current one for a time in the past.
    pub(crate) fn instant_at(&self, time: SystemTime) -> Instant {
        after(time.duration_since(self.now()).unwrap_or_default())
    }

    /// Returns how long ago this time was. Returns zero for a time in the future, because the clock may be set back.
    pub(crate) fn age(&self, time: SystemTime) -> Duration {
        self.now().duration_since(time).unwrap_or_default()
    }

    /// Returns a new id, and the current time, which is part of the id.
    ///
    /// The ids that one thread makes with one clock sort in the order of creation, also if the clock is set back. Ids
    /// of several threads sort by the millisecond. The first id of a millisecond is random. Each later one on the same
    /// thread is the next number, with space for 2^61 of them (RFC 9562 section 6.2, method 2, with the guard bit of
    /// method 1).
    #[inline]
    pub(crate) fn stamp(&self) -> (EventId, SystemTime) {
        let (clock, now) = (self.number(), self.now());
        let id = LAST.with(|last| {
            let id = if last.clock.get() == clock && now < last.until.get() {
                last.id.get() + 1
            } else {
                last.clock.set(clock);
                first_id(now, &last.until)
            };
            last.id.set(id);
            id
        });
        (EventId(Uuid::from_u128(id)), now)
    }

    fn number(&self) -> u64 {
        self.0.as_ref().map_or(0, |numbered| numbered.number)
    }

    pub(crate) fn is_same(&self, other: &SharedClock) -> bool {
        self.number() == other.number()
    }
}

/// The last id that a thread has made.
struct LastId {
    /// The number of the clock, so that two runtimes with different clocks do not share a time.
    clock: Cell<u64>,
    /// The end of the millisecond in the id.
    until: Cell<SystemTime>,
    id: Cell<u128>,
}

thread_local! {
    static LAST: LastId = const {
        LastId { clock: Cell::new(u64::MAX), until: Cell::new(UNIX_EPOCH), id: Cell::new(0) }
    };
}

/// The highest random bit behind the variant. It is clear in the first id of a millisecond, so that increments change
/// no bit before it.
const GUARD: u128 = 1 << 61;

/// Returns a random id of this millisecond, and stores the end of the millisecond in `until`.
#[cold]
fn first_id(now: SystemTime, until: &Cell<SystemTime>) -> u128 {
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = 1_000_000 - since_1970.subsec_nanos() % 1_000_000;
    until.set(now.checked_add(Duration::from_nanos(left.into())).unwrap_or(now));
    let time = uuid::Timestamp::from_unix(NoContext, since_1970.as_secs(), since_1970.subsec_nanos());
    Uuid::new_v7(time).as_u128() & !GUARD
}

/// Returns `true` if tokio's clock is paused, so that it stands still while the system's clock advances.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn is_paused() -> bool {
    let (tokio, system) = (instant(), std::time::Instant::now());
    while system.elapsed().is_zero() {
        std::hint::spin_loop();
    }
    instant() == tokio
}

/// Returns `true` if the current tokio runtime has timers. tokio has no method for it, but a timer without them panics. A
/// program in which a panic aborts cannot try.
pub(crate) fn has_timers() -> bool {
    cfg!(panic = "abort") || !panics(|| drop(tokio::time::sleep(Duration::ZERO)))
}

/// Thirty years, the longest time of tokio's own timers.
const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// Returns the current instant of tokio's clock.
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Returns the instant after this time. A time over 30 years counts as 30 years.
pub(crate) fn after(time: Duration) -> Instant {
    after_instant(instant(), time)
}

/// Returns the instant this time after another one, as [`after`] does.
pub(crate) fn after_instant(instant: Instant, time: Duration) -> Instant {
    instant.checked_add(time.min(NEVER)).unwrap_or(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that a test sets, in milliseconds.
    #[derive(Debug)]
    struct SetClock(AtomicU64);

    impl Clock for Arc<SetClock> {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + Duration::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    fn set_clock(milliseconds: u64) -> (Arc<SetClock>, SharedClock) {
        let clock = Arc::new(SetClock(AtomicU64::new(milliseconds)));
        (Arc::clone(&clock), SharedClock::new(clock))
    }

    fn milliseconds_of(EventId(id): EventId) -> u64 {
        (id.as_u128() >> 80) as u64
    }

    #[test]
    fn ids_have_version_7_and_the_time_of_the_clock_and_sort_in_the_order_of_creation() {
        let mut before = EventId(Uuid::nil());
        for _ in 0..10_000 {
            let (id, timestamp) = SharedClock::SYSTEM.stamp();
            assert!(id > before, "{id} after {before}");
            assert_eq!((id.0.get_version_num(), id.0.get_variant()), (7, uuid::Variant::RFC4122));
            let time = timestamp.duration_since(UNIX_EPOCH).expect("a time after 1970");
            assert_eq!(u128::from(milliseconds_of(id)), time.as_millis());
            before = id;
        }
    }

    #[test]
    fn ids_sort_in_the_order_of_creation_although_the_clock_is_set_back() {
        let (set, clock) = set_clock(5000);
        let (first, _) = clock.stamp();
        set.0.store(1000, Ordering::Relaxed);
        let (second, timestamp) = clock.stamp();
        assert!(second > first);
        assert_eq!(timestamp, UNIX_EPOCH + Duration::from_secs(1));
        set.0.store(6000, Ordering::Relaxed);
        assert_eq!(milliseconds_of(clock.stamp().0), 6000);
    }

    #[test]
    fn ids_of_two_clocks_on_one_thread_have_the_time_of_their_clock() {
        let ((_, early), (_, late)) = (set_clock(1000), set_clock(9000));
        for _ in 0..3 {
            assert_eq!(milliseconds_of(late.stamp().0), 9000);
            assert_eq!(milliseconds_of(early.stamp().0), 1000);
        }
    }

    #[test]
    fn ids_of_several_threads_sort_by_the_millisecond() {
        let (set, clock) = set_clock(1000);
        for millisecond in 1..20 {
            set.0.store(millisecond, Ordering::Relaxed);
            let other = clock.clone();
            let (id, _) = std::thread::spawn(move || other.stamp()).join().expect("a stamp");
            assert_eq!(milliseconds_of(id), millisecond);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn default_clock_is_virtual_while_tokio_is_paused() {
        let clock = SharedClock::default_now();
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(clock.now().duration_since(before).ok(), Some(Duration::from_secs(3600)));
    }

    #[tokio::test]
    async fn default_clock_is_the_systems_otherwise() {
        assert!(SharedClock::default_now().is_same(&SharedClock::SYSTEM));
    }
}
