//! Statistics over the rounds of a bench, and numbers as text.

use serde::{Deserialize, Serialize};

/// The median and the spread of the values of several rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The median; of the two values in the middle, the greater.
    pub median: f64,
    /// The minimum.
    pub least: f64,
    /// The maximum.
    pub most: f64,
    /// The 95 % confidence interval of the median. `None` for fewer than 6 values.
    pub interval: Option<Interval>,
}

/// A closed interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Spread {
    /// Returns the spread of at least one value.
    pub fn of(values: &[f64]) -> Spread {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let interval = rank(count).map(|rank| Interval { low: values[rank - 1], high: values[count - rank] });
        Spread { median: values[count / 2], least: values[0], most: values[count - 1], interval }
    }

    /// Returns the spread of an exact value, such as a total.
    pub fn exact(value: f64) -> Spread {
        let interval = Some(Interval { low: value, high: value });
        Spread { median: value, least: value, most: value, interval }
    }
}

/// The maximum probability that an interval misses the median.
const MISSES: f64 = 0.05;

/// Returns the rank of the ends of the confidence interval of the median.
///
/// The interval reaches from the `rank`th smallest to the `rank`th largest value. The result is the largest rank for
/// which it misses the true median with a probability of at most 5 %. Returns `None` for fewer than 6 values, where the
/// minimum and the maximum miss it more often.
///
/// This holds for every distribution. Each value is below the true median with probability 1/2, so the number of values
/// below it is binomial. The interval misses the median if fewer than `rank` values are below it, or above it.
fn rank(count: usize) -> Option<usize> {
    let mut rank = 0;
    // The probability that exactly `rank` values are below the median.
    let mut exactly = 0.5_f64.powf(count as f64);
    let mut fewer_or_as_many = exactly;
    while 2.0 * fewer_or_as_many <= MISSES {
        rank += 1;
        exactly *= (count - rank + 1) as f64 / rank as f64;
        fewer_or_as_many += exactly;
    }
    (rank > 0).then_some(rank)
}

/// The unit of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// A time.
    Nanoseconds,
    /// A rate.
    PerSecond,
    /// An amount of memory.
    Bytes,
    /// A total.
    Count,
    /// A ratio.
    Times,
}

impl Unit {
    /// Returns the number with its unit, with about three digits.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::Nanoseconds => scaled(value, &["ns", "µs", "ms", "s"]),
            Unit::PerSecond => scaled(value, &["/s", "k/s", "M/s"]),
            Unit::Bytes => scaled(value, &["B", "kB", "MB", "GB"]),
            Unit::Count => format!("{value:.0}"),
            Unit::Times => format!("{} x", digits(value)),
        }
    }

    /// Returns the number with its unit, without zeros at its end. It is for goals, which are round numbers.
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
    fn median_does_not_depend_on_the_order_of_the_rounds() {
        let spread = Spread::of(&[7.0, 1.0, 100.0, 3.0, 5.0]);
        assert_eq!(spread, Spread { median: 5.0, least: 1.0, most: 100.0, interval: None });
        assert_eq!(Spread::of(&[2.0]), Spread { median: 2.0, least: 2.0, most: 2.0, interval: None });
        assert_eq!(Spread::of(&[4.0, 2.0]).median, 4.0);
    }

    #[test]
    fn interval_is_the_narrowest_that_misses_the_median_in_at_most_5_percent() {
        for (count, expected) in [(5, None), (6, Some(1)), (9, Some(2)), (15, Some(4)), (75, Some(29))] {
            assert_eq!(rank(count), expected, "of {count} values");
        }
        // The same in integers: the number of ways in which fewer than `rank` values are on one side.
        let misses = |count: u128, rank: u128| {
            let ways = |below| (0..below).fold(1_u128, |ways, n| ways * (count - n) / (n + 1));
            2 * (0..rank).map(ways).sum::<u128>() * 100 > 5 << count
        };
        for count in 1..=100 {
            let rank = rank(count as usize).unwrap_or_default() as u128;
            assert!(!misses(count, rank) && misses(count, rank + 1), "{rank} of {count} values");
        }
    }

    #[test]
    fn outlier_does_not_change_the_interval() {
        let mut values: Vec<f64> = (1..=12).map(f64::from).collect();
        let expected = Some(Interval { low: 3.0, high: 10.0 });
        assert_eq!(Spread::of(&values).interval, expected);
        values[11] = 1e9;
        values.reverse();
        assert_eq!(Spread::of(&values).interval, expected);
    }

    #[test]
    fn exact_value_has_an_interval_without_width() {
        assert_eq!(Spread::exact(7.0).interval, Some(Interval { low: 7.0, high: 7.0 }));
    }

    #[test]
    fn numbers_have_about_three_digits_and_a_scaled_unit() {
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
    fn goal_has_no_zeros_at_its_end() {
        assert_eq!(Unit::Times.show_round(1.2), "1.2 x");
        assert_eq!(Unit::Times.show_round(0.35), "0.35 x");
        assert_eq!(Unit::Nanoseconds.show_round(10e6), "10 ms");
        assert_eq!(Unit::Count.show_round(0.0), "0");
        assert_eq!(Unit::Bytes.show_round(100e6), "100 MB");
    }
}
