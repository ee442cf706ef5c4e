//! Processes of an experiment's own: this program, executed anew to play a part. For what takes another process: one that
//! is killed, one whose socket is reached from outside, one in another network namespace.

use std::{
    env,
    io::{self, Read as _, Write as _},
    net::{AddrParseError, SocketAddr},
    process::{Child, Command, ExitStatus, Stdio},
    rc::Rc,
};

use timewait_linux::{
    hosts::{self, Host},
    processes,
    sockets::SocketTable,
};

use crate::{
    Answer, Lab, Trouble,
    site::{Close, Flags, Site},
};

/// A part that a process plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A server that says when it listens, accepts connections, and holds them.
    HoldConnections,
    /// Leaves a TIME-WAIT behind, writes what a plain bind(2) of its port then answers, and stays.
    LeaveWaiting,
}

impl Part {
    const ALL: [Self; 2] = [Self::HoldConnections, Self::LeaveWaiting];

    const fn name(self) -> &'static str {
        match self {
            Self::HoldConnections => "hold-connections",
            Self::LeaveWaiting => "leave-waiting",
        }
    }
}

/// Why a part was not played to its end.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// There is no such part.
    #[error("no part has this name; there are {}", Part::ALL.map(Part::name).join(", "))]
    Part,
    /// The words after it are not an address with a port, and perhaps `reuseaddr`.
    #[error("a part takes an address with a port, and perhaps '{REUSEADDR}'")]
    Words,
    /// The first of them is no address with a port.
    #[error("this is no address with a port")]
    Address(#[from] AddrParseError),
    /// As in any experiment; above all, this process may be in no host of its own.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

const REUSEADDR: &str = "reuseaddr";

/// Plays a part of an experiment, as the process that [`Lab`]'s executes anew.
///
/// # Errors
/// There is no such part, its words are not understood, or something stood in its way.
pub fn act(part: &str, words: &[String]) -> Result<(), ActError> {
    let part = Part::ALL.into_iter().find(|known| known.name() == part).ok_or(ActError::Part)?;
    let (address, flags): (SocketAddr, _) = match words {
        [address] => (address.parse()?, Flags::NONE),
        [address, flag] if flag == REUSEADDR => (address.parse()?, Flags::REUSEADDR),
        _ => return Err(ActError::Words),
    };
    Host::entered().ok_or(Trouble::Outside)?.await_address(address.ip()).map_err(Trouble::from)?;
    let table = SocketTable::open().map_err(Trouble::from)?;
    let host = Site::new(part.name(), address.ip(), table, Rc::default());
    match part {
        Part::HoldConnections => hold_connections(&host, address, flags)?,
        Part::LeaveWaiting => leave_waiting(&host, address, flags)?,
    }
    Ok(())
}

fn hold_connections(host: &Site, address: SocketAddr, flags: Flags) -> Result<(), Trouble> {
    /// More than any experiment opens.
    const MOST: usize = 1024;
    /// How often accept(2) may run out of patience: in all, longer than a fast claim may take.
    const LULLS: usize = 8;
    let listener = host.listen(address, flags)?;
    say(host, "listening")?;
    let (mut held, mut lulls) = (Vec::new(), 0);
    while held.len() < MOST && lulls < LULLS {
        match listener.accept() {
            Ok(connection) => held.push(connection),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => lulls += 1,
            Err(error) => return Err(host.failed("accept")(error)),
        }
    }
    Ok(())
}

fn leave_waiting(host: &Site, address: SocketAddr, flags: Flags) -> Result<(), Trouble> {
    let listener = host.listen(address, flags)?;
    host.pair(&listener)?.close(Close::SERVER_FIRST).map_err(host.failed("the conversation"))?;
    drop(listener);
    host.settled(address.port())?;
    say(host, &host.bind(address, flags).to_string())?;
    // Whoever started this one closes the pipe when it has seen enough.
    io::stdin().read_to_end(&mut Vec::new()).map(drop).map_err(host.failed("waiting for the end"))
}

fn say(host: &Site, line: &str) -> Result<(), Trouble> {
    writeln!(io::stdout(), "{line}").map_err(host.failed("telling"))
}

/// A process that plays a part. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Actor {
    child: Child,
}

impl Actor {
    /// A server in this host that accepts connections and holds them. It listens.
    ///
    /// # Errors
    /// The process cannot be started, or breaks off.
    pub(crate) fn server(lab: &Lab, address: SocketAddr, flags: Flags) -> Result<Self, Trouble> {
        let mut command = command(Part::HoldConnections, address, flags)?;
        let child = processes::tether(&mut command).spawn().map_err(|error| not_started(&error))?;
        let mut server = Self { child };
        server.line()?;
        lab.did(format!("another process listens on {address} with {flags}"));
        Ok(server)
    }

    /// A host beside this one, in which a connection waits with this address on its side; and what a plain bind(2) of
    /// that address answers there.
    ///
    /// # Errors
    /// There is no other host to be had, the process cannot be started, or breaks off.
    pub(crate) fn waiting_elsewhere(lab: &Lab, address: SocketAddr) -> Result<(Self, Answer), Trouble> {
        let mut command = command(Part::LeaveWaiting, address, Flags::NONE)?;
        let child = hosts::isolate(&mut command).map_err(|refusal| not_started(&refusal))?;
        let mut elsewhere = Self { child };
        let line = elsewhere.line()?;
        lab.did(format!(
            "in another network namespace: a connection to {address}, closed first by its server"
        ));
        Ok((elsewhere, if line == "OK" { Answer::ok() } else { Answer::errno(&line) }))
    }

    /// Ends it by SIGKILL, and waits until its sockets are closed.
    ///
    /// # Errors
    /// It cannot be killed or waited for.
    pub(crate) fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    /// The line that it writes: bounded, since all that it waits for is.
    ///
    /// # Errors
    /// It ended without one; then why.
    pub(crate) fn line(&mut self) -> Result<String, Trouble> {
        let mut line = Vec::new();
        if let Some(stdout) = &mut self.child.stdout {
            let mut byte = [0];
            while line.len() < 256 && stdout.read(&mut byte).map_err(|error| not_started(&error))? > 0 {
                match byte {
                    [b'\n'] => return Ok(String::from_utf8_lossy(&line).into_owned()),
                    [other] => line.push(other),
                }
            }
        }
        Err(Trouble::Otherwise("the other process broke off".to_owned()))
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // It may have been killed before; and where it cannot be waited for, the kernel still ends it with this process.
        let _ = self.kill();
    }
}

fn command(part: Part, address: SocketAddr, flags: Flags) -> Result<Command, Trouble> {
    let program = env::current_exe().map_err(|error| not_started(&error))?;
    let mut command = Command::new(program);
    command.args(["lab", "--act", part.name(), &address.to_string()]);
    if flags.reuseaddr {
        command.arg(REUSEADDR);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command)
}

fn not_started(error: &dyn std::error::Error) -> Trouble {
    Trouble::Otherwise(format!("another process cannot be had: {error}"))
}
