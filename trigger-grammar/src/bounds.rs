//! Bounds of the counts in a declaration. Each is at least 1.

use crate::message::Message;

/// The largest value of a count, and what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The largest value.
    pub max: u64,
    counts: &'static str,
}

/// How many events a queue may hold: up to 10,000,000.
pub const QUEUE: Bound = Bound { max: 10_000_000, counts: "the number of events that may wait" };

/// How many events a process may handle at once, each by a worker of its own: up to 1,000,000.
pub const CONCURRENCY: Bound = Bound { max: 1_000_000, counts: "the number of events handled at once" };

impl Bound {
    /// Returns `true` if the count is from 1 to the largest value.
    pub const fn holds(&self, count: u64) -> bool {
        count >= 1 && count <= self.max
    }

    /// The rule, with the right form.
    pub const fn rule(&self) -> Message {
        let mut rule = Message::new();
        rule.push("use 1 to ").number(self.max).push(", ").push(self.counts);
        rule
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_is_from_1_to_the_bound() {
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
