//! What `load` says.

use std::{net::SocketAddr, time::Duration};

use timewait_diagnose::{ports::Budget, words::number};
use timewait_linux::Errno;
use timewait_oneline::{
    Call, Load, Report,
    load::{Close, Ended, Failures, Latencies, Progress},
};

fn count(of: u64) -> String {
    number(usize::try_from(of).unwrap_or(usize::MAX))
}

pub(crate) fn not_local(addresses: &[String]) -> String {
    let verb = if addresses.len() == 1 { "is" } else { "are" };
    format!("{} {verb} not of this machine, and load connects to nothing else", addresses.join(", "))
}

pub(crate) fn no_source(source: &str) -> String {
    format!("--from {source}: not all of it is of this machine, so nothing can be connected from there")
}

pub(crate) fn begins(load: &Load, sources: u64) -> String {
    let rate = load.rate.map_or_else(|| "as fast as possible".to_owned(), |rate| format!("{rate} a second"));
    let close = match load.close {
        Close::Server => "the server closes first",
        Close::Client => "we close first",
        Close::Reset => "we end each by an RST",
    };
    let from = if sources > 1 { format!(", from {} addresses", count(sources)) } else { String::new() };
    format!("connecting to {}, {rate}, {} at a time{from}; {close}", load.to, count(load.concurrency as u64))
}

/// The line on a terminal.
pub(crate) fn live(progress: &Progress<'_>, rate: f64, left: u64, runs_out: Option<f64>) -> String {
    let errors: Vec<String> = progress
        .tally
        .errors
        .iter()
        .map(|failures| format!("{} {}", count(failures.count), failures.errno.name()))
        .collect();
    let errors = if errors.is_empty() { "no errors".to_owned() } else { errors.join(", ") };
    let until = runs_out.map(|seconds| format!(", out in {seconds:.0} s")).unwrap_or_default();
    format!(
        "{:.0} s  {rate:.0}/s  {errors}  {} time-wait made  {} ports left{until}",
        progress.elapsed.as_secs_f64(),
        count(progress.tally.time_waits),
        count(left)
    )
}

pub(crate) fn headline(report: &Report) -> String {
    let tally = &report.tally;
    let seconds = report.elapsed.as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "it is shown with few digits")]
    let rate = if seconds > 0.0 { tally.finished as f64 / seconds } else { 0.0 };
    format!(
        "{} of {} connections came to their end in {seconds:.1} s: {rate:.0} a second",
        count(tally.finished),
        count(tally.begun)
    )
}

pub(crate) fn ended(ended: Ended, to: SocketAddr) -> Vec<String> {
    match ended {
        Ended::Connections | Ended::Duration => Vec::new(),
        Ended::Stopped => vec!["by the wish to stop".to_owned()],
        Ended::Ports => vec![format!(
            "at half of the local ports towards {to}: from here on connect(2) is slow, then fails (--exhaust goes on)"
        )],
    }
}

pub(crate) fn errors(report: &Report) -> Vec<String> {
    let tally = &report.tally;
    let mut lines: Vec<String> = tally
        .errors
        .iter()
        .map(|Failures { call, errno, count: of }| {
            format!("{} {} in {call}: {}", count(*of), errno.name(), errno.text())
        })
        .collect();
    if tally.cut > 0 {
        lines.push(format!("{} still open at the end, and closed then", count(tally.cut)));
    }
    if report.behind > 0 {
        lines.push(format!("{} were due and not begun: the rate was not reached", count(report.behind)));
    }
    lines
}

pub(crate) fn waits(report: &Report) -> Vec<String> {
    match report.tally.time_waits {
        0 => Vec::new(),
        made => vec![format!("{} in time-wait on this side, for 60 s each", count(made))],
    }
}

/// A table, a line a quantity.
pub(crate) fn latencies(report: &Report) -> Vec<String> {
    let rows = [("connect", &report.connect), ("whole", &report.whole)];
    let rows: Vec<_> = rows.into_iter().filter(|(_, times)| times.count() > 0).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let heads = ["half", "90 %", "99 %", "99.9 %", "longest"];
    let mut lines = vec![format!("  {:7}{}", "", heads.map(|head| format!("{head:>11}")).concat())];
    lines.extend(rows.iter().map(|(name, times)| format!("  {name:7}{}", row(times))));
    lines
}

fn row(times: &Latencies) -> String {
    let at = [0.5, 0.9, 0.99, 0.999].map(|share| times.quantile(share));
    let cells: Vec<String> =
        at.into_iter().chain([times.max()]).map(|time| format!("{:>11}", short(time))).collect();
    cells.concat()
}

fn short(time: Duration) -> String {
    let us = time.as_secs_f64() * 1e6;
    if us < 1e3 {
        format!("{us:.0} us")
    } else if us < 1e6 {
        format!("{:.1} ms", us / 1e3)
    } else {
        format!("{:.2} s", us / 1e6)
    }
}

/// Whether it was this side that had no port left.
pub(crate) fn lacked_ports(report: &Report) -> bool {
    let lacked = |failures: &Failures| {
        failures.call == Call::Connect && failures.errno == Errno::ADDRESS_NOT_AVAILABLE
    };
    report.tally.errors.iter().any(lacked)
}

pub(crate) fn generator_ran_short(budget: &Budget, to: SocketAddr) -> String {
    format!(
        "it is this side that runs out, not the server: {} of {} local ports are left towards {to}",
        number(usize::try_from(budget.left()).unwrap_or(usize::MAX)),
        number(usize::try_from(budget.range.len()).unwrap_or(usize::MAX))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_unit_that_makes_it_short() {
        let times = [12, 4_200, 1_730_000].map(|us| short(Duration::from_micros(us)));
        assert_eq!(times, ["12 us", "4.2 ms", "1.73 s"]);
    }
}
