//! The acts: what is done, in order. Each begins with a port that nothing holds.

use std::{
    io::{self, Read as _},
    net::{SocketAddr, TcpStream},
};

use anyhow::Context as _;
use rustix::process::Signal;
use timewait_facts::State;

use super::{
    stage::{PATIENCE, Stage},
    step::{CLIENTS, Held, Moment, Sides, Step, StepId, count},
};

/// Steps that need the sockets which the one before left behind are one act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The first program, its restart, and the second program over it.
    WithoutTheOption,
    /// The second program from the start.
    WithTheOption,
    /// The client closes first.
    ClientCloses,
    /// kill -9 under load.
    Crash,
}

impl Act {
    pub(crate) const ALL: [Self; 4] =
        [Self::WithoutTheOption, Self::WithTheOption, Self::ClientCloses, Self::Crash];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::WithoutTheOption => "without-the-option",
            Self::WithTheOption => "with-the-option",
            Self::ClientCloses => "client-closes",
            Self::Crash => "crash",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }

    /// Plays the act; each step is handed out when it has happened.
    pub(crate) fn play(
        self,
        stage: &mut Stage,
        mut tell: impl FnMut(Step) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match self {
            Self::WithoutTheOption => without_the_option(stage, &mut tell),
            Self::WithTheOption => tell(with_the_option(stage)?),
            Self::ClientCloses => tell(client_closes(stage)?),
            Self::Crash => tell(crash(stage)?),
        }
    }
}

const FIRST_PROGRAM: &[&str] = &["--no-reuseaddr"];
const SECOND_PROGRAM: &[&str] = &[];

fn without_the_option(
    stage: &mut Stage,
    tell: &mut impl FnMut(Step) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let port = stage.port;
    let step = |id, moments| Step { id, port, moments };

    let (started, server) = stage.serve(FIRST_PROGRAM)?;
    let mut moments = vec![Moment::Ran(started), Moment::Table(stage.rows()?)];
    moments.push(Moment::Ran(stage.connect(&[])?));
    moments.push(Moment::Table(stage.rows_when(|rows| closed(rows, port))?));
    tell(step(StepId::FirstProgram, moments))?;

    let mut moments = Vec::new();
    if let Some(server) = server {
        moments.push(Moment::Ran(server.end(Signal::TERM)?));
    }
    let (restarted, server) = stage.serve(FIRST_PROGRAM)?;
    moments.extend([Moment::Ran(restarted), Moment::Table(stage.rows()?)]);
    drop(server);
    tell(step(StepId::RestartRefused, moments))?;

    let (restarted, server) = stage.serve(SECOND_PROGRAM)?;
    let moments = vec![Moment::Ran(restarted), Moment::Table(stage.rows()?)];
    drop(server);
    tell(step(StepId::OptionTooLate, moments))
}

fn with_the_option(stage: &mut Stage) -> anyhow::Result<Step> {
    let moments = start_talk_restart(stage, (SECOND_PROGRAM, &[]), SECOND_PROGRAM)?;
    Ok(Step { id: StepId::OptionRestarts, port: stage.port, moments })
}

fn client_closes(stage: &mut Stage) -> anyhow::Result<Step> {
    let options = &["--no-reuseaddr", "--close-first", "client"];
    let moments = start_talk_restart(stage, (options, &["--close-first", "client"]), FIRST_PROGRAM)?;
    Ok(Step { id: StepId::ClientCloses, port: stage.port, moments })
}

/// Start, one client, stop, start again; the table at the end.
fn start_talk_restart(
    stage: &mut Stage,
    (server_options, client_options): (&[&str], &[&str]),
    restart_options: &[&str],
) -> anyhow::Result<Vec<Moment>> {
    let port = stage.port;
    let (started, server) = stage.serve(server_options)?;
    let mut moments = vec![Moment::Ran(started), Moment::Ran(stage.connect(client_options)?)];
    stage.rows_when(|rows| closed(rows, port))?;
    if let Some(server) = server {
        moments.push(Moment::Ran(server.end(Signal::TERM)?));
    }
    let (restarted, server) = stage.serve(restart_options)?;
    moments.extend([Moment::Ran(restarted), Moment::Table(stage.rows()?)]);
    drop(server);
    Ok(moments)
}

fn crash(stage: &mut Stage) -> anyhow::Result<Step> {
    let port = stage.port;
    let (started, server) = stage.serve(&["--close-first", "client"])?;
    let mut moments = vec![Moment::Ran(started)];
    let clients = (0..CLIENTS)
        .map(|_| client_that_stays(stage.address()))
        .collect::<io::Result<Vec<_>>>()
        .context("cannot open the connections under which the server is to be killed")?;
    moments.push(Moment::Did(crate::words::demo::open_clients(clients.len())));
    stage.rows_when(|rows| accepted(rows, port) == CLIENTS)?;
    if let Some(server) = server {
        moments.push(Moment::Ran(server.end(Signal::KILL)?));
    }
    let orphaned = stage.rows_when(|rows| unsettled(rows, port) == 0)?;
    moments.push(Moment::Table(orphaned));
    for options in [FIRST_PROGRAM, SECOND_PROGRAM] {
        let (restarted, server) = stage.serve(options)?;
        moments.push(Moment::Ran(restarted));
        drop(server);
    }
    drop(clients);
    Ok(Step { id: StepId::CrashUnderLoad, port, moments })
}

/// Connects and reads the line, and leaves the closing to the server.
fn client_that_stays(address: SocketAddr) -> io::Result<TcpStream> {
    let mut client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(PATIENCE))?;
    let mut line = [0; 64];
    if client.read(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(client)
}

/// Whether the one connection there was is over on both sides: somebody waits, and nothing else is on its way.
fn closed(rows: &[Held], port: u16) -> bool {
    let waits = count(rows, port, |socket| socket.state == State::TimeWait);
    let others = count(rows, port, |socket| !matches!(socket.state, State::TimeWait | State::Listen));
    waits != Sides::default() && others == Sides::default()
}

/// Connections of the dead server whose FIN is not acknowledged yet.
fn unsettled(rows: &[Held], port: u16) -> usize {
    count(rows, port, |socket| matches!(socket.state, State::Established | State::FinWait1)).server
}

/// Connections of the server that a process holds.
fn accepted(rows: &[Held], port: u16) -> usize {
    count(rows, port, |socket| socket.state == State::Established && socket.inode.is_some()).server
}
