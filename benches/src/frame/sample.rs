//! What one run of a program costs. A process of its own starts it, reads what it prints, and asks the kernel
//! afterwards what its one child has used; so no run is charged for another.

use std::{
    env,
    io::{ErrorKind, Read as _},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde::{Deserialize, Serialize};

/// What one run cost.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) wall: Duration,
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    /// The most memory that it had at once, in KiB; 0 where that is not known.
    pub(crate) peak_kib: i64,
    /// Lines that it printed.
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
}

impl Sample {
    pub(crate) fn cpu(&self) -> Duration {
        self.user + self.system
    }

    /// Runs a command to its end, its output read from a pipe and thrown away. Exit status 1 is bad news, no failure.
    pub(crate) fn of(command: &Command) -> anyhow::Result<Self> {
        let mut sampler = Command::new(env::current_exe()?);
        sampler.arg("sample").arg(command.get_program()).args(command.get_args());
        let output = sampler.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            bail!("{command:?} could not be measured");
        }
        serde_json::from_slice(&output.stdout).with_context(|| format!("what {command:?} cost"))
    }

    /// Some work of this process, all of its threads.
    pub(crate) fn here(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Self> {
        Self::around(UsageWho::RUSAGE_SELF, work)
    }

    /// What this process starts and waits for meanwhile.
    pub(crate) fn of_children(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Self> {
        Self::around(UsageWho::RUSAGE_CHILDREN, work)
    }

    fn around(who: UsageWho, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Self> {
        let (start, before) = (Instant::now(), getrusage(who)?);
        work()?;
        let (wall, after) = (start.elapsed(), getrusage(who)?);
        let (was, is) = (used(&before), used(&after));
        let (user, system) = (is.0.saturating_sub(was.0), is.1.saturating_sub(was.1));
        Ok(Self { wall, user, system, ..Self::default() })
    }

    /// The time of one, where it was that of so many.
    pub(crate) fn each_of(self, count: f64) -> Self {
        let [wall, user, system] = [self.wall, self.user, self.system].map(|time| time.div_f64(count));
        Self { wall, user, system, ..self }
    }
}

/// User and system time.
fn used(usage: &Usage) -> (Duration, Duration) {
    let time = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    (time(usage.user_time().num_microseconds()), time(usage.system_time().num_microseconds()))
}

/// The sampler itself: one child, whose cost goes to standard output as JSON.
pub(crate) fn take(command: &[&str]) -> anyhow::Result<ExitCode> {
    let (program, arguments) = command.split_first().context("which command?")?;
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let mut sample = Sample::default();
    let mut output = child.stdout.take().context("a pipe")?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = match output.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => buffer.get(..read).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        sample.bytes += read.len() as u64;
        // Who reads is not to be waited for.
        sample.lines += memchr::memchr_iter(b'\n', read).count() as u64;
    }
    let status = child.wait()?;
    sample.wall = start.elapsed();
    if !matches!(status.code(), Some(0 | 1)) {
        bail!("{program} ended with {status}");
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    (sample.user, sample.system) = used(&usage);
    sample.peak_kib = usage.max_rss();
    println!("{}", serde_json::to_string(&sample)?);
    Ok(ExitCode::SUCCESS)
}
