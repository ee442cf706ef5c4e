#![allow(clippy::inline_always, reason = "so that of a socket only what is shown is computed")]

mod cells;

use std::{
    fmt,
    io::{self, Write},
};

use timewait_facts::{Minisocket, Owner, Socket};

use super::{
    Paint, Tone,
    line::{Endpoint, Line},
};
use cells::Cells;

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

/// In the order of the table.
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
    const ALL: [Self; 10] = [
        Self::State,
        Self::Local,
        Self::Peer,
        Self::Left,
        Self::Timer,
        Self::Queues,
        Self::Uid,
        Self::Inode,
        Self::Cookie,
        Self::Owner,
    ];

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
    fn list(self) -> impl Iterator<Item = Column> {
        Column::ALL.into_iter().filter(move |column| match column {
            Column::State => self.state,
            Column::Local | Column::Peer | Column::Left => true,
            Column::Timer | Column::Queues | Column::Uid | Column::Inode | Column::Cookie => self.details,
            Column::Owner => self.owner,
        })
    }
}

/// A table of sockets that is written while its rows come: the first rows decide how wide the columns are, a later
/// one that is wider widens its column from there on. Once it flows, a row allocates nothing.
pub(crate) struct Table<'a, W> {
    out: &'a mut W,
    paint: Paint,
    indent: &'a str,
    cells: Cells,
    ahead: Vec<(Socket, Option<Owner>)>,
    text: Line,
    flowing: bool,
    /// It flows, and no row has a colour, details or an indent.
    plain: bool,
}

impl<'a, W: Write> Table<'a, W> {
    pub(crate) fn new(out: &'a mut W, paint: Paint, columns: Columns, indent: &'a str) -> Self {
        let (cells, text) = (Cells::new(paint, columns), Line::default());
        Self { out, paint, indent, cells, ahead: Vec::new(), text, flowing: false, plain: false }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// The writer's.
    pub(crate) fn row(&mut self, socket: &Socket, owner: Option<&Owner>) -> io::Result<()> {
        if !self.flowing {
            self.keep_back(*socket, owner);
            return Ok(());
        }
        self.write(socket, owner);
        self.text.spill(self.out)
    }

    /// Whether [`minisocket`](Self::minisocket) may be called: the widths are known, and the rows have nothing but plain text.
    #[inline(always)]
    pub(crate) fn takes_minisockets(&self) -> bool {
        self.plain
    }

    /// Adds a row that is a minisocket, which no process owns: what makes tables long.
    ///
    /// # Errors
    /// The writer's.
    #[inline(always)]
    pub(crate) fn minisocket(&mut self, mini: Minisocket<impl Endpoint>) -> io::Result<()> {
        if let Some(pen) = self.text.open() {
            let written = self.cells.write_plain(pen, mini).length();
            self.text.keep(written);
        }
        self.text.spill(self.out)
    }

    #[cold]
    fn keep_back(&mut self, socket: Socket, owner: Option<&Owner>) {
        // Written for the widths alone.
        self.write(&socket, owner);
        self.text.clear();
        self.ahead.push((socket, owner.cloned()));
        if self.ahead.len() >= LOOK_AHEAD {
            // Those that come are many.
            self.text.make_room_for_many();
            self.flow();
        }
    }

    /// Writes what was kept back. A table without rows has no heading either.
    ///
    /// # Errors
    /// The writer's.
    pub(crate) fn end(mut self) -> io::Result<()> {
        if !self.flowing && !self.ahead.is_empty() {
            self.flow();
        }
        self.text.hand_over(self.out)
    }

    fn flow(&mut self) {
        self.flowing = true;
        self.plain = self.cells.are_plain() && self.indent.is_empty();
        self.write_heading();
        for (socket, owner) in std::mem::take(&mut self.ahead) {
            self.write(&socket, owner.as_ref());
        }
    }

    fn write_heading(&mut self) {
        self.text.text(self.indent);
        let mut due = 0;
        for column in self.cells.columns.list() {
            let heading = column.heading();
            let pad = self.cells.width(column).saturating_sub(heading.len());
            let (before, after) = if column.is_number() { (pad, 0) } else { (0, pad) };
            self.text.pen(|pen| pen.spaces(due + before));
            self.text.text(&self.paint.tone(Tone::Faint, heading));
            due = after + GAP;
        }
        self.text.text("\n");
    }

    fn write(&mut self, socket: &Socket, owner: Option<&Owner>) {
        let Self { cells, text, .. } = self;
        if !self.indent.is_empty() {
            text.text(self.indent);
        }
        let tells_owner = cells.columns.owner;
        let Some(pen) = text.open() else { return };
        let pen = match (cells.write(pen, socket), owner) {
            (pen, _) if !tells_owner => pen.put(b"\n"),
            (pen, None) => pen.put(b"-\n"),
            (pen, Some(_)) => pen,
        };
        let written = pen.length();
        text.keep(written);
        if let Some(owner) = owner.filter(|_| tells_owner) {
            // Writing to a line cannot fail.
            let _ = write_owner(text, owner);
            text.text("\n");
        }
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
