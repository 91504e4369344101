//! A table as text that reads well in a terminal and as Markdown.

use crate::number::Unit;
use crate::table::{Goal, Row, Table};

/// The rows and the notes. A column in which no row has anything is left out.
pub fn table(table: &Table) -> String {
    let head = ["", &table.floor, &table.ours, "ratio", "least to most", "goal", "met"];
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

fn cells(row: &Row) -> [String; 7] {
    let (floor, ratio) = match &row.beside {
        Some((floor, ratio)) => (row.unit.show(floor.median), Unit::Times.show(ratio.median)),
        None => Default::default(),
    };
    let (spread, unit) = row.beside.map_or((row.measured, row.unit), |(_, ratio)| (ratio, Unit::Times));
    // What was measured once has none.
    let spread = (spread.least < spread.most)
        .then(|| format!("{} to {}", unit.show(spread.least), unit.show(spread.most)));
    let goal = row.goal.map(|goal| match goal {
        Goal::AtMost(goal) => format!("at most {}", unit.show_round(goal)),
        Goal::Under(goal) => format!("under {}", unit.show_round(goal)),
        Goal::AtLeast(goal) => format!("at least {}", unit.show_round(goal)),
    });
    let met = row.met().map(|met| if met { "yes" } else { "**no**" });
    [
        row.what.name.clone(),
        floor,
        row.unit.show(row.measured.median),
        ratio,
        spread.unwrap_or_default(),
        goal.unwrap_or_default(),
        met.unwrap_or_default().to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_its_floor_its_ratio_and_whether_the_goal_is_met() {
        let mut shown = Table::new("a hop", "by hand", "triggers");
        shown.beside("plain", Unit::Nanoseconds, Goal::AtMost(1.2), &[100.0, 120.0], &[130.0, 120.0]);
        shown.beside("µ", Unit::Nanoseconds, None, &[5000.0], &[4000.0]);
        shown.note("On one thread.");
        let expected = "\
|       | by hand | triggers |  ratio |    least to most |          goal |    met |
|-------|--------:|---------:|-------:|-----------------:|--------------:|-------:|
| plain |  120 ns |   130 ns | 1.30 x | 1.00 x to 1.30 x | at most 1.2 x | **no** |
| µ     | 5.00 µs |  4.00 µs | 0.80 x |                  |               |        |

On one thread.
";
        assert_eq!(table(&shown), expected);
    }

    #[test]
    fn what_has_no_floor_has_no_empty_columns() {
        let mut shown = Table::new("start", "", "1,000 handlers");
        shown.alone("start", Unit::Nanoseconds, Goal::Under(10e6), &[4e6, 5e6, 6e6]);
        let expected = "\
|       | 1,000 handlers |      least to most |        goal | met |
|-------|---------------:|-------------------:|------------:|----:|
| start |        5.00 ms | 4.00 ms to 6.00 ms | under 10 ms | yes |
";
        assert_eq!(table(&shown), expected);
    }
}
