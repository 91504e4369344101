//! The policies of a declaration as plain values, with their defaults.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trigger_grammar::bounds;
use trigger_grammar::duration::{MILLISECONDS_MAX, parse_range, show_duration};

use crate::event::EventId;
use crate::event::error::{ConfigError, ConfigErrorKind};
use crate::event::names::named;

/// The default number of events that a process handles at once.
pub(crate) const CONCURRENCY: usize = 1;

/// The default number of retries after a failed attempt.
pub(crate) const RETRY: u32 = 0;

/// The default limit for the total size of the bodies in a queue, in bytes: 64 MiB.
pub(crate) const QUEUE_BYTES: usize = bounds::QUEUE_BYTES as usize;

/// The number of dead letters that a runtime keeps in memory. The oldest are evicted.
pub(crate) const DEAD_LETTERS: usize = 1000;

/// The limit for the dead letters of a runtime together, in bytes: 64 MiB.
pub(crate) const DEAD_LETTER_BYTES: usize = 64 * 1024 * 1024;

/// The default deadline of a drain.
pub(crate) const DRAIN_DEADLINE: Duration = Duration::from_secs(30);

/// The policy of a trigger for an event that arrives while its queue is full.
///
/// In every case the event is counted, and other triggers are not affected. The default of event and message triggers is
/// [`DropNewest`](Overflow::DropNewest). A webhook by default refuses the request with
/// `503 {"status":"error","message":"queue full"}`, so that the sender can send it again. A webhook may be set to
/// `DropOldest` or `Wait`.
///
/// ```
/// # use trigger_core::Overflow;
/// assert_eq!("drop_oldest".parse(), Ok(Overflow::DropOldest));
/// assert_eq!(Overflow::DropOldest.to_string(), "drop_oldest");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// Drops the new event: it is counted, dead-lettered and logged, at most 10 times in a second, then once a second.
    #[default]
    DropNewest,
    /// Drops the oldest event in the queue, as `DropNewest` does, and queues the new event.
    DropOldest,
    /// Makes the publisher wait for capacity without a time limit; a webhook request for up to 30 s. Waiting events are
    /// queued in the order of their arrival, and no later event overtakes them. With `queue_bytes` an event that does not
    /// fit blocks those behind it.
    ///
    /// A handler may publish to its own process, directly or in a circle. Then every worker that could free capacity may
    /// be waiting too. The runtime detects this deadlock, and one of the publishers gets [`PublishError::Deadlock`]. The
    /// detection does not cover tasks that a handler has spawned, or handlers of another runtime on the same bus. It also
    /// ignores a time limit that a handler sets for its own wait.
    ///
    /// [`PublishError::Deadlock`]: crate::PublishError::Deadlock
    Wait,
    /// Counts the event, and returns an error to the publisher.
    Reject,
}

named!(Overflow as "overflow" {
    DropNewest = "drop_newest",
    DropOldest = "drop_oldest",
    Wait = "wait",
    Reject = "reject",
});

/// The delay before a retry: it doubles after each attempt up to a cap, with full jitter.
///
/// As text it is a range, such as `200ms..30s`, which is the default.
///
/// ```
/// # use std::time::Duration;
/// # use trigger_core::Backoff;
/// let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// assert_eq!(backoff, "1s..1m".parse()?);
/// assert_eq!(backoff.to_string(), "1s..1m");
/// # Ok::<(), trigger_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
}

impl Backoff {
    /// Returns a backoff whose delay is at most `first` after the first attempt. The maximum doubles after each further
    /// attempt, and never exceeds `cap`. A cap below `first` counts as `first`.
    ///
    /// Both are whole milliseconds from 1 ms to 365 days. Other durations are rounded down to the nearest of these, and
    /// shorter ones count as 1 ms.
    pub const fn new(first: Duration, cap: Duration) -> Backoff {
        let first = milliseconds(first);
        let cap = milliseconds(cap);
        Backoff::of_milliseconds(first, if cap < first { first } else { cap })
    }

    /// Returns the backoff of a parsed range, in milliseconds.
    pub(crate) const fn of_milliseconds(first: u64, cap: u64) -> Backoff {
        Backoff { first: Duration::from_millis(first), cap: Duration::from_millis(cap) }
    }

    /// Returns the delay after the failed attempt with this number, counted from 1, in whole milliseconds.
    ///
    /// The delay is evenly distributed between 0 and the smaller of the cap and `first * 2^(attempt - 1)`. So events that
    /// fail together are not retried together ("full jitter": Marc Brooker, "Exponential Backoff And Jitter", AWS
    /// Architecture Blog, 2015). It depends only on the event's id and the attempt: the same event and attempt have the
    /// same delay.
    pub fn delay(&self, event: EventId, attempt: u32) -> Duration {
        let doubled = 2_u64.saturating_pow(attempt.saturating_sub(1));
        let longest = milliseconds(self.first).saturating_mul(doubled).min(milliseconds(self.cap));
        let (high, low) = event.0.as_u64_pair();
        let spread = mix(mix(mix(high) ^ low) ^ u64::from(attempt));
        // Scales the spread, a fraction of 2^64, to 0..=longest.
        let part = (u128::from(longest + 1) * u128::from(spread)) >> 64;
        Duration::from_millis(u64::try_from(part).unwrap_or(longest))
    }
}

/// Returns `200ms..30s`.
impl Default for Backoff {
    fn default() -> Backoff {
        Backoff::of_milliseconds(200, 30_000)
    }
}

const fn milliseconds(duration: Duration) -> u64 {
    match duration.as_millis() {
        0 => 1,
        milliseconds if milliseconds > MILLISECONDS_MAX as u128 => MILLISECONDS_MAX,
        milliseconds => milliseconds as u64,
    }
}

/// Returns one step of SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014). A change
/// of one input bit flips each output bit with probability 1/2.
fn mix(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Formats a duration for the grammar, truncated to whole milliseconds.
pub(crate) fn shown(duration: Duration) -> String {
    show_duration(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl fmt::Display for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", shown(self.first), shown(self.cap))
    }
}

impl FromStr for Backoff {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Backoff, ConfigError> {
        let read = parse_range(text).map(|(first, cap)| Backoff::of_milliseconds(first, cap));
        read.map_err(|fault| ConfigError::new(ConfigErrorKind::Invalid, "backoff", text, fault))
    }
}

impl Serialize for Backoff {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Backoff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Backoff, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

    /// Returns ids that are as similar as those of events that are published together.
    fn ids() -> impl Iterator<Item = EventId> {
        (0..2000).map(|number| EventId(Uuid::from_u128((0x0190_0000_0000_7000 << 64) | number)))
    }

    #[test]
    fn delays_are_evenly_distributed_and_their_maximum_doubles_up_to_the_cap() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(1000));
        for (attempt, longest) in
            [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (6, 1000), (u32::MAX, 1000)]
        {
            let longest = Duration::from_millis(longest);
            let mut sum = Duration::ZERO;
            let mut tenths = [0; 10];
            for id in ids() {
                let delay = backoff.delay(id, attempt);
                assert!(delay <= longest, "{delay:?} after attempt {attempt}");
                sum += delay;
                tenths[(delay.as_nanos() * 10 / longest.as_nanos()).min(9) as usize] += 1;
            }
            let mean = sum / 2000;
            assert!(
                mean > longest * 48 / 100 && mean < longest * 52 / 100,
                "{mean:?} after attempt {attempt}"
            );
            assert!(tenths.iter().all(|count| (140..=260).contains(count)), "{tenths:?}");
        }
    }

    #[test]
    fn delay_is_the_same_only_for_the_same_event_and_attempt() {
        let backoff = Backoff::new(YEAR, YEAR);
        let delays = |attempt| ids().map(|id| backoff.delay(id, attempt)).collect::<Vec<_>>();
        assert_eq!(delays(1), delays(1));
        let all = (1..=5).flat_map(delays).collect::<std::collections::HashSet<_>>();
        assert_eq!(all.len(), 5 * 2000);
    }

    #[test]
    fn delay_has_no_overflow_for_any_attempt_and_duration() {
        let longest = Backoff::new(Duration::MAX, Duration::MAX);
        assert_eq!(longest, Backoff::new(YEAR, YEAR));
        let shortest = Backoff::new(Duration::ZERO, Duration::ZERO);
        assert_eq!(shortest.to_string(), "1ms..1ms");
        for attempt in [0, 1, 2, 63, 64, 65, 1000, u32::MAX] {
            for id in ids().take(100) {
                assert!(longest.delay(id, attempt) <= YEAR);
                assert!(shortest.delay(id, attempt) <= Duration::from_millis(1));
            }
        }
    }

    #[test]
    fn delays_include_zero_and_the_maximum() {
        let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(1));
        let delays = ids().map(|id| backoff.delay(id, 1)).collect::<std::collections::HashSet<_>>();
        assert_eq!(delays, [0, 1].map(Duration::from_millis).into());
    }

    #[test]
    fn backoff_is_a_range_as_text() {
        assert_eq!(Backoff::default().to_string(), "200ms..30s");
        assert_eq!("200ms..30s".parse(), Ok(Backoff::default()));
        let json = serde_json::to_value(Backoff::new(HOUR, YEAR)).expect("a text");
        assert_eq!(json, "1h..8760h");
        assert_eq!(serde_json::from_value::<Backoff>(json).ok(), Some(Backoff::new(HOUR, YEAR)));
        assert_eq!(Backoff::new(HOUR, Duration::ZERO), Backoff::new(HOUR, HOUR));
        let error = "30s..200ms".parse::<Backoff>().expect_err("the wrong way round");
        assert_eq!((error.field(), error.value()), ("backoff", "30s..200ms"));
        assert!(error.reason().contains("shorter one first"), "{error}");
    }
}
