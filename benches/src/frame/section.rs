use serde::{Deserialize, Serialize};

/// What a measurement tells, in the order in which it stands on the page.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Section {
    pub(crate) tables: Vec<Table>,
    pub(crate) bars: Vec<Bar>,
    pub(crate) points: Vec<Point>,
    pub(crate) notes: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) heading: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Something that was promised, and what came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) promised: String,
    pub(crate) measured: String,
    pub(crate) met: bool,
}

/// A point of a line of a figure.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) figure: String,
    pub(crate) line: String,
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Table {
    pub(crate) fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self { heading: heading.map(str::to_owned).to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = vec!["---".to_owned(); self.heading.len()];
        [&self.heading, &rule].into_iter().chain(&self.rows).map(|cells| line(cells)).collect()
    }
}

impl Bar {
    /// A number that should be no larger than this.
    pub(crate) fn at_most(what: impl Into<String>, bound: f64, measured: f64) -> Self {
        Self {
            what: what.into(),
            promised: format!("at most {bound:.2}"),
            measured: beside(bound, measured, measured <= bound),
            met: measured <= bound,
        }
    }

    /// A number that should be no smaller than this.
    pub(crate) fn at_least(what: impl Into<String>, bound: f64, measured: f64) -> Self {
        Self {
            promised: format!("at least {bound:.2}"),
            measured: beside(bound, measured, measured >= bound),
            met: measured >= bound,
            ..Self::at_most(what, bound, measured)
        }
    }

    /// The same, in this unit.
    #[must_use]
    pub(crate) fn unit(mut self, unit: &str) -> Self {
        for text in [&mut self.promised, &mut self.measured] {
            *text = format!("{text} {unit}");
        }
        self
    }
}

/// A number to two places, or to as many as it takes to tell it from a bound that it misses.
fn beside(bound: f64, measured: f64, met: bool) -> String {
    let two = format!("{measured:.2}");
    if !met && two == format!("{bound:.2}") { format!("{measured:.4}") } else { two }
}

impl Section {
    pub(crate) fn point(&mut self, figure: &str, line: &str, (x, y): (f64, f64)) {
        self.points.push(Point { figure: figure.to_owned(), line: line.to_owned(), x, y });
    }

    /// Puts what a further case tells behind this; a table of a heading that is there already goes on.
    pub(crate) fn extend(&mut self, more: Self) {
        for table in more.tables {
            match self.tables.iter_mut().find(|old| old.heading == table.heading) {
                Some(old) => old.rows.extend(table.rows),
                None => self.tables.push(table),
            }
        }
        self.bars.extend(more.bars);
        self.points.extend(more.points);
        self.notes.extend(more.notes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_by_little_is_seen_to_be_missed() {
        let bars = [
            Bar::at_most("", 0.80, 0.7951),
            Bar::at_most("", 0.80, 0.8),
            Bar::at_most("", 0.80, 0.8013),
            Bar::at_most("", 0.80, 0.83),
            Bar::at_least("", 4.5, 4.4988).unit("times"),
        ];
        let shown: Vec<(&str, bool)> = bars.iter().map(|bar| (bar.measured.as_str(), bar.met)).collect();
        assert_eq!(
            shown,
            [("0.80", true), ("0.80", true), ("0.8013", false), ("0.83", false), ("4.4988 times", false)]
        );
    }
}
