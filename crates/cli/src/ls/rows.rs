//! The rows themselves, as a table and as JSON: as they come, or put in order.
#![allow(clippy::inline_always, reason = "so that of a row only what is shown is computed")]

use std::{
    io::{self, Write},
    ops::ControlFlow,
    time::Duration,
};

use timewait_facts::{Minisocket, Owner, Socket};
use timewait_linux::sockets::{Row, SocketTable};

use super::{
    Asked, Known, empty,
    order::{self, First},
};
use crate::{
    args::Sort,
    print::{Columns, Endpoint, Line, Table, json, time_of_day_in},
    words::ls as words,
};

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    shown: u64,
    /// All that there are; `None` if more came than were wanted.
    total: Option<u64>,
    /// The longest wait of those that were seen, in milliseconds.
    last_ms: u32,
}

/// Shows rows, one after the other.
trait Show {
    fn show(&mut self, socket: &Socket, owner: Option<&Owner>) -> io::Result<()>;

    /// Whether minisockets can be shown as such.
    fn takes_minisockets(&self) -> bool;

    /// Nearly all rows of a large table are such, which no process owns.
    fn show_minisocket(&mut self, mini: Minisocket<impl Endpoint>) -> io::Result<()>;
}

impl<W: Write> Show for Table<'_, W> {
    fn show(&mut self, socket: &Socket, owner: Option<&Owner>) -> io::Result<()> {
        self.row(socket, owner)
    }

    #[inline(always)]
    fn takes_minisockets(&self) -> bool {
        self.takes_minisockets()
    }

    #[inline(always)]
    fn show_minisocket(&mut self, mini: Minisocket<impl Endpoint>) -> io::Result<()> {
        self.minisocket(mini)
    }
}

/// Rows as JSON, one a line.
struct Lines<'a, W> {
    out: &'a mut W,
    line: Line,
}

impl<W: Write> Show for Lines<'_, W> {
    fn show(&mut self, socket: &Socket, owner: Option<&Owner>) -> io::Result<()> {
        json::write_row(&mut self.line, socket, owner);
        self.line.pen(|pen| pen.put(b"\n"));
        self.line.spill(self.out)
    }

    #[inline(always)]
    fn takes_minisockets(&self) -> bool {
        true
    }

    #[inline(always)]
    fn show_minisocket(&mut self, mini: Minisocket<impl Endpoint>) -> io::Result<()> {
        let Some(pen) = self.line.open() else { return Ok(()) };
        let written = json::write_minisocket_line(pen, mini).length();
        self.line.keep(written);
        self.line.spill(self.out)
    }
}

pub(super) fn as_json(
    out: &mut impl Write,
    table: &mut SocketTable,
    asked: &Asked<'_>,
) -> anyhow::Result<()> {
    let owners = Known::read(asked.query.states);
    let mut lines = Lines { out, line: Line::default() };
    walk(table, asked, &owners, &mut lines)?;
    Ok(lines.line.hand_over(lines.out)?)
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
    let seen = walk(table, asked, &owners, &mut rows)?;
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
    if seen.last_ms == 0 {
        return text;
    }
    let last = Duration::from_millis(seen.last_ms.into());
    format!("{text}; {}", words::last_expires(total, &time_of_day_in(last)))
}

/// Shows the rows with their owners.
fn walk(
    table: &mut SocketTable,
    asked: &Asked<'_>,
    owners: &Known,
    shown: &mut impl Show,
) -> anyhow::Result<Seen> {
    let mut rows = Rows { owners, shown, unseen: false };
    let seen = match asked.args.arrange.sort {
        Some(sort) => in_order(table, asked, sort, &mut rows),
        None => as_they_come(table, asked, &mut rows),
    }?;
    owners.say_what_is_hidden(rows.unseen);
    Ok(seen)
}

/// Rows on their way to where they are shown.
struct Rows<'a, S> {
    owners: &'a Known,
    shown: &'a mut S,
    /// A row has an owner whom this user may not see.
    unseen: bool,
}

impl<S: Show> Rows<'_, S> {
    #[inline(never)]
    fn add(&mut self, row: Row<'_>) -> io::Result<()> {
        match row.minisocket() {
            Some(mini) if self.shown.takes_minisockets() => self.shown.show_minisocket(mini),
            _ => self.add_socket(&row.socket()),
        }
    }

    fn add_socket(&mut self, socket: &Socket) -> io::Result<()> {
        let owner = self.owners.of(socket);
        self.unseen |= socket.inode.is_some() && owner.is_none();
        self.shown.show(socket, owner)
    }
}

fn as_they_come(
    table: &mut SocketTable,
    asked: &Asked<'_>,
    rows: &mut Rows<'_, impl Show>,
) -> anyhow::Result<Seen> {
    let limit = asked.args.arrange.limit.map_or(u64::MAX, |limit| limit.get() as u64);
    let mut wanted = limit;
    let mut last_ms = 0;
    let mut outcome = Ok(());
    let dumped = table.dump(&asked.query, |row| {
        let Some(left) = wanted.checked_sub(1) else { return ControlFlow::Break(()) };
        wanted = left;
        last_ms = last_ms.max(row.expires_ms().unwrap_or_default());
        // A loop made for what most are.
        let shown = match row.ipv4_time_wait().filter(|_| rows.shown.takes_minisockets()) {
            Some(mini) => rows.shown.show_minisocket(mini),
            None => rows.add(row),
        };
        match shown {
            Ok(()) => ControlFlow::Continue(()),
            failed => {
                outcome = failed;
                ControlFlow::Break(())
            }
        }
    });
    outcome?;
    let shown = limit - wanted;
    Ok(Seen { shown, total: dumped?.complete.then_some(shown), last_ms })
}

fn in_order(
    table: &mut SocketTable,
    asked: &Asked<'_>,
    sort: Sort,
    shown: &mut Rows<'_, impl Show>,
) -> anyhow::Result<Seen> {
    let limit = asked.args.arrange.limit;
    let mut first = First::new(limit, |one: &Socket, other: &Socket| order::of_rows(sort, one, other));
    let mut last_ms = 0;
    let dumped = table.dump(&asked.query, |row| {
        last_ms = last_ms.max(row.expires_ms().unwrap_or_default());
        first.add(row.socket());
        ControlFlow::Continue(())
    })?;
    let rows = first.in_order();
    rows.iter().try_for_each(|row| shown.add_socket(row))?;
    Ok(Seen { shown: rows.len() as u64, total: Some(dumped.rows), last_ms })
}
