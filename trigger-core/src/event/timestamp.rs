//! When an event was published.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment that the system's clock shows, in one word: in nanoseconds since 1970, from 1677 to 2262.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp(i64);

impl Timestamp {
    pub(crate) const UNIX_EPOCH: Timestamp = Timestamp(0);

    pub(crate) fn from_nanoseconds(since_1970: i64) -> Timestamp {
        Timestamp(since_1970)
    }

    /// None if it is of no such year.
    pub(crate) fn of(time: SystemTime) -> Option<Timestamp> {
        let nanoseconds = |time: Duration| i64::try_from(time.as_nanos()).ok();
        let since_1970 = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => nanoseconds(after),
            Err(before) => nanoseconds(before.duration()).map(|before| -before),
        };
        since_1970.map(Timestamp)
    }

    /// So many nanoseconds later, in its time.
    #[inline]
    pub(crate) fn later(self, nanoseconds: u64) -> Timestamp {
        Timestamp(self.0.saturating_add_unsigned(nanoseconds))
    }

    /// Nothing if it is before.
    pub(crate) fn since_1970(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or_default())
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
    fn moment_is_the_time_that_it_is_of() {
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
