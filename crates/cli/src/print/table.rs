use std::{
    fmt::Write as _,
    io::{self, Write},
};

use timewait_facts::{Owner, Socket, State, TimerKind};

use super::{Paint, Tone};

/// Rows that are kept back until it is known how wide the columns are.
const LOOK_AHEAD: usize = 128;
/// No column is padded beyond this; a single long address does not move all others.
const WIDEST: usize = 48;
const GAP: &str = "  ";

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

/// The text of one row: its cells one behind the other, and where each ends.
#[derive(Debug, Default)]
struct Line {
    text: String,
    ends: Vec<usize>,
    state: Option<State>,
}

impl Line {
    fn cells(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.text.get(start..end).unwrap_or_default())
    }
}

/// A table of sockets that is written while its rows come: the first rows decide how wide the columns are, a later
/// one that is wider widens its column from there on. Once it flows, a row allocates nothing.
pub(crate) struct Table<'a, W> {
    out: &'a mut W,
    paint: Paint,
    indent: &'a str,
    columns: Vec<Column>,
    widths: Vec<usize>,
    ahead: Vec<Line>,
    line: Line,
    padded: String,
    flowing: bool,
}

impl<'a, W: Write> Table<'a, W> {
    pub(crate) fn new(out: &'a mut W, paint: Paint, columns: Columns, indent: &'a str) -> Self {
        let columns = columns.list();
        let widths = columns.iter().map(|column| column.heading().len()).collect();
        Self {
            out,
            paint,
            indent,
            columns,
            widths,
            ahead: Vec::new(),
            line: Line::default(),
            padded: String::new(),
            flowing: false,
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// The writer's.
    pub(crate) fn row(&mut self, socket: &Socket, owner: Option<&Owner>) -> io::Result<()> {
        let mut line = std::mem::take(&mut self.line);
        fill(&mut line, &self.columns, socket, owner);
        for (width, cell) in self.widths.iter_mut().zip(line.cells()) {
            *width = (*width).max(cell.chars().count().min(WIDEST));
        }
        if self.flowing {
            self.write(&line)?;
            self.line = line;
            return Ok(());
        }
        self.ahead.push(line);
        if self.ahead.len() >= LOOK_AHEAD { self.flow() } else { Ok(()) }
    }

    /// Writes what was kept back. A table without rows has no heading either.
    ///
    /// # Errors
    /// The writer's.
    pub(crate) fn end(mut self) -> io::Result<()> {
        if self.flowing || self.ahead.is_empty() { Ok(()) } else { self.flow() }
    }

    fn flow(&mut self) -> io::Result<()> {
        self.flowing = true;
        let mut heading = Line::default();
        for column in &self.columns {
            heading.text.push_str(column.heading());
            heading.ends.push(heading.text.len());
        }
        self.write(&heading)?;
        std::mem::take(&mut self.ahead).iter().try_for_each(|line| self.write(line))
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        self.padded.clear();
        self.padded.push_str(self.indent);
        let last = self.columns.len().saturating_sub(1);
        for (position, (cell, (column, &width))) in
            line.cells().zip(self.columns.iter().zip(&self.widths)).enumerate()
        {
            let pad = width.saturating_sub(cell.chars().count());
            let (before, after) = if column.is_number() { (pad, 0) } else { (0, pad) };
            self.padded.extend(std::iter::repeat_n(' ', before));
            push_toned(&mut self.padded, self.paint, tone(*column, line.state), cell);
            if position < last {
                self.padded.extend(std::iter::repeat_n(' ', after));
                self.padded.push_str(GAP);
            }
        }
        self.padded.push('\n');
        self.out.write_all(self.padded.as_bytes())
    }
}

fn push_toned(text: &mut String, paint: Paint, tone: Option<Tone>, cell: &str) {
    let Some(tone) = tone else { return text.push_str(cell) };
    let (start, end) = paint.around(tone);
    text.push_str(&start);
    text.push_str(cell);
    text.push_str(&end);
}

/// The heading is faint; the state and the seconds left have the colour of the state.
fn tone(column: Column, state: Option<State>) -> Option<Tone> {
    match (column, state) {
        (_, None) => Some(Tone::Faint),
        (Column::State | Column::Left, Some(State::TimeWait)) => Some(Tone::Waiting),
        (Column::State, Some(State::Listen | State::Established)) => Some(Tone::Good),
        (_, Some(_)) => None,
    }
}

fn fill(line: &mut Line, columns: &[Column], socket: &Socket, owner: Option<&Owner>) {
    line.text.clear();
    line.ends.clear();
    line.state = Some(socket.state);
    for column in columns {
        // Writing to a String cannot fail.
        let _ = fill_cell(&mut line.text, *column, socket, owner);
        line.ends.push(line.text.len());
    }
}

fn fill_cell(text: &mut String, column: Column, socket: &Socket, owner: Option<&Owner>) -> std::fmt::Result {
    match column {
        Column::State => text.write_str(socket.state.name()),
        Column::Local => write!(text, "{}", socket.local),
        Column::Peer if socket.peer.port() == 0 => text.write_char('*'),
        Column::Peer => write!(text, "{}", socket.peer),
        Column::Left => match socket.expires_in() {
            Some(left) => write!(text, "{:.1} s", left.as_secs_f64()),
            None => text.write_char('-'),
        },
        Column::Timer => fill_timer(text, socket),
        Column::Queues => write!(text, "{}/{}", socket.receive_queue, socket.send_queue),
        Column::Uid => write_or_dash(text, socket.uid),
        Column::Inode => write_or_dash(text, socket.inode),
        Column::Cookie => write!(text, "{}", socket.cookie),
        Column::Owner => match owner {
            Some(owner) => write_owner(text, owner),
            None => text.write_char('-'),
        },
    }
}

fn fill_timer(text: &mut String, socket: &Socket) -> std::fmt::Result {
    let timer = socket.timer;
    match timer.kind {
        TimerKind::Off => text.write_char('-'),
        kind => write!(text, "{} {:.1} s x{}", kind.name(), timer.left().as_secs_f64(), timer.retries),
    }
}

fn write_or_dash(text: &mut String, value: Option<impl std::fmt::Display>) -> std::fmt::Result {
    match value {
        Some(value) => write!(text, "{value}"),
        None => text.write_char('-'),
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
fn write_owner(text: &mut String, owner: &Owner) -> std::fmt::Result {
    write!(text, "{} ({})", owner.command, owner.pid)?;
    match owner.processes {
        0 | 1 => Ok(()),
        many => write!(text, " +{}", many - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use timewait_facts::{Cookie, Timer, Untrusted};

    fn waiting(local: &str, peer: &str, expires_ms: u32) -> Socket {
        Socket {
            timer: Timer { kind: TimerKind::TimeWait, expires_ms, retries: 0 },
            cookie: Cookie(0x2a),
            ..Socket::bare(State::TimeWait, local.parse().unwrap(), peer.parse().unwrap())
        }
    }

    fn table(columns: Columns, sockets: &[(Socket, Option<Owner>)]) -> String {
        let mut out = Vec::new();
        let mut table = Table::new(&mut out, Paint::OFF, columns, "");
        for (socket, owner) in sockets {
            table.row(socket, owner.as_ref()).unwrap();
        }
        table.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            (waiting("127.0.0.1:9000", "127.0.0.1:47312", 59_800), None),
            (waiting("[::1]:9000", "[::1]:47318", 400), None),
        ];
        insta::assert_snapshot!(table(Columns::default(), &rows), @"
        local           peer               left
        127.0.0.1:9000  127.0.0.1:47312  59.8 s
        [::1]:9000      [::1]:47318       0.4 s
        ");
    }

    #[test]
    fn a_listener_has_its_owner_and_no_seconds() {
        let listener = Socket {
            state: State::Listen,
            timer: Timer::OFF,
            uid: Some(33),
            ..waiting("0.0.0.0:9000", "0.0.0.0:0", 0)
        };
        let command = Untrusted::from(&b"\x1b[2Jevil"[..]);
        let owner = Owner { pid: 7, command, cgroup: None, processes: 4 };
        let rows = [(listener, Some(owner)), (waiting("127.0.0.1:9000", "127.0.0.1:47312", 59_800), None)];
        let columns = Columns { state: true, owner: true, details: true };
        insta::assert_snapshot!(table(columns, &rows), @r"
        state      local           peer               left  timer                recv/send-q  uid  inode  cookie  owner
        listen     0.0.0.0:9000    *                     -  -                    0/0           33      -  2a      \e[2Jevil (7) +3
        time-wait  127.0.0.1:9000  127.0.0.1:47312  59.8 s  time-wait 59.8 s x0  0/0            -      -  2a      -
        ");
    }

    #[test]
    fn a_wider_row_beyond_the_look_ahead_widens_its_column_from_there_on() {
        let narrow = waiting("10.0.0.1:9", "10.0.0.2:9", 1_000);
        let wide = waiting("[2001:db8::1]:9000", "10.0.0.2:9", 1_000);
        let mut rows = vec![(narrow, None); LOOK_AHEAD];
        rows.extend([(wide, None), (narrow, None)]);
        let text = table(Columns::default(), &rows);
        let lines: Vec<&str> = text.lines().rev().take(3).collect();
        assert_eq!(
            lines,
            [
                "10.0.0.1:9          10.0.0.2:9  1.0 s",
                "[2001:db8::1]:9000  10.0.0.2:9  1.0 s",
                "10.0.0.1:9  10.0.0.2:9  1.0 s"
            ]
        );
    }

    #[test]
    fn without_rows_there_is_no_heading() {
        assert_eq!(table(Columns::default(), &[]), "");
    }
}
