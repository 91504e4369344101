//! What was measured several times: the median, and how far the rest lies from it.

use std::fmt;

/// The median, the least and the most of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// As many are above it as below.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// The spread of these values. That of none is not a number.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Spread { median: at(values.len() / 2), least: at(0), most: at(values.len().saturating_sub(1)) }
    }
}

/// `median (least to most)`, with the precision and width that are asked for.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread { median, least, most } = self;
        let digits = f.precision().unwrap_or(2);
        let text = format!("{median:.digits$} ({least:.digits$} to {most:.digits$})");
        write!(f, "{text:>width$}", width = f.width().unwrap_or_default())
    }
}
