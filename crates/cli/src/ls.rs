//! `timewait ls`: the socket table, as it is.

mod everywhere;

use std::{
    io::{self, BufWriter, Write},
    ops::ControlFlow,
    process::ExitCode,
    time::Duration,
};

use serde::Serialize;
use timewait_facts::{Owner, Socket, State, States};
use timewait_linux::{
    kernel_version,
    owners::Owners,
    sockets::{self, Query, SocketTable},
};

use crate::{
    args::Ls,
    print::{Columns, Paint, Table, json, time_of_day_in},
    table::open,
    words::ls as words,
};

/// Enough that writing costs little; what fills up is written at once.
const OUTPUT_BUFFER: usize = 64 * 1024;

pub(crate) fn run(args: &Ls, paint: Paint) -> anyhow::Result<ExitCode> {
    if args.all_netns {
        return everywhere::run(args, paint);
    }
    let mut table = open(args.netns.as_deref())?;
    let mut out = BufWriter::with_capacity(OUTPUT_BUFFER, io::stdout().lock());
    list(&mut out, &mut table, args, paint)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn list(out: &mut impl Write, table: &mut SocketTable, args: &Ls, paint: Paint) -> anyhow::Result<()> {
    let query = query(args);
    if query.states.contains(State::BoundInactive) && !args.all && !sockets::lists_bound(&kernel_version()) {
        note(&words::bound_not_listed(kernel_version().number()));
    }
    if args.count {
        count(out, table, &query, args.json)
    } else if args.json {
        list_json(out, table, &query)
    } else {
        list_text(out, table, &query, args, paint)
    }
}

fn query(args: &Ls) -> Query {
    let states = match (args.all, args.listening, args.state.as_slice()) {
        (true, ..) => States::all(),
        (_, true, _) => States::LISTEN,
        (.., []) => States::TIME_WAIT,
        (.., chosen) => chosen.iter().copied().collect(),
    };
    let query = Query::in_states(states);
    match args.address {
        None => query,
        Some(address) if args.local => query.local(address),
        Some(address) if args.peer => query.peer(address),
        Some(address) => query.either(address),
    }
}

/// What is worth knowing beside the result.
fn note(text: &str) {
    // A note that nobody can read is no failure.
    let _ = writeln!(io::stderr(), "timewait: {text}");
}

fn count(out: &mut impl Write, table: &mut SocketTable, query: &Query, as_json: bool) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Count {
        v: u8,
        count: u64,
    }
    let count = table.dump(query, |_| ControlFlow::Continue(()))?.rows;
    if as_json {
        json::write_line(out, &Count { v: json::VERSION, count })?;
    } else {
        writeln!(out, "{count}")?;
    }
    Ok(())
}

fn list_json(out: &mut impl Write, table: &mut SocketTable, query: &Query) -> anyhow::Result<()> {
    let owners = Known::read(query.states);
    owners.walk(table, query, |socket, owner| json::write_line(out, &json::Row(socket, owner)))?;
    Ok(())
}

fn list_text(
    out: &mut impl Write,
    table: &mut SocketTable,
    query: &Query,
    args: &Ls,
    paint: Paint,
) -> anyhow::Result<()> {
    let owners = Known::read(query.states);
    let columns =
        Columns { state: query.states.iter().count() > 1, owner: owners.0.is_some(), details: args.verbose };
    let mut last = Duration::ZERO;
    let mut rows = Table::new(out, paint, columns, "");
    let total = owners.walk(table, query, |socket, owner| {
        last = last.max(socket.expires_in().unwrap_or_default());
        rows.row(socket, owner)
    })?;
    rows.end()?;
    if total == 0 {
        return nothing_there(out, table, query, args);
    }
    write!(out, "{}", words::total(total, query.states))?;
    if !last.is_zero() {
        write!(out, "; {}", words::last_expires(total, &time_of_day_in(last)))?;
    }
    writeln!(out)?;
    Ok(())
}

/// The owners of live sockets, read only where a state asked for can have one.
struct Known(Option<Owners>);

impl Known {
    fn read(states: States) -> Self {
        if states.iter().all(|state| state == State::TimeWait) {
            return Self(None);
        }
        Self(Owners::read().map_err(|error| note(&words::no_owners(&error.to_string()))).ok())
    }

    /// Hands out the rows with their owners; gives their number. What this user could not see is said at the end,
    /// once, if it concerns a row.
    fn walk(
        &self,
        table: &mut SocketTable,
        query: &Query,
        mut each: impl FnMut(&Socket, Option<&Owner>) -> io::Result<()>,
    ) -> anyhow::Result<u64> {
        let (mut outcome, mut unseen) = (Ok(()), false);
        let dumped = table.dump(query, |row| {
            let owner = row.socket.inode.and_then(|inode| self.0.as_ref()?.of(inode));
            unseen |= row.socket.inode.is_some() && owner.is_none();
            outcome = each(&row.socket, owner);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        outcome?;
        if let (true, Some(owners)) = (unseen, &self.0)
            && owners.hidden_processes() > 0
        {
            note(&words::hidden_owners(owners.hidden_processes()));
        }
        Ok(dumped?.rows)
    }
}

/// An empty answer says where to look instead.
fn nothing_there(
    out: &mut impl Write,
    table: &mut SocketTable,
    query: &Query,
    args: &Ls,
) -> anyhow::Result<()> {
    writeln!(out, "{}", words::none(query.states, args.address.as_ref(), args.netns.as_deref()))?;
    let mut again = String::from("timewait ls --all");
    for part in address_arguments(args) {
        again.push(' ');
        again.push_str(&part);
    }
    if !args.all {
        let mut others = vec![0; State::ALL.len()];
        table.dump(&Query { states: States::all(), ..*query }, |row| {
            let position = State::ALL.iter().position(|&state| state == row.socket.state);
            if let Some(count) = position.and_then(|position| others.get_mut(position)) {
                *count += 1;
            }
            ControlFlow::Continue(())
        })?;
        let others: Vec<(State, u64)> =
            State::ALL.into_iter().zip(others).filter(|&(_, count)| count > 0).collect();
        let line = if others.is_empty() {
            words::no_other_states().to_owned()
        } else {
            words::other_states(&others, &again)
        };
        writeln!(out, "  {line}")?;
    }
    if args.netns.is_none() {
        writeln!(out, "  {}", words::other_namespaces(&format!("{again} --netns PID")))?;
    }
    Ok(())
}

fn address_arguments(args: &Ls) -> Vec<String> {
    let end = if args.local { Some("--local") } else { args.peer.then_some("--peer") };
    let address = args.address.map(|address| address.to_string());
    end.map(str::to_owned).into_iter().chain(address).collect()
}
