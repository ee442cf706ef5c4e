//! `timewait ls`: the socket table, as it is.

mod empty;
mod everywhere;
mod groups;
mod order;
mod output;
mod owners;
mod rows;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::bail;
use serde::Serialize;
use timewait_facts::{State, States};
use timewait_linux::{
    kernel_version,
    netns::Netns,
    sockets::{self, Query, SocketTable},
};

use crate::{
    args::{Arrange, By, Ls, Sort},
    print::{Paint, json},
    table::open_at,
    words::ls as words,
};

use output::Output;
use owners::Known;

/// What is asked, where, and how it is shown.
struct Asked<'a> {
    args: &'a Ls,
    query: Query,
    paint: Paint,
    /// Another network namespace than this process's.
    netns: Option<&'a Netns>,
}

pub(crate) fn run(args: &Ls, paint: Paint) -> anyhow::Result<ExitCode> {
    check(args.arrange)?;
    if args.all_netns {
        return everywhere::run(args, paint);
    }
    let (netns, mut table) = open_at(args.netns.as_deref())?;
    let mut out = Output::open()?;
    list(&mut out, &mut table, &Asked { args, query: query(args), paint, netns: netns.as_ref() })?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Lines can only be put in order by what they have.
fn check(arrange: Arrange) -> anyhow::Result<()> {
    match arrange.sort {
        Some(sort) if !arrange.keys().contains(&sort) => {
            let keys: Vec<&str> = arrange.keys().iter().map(|key| Sort::name(*key)).collect();
            bail!(words::no_such_key(sort.name(), arrange.by.map(By::name), &keys))
        }
        _ => Ok(()),
    }
}

fn list(out: &mut impl Write, table: &mut SocketTable, asked: &Asked<'_>) -> anyhow::Result<()> {
    let Asked { args, query, .. } = asked;
    if query.states.contains(State::BoundInactive) && !args.all && !sockets::lists_bound(&kernel_version()) {
        note(&words::bound_not_listed(kernel_version().number()));
    }
    match (args.count, args.arrange.by, args.json) {
        (true, ..) => count(out, table, query, args.json),
        (_, Some(by), _) => groups::list(out, table, asked, by),
        (.., true) => rows::as_json(out, table, asked),
        (.., false) => rows::as_text(out, table, asked),
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
    // Only a row of JSON tells a mark, and a mark matters little to what only waits.
    let tells_marks = args.json && args.arrange.by.is_none() && states != States::TIME_WAIT;
    let query = if tells_marks { query } else { query.without_marks() };
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
    let count = table.count(query)?;
    if as_json {
        json::write_line(out, &Count { v: json::VERSION, count })?;
    } else {
        writeln!(out, "{count}")?;
    }
    Ok(())
}
