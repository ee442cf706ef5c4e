//! `why --listening` and `why --pid`: would the next restart of a server that runs now fail?
//!
//! Its listener goes with its process; its connections stay, waiting or orphaned, with the flags that they inherited.
//! Whether the same bind(2) then succeeds is asked of the same rules.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde::Serialize;
use timewait_diagnose::bind::{self, Answer, Facts, Occupant, Request, Verdict};
use timewait_facts::{Owner, Socket, States};
use timewait_linux::{
    flags::{self, ListenerFlags},
    owners::Owners,
    sockets::{Query, SocketTable},
};

use super::NOT;
use crate::{
    args::{Flags, Why},
    port_facts::{self, Look},
    print::{Paint, Tone, json, owner_text},
    words::why as words,
};

/// A listener, and what would become of its restart.
pub(crate) struct Restart {
    pub(crate) socket: Socket,
    owner: Option<Owner>,
    /// Its options, where they could be read.
    flags: Option<Flags>,
    /// Connections that would be left behind.
    pub(crate) connections: usize,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeds,
    Fails(Answer),
    /// On options that could not be read.
    Depends(Answer),
}

pub(super) fn run(args: &Why, look: Look<'_>, paint: Paint) -> anyhow::Result<ExitCode> {
    let restarts = judge_all(look, args.pid, !args.no_peek)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        json::write_line(&mut out, &object(&restarts))?;
    } else {
        write(&mut out, &restarts, args.pid, paint)?;
    }
    out.flush()?;
    let all_well = restarts.iter().all(|restart| restart.outcome == Outcome::Succeeds);
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::from(NOT) })
}

/// Every listener of the namespace, or of one process.
pub(crate) fn judge_all(look: Look<'_>, pid: Option<u32>, peek: bool) -> anyhow::Result<Vec<Restart>> {
    let mut table = look.netns.map_or_else(SocketTable::open, SocketTable::open_in)?;
    let mut listeners = table.collect(&Query::in_states(States::LISTEN))?;
    listeners.sort_by_key(|socket| (socket.local.port(), socket.local, socket.cookie));
    let owners = Owners::read()?;
    let owner = |socket: &Socket| owners.of(socket.inode?).cloned();
    let asked = |socket: &Socket| pid.is_none_or(|pid| owner(socket).is_some_and(|owner| owner.pid == pid));
    let asked = listeners.iter().filter(|socket| asked(socket));
    asked.map(|socket| judge(socket, owner(socket), peek, look)).collect()
}

fn judge(socket: &Socket, owner: Option<Owner>, peek: bool, look: Look<'_>) -> anyhow::Result<Restart> {
    let found = port_facts::read(socket.local.port(), look)?;
    let peeked = owner.as_ref().filter(|_| peek).and_then(|it| flags::of_listener(socket, it.pid).ok());
    let left = left_behind(found.facts, socket, owner.as_ref());
    let connections = left.occupants.iter().map(|occupant| occupant.count).sum();
    let outcome = match peeked {
        Some(flags) => match try_with(socket, flags, &left) {
            None => Outcome::Succeeds,
            Some(answer) => Outcome::Fails(answer),
        },
        None => without_flags(socket, &left),
    };
    Ok(Restart { socket: *socket, owner, flags: peeked.map(shown), connections, outcome })
}

/// What is there once the process has ended: neither this listener nor another one of the same process.
fn left_behind(facts: Facts, socket: &Socket, owner: Option<&Owner>) -> Facts {
    let pid = owner.map(|owner| owner.pid);
    let goes = |occupant: &Occupant| {
        let is_listener = occupant.socket.state == socket.state;
        let same_process = pid.is_some() && occupant.owner.as_ref().map(|owner| owner.pid) == pid;
        occupant.socket.cookie == socket.cookie || (is_listener && same_process)
    };
    let occupants = facts.occupants.into_iter().filter(|occupant| !goes(occupant)).collect();
    Facts { occupants, ..facts }
}

/// What the restart's bind(2) or listen(2) answers; `None` is success. Connections have the listener's flags.
fn try_with(socket: &Socket, flags: ListenerFlags, left: &Facts) -> Option<Answer> {
    let inherit = |occupant: &Occupant| {
        let flags_of = |known: Option<bool>, listener: bool| known.or(Some(listener));
        let (reuseaddr, reuseport) = (occupant.reuseaddr, occupant.reuseport);
        occupant
            .clone()
            .with_flags(flags_of(reuseaddr, flags.reuseaddr), flags_of(reuseport, flags.reuseport))
    };
    let facts = Facts { occupants: left.occupants.iter().map(inherit).collect(), ..left.clone() };
    let request = Request {
        reuseaddr: flags.reuseaddr,
        reuseport: flags.reuseport,
        v6only: flags.v6only.or(socket.v6only).unwrap_or(false),
        device: socket.interface,
        // It was bound once.
        privileged: true,
        ..Request::plain(socket.local, socket.uid.unwrap_or(0))
    };
    let predicted = bind::predict(&request, &facts);
    let refused = |verdict: &Verdict| verdict.failure().map(|failure| failure.answer);
    refused(&predicted.bind).or_else(|| predicted.listen.as_ref().and_then(refused))
}

/// Every value that its options can have.
fn without_flags(socket: &Socket, left: &Facts) -> Outcome {
    let outcomes = Flags::all(None).map(|flags| {
        let Flags { reuseaddr, reuseport, .. } = flags;
        try_with(socket, ListenerFlags { reuseaddr, reuseport, v6only: socket.v6only }, left)
    });
    match outcomes.iter().flatten().next() {
        None => Outcome::Succeeds,
        Some(answer) if outcomes.iter().all(Option::is_some) => Outcome::Fails(*answer),
        Some(answer) => Outcome::Depends(*answer),
    }
}

fn shown(flags: ListenerFlags) -> Flags {
    Flags { reuseaddr: flags.reuseaddr, reuseport: flags.reuseport, v6only: flags.v6only.filter(|&on| on) }
}

fn write(out: &mut impl Write, restarts: &[Restart], pid: Option<u32>, paint: Paint) -> anyhow::Result<()> {
    if restarts.is_empty() {
        writeln!(out, "{}", words::no_listener(pid))?;
        return Ok(());
    }
    let mut lines = vec![(words::RESTART_HEADINGS.map(str::to_owned), Tone::Faint)];
    lines.extend(restarts.iter().map(line));
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|(cells, _)| cells.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let (first, second, third) = (width(0), width(1), width(2));
    for ([listener, flags, restart, owner], tone) in &lines {
        let restart = paint.tone(*tone, &format!("{restart:third$}"));
        writeln!(out, "{listener:first$}  {flags:second$}  {restart}  {owner}")?;
    }
    writeln!(out, "{}", words::restart_note())?;
    Ok(())
}

fn line(restart: &Restart) -> ([String; 4], Tone) {
    let flags = restart.flags.map_or_else(|| words::flags_unknown().to_owned(), |flags| flags.to_string());
    let (outcome, tone) = match restart.outcome {
        Outcome::Succeeds => (words::restarts().to_owned(), Tone::Good),
        Outcome::Fails(answer) => (words::restart_fails(answer, restart.connections), Tone::Bad),
        Outcome::Depends(_) => (words::restart_depends().to_owned(), Tone::Waiting),
    };
    let owner = restart.owner.as_ref().map_or_else(|| "-".to_owned(), owner_text);
    ([restart.socket.local.to_string(), flags, outcome, owner], tone)
}

fn object(restarts: &[Restart]) -> impl Serialize {
    #[derive(Serialize)]
    struct Object {
        v: u8,
        listeners: Vec<Listener>,
    }
    #[derive(Serialize)]
    struct Listener {
        addr: String,
        port: u16,
        flags: Option<Vec<&'static str>>,
        restart: &'static str,
        connections: usize,
        uid: Option<u32>,
        pid: Option<u32>,
        command: Option<String>,
    }
    let listener = |restart: &Restart| Listener {
        addr: restart.socket.local.ip().to_string(),
        port: restart.socket.local.port(),
        flags: restart.flags.map(Flags::names),
        restart: match restart.outcome {
            Outcome::Succeeds => "OK",
            Outcome::Fails(answer) => words::errno(answer),
            Outcome::Depends(_) => "depends",
        },
        connections: restart.connections,
        uid: restart.socket.uid,
        pid: restart.owner.as_ref().map(|owner| owner.pid),
        command: restart
            .owner
            .as_ref()
            .map(|owner| String::from_utf8_lossy(owner.command.as_bytes()).into_owned()),
    };
    Object { v: json::VERSION, listeners: restarts.iter().map(listener).collect() }
}
