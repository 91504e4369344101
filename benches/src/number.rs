//! Numbers of many rounds, and how a person reads them.

use serde::{Deserialize, Serialize};

/// What many rounds come to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The one in the middle, or of two the greater.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub most: f64,
}

impl Spread {
    /// The spread of at least one value.
    pub fn of(values: &[f64]) -> Spread {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        Spread { median: values[values.len() / 2], least: values[0], most: values[values.len() - 1] }
    }
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Time.
    Nanoseconds,
    /// How often in a second.
    PerSecond,
    /// Memory.
    Bytes,
    /// How often in all.
    Count,
    /// How many times as much as something else.
    Times,
}

impl Unit {
    /// The number with its unit, to about three digits.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::Nanoseconds => scaled(value, &["ns", "µs", "ms", "s"]),
            Unit::PerSecond => scaled(value, &["/s", "k/s", "M/s"]),
            Unit::Bytes => scaled(value, &["B", "kB", "MB", "GB"]),
            Unit::Count => format!("{value:.0}"),
            Unit::Times => format!("{} x", digits(value)),
        }
    }

    /// A goal as it is said: what is round stays round.
    pub fn show_round(self, value: f64) -> String {
        let shown = self.show(value);
        match shown.split_once(' ') {
            Some((number, unit)) if number.contains('.') => {
                format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
            }
            _ => shown,
        }
    }
}

fn scaled(mut value: f64, units: &[&str]) -> String {
    let mut power = 0;
    while value >= 999.5 && power + 1 < units.len() {
        value /= 1000.0;
        power += 1;
    }
    format!("{} {}", digits(value), units[power])
}

fn digits(value: f64) -> String {
    let places = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_in_whichever_order_the_rounds_came() {
        let spread = Spread::of(&[7.0, 1.0, 100.0, 3.0, 5.0]);
        assert_eq!(spread, Spread { median: 5.0, least: 1.0, most: 100.0 });
        assert_eq!(Spread::of(&[2.0]), Spread { median: 2.0, least: 2.0, most: 2.0 });
        assert_eq!(Spread::of(&[4.0, 2.0]).median, 4.0);
    }

    #[test]
    fn numbers_are_shown_to_three_digits_in_the_unit_that_fits() {
        assert_eq!(Unit::Nanoseconds.show(7.123), "7.12 ns");
        assert_eq!(Unit::Nanoseconds.show(142.4), "142 ns");
        assert_eq!(Unit::Nanoseconds.show(999.7), "1.00 µs");
        assert_eq!(Unit::Nanoseconds.show(12_345_678.0), "12.3 ms");
        assert_eq!(Unit::Nanoseconds.show(5e13), "50000 s");
        assert_eq!(Unit::PerSecond.show(81_234.0), "81.2 k/s");
        assert_eq!(Unit::Bytes.show(9_961_472.0), "9.96 MB");
        assert_eq!(Unit::Count.show(12_345.0), "12345");
        assert_eq!(Unit::Times.show(1.196), "1.20 x");
    }

    #[test]
    fn a_goal_is_shown_without_zeros_at_its_end() {
        assert_eq!(Unit::Times.show_round(1.2), "1.2 x");
        assert_eq!(Unit::Times.show_round(0.35), "0.35 x");
        assert_eq!(Unit::Nanoseconds.show_round(10e6), "10 ms");
        assert_eq!(Unit::Count.show_round(0.0), "0");
        assert_eq!(Unit::Bytes.show_round(100e6), "100 MB");
    }
}
