//! The bounds of a declaration: those of its counts, each of which is at least 1, and the default of a queue in bytes.

use crate::const_string::ConstString;

/// The largest value of a count, with a description of the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The largest value.
    pub max: u64,
    counts: &'static str,
}

/// The capacity of a queue: up to 10,000,000 events.
pub const QUEUE: Bound = Bound { max: 10_000_000, counts: "the number of events that may wait" };

/// The concurrency of a process, which is its number of workers: up to 1,000,000.
pub const CONCURRENCY: Bound = Bound { max: 1_000_000, counts: "the number of events handled at once" };

/// The default limit for the total size of the bodies in a queue, in bytes: 64 MiB.
pub const QUEUE_BYTES: u64 = 64 << 20;

impl Bound {
    /// Returns `true` if the count is between 1 and the largest value, inclusive.
    pub const fn holds(&self, count: u64) -> bool {
        count >= 1 && count <= self.max
    }

    /// Returns the rule as text, with the right form.
    pub const fn rule(&self) -> ConstString {
        let mut rule = ConstString::new();
        rule.push("use 1 to ").number(self.max).push(", ").push(self.counts);
        rule
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_is_between_1_and_the_bound() {
        for (bound, max) in [(QUEUE, 10_000_000), (CONCURRENCY, 1_000_000)] {
            for count in [1, 2, max - 1, max] {
                assert!(bound.holds(count), "{count}");
            }
            for count in [0, max + 1, u64::MAX] {
                assert!(!bound.holds(count), "{count}");
            }
            assert!(bound.rule().as_str().starts_with(&format!("use 1 to {max}, the number")));
        }
    }
}
