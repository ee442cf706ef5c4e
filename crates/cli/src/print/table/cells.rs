//! The cells of a row, one behind the other.
#![allow(clippy::inline_always, reason = "so that a pen stays in registers from cell to cell")]

use std::num::NonZeroU32;

use timewait_facts::{Socket, State, TimerKind};

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
        let Columns { state, details, owner } = self.columns;
        let (mut pen, mut due) = (pen, 0);
        if state {
            let name = |pen: Pen<'p>| pen.piece(Piece::state(socket.state));
            (pen, due) = self.cell(Column::State, due, socket.state).left(pen, name);
        }
        let local = |pen: Pen<'p>| pen.endpoint(socket.local);
        (pen, due) = self.cell(Column::Local, due, socket.state).left(pen, local);
        let peer =
            |pen: Pen<'p>| if socket.peer.port() == 0 { pen.put(b"*") } else { pen.endpoint(socket.peer) };
        (pen, due) = self.cell(Column::Peer, due, socket.state).left(pen, peer);
        let waits = socket.is_minisocket();
        let left = if waits { Piece::seconds(socket.timer.expires_ms) } else { Piece::DASH };
        (pen, due) = self.cell(Column::Left, due, socket.state).right(pen, left);
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
        let timer = |pen: Pen<'p>| write_timer(pen, &socket);
        let (pen, due) = self.cell(Column::Timer, due, state).left(pen, timer);
        let queues = |pen: Pen<'p>| pen.decimal(socket.receive_queue).put(b"/").decimal(socket.send_queue);
        let (pen, due) = self.cell(Column::Queues, due, state).left(pen, queues);
        let (pen, due) = self.cell(Column::Uid, due, state).right(pen, decimal(socket.uid));
        let inode = decimal(socket.inode.map(NonZeroU32::get));
        let (pen, due) = self.cell(Column::Inode, due, state).right(pen, inode);
        let cookie = |pen: Pen<'p>| pen.hexadecimal(socket.cookie.0);
        self.cell(Column::Cookie, due, state).left(pen, cookie)
    }

    #[inline(always)]
    fn cell(&mut self, column: Column, due: usize, state: State) -> Cell<'_> {
        #[allow(clippy::indexing_slicing, reason = "as many as there are columns")]
        let width = &mut self.widths[column as usize];
        let brush = self.brushes.as_ref().and_then(|brushes| brushes.of(column, state));
        Cell { due, width, brush }
    }
}

fn write_timer<'p>(pen: Pen<'p>, socket: &Socket) -> Pen<'p> {
    let timer = socket.timer;
    if timer.kind == TimerKind::Off {
        return pen.put(b"-");
    }
    let pen = pen.text(timer.kind.name()).put(b" ").piece(Piece::seconds(timer.expires_ms));
    pen.put(b" x").decimal(u32::from(timer.retries))
}

/// Where a cell is written, and how.
struct Cell<'a> {
    /// Spaces before it.
    due: usize,
    /// Its column's width.
    width: &'a mut usize,
    brush: Option<&'a Brush>,
}

impl Cell<'_> {
    /// Text, which begins where the column begins; gives the spaces that are due before the next cell.
    #[inline(always)]
    fn left<'p>(self, pen: Pen<'p>, text: impl FnOnce(Pen<'p>) -> Pen<'p>) -> (Pen<'p>, usize) {
        let mut pen = pen.spaces(self.due);
        if let Some(brush) = self.brush {
            pen = pen.text(&brush.start);
        }
        let start = pen.length();
        pen = text(pen);
        let used = pen.length() - start;
        if let Some(brush) = self.brush {
            pen = pen.text(&brush.end);
        }
        (pen, GAP + pad(self.width, used))
    }

    /// A number, which ends where the column ends; likewise.
    #[inline(always)]
    fn right(self, pen: Pen<'_>, number: Piece) -> (Pen<'_>, usize) {
        let mut pen = pen.spaces(self.due + pad(self.width, number.length()));
        if let Some(brush) = self.brush {
            pen = pen.text(&brush.start);
        }
        pen = pen.piece(number);
        if let Some(brush) = self.brush {
            pen = pen.text(&brush.end);
        }
        (pen, GAP)
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
