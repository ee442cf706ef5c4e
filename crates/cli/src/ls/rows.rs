//! The rows themselves, as a table and as JSON: as they come, or put in order.

use std::{
    io::{self, Write},
    ops::ControlFlow,
    time::Duration,
};

use timewait_facts::{Owner, Socket};
use timewait_linux::sockets::SocketTable;

use super::{
    Asked, Known, empty,
    order::{self, First},
};
use crate::{
    args::Sort,
    print::{Columns, Line, Table, json, time_of_day_in},
    words::ls as words,
};

/// What is written at once: as much as a pipe holds, and no less than the writer behind would gather.
const FULL: usize = 64 * 1024;

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    shown: u64,
    /// All that there are; `None` if more came than were wanted.
    total: Option<u64>,
    /// The longest wait of those that were seen.
    last: Duration,
}

pub(super) fn as_json(
    out: &mut impl Write,
    table: &mut SocketTable,
    asked: &Asked<'_>,
) -> anyhow::Result<()> {
    let owners = Known::read(asked.query.states);
    let mut line = Line::default();
    walk(table, asked, &owners, |socket, owner| {
        json::write_row(&mut line, socket, owner);
        line.put(b"\n");
        if line.len() < FULL {
            return Ok(());
        }
        let written = out.write_all(line.as_bytes());
        line.clear();
        written
    })?;
    Ok(out.write_all(line.as_bytes())?)
}

pub(super) fn as_text(
    out: &mut impl Write,
    table: &mut SocketTable,
    asked: &Asked<'_>,
) -> anyhow::Result<()> {
    let owners = Known::read(asked.query.states);
    let columns = Columns {
        state: asked.query.states.iter().count() > 1,
        owner: owners.can_tell(),
        details: asked.args.verbose,
    };
    let mut rows = Table::new(out, asked.paint, columns, "");
    let seen = walk(table, asked, &owners, |socket, owner| rows.row(socket, owner))?;
    rows.end()?;
    if seen.shown == 0 {
        return empty::nothing_there(out, table, asked);
    }
    writeln!(out, "{}", footer(asked, seen))?;
    Ok(())
}

/// `2 sockets in time-wait; the last expires at 14:02:31`
fn footer(asked: &Asked<'_>, seen: Seen) -> String {
    let states = asked.query.states;
    let Some(total) = seen.total else { return words::first_of_more(seen.shown, states) };
    let mut text = words::total(total, states);
    if seen.shown < total {
        text = words::some_of(seen.shown, &text);
    }
    if seen.last.is_zero() {
        return text;
    }
    format!("{text}; {}", words::last_expires(total, &time_of_day_in(seen.last)))
}

/// Hands out the rows with their owners.
fn walk(
    table: &mut SocketTable,
    asked: &Asked<'_>,
    owners: &Known,
    mut each: impl FnMut(&Socket, Option<&Owner>) -> io::Result<()>,
) -> anyhow::Result<Seen> {
    let mut unseen = false;
    let each = |socket: &Socket| {
        let owner = owners.of(socket);
        unseen |= socket.inode.is_some() && owner.is_none();
        each(socket, owner)
    };
    let seen = match asked.args.arrange.sort {
        Some(sort) => in_order(table, asked, sort, each),
        None => as_they_come(table, asked, each),
    }?;
    owners.say_what_is_hidden(unseen);
    Ok(seen)
}

fn as_they_come(
    table: &mut SocketTable,
    asked: &Asked<'_>,
    mut each: impl FnMut(&Socket) -> io::Result<()>,
) -> anyhow::Result<Seen> {
    let limit = asked.args.arrange.limit.map_or(u64::MAX, |limit| limit.get() as u64);
    let mut seen = Seen::default();
    let mut outcome = Ok(());
    let dumped = table.dump(&asked.query, |row| {
        if seen.shown == limit {
            return ControlFlow::Break(());
        }
        seen.shown += 1;
        seen.last = seen.last.max(row.socket.expires_in().unwrap_or_default());
        outcome = each(&row.socket);
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    outcome?;
    Ok(Seen { total: dumped?.complete.then_some(seen.shown), ..seen })
}

fn in_order(
    table: &mut SocketTable,
    asked: &Asked<'_>,
    sort: Sort,
    each: impl FnMut(&Socket) -> io::Result<()>,
) -> anyhow::Result<Seen> {
    let limit = asked.args.arrange.limit;
    let mut first = First::new(limit, |one: &Socket, other: &Socket| order::of_rows(sort, one, other));
    let mut last = Duration::ZERO;
    let dumped = table.dump(&asked.query, |row| {
        last = last.max(row.socket.expires_in().unwrap_or_default());
        first.add(row.socket);
        ControlFlow::Continue(())
    })?;
    let rows = first.in_order();
    rows.iter().try_for_each(each)?;
    Ok(Seen { shown: rows.len() as u64, total: Some(dumped.rows), last })
}
