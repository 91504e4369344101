//! The result of a bench: rows with or without a baseline, and their goals.
//!
//! A bench creates a [`Table`], measures its rows, and ends it. The end prints the table. In `cargo xtask bench` it also
//! records the table, as a line of JSON in the file that [`RECORD`] names. `src/report.rs` writes `RESULTS.md` from it.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::markdown;
use crate::number::{Interval, Spread, Unit};
use crate::side::{Side, in_turns};

/// The variable with the path of the file that tables are recorded in.
pub const RECORD: &str = "BENCH_RECORD";

/// The measurements for one question.
#[derive(Debug, Serialize, Deserialize)]
pub struct Table {
    /// The title.
    pub title: String,
    /// The heading of the column with the baseline.
    pub baseline: String,
    /// The heading of the column with the measured values.
    pub ours: String,
    /// The name of the axis, if the rows are points of a curve.
    pub axis: Option<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Notes for the reader, each a paragraph.
    pub notes: Vec<String>,
}

/// One measurement.
#[derive(Debug, Serialize, Deserialize)]
pub struct Row {
    /// The name, and the position on a curve.
    pub what: What,
    /// The unit of the values.
    pub unit: Unit,
    /// The measured values.
    pub measured: Spread,
    /// The baseline in the same unit, and the ratio of the measured values to it.
    pub beside: Option<(Spread, Spread)>,
    /// The goal.
    pub goal: Option<Goal>,
}

/// The name of a row.
#[derive(Debug, Serialize, Deserialize)]
pub struct What {
    /// The text for a reader.
    pub name: String,
    /// The position on the axis of the curve.
    pub at: Option<f64>,
}

impl From<&str> for What {
    fn from(name: &str) -> What {
        What { name: name.to_owned(), at: None }
    }
}

impl From<String> for What {
    fn from(name: String) -> What {
        What { name, at: None }
    }
}

/// Returns the name of a point of a curve.
pub fn at(place: u32, name: &str) -> What {
    What { name: name.to_owned(), at: Some(place.into()) }
}

/// A bound for a median: of the ratio if there is a baseline, otherwise of the measured values in their unit.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Goal {
    /// This or less.
    AtMost(f64),
    /// Less than this.
    Under(f64),
    /// This or more.
    AtLeast(f64),
}

/// The result of the comparison with a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The whole interval of the median meets the goal.
    Met,
    /// No part of the interval meets the goal.
    NotMet,
    /// The goal is within the interval, or there are too few rounds for an interval.
    Undecided,
}

impl Goal {
    /// Returns `true` if a median of this value meets the goal.
    fn meets(self, median: f64) -> bool {
        match self {
            Goal::AtMost(goal) => median <= goal,
            Goal::Under(goal) => median < goal,
            Goal::AtLeast(goal) => median >= goal,
        }
    }

    /// Returns the verdict for a median in this interval.
    pub fn verdict(self, interval: Option<Interval>) -> Verdict {
        match interval.map(|Interval { low, high }| [low, high].map(|end| self.meets(end))) {
            Some([true, true]) => Verdict::Met,
            Some([false, false]) => Verdict::NotMet,
            _ => Verdict::Undecided,
        }
    }
}

impl Row {
    /// Returns the values that the goal applies to, with their unit: the ratio, or without a baseline the measured values.
    pub fn judged(&self) -> (Spread, Unit) {
        self.beside.map_or((self.measured, self.unit), |(_, ratio)| (ratio, Unit::Times))
    }

    /// Returns the verdict; `None` without a goal.
    pub fn verdict(&self) -> Option<Verdict> {
        self.goal.map(|goal| goal.verdict(self.judged().0.interval))
    }
}

impl Table {
    /// Returns a table without rows. `baseline` and `ours` are the headings of the columns.
    pub fn new(title: &str, baseline: &str, ours: &str) -> Table {
        Table {
            title: title.to_owned(),
            baseline: baseline.to_owned(),
            ours: ours.to_owned(),
            axis: None,
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Makes the rows points of a curve over this axis. Their names are made with [`at`].
    pub fn curve(mut self, axis: &str) -> Table {
        self.axis = Some(axis.to_owned());
        self
    }

    /// Measures both sides in turns, and adds a row.
    pub async fn compare(
        &mut self,
        what: impl Into<What>,
        goal: impl Into<Option<Goal>>,
        mut baseline: impl Side,
        mut ours: impl Side,
    ) {
        let rounds = in_turns(&mut [&mut baseline, &mut ours]).await;
        self.beside(what, Unit::Nanoseconds, goal, &rounds[0], &rounds[1]);
    }

    /// Measures the baseline and all sides in turns, and adds a row for each side.
    pub async fn compare_all<'a>(
        &mut self,
        baseline: &'a mut dyn Side,
        sides: Vec<(What, Option<Goal>, &'a mut dyn Side)>,
    ) {
        let mut all = vec![baseline];
        let mut names = Vec::new();
        for (what, goal, side) in sides {
            all.push(side);
            names.push((what, goal));
        }
        let rounds = in_turns(&mut all).await;
        for ((what, goal), ours) in names.into_iter().zip(&rounds[1..]) {
            self.beside(what, Unit::Nanoseconds, goal, &rounds[0], ours);
        }
    }

    /// Adds a row with a baseline. Both were measured in turns, in the same rounds.
    pub fn beside(
        &mut self,
        what: impl Into<What>,
        unit: Unit,
        goal: impl Into<Option<Goal>>,
        baseline: &[f64],
        ours: &[f64],
    ) {
        let ratios: Vec<f64> = ours.iter().zip(baseline).map(|(ours, baseline)| ours / baseline).collect();
        self.rows.push(Row {
            what: what.into(),
            unit,
            measured: Spread::of(ours),
            beside: Some((Spread::of(baseline), Spread::of(&ratios))),
            goal: goal.into(),
        });
    }

    /// Adds a row without a baseline, with the values of all rounds.
    pub fn alone(
        &mut self,
        what: impl Into<What>,
        unit: Unit,
        goal: impl Into<Option<Goal>>,
        rounds: &[f64],
    ) {
        let (what, measured, goal) = (what.into(), Spread::of(rounds), goal.into());
        self.rows.push(Row { what, unit, measured, beside: None, goal });
    }

    /// Adds a row without a baseline, with an exact value such as a total, or a value that is measured once.
    pub fn exactly(&mut self, what: impl Into<What>, unit: Unit, goal: impl Into<Option<Goal>>, value: f64) {
        let (what, measured, goal) = (what.into(), Spread::exact(value), goal.into());
        self.rows.push(Row { what, unit, measured, beside: None, goal });
    }

    /// Adds a note for the reader, such as the reason for the bound of a curve.
    pub fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    /// Prints the table, and records it if [`RECORD`] is set.
    #[expect(clippy::expect_used, reason = "a measurement that cannot be recorded ends")]
    pub fn end(self) {
        println!("{}\n\n{}", self.title, markdown::table(&self));
        if let Some(path) = env::var_os(RECORD) {
            let line = serde_json::to_string(&self).expect("a table is JSON");
            let mut file =
                OpenOptions::new().create(true).append(true).open(path).expect("a file to record in");
            writeln!(file, "{line}").expect("room for a line");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(beside: Option<&[f64]>, ours: &[f64], goal: Goal) -> Row {
        let mut table = Table::new("", "", "");
        match beside {
            Some(baseline) => table.beside("", Unit::Nanoseconds, goal, baseline, ours),
            None => table.alone("", Unit::Nanoseconds, goal, ours),
        }
        table.rows.remove(0)
    }

    #[test]
    fn ratio_compares_values_of_the_same_round() {
        let row = row(Some(&[10.0, 100.0, 1.0]), &[20.0, 100.0, 3.0], Goal::AtMost(2.0));
        let (baseline, ratio) = row.beside.expect("a baseline");
        assert_eq!(baseline.median, 10.0);
        assert_eq!(row.measured.median, 20.0);
        assert_eq!(ratio, Spread::of(&[1.0, 2.0, 3.0]));
    }

    #[test]
    fn goal_is_decided_if_the_whole_interval_is_on_one_side_of_it() {
        let interval = Some(Interval { low: 1.1, high: 1.3 });
        for (goal, expected) in [
            (Goal::AtMost(1.0), Verdict::NotMet),
            (Goal::AtMost(1.1), Verdict::Undecided),
            (Goal::AtMost(1.2), Verdict::Undecided),
            (Goal::AtMost(1.3), Verdict::Met),
            (Goal::Under(1.1), Verdict::NotMet),
            (Goal::Under(1.3), Verdict::Undecided),
            (Goal::Under(1.4), Verdict::Met),
            (Goal::AtLeast(1.1), Verdict::Met),
            (Goal::AtLeast(1.2), Verdict::Undecided),
            (Goal::AtLeast(1.3), Verdict::Undecided),
            (Goal::AtLeast(1.4), Verdict::NotMet),
        ] {
            assert_eq!(goal.verdict(interval), expected, "{goal:?}");
            assert_eq!(goal.verdict(None), Verdict::Undecided, "{goal:?}");
        }
    }

    #[test]
    fn goal_applies_to_the_ratio_or_without_a_baseline_to_the_value() {
        let ratio = |goal| row(Some(&[10.0; 6]), &[12.0; 6], goal).verdict();
        assert_eq!(ratio(Goal::AtMost(1.2)), Some(Verdict::Met));
        assert_eq!(ratio(Goal::AtMost(1.19)), Some(Verdict::NotMet));
        let values = [5.0, 9.0, 9.0, 9.0, 9.0, 30.0];
        assert_eq!(row(None, &values, Goal::AtMost(30.0)).verdict(), Some(Verdict::Met));
        assert_eq!(row(None, &values, Goal::AtMost(10.0)).verdict(), Some(Verdict::Undecided));
        assert_eq!(row(None, &values[1..], Goal::AtMost(30.0)).verdict(), Some(Verdict::Undecided));
    }

    #[test]
    fn goal_of_an_exact_value_is_always_decided() {
        let mut table = Table::new("", "", "");
        table.exactly("refused", Unit::Count, Goal::AtMost(0.0), 0.0);
        table.exactly("refused", Unit::Count, Goal::AtMost(0.0), 1.0);
        let verdicts: Vec<_> = table.rows.iter().map(Row::verdict).collect();
        assert_eq!(verdicts, [Some(Verdict::Met), Some(Verdict::NotMet)]);
    }

    #[tokio::test]
    async fn all_sides_have_the_same_baseline() {
        use std::time::Duration;

        use crate::side::Took;

        let took = |nanoseconds| Took(Duration::from_nanos(nanoseconds), 1);
        let (mut baseline, mut one, mut other) = (async || took(100), async || took(150), async || took(50));
        let mut table = Table::new("", "", "");
        let goal = Some(Goal::Under(1.0));
        table
            .compare_all(
                &mut baseline,
                vec![("one".into(), None, &mut one), (at(7, "other"), goal, &mut other)],
            )
            .await;
        let ratios: Vec<_> = table.rows.iter().map(|row| row.beside.expect("a baseline").1.median).collect();
        assert_eq!(ratios, [1.5, 0.5]);
        assert_eq!(table.rows[0].verdict(), None);
        assert_eq!(table.rows[1].verdict(), Some(Verdict::Met));
        assert_eq!(table.rows[1].what.at, Some(7.0));
    }
}
