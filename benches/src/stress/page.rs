//! The page of the lab: how long it takes, and how its verdicts held.

use std::{fmt::Write as _, fs, num::NonZero, path::Path, process::ExitCode};

use super::{runs, status, summary, tally::Tallies};
use crate::frame::machine;

const ONCE: NonZero<u32> = NonZero::<u32>::MIN;

/// Runs all of it and writes `docs/lab-performance.md`.
pub(super) fn write(count: NonZero<u32>) -> anyhow::Result<ExitCode> {
    let idle = runs(count, false, &[])?;
    eprintln!("{}", summary(&idle, false));
    let busy = runs(count, true, &[])?;
    eprintln!("{}", summary(&busy, true));
    let all = runs(ONCE, false, &["--all".to_owned()])?;
    let page = page(count, [&idle, &busy, &all])?;
    print!("{page}");
    fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/lab-performance.md"), &page)?;
    eprintln!("written: docs/lab-performance.md");
    Ok(status(idle.changed() + busy.changed() + all.changed()))
}

fn page(count: NonZero<u32>, [idle, busy, all]: [&Tallies; 3]) -> anyhow::Result<String> {
    let mut page = String::from("# The lab: how long it takes, and how its verdicts hold\n\n");
    writeln!(page, "Written by `cargo xtask stress --page --runs {count}`. {}", machine::describe()?)?;
    page.push_str(
        "Times are of that machine on that day. A verdict has changed if it is not the recorded one; what could not \
         be tried\nhas changed as well.\n\n",
    );
    page.push_str(
        "| `timewait lab` | runs | median | slowest | verdicts that changed |\n|---|---|---|---|---|\n",
    );
    for (what, tallies) in [
        ("nothing else to do", idle),
        ("every core kept busy", busy),
        ("`--all`, with waits of a minute", all),
    ] {
        let (median, slowest) = tallies.median_and_slowest();
        let [median, slowest] = [median, slowest].map(|time| time.as_secs_f64());
        let (runs, changed) = (tallies.took.len(), tallies.changed());
        writeln!(page, "| {what} | {runs} | {median:.1} s | {slowest:.1} s | {changed} |")?;
    }
    page.push_str("\n| claim | family | verdicts, nothing else to do | slowest | verdicts, every core busy | slowest |\n");
    page.push_str("|---|---|---|---|---|---|\n");
    for (key, tally) in &idle.of {
        let (id, family, _) = key;
        let Some((_, other)) = busy.of.iter().find(|(other, _)| other == key) else { continue };
        let (verdicts, others) = (tally.verdicts(), other.verdicts());
        let [slowest, other] = [tally.slowest_ms, other.slowest_ms];
        writeln!(page, "| {id} | {family} | {verdicts} | {slowest} ms | {others} | {other} ms |")?;
    }
    Ok(page)
}
