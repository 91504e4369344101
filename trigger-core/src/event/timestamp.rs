//! The time of an event.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time of the wall clock in one word: nanoseconds since 1970, in a year from 1678 to 2261.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp(i64);

impl Timestamp {
    pub(crate) const UNIX_EPOCH: Timestamp = Timestamp(0);

    pub(crate) fn from_nanoseconds(since_1970: i64) -> Timestamp {
        Timestamp(since_1970)
    }

    /// Returns `None` for a time outside of these years.
    #[inline]
    pub(crate) fn of(time: SystemTime) -> Option<Timestamp> {
        let nanoseconds = |time: Duration| {
            let seconds = i64::try_from(time.as_secs()).ok()?.checked_mul(1_000_000_000)?;
            seconds.checked_add(i64::from(time.subsec_nanos()))
        };
        let since_1970 = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => nanoseconds(after)?,
            Err(before) => -nanoseconds(before.duration())?,
        };
        Some(Timestamp(since_1970))
    }

    /// Zero for a time before 1970.
    pub(crate) fn since_1970(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or_default())
    }

    /// Milliseconds since 1970; 0 for a time before.
    #[inline]
    pub(crate) fn milliseconds(self) -> u64 {
        u64::try_from(self.0).unwrap_or_default() / 1_000_000
    }

    pub(crate) fn time(self) -> SystemTime {
        let away = Duration::from_nanos(self.0.unsigned_abs());
        if self.0 < 0 { UNIX_EPOCH - away } else { UNIX_EPOCH + away }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_is_the_time_that_it_was_made_from() {
        let (microsecond, most) = (Duration::from_micros(1), Duration::from_micros(i64::MAX as u64 / 1000));
        for time in [
            UNIX_EPOCH,
            UNIX_EPOCH + microsecond,
            UNIX_EPOCH - microsecond,
            UNIX_EPOCH - most,
            UNIX_EPOCH + most,
        ] {
            assert_eq!(Timestamp::of(time).map(Timestamp::time), Some(time));
        }
        assert_eq!(Timestamp::of(UNIX_EPOCH + most + microsecond), None);
    }
}
