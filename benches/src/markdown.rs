//! A table as Markdown that is also readable in a terminal.

use crate::number::Unit;
use crate::table::{Goal, Row, Table, Verdict};

/// Returns the rows and the notes as text, without the columns that are empty in every row.
pub fn table(table: &Table) -> String {
    let head = ["", &table.baseline, &table.ours, "ratio", "95 %", "least to most", "goal", "met"];
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(table.rows.iter().map(cells));
    let used = |column: usize| column == 0 || lines[1..].iter().any(|line| !line[column].is_empty());
    let columns: Vec<usize> = (0..head.len()).filter(|&column| used(column)).collect();
    let width =
        |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for &column in &columns {
            let (cell, width) = (&line[column], width(column));
            text += &if column == 0 { format!("| {cell:<width$} ") } else { format!("| {cell:>width$} ") };
        }
        text += "|\n";
        if number == 0 {
            for &column in &columns {
                let dashes = "-".repeat(width(column) + 1);
                text += &if column == 0 { format!("|{dashes}-") } else { format!("|{dashes}:") };
            }
            text += "|\n";
        }
    }
    for note in &table.notes {
        text += &format!("\n{note}\n");
    }
    text
}

fn cells(row: &Row) -> [String; 8] {
    let (baseline, ratio) = match &row.beside {
        Some((baseline, ratio)) => (row.unit.show(baseline.median), Unit::Times.show(ratio.median)),
        None => Default::default(),
    };
    let (spread, unit) = row.judged();
    let range = |low: f64, high: f64| format!("{} to {}", unit.show(low), unit.show(high));
    // An exact value has neither an interval nor a range.
    let varies = spread.least < spread.most;
    let interval = spread.interval.filter(|_| varies).map(|interval| range(interval.low, interval.high));
    let spread = varies.then(|| range(spread.least, spread.most));
    let goal = row.goal.map(|goal| match goal {
        Goal::AtMost(goal) => format!("at most {}", unit.show_round(goal)),
        Goal::Under(goal) => format!("under {}", unit.show_round(goal)),
        Goal::AtLeast(goal) => format!("at least {}", unit.show_round(goal)),
    });
    let met = row.verdict().map(|verdict| match verdict {
        Verdict::Met => "yes",
        Verdict::NotMet => "**no**",
        Verdict::Undecided => "undecided",
    });
    [
        row.what.name.clone(),
        baseline,
        row.unit.show(row.measured.median),
        ratio,
        interval.unwrap_or_default(),
        spread.unwrap_or_default(),
        goal.unwrap_or_default(),
        met.unwrap_or_default().to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_shows_the_baseline_the_ratio_with_its_interval_and_the_verdict() {
        let mut shown = Table::new("a hop", "by hand", "triggers");
        let ours = [100.0, 130.0, 131.0, 132.0, 133.0, 134.0, 135.0, 136.0, 200.0];
        shown.beside("plain", Unit::Nanoseconds, Goal::AtMost(1.2), &[100.0; 9], &ours);
        shown.beside("few", Unit::Nanoseconds, Goal::AtMost(1.2), &[100.0; 2], &ours[..2]);
        shown.beside("µ", Unit::Nanoseconds, None, &[5000.0], &[4000.0]);
        shown.note("On one thread.");
        let expected = "\
|       | by hand | triggers |  ratio |             95 % |    least to most |          goal |       met |
|-------|--------:|---------:|-------:|-----------------:|-----------------:|--------------:|----------:|
| plain |  100 ns |   133 ns | 1.33 x | 1.30 x to 1.36 x | 1.00 x to 2.00 x | at most 1.2 x |    **no** |
| few   |  100 ns |   130 ns | 1.30 x |                  | 1.00 x to 1.30 x | at most 1.2 x | undecided |
| µ     | 5.00 µs |  4.00 µs | 0.80 x |                  |                  |               |           |

On one thread.
";
        assert_eq!(table(&shown), expected);
    }

    #[test]
    fn row_without_a_baseline_has_no_empty_columns() {
        let mut shown = Table::new("start", "", "1,000 handlers");
        shown.alone("start", Unit::Nanoseconds, Goal::Under(10e6), &[4e6, 5e6, 5e6, 5e6, 5e6, 6e6]);
        shown.exactly("memory", Unit::Bytes, Goal::Under(1e6), 2e6);
        let expected = "\
|        | 1,000 handlers |               95 % |      least to most |        goal |    met |
|--------|---------------:|-------------------:|-------------------:|------------:|-------:|
| start  |        5.00 ms | 4.00 ms to 6.00 ms | 4.00 ms to 6.00 ms | under 10 ms |    yes |
| memory |        2.00 MB |                    |                    |  under 1 MB | **no** |
";
        assert_eq!(table(&shown), expected);
    }
}
