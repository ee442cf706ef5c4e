//! Where an act is played: its port, the programs that run, the socket table as it stands.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal, kill_process},
};
use timewait_facts::{Pattern, Socket, States};
use timewait_linux::{
    owners::Owners,
    processes,
    sockets::{Query, SocketTable},
};

use super::step::{Held, Outcome, Run};

/// How long a program, or the kernel, may take for anything here. Reached only when something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Where an act is played.
pub(crate) struct Stage {
    /// The server's port.
    pub(crate) port: u16,
    /// Where the server listens.
    listen: SocketAddr,
    program: PathBuf,
    sockets: SocketTable,
}

impl Stage {
    /// A stage whose server listens there; its clients come over loopback.
    pub(crate) fn on(listen: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            port: listen.port(),
            listen,
            program: env::current_exe().context("cannot find this program's own file")?,
            sockets: SocketTable::open()?,
        })
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.port)
    }

    /// Starts `timewait serve` and waits until it listens or has failed.
    pub(crate) fn serve(&self, options: &[&str]) -> anyhow::Result<(Run, Option<Server>)> {
        let arguments = arguments("serve", options, self.listen);
        let command = format!("{} &", typed(&arguments));
        let mut server = Server::start(self.command(&arguments))?;
        let first = server.first_line()?;
        if first.starts_with("listening") {
            let run = Run { command, said: vec![first], outcome: Outcome::Listens };
            return Ok((run, Some(server)));
        }
        let said = server.last_words()?;
        let outcome = said.first().and_then(|line| failed_call(line)).unwrap_or(Outcome::Unclear);
        Ok((Run { command, said: said.into_iter().take(1).collect(), outcome }, None))
    }

    /// Runs `timewait connect` to its end.
    pub(crate) fn connect(&self, options: &[&str]) -> anyhow::Result<Run> {
        let arguments = arguments("connect", options, self.address());
        let mut client = Server::start(self.command(&arguments))?;
        let said = client.all_lines()?;
        let status = client.wait()?;
        let outcome = if status { Outcome::Talked } else { Outcome::Unclear };
        Ok(Run { command: typed(&arguments), said, outcome })
    }

    fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The sockets with the port on either end, now: the server's side first, and listeners before all.
    pub(crate) fn rows(&mut self) -> anyhow::Result<Vec<Held>> {
        let at = Pattern { prefix: None, port: Some(self.port) };
        let query = Query::in_states(States::all()).either(at);
        let mut sockets = self.sockets.collect(&query)?;
        let servers = |socket: &Socket| socket.local.port() == self.port;
        sockets.sort_by_key(|socket| (!servers(socket), socket.peer.port() != 0, socket.state, socket.peer));
        let owners = Owners::read()?;
        let owner = |inode| owners.of(inode).cloned();
        Ok(sockets.into_iter().map(|socket| (socket, socket.inode.and_then(owner))).collect())
    }

    /// The rows once a condition holds; if it never does, the rows as they are then.
    pub(crate) fn rows_when(&mut self, settled: impl Fn(&[Held]) -> bool) -> anyhow::Result<Vec<Held>> {
        let start = Instant::now();
        loop {
            let rows = self.rows()?;
            if settled(&rows) || start.elapsed() > PATIENCE {
                return Ok(rows);
            }
            thread::sleep(LOOK_AGAIN);
        }
    }
}

fn arguments(command: &str, options: &[&str], address: SocketAddr) -> Vec<String> {
    let words = std::iter::once(command).chain(options.iter().copied());
    words.map(str::to_owned).chain([address.to_string()]).collect()
}

/// As one would type it.
fn typed(arguments: &[String]) -> String {
    format!("timewait {}", arguments.join(" "))
}

/// Reads `bind returned -1, errno 98 EADDRINUSE: Address already in use`.
fn failed_call(line: &str) -> Option<Outcome> {
    let (call, answer) = line.split_once(" returned -1, errno ")?;
    let errno = answer.split(':').next()?.split_whitespace().nth(1)?;
    Some(Outcome::Refused { call: call.to_owned(), errno: errno.to_owned() })
}

/// A child of the act: it ends with the act, whatever ends that.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: ChildStderr,
}

impl Server {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child = processes::tether(&mut command).spawn().context("cannot start this program again")?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            bail!("a child's output is not to be had");
        };
        Ok(Self { child, stdout: BufReader::new(stdout), stderr })
    }

    /// Its first line, or nothing if it ends without one.
    fn first_line(&mut self) -> anyhow::Result<String> {
        let mut ready = [PollFd::new(self.stdout.get_ref(), PollFlags::IN)];
        let patience = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
        if poll(&mut ready, Some(&patience))? == 0 {
            bail!("a server said nothing for {PATIENCE:?}");
        }
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// What it wrote to standard error until its end.
    fn last_words(&mut self) -> anyhow::Result<Vec<String>> {
        let mut text = String::new();
        self.stderr.read_to_string(&mut text)?;
        self.wait()?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// What it writes to standard output until its end.
    fn all_lines(&mut self) -> anyhow::Result<Vec<String>> {
        let mut text = String::new();
        self.stdout.read_to_string(&mut text)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Waits for its end; whether it went well.
    fn wait(&mut self) -> anyhow::Result<bool> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            if start.elapsed() > PATIENCE {
                bail!("a program of the demo does not end");
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Sends it a signal and waits for its end.
    pub(crate) fn end(mut self, signal: Signal) -> anyhow::Result<Run> {
        kill_process(Pid::from_child(&self.child), signal)?;
        self.wait()?;
        // Inside a pid namespace its id is not the one that the table shows; a shell's job has the same name anywhere.
        let command = if signal == Signal::KILL { "kill -9 %1" } else { "kill %1" };
        Ok(Run { command: command.to_owned(), said: Vec::new(), outcome: Outcome::Ended })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_is_read_from_what_the_server_prints() {
        let line = "bind returned -1, errno 98 EADDRINUSE: Address already in use";
        let expected = Outcome::Refused { call: "bind".into(), errno: "EADDRINUSE".into() };
        assert_eq!(failed_call(line), Some(expected));
        assert_eq!(failed_call("thread panicked"), None);
        assert_eq!(failed_call("bind returned -1, errno "), None);
    }
}
