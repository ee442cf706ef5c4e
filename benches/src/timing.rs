//! Wall time and peak memory, the median of several runs.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::bail;
use nix::sys::resource::{UsageWho, getrusage};

/// The median run.
pub(crate) struct Measured {
    pub(crate) wall: Duration,
    /// The largest of any child so far: children come in the order of their appetite, or it says too much.
    pub(crate) peak_kib: i64,
}

/// Times some work of this process.
pub(crate) fn measure(runs: usize, mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Measured> {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    times.sort();
    let wall = times.get(runs / 2).copied().unwrap_or_default();
    Ok(Measured { wall, peak_kib: getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss() })
}

/// Times a command whose output goes to a pipe that is read and thrown away. Exit status 1 is bad news, no failure.
pub(crate) fn run(runs: usize, command: &mut Command) -> anyhow::Result<Measured> {
    measure(runs, || {
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        match output.status.code() {
            Some(0 | 1) => Ok(()),
            _ => bail!("{command:?} ended with {}", output.status),
        }
    })
}
