//! Whether the lab's verdicts hold, and how long it takes: many runs, also while every core is busy.

mod busy;
mod lab;
mod page;
mod tally;

use std::{
    io::{self, IsTerminal as _},
    num::NonZero,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;

use crate::frame::outside;
use busy::Busy;
use lab::Told;
use tally::Tallies;

/// Try the lab's claims many times, and count the verdicts
///
/// Exit status 1 if in any run a verdict was not the recorded one, or something could not be tried.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask stress", disable_version_flag = true)]
struct Arguments {
    /// How many runs
    #[arg(long, default_value = "100")]
    runs: NonZero<u32>,
    /// Keep every core busy meanwhile
    #[arg(long)]
    busy: bool,
    /// Only this claim, as said and in its contrary setup; may be given more than once
    #[arg(long, value_name = "CLAIM")]
    claim: Vec<String>,
    /// Also the claims that take a whole minute
    #[arg(long, conflicts_with = "claim")]
    all: bool,
    /// Only over this family: ipv4 or ipv6
    #[arg(long, value_name = "FAMILY")]
    family: Option<String>,
    /// All of it: so many runs, as many with every core busy, one with --all; writes docs/lab-performance.md
    #[arg(long, conflicts_with_all = ["busy", "claim", "all", "family"])]
    page: bool,
}

impl Arguments {
    /// What the lab is asked for.
    fn of_the_lab(&self) -> Vec<String> {
        let mut arguments = self.claim.clone();
        arguments.extend(self.all.then(|| "--all".to_owned()));
        arguments.extend(self.family.iter().flat_map(|family| ["--family".to_owned(), family.clone()]));
        arguments
    }
}

/// Reads the arguments, of which the first is `stress`; runs; tells.
pub(crate) fn main(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse_from(arguments);
    outside::build()?;
    if arguments.page {
        return page::write(arguments.runs);
    }
    let tallies = runs(arguments.runs, arguments.busy, &arguments.of_the_lab())?;
    table(&tallies);
    println!("\n{}", summary(&tallies, arguments.busy));
    Ok(status(tallies.changed()))
}

fn status(changed: u32) -> ExitCode {
    if changed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `100 runs, every core busy: 2.4 s each (median), the slowest 8.1 s; no verdict changed`
fn summary(tallies: &Tallies, busy: bool) -> String {
    let (median, slowest) = tallies.median_and_slowest();
    let changed = match tallies.changed() {
        0 => "no verdict changed".to_owned(),
        1 => "1 verdict changed".to_owned(),
        many => format!("{many} verdicts changed"),
    };
    format!(
        "{} runs, {}: {:.1} s each (median), the slowest {:.1} s; {changed}",
        tallies.took.len(),
        if busy { "every core busy" } else { "nothing else to do" },
        median.as_secs_f64(),
        slowest.as_secs_f64()
    )
}

/// Runs the lab so often, and tells at once what is not as it should be.
fn runs(count: NonZero<u32>, busy: bool, arguments: &[String]) -> anyhow::Result<Tallies> {
    let _busy = busy.then(Busy::every_core);
    let mut tallies = Tallies::default();
    for number in 1..=count.get() {
        let run = lab::run(arguments)?;
        for changed in tallies.count(&run) {
            tell(number, changed);
        }
        progress(number, count.get(), run.took);
    }
    Ok(tallies)
}

fn tell(run: u32, told: &Told) {
    let Told { id, family, verdict, decided_by, .. } = told;
    let setup = told.contrary.as_deref().map_or_else(String::new, |what| format!(" ({what})"));
    let why = told.reason.as_deref().unwrap_or(decided_by);
    eprintln!("run {run}: {id} {family}{setup}: {verdict}: {why}");
}

fn progress(number: u32, count: u32, took: Duration) {
    if io::stderr().is_terminal() {
        let end = if number == count { "\n" } else { "" };
        eprint!("\r\x1b[Krun {number} of {count}: {:.1} s{end}", took.as_secs_f64());
    }
}

/// A line an experiment: how often each verdict came, and its longest time.
fn table(tallies: &Tallies) {
    println!("{:<32} {:<6} {:<24} {:>11}", "claim", "family", "verdicts", "slowest");
    for ((id, family, contrary), tally) in &tallies.of {
        let name = if *contrary { format!("{id}, contrary") } else { id.clone() };
        let mark = if tally.changed() == 0 { "" } else { "  changed" };
        println!("{name:<32} {family:<6} {:<24} {:>8} ms{mark}", tally.verdicts(), tally.slowest_ms);
    }
}
