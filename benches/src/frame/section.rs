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
            measured: format!("{measured:.2}"),
            met: measured <= bound,
        }
    }

    /// A number that should be no smaller than this.
    pub(crate) fn at_least(what: impl Into<String>, bound: f64, measured: f64) -> Self {
        Self {
            promised: format!("at least {bound:.2}"),
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
