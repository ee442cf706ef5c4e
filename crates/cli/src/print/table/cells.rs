//! The cells of a row, one behind the other.
#![allow(clippy::inline_always, reason = "so that a pen stays in registers from cell to cell")]

use std::num::NonZeroU32;

use timewait_facts::{Minisocket, Socket, State, Timer, TimerKind};

use super::{Column, Columns, GAP, WIDEST};
use crate::print::{
    Paint, Tone,
    line::{Endpoint, Pen, Piece},
};

/// Writes the cells of a row, and knows how wide their columns are.
pub(super) struct Cells {
    pub(super) columns: Columns,
    widths: [usize; Column::ALL.len()],
    /// Where something is painted, with what.
    brushes: Option<Brushes>,
}

impl Cells {
    pub(super) fn new(paint: Paint, columns: Columns) -> Self {
        let brushes = paint.paints().then(|| Brushes::new(paint));
        Self { columns, widths: Column::ALL.map(|column| column.heading().len()), brushes }
    }

    pub(super) fn width(&self, column: Column) -> usize {
        self.widths.get(column as usize).copied().unwrap_or_default()
    }

    /// Writes all cells but the owner's, which is not ASCII, and the spaces due before that. Behind the last cell stands
    /// nothing, not even its padding.
    pub(super) fn write<'p>(&mut self, pen: Pen<'p>, socket: &Socket) -> Pen<'p> {
        let Columns { details, owner, .. } = self.columns;
        let expires_ms = socket.is_minisocket().then_some(socket.timer.expires_ms);
        let basics = Basics { state: socket.state, local: socket.local, peer: socket.peer, expires_ms };
        let (mut pen, mut due) = self.write_basics::<true>(pen, basics);
        if details {
            (pen, due) = self.write_details(pen, due, socket);
        }
        if owner { pen.spaces(due) } else { pen }
    }

    /// Whether nothing is painted, and a row has no details.
    #[inline(always)]
    pub(super) fn are_plain(&self) -> bool {
        self.brushes.is_none() && !self.columns.details
    }

    /// Writes the whole row of a minisocket, its end included, where the cells [are plain](Self::are_plain).
    #[inline(always)]
    pub(super) fn write_plain<'p>(&mut self, pen: Pen<'p>, mini: Minisocket<impl Endpoint>) -> Pen<'p> {
        let Minisocket { state, local, peer, expires_ms, .. } = mini;
        let basics = Basics { state, local, peer, expires_ms: Some(expires_ms) };
        let (pen, _) = self.write_basics::<false>(pen, basics);
        if self.columns.owner { pen.spaces(GAP).put(b"-\n") } else { pen.put(b"\n") }
    }

    /// The cells that every table has, and the state's; gives the spaces that are due before the next.
    #[inline(always)]
    fn write_basics<'p, const PAINTED: bool>(
        &mut self,
        pen: Pen<'p>,
        basics: Basics<impl Endpoint>,
    ) -> (Pen<'p>, usize) {
        let Basics { state, local, peer, expires_ms } = basics;
        let mut pen = pen;
        if self.columns.state {
            let mut cell = self.open::<PAINTED>(pen, Column::State, state);
            cell.pen = cell.pen.piece(Piece::state(state));
            let (behind, due) = cell.close();
            pen = behind.spaces(due);
        }
        let mut cell = self.open::<PAINTED>(pen, Column::Local, state);
        cell.pen = cell.pen.endpoint(local);
        let (pen, due) = cell.close();
        let mut cell = self.open::<PAINTED>(pen.spaces(due), Column::Peer, state);
        cell.pen = if peer.port() == 0 { cell.pen.put(b"*") } else { cell.pen.endpoint(peer) };
        let (pen, due) = cell.close();
        let left = expires_ms.map_or(Piece::DASH, Piece::seconds);
        self.number::<PAINTED>(pen, due, (Column::Left, state), left)
    }

    /// The cells that only who asks for them sees.
    fn write_details<'p>(&mut self, pen: Pen<'p>, due: usize, socket: &Socket) -> (Pen<'p>, usize) {
        let decimal = |value: Option<u32>| value.map_or(Piece::DASH, Piece::decimal);
        let state = socket.state;
        let mut cell = self.open::<true>(pen.spaces(due), Column::Timer, state);
        cell.pen = write_timer(cell.pen, socket.timer);
        let (pen, due) = cell.close();
        let mut cell = self.open::<true>(pen.spaces(due), Column::Queues, state);
        cell.pen = cell.pen.decimal(socket.receive_queue).put(b"/").decimal(socket.send_queue);
        let (pen, due) = cell.close();
        let (pen, due) = self.number::<true>(pen, due, (Column::Uid, state), decimal(socket.uid));
        let inode = decimal(socket.inode.map(NonZeroU32::get));
        let (pen, due) = self.number::<true>(pen, due, (Column::Inode, state), inode);
        let mut cell = self.open::<true>(pen.spaces(due), Column::Cookie, state);
        cell.pen = cell.pen.hexadecimal(socket.cookie.0);
        cell.close()
    }

    /// A cell of text, which begins where its column begins.
    #[inline(always)]
    fn open<'p, const PAINTED: bool>(
        &mut self,
        mut pen: Pen<'p>,
        column: Column,
        state: State,
    ) -> Cell<'_, 'p> {
        let (width, brush) = self.column::<PAINTED>(column, state);
        if let Some(brush) = brush {
            pen = pen.text(&brush.start);
        }
        Cell { start: pen.length(), pen, width, brush }
    }

    /// A number, which ends where its column ends; gives the spaces that are due before the next cell.
    #[inline(always)]
    fn number<'p, const PAINTED: bool>(
        &mut self,
        pen: Pen<'p>,
        due: usize,
        (column, state): (Column, State),
        number: Piece,
    ) -> (Pen<'p>, usize) {
        let (width, brush) = self.column::<PAINTED>(column, state);
        let mut pen = pen.spaces(due + pad(width, number.length()));
        if let Some(brush) = brush {
            pen = pen.text(&brush.start);
        }
        pen = pen.piece(number);
        if let Some(brush) = brush {
            pen = pen.text(&brush.end);
        }
        (pen, GAP)
    }

    /// A column's width, and what its cell is painted with.
    #[inline(always)]
    fn column<const PAINTED: bool>(&mut self, column: Column, state: State) -> (&mut usize, Option<&Brush>) {
        #[allow(clippy::indexing_slicing, reason = "as many as there are columns")]
        let width = &mut self.widths[column as usize];
        let brushes = self.brushes.as_ref().filter(|_| PAINTED);
        (width, brushes.and_then(|brushes| brushes.of(column, state)))
    }
}

/// What every table of sockets tells of a row.
#[derive(Clone, Copy)]
struct Basics<End> {
    state: State,
    local: End,
    peer: End,
    expires_ms: Option<u32>,
}

fn write_timer(pen: Pen<'_>, timer: Timer) -> Pen<'_> {
    if timer.kind == TimerKind::Off {
        return pen.put(b"-");
    }
    let pen = pen.text(timer.kind.name()).put(b" ").piece(Piece::seconds(timer.expires_ms));
    pen.put(b" x").decimal(u32::from(timer.retries))
}

/// A cell that is being written.
struct Cell<'a, 'p> {
    pen: Pen<'p>,
    start: usize,
    /// Its column's width.
    width: &'a mut usize,
    brush: Option<&'a Brush>,
}

impl<'p> Cell<'_, 'p> {
    /// Gives the spaces that are due before the next cell.
    #[inline(always)]
    fn close(self) -> (Pen<'p>, usize) {
        let mut pen = self.pen;
        let used = pen.length() - self.start;
        if let Some(brush) = self.brush {
            pen = pen.text(&brush.end);
        }
        (pen, GAP + pad(self.width, used))
    }
}

/// What a cell lacks of its column's width. One that is wider widens it.
#[inline(always)]
fn pad(width: &mut usize, used: usize) -> usize {
    if used > *width { widen(width, used) } else { *width - used }
}

#[cold]
fn widen(width: &mut usize, used: usize) -> usize {
    *width = used.min(WIDEST).max(*width);
    0
}

/// What goes before and after a text to colour it.
struct Brush {
    start: String,
    end: String,
}

struct Brushes {
    waiting: Brush,
    good: Brush,
}

impl Brushes {
    fn new(paint: Paint) -> Self {
        let brush = |tone| {
            let (start, end) = paint.around(tone);
            Brush { start, end }
        };
        Self { waiting: brush(Tone::Waiting), good: brush(Tone::Good) }
    }

    /// The state and the seconds left have the colour of the state.
    fn of(&self, column: Column, state: State) -> Option<&Brush> {
        match (column, state) {
            (Column::State | Column::Left, State::TimeWait) => Some(&self.waiting),
            (Column::State, State::Listen | State::Established) => Some(&self.good),
            _ => None,
        }
    }
}
