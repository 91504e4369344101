//! The curves as one picture. Each table with an axis has a panel, with the baseline and ours as lines over log axes.

use std::error::Error;

use plotters::prelude::*;

use crate::table::Table;

/// The number of panels in a row, and the size of a panel.
const ACROSS: usize = 2;
const PANEL: (u32, u32) = (560, 360);

const BASELINE: RGBColor = RGBColor(130, 130, 130);
const OURS: RGBColor = RGBColor(200, 70, 30);

/// Returns the picture as SVG; `None` if no table is a curve.
///
/// # Errors
///
/// plotters cannot draw it.
pub fn svg(tables: &[Table]) -> Result<Option<String>, Box<dyn Error>> {
    let curves: Vec<_> = tables.iter().filter_map(Curve::of).collect();
    if curves.is_empty() {
        return Ok(None);
    }
    let down = curves.len().div_ceil(ACROSS);
    let size = (PANEL.0 * ACROSS as u32, PANEL.1 * down as u32);
    let mut svg = String::new();
    {
        let picture = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        picture.fill(&WHITE).map_err(|error| error.to_string())?;
        for (panel, curve) in picture.split_evenly((down, ACROSS)).iter().zip(&curves) {
            curve.draw(panel).map_err(|error| format!("{}: {error}", curve.table.title))?;
        }
        picture.present().map_err(|error| error.to_string())?;
    }
    Ok(Some(svg))
}

/// A table as a curve.
struct Curve<'a> {
    table: &'a Table,
    axis: &'a str,
    /// The position on the axis, the baseline and ours of each point.
    points: Vec<(f64, f64, f64)>,
}

impl Curve<'_> {
    fn of(table: &Table) -> Option<Curve<'_>> {
        let axis = table.axis.as_deref()?;
        let point = |row: &crate::table::Row| Some((row.what.at?, row.beside?.0.median, row.measured.median));
        let points: Vec<_> = table.rows.iter().filter_map(point).collect();
        (points.len() > 1).then_some(Curve { table, axis, points })
    }

    fn draw(
        &self,
        panel: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    ) -> Result<(), Box<dyn Error>> {
        let values = || self.points.iter().flat_map(|(_, baseline, ours)| [*baseline, *ours]);
        // Whole decades, so that a small change does not look large, with space for the names of the lines.
        let least = 10_f64.powf(values().fold(f64::INFINITY, f64::min).log10().floor());
        let most = 10_f64.powf((values().fold(0.0, f64::max) * 3.0).log10().ceil());
        let (first, last) = (self.points[0].0, self.points[self.points.len() - 1].0);
        let unit = self.table.rows[0].unit;
        let mut chart = ChartBuilder::on(panel)
            .caption(self.table.title.replace('`', ""), ("sans-serif", 15))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(64)
            .build_cartesian_2d((first..last).log_scale(), (least..most).log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc(self.axis)
            .y_labels(4)
            .x_label_formatter(&|at| count(*at))
            .y_label_formatter(&|value| unit.show_round(*value))
            .draw()?;
        let lines = [
            (
                &self.table.baseline,
                BASELINE,
                self.points.iter().map(|(at, baseline, _)| (*at, *baseline)).collect::<Vec<_>>(),
            ),
            (&self.table.ours, OURS, self.points.iter().map(|(at, _, ours)| (*at, *ours)).collect()),
        ];
        for (name, color, points) in lines {
            chart
                .draw_series(LineSeries::new(points, color.stroke_width(2)).point_size(3))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .draw()?;
        Ok(())
    }
}

/// Returns a position on an axis as text, such as `100`, `10k` or `1M`.
fn count(at: f64) -> String {
    match at {
        _ if at >= 1e6 => format!("{}M", at / 1e6),
        _ if at >= 1e3 => format!("{}k", at / 1e3),
        _ => format!("{at}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Unit;
    use crate::table::at;

    #[test]
    fn curve_has_both_lines_and_other_tables_are_not_drawn() {
        let mut table = Table::new("many processes", "by hand", "triggers");
        table.beside(at(1, "1"), Unit::Nanoseconds, None, &[100.0], &[200.0]);
        table.beside(at(1000, "1,000"), Unit::Nanoseconds, None, &[110.0], &[300.0]);
        assert_eq!(svg(std::slice::from_ref(&table)).expect("nothing to draw"), None);
        let drawn = svg(&[table.curve("processes")]).expect("a drawing").expect("a curve");
        for text in ["many processes", "by hand", "triggers", "processes", "1k"] {
            assert!(drawn.contains(text), "{text} is not in {drawn}");
        }
    }

    #[test]
    fn positions_are_in_thousands_and_millions() {
        assert_eq!([1.0, 100.0, 10_000.0, 1e6].map(count), ["1", "100", "10k", "1M"]);
    }
}
