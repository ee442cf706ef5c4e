//! What `watch` makes of a host that closes as fast as two cores can: whether it sees every close, and at what cost.

use std::{
    io::{self, BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, anyhow, bail};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;
use timewait_linux::hosts::Host;

use crate::{
    crowd::Crowd,
    frame::{Bar, Bench, Measurement, Section, Table},
};

pub(crate) const MEASUREMENT: Measurement = Measurement {
    name: "busy",
    title: "A busy host that is watched",
    about: "Connections are made and closed over loopback, the server's side first, as fast as two threads can, while \
        `timewait watch --json` runs and tells each. Each connection has two ends, and the server's waits. What the samples miss came and went \
        between two of them.",
    needs: &[],
    cases: [&["probe", "samples"], &["probe"]],
    figures: &[],
    perform,
};

fn perform(bench: &Bench<'_>, host: &Host, case: &str) -> anyhow::Result<Section> {
    let connections = bench.pick(400_000_u32, 40_000);
    let mut command = bench.timewait(&["watch", "--json"]);
    let watch = Watching::begin(command.args((case == "samples").then_some("--no-probe")))?;
    if !watch.beginning.contains(if case == "samples" { "by samples" } else { "by a probe" }) {
        let note = format!("`watch` by its probe was not measured: {}", watch.beginning.trim());
        watch.end()?;
        return Ok(Section { notes: vec![note], ..Section::default() });
    }
    let crowd = Crowd::gather(host, connections, 2)?;
    let (summary, peak_kib) = watch.end()?;
    let a_second = f64::from(connections) / crowd.took().as_secs_f64();
    tell(case, (f64::from(connections), a_second), &summary, peak_kib)
}

fn tell(case: &str, (made, a_second): (f64, f64), summary: &Value, peak_kib: i64) -> anyhow::Result<Section> {
    let number =
        |place: &str| summary.pointer(place).and_then(Value::as_f64).with_context(|| format!("no {place}"));
    let [us, peer, both] = ["us", "peer", "both"].map(|first| number(&format!("/closed/{first}")));
    let [reset, unseen] = ["reset", "unseen"].map(|first| number(&format!("/closed/{first}")));
    let told = us? + peer? + both? + reset? + unseen?;
    let known = number("/attributed/probe")? + number("/attributed/sample")?;
    let inferred = number("/attributed/inferred")?;
    let cpu = number("/cost/cpu_ms")? / number("/watched_ms")?;
    let percent = |part: f64| format!("{:.1} %", 100.0 * part);
    let mut table = Table::new([
        "`watch` by",
        "connections a second",
        "ends told",
        "of those that wait, met",
        "process known",
        "process inferred",
        "CPU of a core",
        "most memory",
    ]);
    table.row([
        case.to_owned(),
        format!("{a_second:.0}"),
        percent(told / (2.0 * made)),
        percent(number("/closed/time_wait")? / made),
        percent(known / (2.0 * made)),
        percent(inferred / (2.0 * made)),
        percent(cpu),
        format!("{} MiB", (peak_kib + 1023) / 1024),
    ]);
    let mut section = Section { tables: vec![table], ..Section::default() };
    if case == "probe" {
        let lost = number("/lost/full")? + number("/lost/nested")?;
        section.bars.push(Bar::at_most("`timewait watch` on a busy host: changes of state lost", 0.0, lost));
        let share = told / (2.0 * made);
        section.bars.push(Bar::at_least(
            "`timewait watch` on a busy host: closes told, of those made",
            1.0,
            share,
        ));
    }
    Ok(section)
}

/// A `timewait watch --json` that has begun.
struct Watching {
    child: Child,
    /// What it said when it began.
    beginning: String,
    /// Reads along, so that it never waits; gives the last line, which sums up.
    reader: JoinHandle<io::Result<String>>,
}

impl Watching {
    fn begin(command: &mut Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut beginning = String::new();
        let said = child.stderr.take().context("a pipe")?;
        BufReader::new(said).read_line(&mut beginning)?;
        let told = BufReader::new(child.stdout.take().context("a pipe")?);
        let reader = thread::spawn(move || told.lines().try_fold(String::new(), |_, line| line));
        Ok(Self { child, beginning, reader })
    }

    /// Its summary, and the most memory that it had at once, in KiB: no other child of this process has as much.
    fn end(mut self) -> anyhow::Result<(Value, i64)> {
        if !Command::new("kill").args(["-INT", &self.child.id().to_string()]).status()?.success() {
            bail!("cannot interrupt the watch");
        }
        let last = self.reader.join().map_err(|_| anyhow!("the reader panicked"))??;
        let ended = self.child.wait()?;
        if !ended.success() {
            bail!("the watch ended with {ended}");
        }
        Ok((serde_json::from_str(&last)?, getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss()))
    }
}
