//! What a bench has measured: rows, each beside its floor or with one value of its own, and the goals they are held to.
//!
//! A bench makes a [`Table`], measures its rows, and ends it, which prints it. `cargo xtask bench` also has it recorded, as a
//! line of JSON in the file that [`RECORD`] names, from which `src/report.rs` writes `RESULTS.md`.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::markdown;
use crate::number::{Interval, Spread, Unit};
use crate::side::{Side, in_turns};

/// The variable with the path of the file that tables are recorded in.
pub const RECORD: &str = "BENCH_RECORD";

/// One question, and what was measured.
#[derive(Debug, Serialize, Deserialize)]
pub struct Table {
    /// What was asked.
    pub title: String,
    /// What the floor of the rows is.
    pub floor: String,
    /// What is measured beside it.
    pub ours: String,
    /// What a row differs in from the next, if the rows are points of a curve.
    pub axis: Option<String>,
    /// What was measured.
    pub rows: Vec<Row>,
    /// What a reader should know besides, a paragraph each.
    pub notes: Vec<String>,
}

/// One thing that was measured.
#[derive(Debug, Serialize, Deserialize)]
pub struct Row {
    /// What it is, and where on a curve.
    pub what: What,
    /// What its numbers count.
    pub unit: Unit,
    /// The numbers.
    pub measured: Spread,
    /// The floor, in the same unit, and how many times as much as it this is.
    pub beside: Option<(Spread, Spread)>,
    /// What it should be.
    pub goal: Option<Goal>,
}

/// The name of a row.
#[derive(Debug, Serialize, Deserialize)]
pub struct What {
    /// For a reader.
    pub name: String,
    /// The place on the axis of the curve.
    pub at: Option<f64>,
}

impl From<&str> for What {
    fn from(name: &str) -> What {
        What { name: name.to_owned(), at: None }
    }
}

/// A point of a curve.
pub fn at(place: u32, name: &str) -> What {
    What { name: name.to_owned(), at: Some(place.into()) }
}

/// What a median should be: the one of the ratio where there is a floor, otherwise of what was measured, in its unit.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Goal {
    /// This or less.
    AtMost(f64),
    /// Less than this.
    Under(f64),
    /// This or more.
    AtLeast(f64),
}

/// What was measured, held to a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The whole interval of the median meets the goal.
    Met,
    /// No part of it does.
    NotMet,
    /// The goal is within the interval, or there were too few rounds for an interval.
    Undecided,
}

impl Goal {
    /// Returns whether a median of this value meets it.
    fn meets(self, median: f64) -> bool {
        match self {
            Goal::AtMost(goal) => median <= goal,
            Goal::Under(goal) => median < goal,
            Goal::AtLeast(goal) => median >= goal,
        }
    }

    /// Returns what is known of a median in the interval.
    pub fn verdict(self, interval: Option<Interval>) -> Verdict {
        match interval.map(|Interval { low, high }| [low, high].map(|end| self.meets(end))) {
            Some([true, true]) => Verdict::Met,
            Some([false, false]) => Verdict::NotMet,
            _ => Verdict::Undecided,
        }
    }
}

impl Row {
    /// Returns what the goal is held to, with its unit: the ratio, or what was measured if there is no floor.
    pub fn judged(&self) -> (Spread, Unit) {
        self.beside.map_or((self.measured, self.unit), |(_, ratio)| (ratio, Unit::Times))
    }

    /// Returns whether the goal is met, if there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.goal.map(|goal| goal.verdict(self.judged().0.interval))
    }
}

impl Table {
    /// A table without rows. `floor` and `ours` head the columns.
    pub fn new(title: &str, floor: &str, ours: &str) -> Table {
        Table {
            title: title.to_owned(),
            floor: floor.to_owned(),
            ours: ours.to_owned(),
            axis: None,
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The rows are points, made with [`at`], of a curve over this.
    pub fn curve(mut self, axis: &str) -> Table {
        self.axis = Some(axis.to_owned());
        self
    }

    /// Measures both in turns.
    pub async fn compare(
        &mut self,
        what: impl Into<What>,
        goal: impl Into<Option<Goal>>,
        mut floor: impl Side,
        mut ours: impl Side,
    ) {
        let rounds = in_turns(&mut [&mut floor, &mut ours]).await;
        self.beside(what, Unit::Nanoseconds, goal, &rounds[0], &rounds[1]);
    }

    /// Measures all in turns, and adds a row for each of the sides, beside the one floor.
    pub async fn compare_all<'a>(
        &mut self,
        floor: &'a mut dyn Side,
        sides: Vec<(What, Option<Goal>, &'a mut dyn Side)>,
    ) {
        let mut all = vec![floor];
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

    /// Adds what was measured in turns, in the same rounds.
    pub fn beside(
        &mut self,
        what: impl Into<What>,
        unit: Unit,
        goal: impl Into<Option<Goal>>,
        floor: &[f64],
        ours: &[f64],
    ) {
        let ratios: Vec<f64> = ours.iter().zip(floor).map(|(ours, floor)| ours / floor).collect();
        self.rows.push(Row {
            what: what.into(),
            unit,
            measured: Spread::of(ours),
            beside: Some((Spread::of(floor), Spread::of(&ratios))),
            goal: goal.into(),
        });
    }

    /// Adds what has no floor, as it came out in every round.
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

    /// Adds what has no floor and is the same in every round, such as a total, or is measured once.
    pub fn exactly(&mut self, what: impl Into<What>, unit: Unit, goal: impl Into<Option<Goal>>, value: f64) {
        let (what, measured, goal) = (what.into(), Spread::exact(value), goal.into());
        self.rows.push(Row { what, unit, measured, beside: None, goal });
    }

    /// Adds what a reader should know, such as what bounds a curve.
    pub fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    /// Prints the table, and records it if that is asked for.
    #[expect(clippy::expect_used, reason = "what cannot be recorded need not be measured")]
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
            Some(floor) => table.beside("", Unit::Nanoseconds, goal, floor, ours),
            None => table.alone("", Unit::Nanoseconds, goal, ours),
        }
        table.rows.remove(0)
    }

    #[test]
    fn a_ratio_is_taken_within_a_round() {
        let row = row(Some(&[10.0, 100.0, 1.0]), &[20.0, 100.0, 3.0], Goal::AtMost(2.0));
        let (floor, ratio) = row.beside.expect("a floor");
        assert_eq!(floor.median, 10.0);
        assert_eq!(row.measured.median, 20.0);
        assert_eq!(ratio, Spread::of(&[1.0, 2.0, 3.0]));
    }

    #[test]
    fn a_goal_is_met_or_not_where_the_whole_interval_is_on_one_side_of_it() {
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
    fn a_goal_is_held_to_the_ratio_or_without_a_floor_to_the_value() {
        let ratio = |goal| row(Some(&[10.0; 6]), &[12.0; 6], goal).verdict();
        assert_eq!(ratio(Goal::AtMost(1.2)), Some(Verdict::Met));
        assert_eq!(ratio(Goal::AtMost(1.19)), Some(Verdict::NotMet));
        let values = [5.0, 9.0, 9.0, 9.0, 9.0, 30.0];
        assert_eq!(row(None, &values, Goal::AtMost(30.0)).verdict(), Some(Verdict::Met));
        assert_eq!(row(None, &values, Goal::AtMost(10.0)).verdict(), Some(Verdict::Undecided));
        assert_eq!(row(None, &values[1..], Goal::AtMost(30.0)).verdict(), Some(Verdict::Undecided));
    }

    #[test]
    fn a_goal_of_an_exact_value_is_decided_by_that_alone() {
        let mut table = Table::new("", "", "");
        table.exactly("refused", Unit::Count, Goal::AtMost(0.0), 0.0);
        table.exactly("refused", Unit::Count, Goal::AtMost(0.0), 1.0);
        let verdicts: Vec<_> = table.rows.iter().map(Row::verdict).collect();
        assert_eq!(verdicts, [Some(Verdict::Met), Some(Verdict::NotMet)]);
    }

    #[tokio::test]
    async fn all_sides_are_beside_the_one_floor() {
        use std::time::Duration;

        use crate::side::Took;

        let took = |nanoseconds| Took(Duration::from_nanos(nanoseconds), 1);
        let (mut floor, mut one, mut other) = (async || took(100), async || took(150), async || took(50));
        let mut table = Table::new("", "", "");
        let goal = Some(Goal::Under(1.0));
        table
            .compare_all(&mut floor, vec![("one".into(), None, &mut one), (at(7, "other"), goal, &mut other)])
            .await;
        let ratios: Vec<_> = table.rows.iter().map(|row| row.beside.expect("a floor").1.median).collect();
        assert_eq!(ratios, [1.5, 0.5]);
        assert_eq!(table.rows[0].verdict(), None);
        assert_eq!(table.rows[1].verdict(), Some(Verdict::Met));
        assert_eq!(table.rows[1].what.at, Some(7.0));
    }
}
