//! The cells of a row, one behind the other.
#![allow(clippy::inline_always, reason = "so that a pen stays in registers from cell to cell")]

use std::num::NonZeroU32;

use timewait_facts::{Socket, State, Timer, TimerKind};

use super::{Column, Columns, GAP, WIDEST};
use crate::print::{
    Paint, Tone,
    line::{Pen, Piece},
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
    #[inline(always)]
    pub(super) fn write<'p>(&mut self, pen: Pen<'p>, socket: &Socket) -> Pen<'p> {
        let Columns { state: names_state, details, owner } = self.columns;
        let state = socket.state;
        let (mut pen, mut due) = (pen, 0);
        if names_state {
            let mut cell = self.open(pen, due, Column::State, state);
            cell.pen = cell.pen.piece(Piece::state(state));
            (pen, due) = cell.close();
        }
        let mut cell = self.open(pen, due, Column::Local, state);
        cell.pen = cell.pen.endpoint(socket.local);
        (pen, due) = cell.close();
        let mut cell = self.open(pen, due, Column::Peer, state);
        let has_peer = socket.peer.port() != 0;
        cell.pen = if has_peer { cell.pen.endpoint(socket.peer) } else { cell.pen.put(b"*") };
        (pen, due) = cell.close();
        let waits = socket.is_minisocket();
        let left = if waits { Piece::seconds(socket.timer.expires_ms) } else { Piece::DASH };
        (pen, due) = self.number(pen, due, (Column::Left, state), left);
        if details {
            (pen, due) = self.write_details(pen, due, *socket);
        }
        if owner { pen.spaces(due) } else { pen }
    }

    /// The cells that only who asks for them sees.
    #[inline(never)]
    fn write_details<'p>(&mut self, pen: Pen<'p>, due: usize, socket: Socket) -> (Pen<'p>, usize) {
        let decimal = |value: Option<u32>| value.map_or(Piece::DASH, Piece::decimal);
        let state = socket.state;
        let mut cell = self.open(pen, due, Column::Timer, state);
        cell.pen = write_timer(cell.pen, socket.timer);
        let (pen, due) = cell.close();
        let mut cell = self.open(pen, due, Column::Queues, state);
        cell.pen = cell.pen.decimal(socket.receive_queue).put(b"/").decimal(socket.send_queue);
        let (pen, due) = cell.close();
        let (pen, due) = self.number(pen, due, (Column::Uid, state), decimal(socket.uid));
        let inode = decimal(socket.inode.map(NonZeroU32::get));
        let (pen, due) = self.number(pen, due, (Column::Inode, state), inode);
        let mut cell = self.open(pen, due, Column::Cookie, state);
        cell.pen = cell.pen.hexadecimal(socket.cookie.0);
        cell.close()
    }

    /// A cell of text, which begins where its column begins; before it are the spaces that are due.
    #[inline(always)]
    fn open<'p>(&mut self, pen: Pen<'p>, due: usize, column: Column, state: State) -> Cell<'_, 'p> {
        let (width, brush) = self.column(column, state);
        let mut pen = pen.spaces(due);
        if let Some(brush) = brush {
            pen = pen.text(&brush.start);
        }
        Cell { start: pen.length(), pen, width, brush }
    }

    /// A number, which ends where its column ends; gives the spaces that are due before the next cell.
    #[inline(always)]
    fn number<'p>(
        &mut self,
        pen: Pen<'p>,
        due: usize,
        (column, state): (Column, State),
        number: Piece,
    ) -> (Pen<'p>, usize) {
        let (width, brush) = self.column(column, state);
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
    fn column(&mut self, column: Column, state: State) -> (&mut usize, Option<&Brush>) {
        #[allow(clippy::indexing_slicing, reason = "as many as there are columns")]
        let width = &mut self.widths[column as usize];
        (width, self.brushes.as_ref().and_then(|brushes| brushes.of(column, state)))
    }
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
    *width = (*width).max(used.min(WIDEST));
    width.saturating_sub(used)
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
