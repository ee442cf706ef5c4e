//! A server, kept busy, and what that cost it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpStream},
    os::fd::AsFd as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use nix::sys::{
    resource::{Usage, UsageWho, getrusage},
    time::TimeValLike as _,
};
use rustix::process::{Pid, Signal, kill_process};
use timewait_linux::{hosts::Host, processes, settings::tcp_counters};
use timewait_oneline::{Load, server::raise_descriptor_limit};

use crate::frame::Sample;

/// How long a server may take until it answers, or ends.
const PATIENCE: Duration = Duration::from_secs(10);
/// What counts clients that were turned away.
const REFUSALS: [&str; 2] = ["ListenOverflows", "ListenDrops"];

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9000))
}

/// Settings under which no port runs out and no queue is too short.
pub(crate) fn prepare(host: &Host) -> anyhow::Result<()> {
    host.set("net.core.somaxconn", "16384").context("somaxconn")?;
    host.set("net.ipv4.tcp_max_syn_backlog", "16384")?;
    host.set("net.ipv4.ip_local_port_range", "1024 65535")?;
    // Server and client are one host, and this port is the server's.
    host.set("net.ipv4.ip_local_reserved_ports", "9000")?;
    raise_descriptor_limit()?;
    Ok(())
}

/// Hears a client out; gives whether it was the line, and its end.
fn hears_the_line(mut client: TcpStream) -> bool {
    let mut line = Vec::new();
    client.read_to_end(&mut line).is_ok() && line == b"I sent sth to client!\n"
}

/// Serves so many connections; gives what that cost the server, its start and its children included.
pub(crate) fn connections(command: &Command, count: u64, say: &[u8]) -> anyhow::Result<Sample> {
    let mut again = Command::new(command.get_program());
    again.args(command.get_args());
    let server = Server::start(&mut again)?;
    load(count, say)?;
    server.end()
}

fn load(count: u64, say: &[u8]) -> anyhow::Result<()> {
    let (stop, _wish) = std::io::pipe()?;
    let load = Load {
        connections: Some(count),
        duration: Duration::from_secs(60),
        say: say.to_vec(),
        ..Load::to(address())
    };
    let report = load.run(stop.as_fd(), &mut |_| ())?;
    ensure!(report.tally.finished == count, "{} of {count} came to an end", report.tally.finished);
    Ok(())
}

/// What strace says, on standard error, of a server that ends when it has served so many, and one more.
pub(super) fn counted(command: &mut Command, count: u64) -> anyhow::Result<String> {
    command.stderr(Stdio::piped());
    let mut server = Server::start(command)?;
    let mut said = server.child.stderr.take().context("a pipe")?;
    load(count, b"")?;
    let mut text = String::new();
    said.read_to_string(&mut text)?;
    Ok(text)
}

/// So many clients that are all connected before the first reads; gives what the kernel counted of those that it turned
/// away, and how many did not hear the line.
pub(super) fn crowd(
    command: &mut Command,
    clients: usize,
) -> anyhow::Result<(Vec<(&'static str, u64)>, u64)> {
    let server = Server::start(command)?;
    let before = tcp_counters()?;
    let crowd: Result<Vec<_>, _> = (0..clients).map(|_| TcpStream::connect(address())).collect();
    let unserved = crowd
        .context("clients need descriptors")?
        .into_iter()
        .map(|client| u64::from(!hears_the_line(client)))
        .sum();
    let after = tcp_counters()?;
    let grown = |name| (name, after.get(name).unwrap_or(&0) - before.get(name).unwrap_or(&0));
    server.end()?;
    Ok((REFUSALS.map(grown).to_vec(), unserved))
}

/// A child that is ended with this value, and all whom it started with it.
pub(crate) struct Server {
    child: Child,
    before: Usage,
}

impl Server {
    /// Starts it and waits until it answers.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let before = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        processes::tether(command).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
        drain(&mut child);
        let mut server = Self { child, before };
        let start = Instant::now();
        while TcpStream::connect(address()).is_err() {
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

    /// Ends it; gives what it cost. Its children end with it: nginx sees to that, the others have none.
    pub(crate) fn end(mut self) -> anyhow::Result<Sample> {
        self.ask_to_end();
        let after = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let time = |of: fn(&Usage) -> nix::sys::time::TimeVal| {
            let micros = of(&after).num_microseconds() - of(&self.before).num_microseconds();
            Duration::from_micros(u64::try_from(micros).unwrap_or(0))
        };
        Ok(Sample { user: time(Usage::user_time), system: time(Usage::system_time), ..Sample::default() })
    }

    fn ask_to_end(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
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

/// Reads what it prints, so that it never waits for that.
fn drain(child: &mut Child) {
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).for_each(drop));
    }
}
