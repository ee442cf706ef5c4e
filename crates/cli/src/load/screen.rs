use std::io::{self, Write};

use timewait_oneline::{
    Report,
    load::{Ended, Progress},
};

use super::Ports;
use crate::{
    print::{Paint, Tone, label},
    words::{load as words, to},
};

/// The line that tells how it goes, on a terminal.
pub(super) struct Live<'a> {
    on: bool,
    ports: &'a Ports,
    before: Seen,
}

/// What was seen when the line was last written.
#[derive(Clone, Copy, Default)]
struct Seen {
    seconds: f64,
    begun: u64,
    held: u64,
}

impl<'a> Live<'a> {
    pub(super) fn new(on: bool, ports: &'a Ports) -> Self {
        Self { on, ports, before: Seen::default() }
    }

    pub(super) fn show(&mut self, progress: &Progress<'_>) {
        if !self.on {
            return;
        }
        let now = Seen {
            seconds: progress.elapsed.as_secs_f64(),
            begun: progress.tally.begun,
            held: progress.held + progress.open,
        };
        let over = (now.seconds - self.before.seconds).max(0.001);
        let a_second = |now: u64, before: u64| precise(now.saturating_sub(before)) / over;
        let rate = a_second(now.begun, self.before.begun);
        let left = self.ports.left(now.held);
        let growth = a_second(now.held, self.before.held);
        let runs_out = (growth > 0.0 && progress.held > 0).then(|| precise(left) / growth);
        self.before = now;
        // A screen that cannot be written to does not end the run.
        let _ = write!(io::stderr(), "\r\x1b[K{}", words::live(progress, rate, left, runs_out));
    }

    pub(super) fn clear(&self) {
        if self.on {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "it is shown with three digits")]
fn precise(count: u64) -> f64 {
    count as f64
}

/// What it amounted to, and what to do where ports ran short.
pub(super) fn summary(
    out: &mut impl Write,
    paint: Paint,
    report: &Report,
    ports: &Ports,
) -> anyhow::Result<()> {
    let tone = if super::is_bad_news(report) { Tone::Bad } else { Tone::Good };
    writeln!(out, "{}", paint.tone(tone, &words::headline(report)))?;
    label(out, paint, "ended", &words::ended(report.ended, ports.to))?;
    label(out, paint, "errors", &words::errors(report))?;
    label(out, paint, "waits", &words::waits(report))?;
    for line in words::latencies(report) {
        writeln!(out, "{line}")?;
    }
    if report.ended == Ended::Ports || words::lacked_ports(report) {
        let (budget, facts) = ports.now()?;
        label(out, paint, "ports", &[words::generator_ran_short(&budget, ports.to)])?;
        label(out, paint, "taken", &to::taken(&budget))?;
        label(out, paint, "do", &to::remedies(&budget, &facts))?;
    }
    Ok(())
}
