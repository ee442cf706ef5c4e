//! Two programs side by side: one measured, one that keeps it busy.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal};
use timewait_linux::processes;

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// A child that is ended with this value, and all whom it started with it.
pub(super) struct Server {
    child: Child,
}

impl Server {
    /// Starts it and waits until it answers at the address.
    pub(super) fn start(command: &mut Command, at: SocketAddr) -> anyhow::Result<Self> {
        processes::tether(command).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        let mut server = Self { child };
        let start = Instant::now();
        while TcpStream::connect(at).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} ended with {status}");
            }
            if start.elapsed() > PATIENCE {
                bail!("{command:?} does not answer");
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// Ends it; gives the processor time that it took, its start and its children's included, in seconds.
    pub(super) fn end(mut self) -> anyhow::Result<f64> {
        let before = children_cpu()?;
        self.ask_to_end();
        Ok(children_cpu()? - before)
    }

    fn ask_to_end(&mut self) {
        // Its children end with it: nginx sees to that, the others have none.
        let _ = rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM);
        let start = Instant::now();
        while start.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.ask_to_end();
        }
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command, built beside this program.
pub(super) fn timewait() -> anyhow::Result<PathBuf> {
    let program = env::current_exe()?.with_file_name("timewait");
    if program.exists() { Ok(program) } else { bail!("build it first: cargo build --release") }
}

/// This program, to do a part.
pub(super) fn this(part: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(part);
    Ok(command)
}

/// Whether a program is there.
pub(super) fn has(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}

/// A client's run: what it printed, and the processor time that it took.
pub(super) struct Ran {
    pub(super) output: String,
    pub(super) cpu: f64,
}

/// Runs a client to its end.
pub(super) fn run(command: &mut Command) -> anyhow::Result<Ran> {
    let before = children_cpu()?;
    let mut child = processes::tether(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut output = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            output += &line?;
            output.push('\n');
        }
    }
    child.wait()?;
    Ok(Ran { output, cpu: children_cpu()? - before })
}

#[allow(clippy::cast_precision_loss, reason = "microseconds of a benchmark")]
fn children_cpu() -> anyhow::Result<f64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// The number that follows a text.
pub(super) fn number_after(output: &str, text: &str) -> Option<f64> {
    let (_, rest) = output.split_once(text)?;
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// One row of rounds: microseconds a connection, or `None` where that round failed.
pub(super) type Rounds = Vec<Option<f64>>;

/// A table: each against the first, round by round.
pub(super) fn print(heads: &str, rows: &[(&str, Rounds)]) {
    println!("| {heads} | CPU a connection | ratio | its range |\n|---|---|---|---|");
    let Some((_, base)) = rows.first() else { return };
    for (name, rounds) in rows {
        let mut times: Vec<f64> = rounds.iter().copied().flatten().collect();
        let mut ratios: Vec<f64> =
            rounds.iter().zip(base).filter_map(|(time, base)| Some((*time)? / (*base)?)).collect();
        times.sort_by(f64::total_cmp);
        ratios.sort_by(f64::total_cmp);
        match (middle(&times), middle(&ratios), ratios.first(), ratios.last()) {
            (Some(time), Some(ratio), Some(least), Some(most)) => {
                println!("| {name} | {time:.1} us | {ratio:.2} | {least:.2} to {most:.2} |");
            }
            _ => println!("| {name} | not measured | | |"),
        }
    }
    println!();
    let _ = std::io::stdout().flush();
}

fn middle(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() / 2).copied()
}
