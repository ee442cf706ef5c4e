use std::{
    fmt,
    io::{self, Write},
    num::NonZeroU32,
};

use timewait_facts::{Owner, Socket, State, TimerKind};

use super::{Paint, Tone, line::Line};

/// Rows that are kept back until it is known how wide the columns are.
const LOOK_AHEAD: usize = 128;
/// No column is padded beyond this; a single long address does not move all others.
const WIDEST: usize = 48;
/// Spaces between columns.
const GAP: usize = 2;

/// Which columns a table of sockets has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Columns {
    /// The state; left out where all rows have the same.
    pub(crate) state: bool,
    /// The process; left out where no row can have one.
    pub(crate) owner: bool,
    /// Timer, queues, user, inode, cookie.
    pub(crate) details: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    State,
    Local,
    Peer,
    Left,
    Timer,
    Queues,
    Uid,
    Inode,
    Cookie,
    Owner,
}

impl Column {
    const fn heading(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Local => "local",
            Self::Peer => "peer",
            Self::Left => "left",
            Self::Timer => "timer",
            Self::Queues => "recv/send-q",
            Self::Uid => "uid",
            Self::Inode => "inode",
            Self::Cookie => "cookie",
            Self::Owner => "owner",
        }
    }

    const fn is_number(self) -> bool {
        matches!(self, Self::Left | Self::Uid | Self::Inode)
    }
}

impl Columns {
    fn list(self) -> Vec<Column> {
        let chosen = [
            (self.state, Column::State),
            (true, Column::Local),
            (true, Column::Peer),
            (true, Column::Left),
            (self.details, Column::Timer),
            (self.details, Column::Queues),
            (self.details, Column::Uid),
            (self.details, Column::Inode),
            (self.details, Column::Cookie),
            (self.owner, Column::Owner),
        ];
        chosen.into_iter().filter_map(|(wanted, column)| wanted.then_some(column)).collect()
    }
}

/// What is written at once: as much as a pipe holds, and no less than the writer behind would gather.
const FULL: usize = 64 * 1024;

/// A table of sockets that is written while its rows come: the first rows decide how wide the columns are, a later
/// one that is wider widens its column from there on. Once it flows, a row allocates nothing.
pub(crate) struct Table<'a, W> {
    out: &'a mut W,
    paint: Paint,
    indent: &'a str,
    columns: Vec<Column>,
    widths: Vec<usize>,
    ahead: Vec<(Socket, Option<Owner>)>,
    cell: Line,
    text: Line,
    flowing: bool,
}

impl<'a, W: Write> Table<'a, W> {
    pub(crate) fn new(out: &'a mut W, paint: Paint, columns: Columns, indent: &'a str) -> Self {
        let columns = columns.list();
        let widths = columns.iter().map(|column| column.heading().len()).collect();
        let (cell, text) = (Line::default(), Line::default());
        Self { out, paint, indent, columns, widths, ahead: Vec::new(), cell, text, flowing: false }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// The writer's.
    pub(crate) fn row(&mut self, socket: &Socket, owner: Option<&Owner>) -> io::Result<()> {
        if self.flowing {
            self.write(socket, owner);
            return if self.text.len() < FULL { Ok(()) } else { self.hand_over() };
        }
        for (column, width) in self.columns.iter().zip(&mut self.widths) {
            self.cell.clear();
            fill(&mut self.cell, *column, socket, owner);
            *width = (*width).max(self.cell.len().min(WIDEST));
        }
        self.ahead.push((*socket, owner.cloned()));
        if self.ahead.len() >= LOOK_AHEAD {
            // Those that come are many.
            self.text.make_room(2 * FULL);
            self.flow();
        }
        Ok(())
    }

    /// Writes what was kept back. A table without rows has no heading either.
    ///
    /// # Errors
    /// The writer's.
    pub(crate) fn end(mut self) -> io::Result<()> {
        if !self.flowing && !self.ahead.is_empty() {
            self.flow();
        }
        self.hand_over()
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let written = self.out.write_all(self.text.as_bytes());
        self.text.clear();
        written
    }

    fn flow(&mut self) {
        self.flowing = true;
        self.write_heading();
        for (socket, owner) in std::mem::take(&mut self.ahead) {
            self.write(&socket, owner.as_ref());
        }
    }

    fn write_heading(&mut self) {
        let last = self.columns.len().saturating_sub(1);
        self.text.text(self.indent);
        for (position, (column, &width)) in self.columns.iter().zip(&self.widths).enumerate() {
            let heading = column.heading();
            let pad = width.saturating_sub(heading.len());
            self.text.spaces(if column.is_number() { pad } else { 0 });
            self.text.text(&self.paint.tone(Tone::Faint, heading));
            if position < last {
                self.text.spaces(GAP + if column.is_number() { 0 } else { pad });
            }
        }
        self.text.put(b"\n");
    }

    fn write(&mut self, socket: &Socket, owner: Option<&Owner>) {
        let Self { text, cell, paint, .. } = self;
        if !self.indent.is_empty() {
            text.text(self.indent);
        }
        // Behind the last column stands nothing, not even its padding.
        let mut due = 0;
        for (column, width) in self.columns.iter().zip(&mut self.widths) {
            text.spaces(due);
            if paint.paints() || column.is_number() {
                cell.clear();
                fill(cell, *column, socket, owner);
                due = write_cell(text, cell, *column, (*paint, socket.state), width);
                continue;
            }
            let start = text.len();
            fill(text, *column, socket, owner);
            due = pad(width, text.len() - start) + GAP;
        }
        text.put(b"\n");
    }
}

/// Writes a cell that has to be known before it is written; gives the spaces that are due before the next.
fn write_cell(
    text: &mut Line,
    cell: &Line,
    column: Column,
    (paint, state): (Paint, State),
    width: &mut usize,
) -> usize {
    let pad = pad(width, cell.len());
    let (before, after) = if column.is_number() { (pad, 0) } else { (0, pad) };
    text.spaces(before);
    match tone(column, state).filter(|_| paint.paints()) {
        None => text.copy(cell, 0..cell.len()),
        Some(tone) => {
            let (start, end) = paint.around(tone);
            text.text(&start);
            text.copy(cell, 0..cell.len());
            text.text(&end);
        }
    }
    after + GAP
}

/// What a cell lacks of its column's width. One that is wider widens it.
#[inline]
fn pad(width: &mut usize, used: usize) -> usize {
    *width = (*width).max(used.min(WIDEST));
    width.saturating_sub(used)
}

/// The state and the seconds left have the colour of the state.
fn tone(column: Column, state: State) -> Option<Tone> {
    match (column, state) {
        (Column::State | Column::Left, State::TimeWait) => Some(Tone::Waiting),
        (Column::State, State::Listen | State::Established) => Some(Tone::Good),
        _ => None,
    }
}

/// Writes what stands in a cell. All is ASCII, but for owners, which are last and need no padding.
#[inline]
fn fill(line: &mut Line, column: Column, socket: &Socket, owner: Option<&Owner>) {
    match column {
        Column::State => line.text(socket.state.name()),
        Column::Local => line.endpoint(socket.local),
        Column::Peer if socket.peer.port() == 0 => line.put(b"*"),
        Column::Peer => line.endpoint(socket.peer),
        Column::Left if socket.is_minisocket() => line.seconds(socket.timer.expires_ms),
        Column::Left => line.put(b"-"),
        Column::Timer => fill_timer(line, socket),
        Column::Queues => {
            line.decimal(socket.receive_queue);
            line.put(b"/");
            line.decimal(socket.send_queue);
        }
        Column::Uid => decimal_or_dash(line, socket.uid),
        Column::Inode => decimal_or_dash(line, socket.inode.map(NonZeroU32::get)),
        Column::Cookie => line.hexadecimal(socket.cookie.0),
        Column::Owner => match owner {
            // Writing to a line cannot fail.
            Some(owner) => drop(write_owner(line, owner)),
            None => line.put(b"-"),
        },
    }
}

fn fill_timer(line: &mut Line, socket: &Socket) {
    let timer = socket.timer;
    if timer.kind == TimerKind::Off {
        return line.put(b"-");
    }
    line.text(timer.kind.name());
    line.put(b" ");
    line.seconds(timer.expires_ms);
    line.put(b" x");
    line.decimal(u32::from(timer.retries));
}

fn decimal_or_dash(line: &mut Line, value: Option<u32>) {
    match value {
        Some(value) => line.decimal(value),
        None => line.put(b"-"),
    }
}

/// A process in a table's cell.
pub(crate) fn owner_text(owner: &Owner) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_owner(&mut text, owner);
    text
}

/// `nginx (1234)`, or `nginx (1234) +3` where three more processes share the socket.
fn write_owner(text: &mut impl fmt::Write, owner: &Owner) -> fmt::Result {
    write!(text, "{} ({})", owner.command, owner.pid)?;
    match owner.processes {
        0 | 1 => Ok(()),
        many => write!(text, " +{}", many - 1),
    }
}

#[cfg(test)]
mod tests;
