//! How long `timewait model` takes.

use std::time::Instant;

use anyhow::Context as _;
use serde_json::Value;
use timewait_linux::hosts::Host;

use crate::frame::{Bench, Measurement, Section, Table};

pub(crate) const MEASUREMENT: Measurement = Measurement {
    name: "model",
    title: "Every interleaving",
    about: "`timewait model` explores each wait from 0 until everything holds, as many at once as there are cores.",
    needs: &[],
    // Segments that may be lost.
    cases: [&["0", "1", "2"], &["1"]],
    figures: &[],
    perform,
};

fn perform(bench: &Bench<'_>, _host: &Host, case: &str) -> anyhow::Result<Section> {
    let begun = Instant::now();
    let output = bench.timewait(&["model", "--json", "--losses", case]).output()?;
    let took = begun.elapsed().as_secs_f64();
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let rows = report.get("rows").and_then(Value::as_array).context("no rows")?;
    let states: u64 = rows.iter().filter_map(|row| row.get("states")?.as_u64()).sum();
    let mut table = Table::new(["losses", "waits", "states in all", "time"]);
    table.row([case.to_owned(), rows.len().to_string(), states.to_string(), format!("{took:.1} s")]);
    Ok(Section { tables: vec![table], ..Section::default() })
}
