//! From what was seen to the lines of a ladder: what shares a line, what is new, what needs a word.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::{mem, time::Duration};

use super::{
    Arrow, Label, Life, Line, Middle, Place,
    label::{Again, Told},
    numbers::Numbers,
    time::Unit,
};
use crate::{Fate, Row, Seen, Segment, Side, StateName, Trace, draw::visible};

/// The states before anything was seen, and the lines.
pub(super) struct Layout {
    pub(super) left: Option<StateName>,
    pub(super) right: Option<StateName>,
    pub(super) lines: Vec<Line>,
}

pub(super) fn layout(trace: &Trace, unit: &Unit) -> Layout {
    let mut making = Making::of(trace, unit);
    for (index, row) in trace.rows.iter().enumerate() {
        match &row.seen {
            Seen::Segment { from, connection, segment, fate, note } => {
                making.connection(row.at, *connection);
                let sent = Sent { from: *from, connection: *connection, segment };
                making.segment(row.at, sent, *fate, note);
            }
            Seen::State { side, connection, state } => {
                let rest = trace.rows.get(index + 1..).unwrap_or_default();
                making.connection(row.at, *connection);
                making.state(row.at, *side, *state, rest);
            }
            Seen::Note { side, text } => {
                let text = visible::line(text);
                making.push(row.at, Middle::Note { side: *side, text });
            }
        }
    }
    making.finish()
}

struct Making<'a> {
    unit: &'a Unit,
    numbers: Numbers,
    /// Whether there are several connections, which then have to be told apart.
    several: bool,
    /// Sides that announce windows: where none does, a window of 0 says nothing.
    windows: Vec<Side>,
    /// The newest connection so far.
    newest: u32,
    sent: BTreeMap<(Side, u32, u32, u32), Vec<Sent<'a>>>,
    held: Vec<(usize, Sent<'a>)>,
    left: Option<StateName>,
    right: Option<StateName>,
    lines: Vec<Line>,
}

/// A segment as its sender meant it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sent<'a> {
    from: Side,
    connection: u32,
    segment: &'a Segment,
}

impl Sent<'_> {
    fn numbers(&self) -> (Side, u32, u32, u32) {
        (self.from, self.connection, self.segment.seq.get(), self.segment.len())
    }

    /// Compared with an earlier one of the same numbers. What takes no number is sent again only if it says the same.
    fn is_again(&self, earlier: &Self) -> Again {
        let (new, old) = (self.segment, earlier.segment);
        match new.len() {
            0 if (new.ack, new.flags, new.window) == (old.ack, old.flags, old.window) => Again::Wholly,
            0 => Again::No,
            _ if new.ack == old.ack => Again::Wholly,
            _ => Again::Numbers,
        }
    }
}

impl<'a> Making<'a> {
    fn of(trace: &Trace, unit: &'a Unit) -> Self {
        let connections = trace.rows.iter().filter_map(|row| match row.seen {
            Seen::Segment { connection, .. } | Seen::State { connection, .. } => Some(connection),
            Seen::Note { .. } => None,
        });
        let windows = trace.rows.iter().filter_map(|row| match &row.seen {
            Seen::Segment { from, segment, .. } if segment.window > 0 => Some(*from),
            _ => None,
        });
        let first = connections.clone().next().unwrap_or_default();
        Self {
            unit,
            numbers: Numbers::of(trace),
            several: connections.clone().any(|connection| connection != first),
            windows: windows.collect(),
            newest: 0,
            sent: BTreeMap::new(),
            held: Vec::new(),
            left: None,
            right: None,
            lines: Vec::new(),
        }
    }

    fn push(&mut self, at: Duration, middle: Middle) {
        let (left, right) = (Place::default(), Place::default());
        self.lines.push(Line { at, time: None, left, right, middle });
    }

    /// A connection that is newer than all before begins with a line of its own.
    fn connection(&mut self, at: Duration, connection: u32) {
        if self.several && connection > self.newest {
            let known = if self.newest == 0 { "" } else { ", the same addresses and ports" };
            self.push(at, Middle::Connection(format!("connection {connection}{known}")));
        }
        self.newest = self.newest.max(connection);
    }

    fn segment(&mut self, at: Duration, sent: Sent<'a>, fate: Fate, note: &str) {
        let older = sent.connection < self.newest;
        // In the numbers of the newest connection, as far as they are known.
        let terms = |side| {
            let known = older && self.numbers.know(self.newest, side);
            if known { self.newest } else { sent.connection }
        };
        let (own, acks) = (terms(sent.from), terms(!sent.from));
        let told = Told {
            connection: own,
            acks,
            again: self.again(&sent, fate),
            has_windows: self.windows.contains(&sent.from),
        };
        let held_in = self.held_in(&sent, fate);
        let whose = if own == self.newest { "" } else { ", whose numbers these are" };
        let older = older.then(|| format!("sent in connection {}{whose}", sent.connection));
        let held = held_in.and_then(|line| self.lines.get(line));
        let held = held.map(|line| format!("held for {}", self.unit.span(at.saturating_sub(line.at))));
        let note = (!note.is_empty()).then(|| visible::line(note));
        let detail: Vec<String> = [note, older, held].into_iter().flatten().collect();
        let label = Label::of(sent.segment, sent.from, told, &self.numbers);
        let arrow = Arrow { from: sent.from, fate, label, detail: detail.join(", "), held_in };
        self.arrow(at, arrow);
        if fate == Fate::Held {
            self.held.push((self.lines.len().saturating_sub(1), sent));
        }
    }

    /// An arrow takes the line of a change of state of the same moment that has none yet.
    fn arrow(&mut self, at: Duration, arrow: Arrow) {
        let now = self.unit.moment(at);
        match self.lines.last_mut() {
            Some(last) if last.middle == Middle::Nothing && self.unit.moment(last.at) == now => {
                last.middle = Middle::Arrow(arrow);
            }
            _ => self.push(at, Middle::Arrow(arrow)),
        }
    }

    /// Whether a side sends what it sent before. What the wire does on its own is no sending.
    fn again(&mut self, sent: &Sent<'a>, fate: Fate) -> Again {
        if matches!(fate, Fate::Released | Fate::Repeated | Fate::Injected) {
            return Again::No;
        }
        let earlier = self.sent.entry(sent.numbers()).or_default();
        let again = earlier.iter().map(|earlier| sent.is_again(earlier)).max().unwrap_or(Again::No);
        earlier.push(*sent);
        again
    }

    /// The line in which this segment was taken off the wire.
    fn held_in(&mut self, sent: &Sent<'a>, fate: Fate) -> Option<usize> {
        if fate != Fate::Released {
            return None;
        }
        let same = self.held.iter().position(|(_, held)| held == sent);
        let alike = || self.held.iter().position(|(_, held)| held.numbers() == sent.numbers());
        same.or_else(alike).map(|index| self.held.remove(index).0)
    }

    fn state(&mut self, at: Duration, side: Side, state: StateName, rest: &[Row]) {
        let only_rules = self.lines.iter().all(|line| matches!(line.middle, Middle::Connection(_)));
        let head = match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        };
        let now = self.unit.moment(at);
        if only_rules && head.is_none() && !is_made_by_sending(state, side, &now, rest, self.unit) {
            *head = Some(state);
            return;
        }
        let place = self.place_for(side, &now);
        if let Some(line) = place.and_then(|index| self.lines.get_mut(index)) {
            line.side_mut(side).change = Some(state);
            return;
        }
        self.push(at, Middle::Nothing);
        if let Some(line) = self.lines.last_mut() {
            line.side_mut(side).change = Some(state);
        }
    }

    /// The line of the latest arrow of this moment, or of the other side's change, if nothing of this side's has
    /// happened since.
    fn place_for(&self, side: Side, now: &str) -> Option<usize> {
        for (index, line) in self.lines.iter().enumerate().rev() {
            let taken = line.side(side).change.is_some() || self.unit.moment(line.at) != now;
            match line.middle {
                _ if taken => return None,
                Middle::Arrow(_) | Middle::Nothing => return Some(index),
                Middle::Note { .. } => (),
                Middle::Pause(_) | Middle::Connection(_) => return None,
            }
        }
        None
    }

    fn finish(self) -> Layout {
        let Self { unit, left, right, lines, .. } = self;
        let mut lines = with_pauses(lines, unit);
        let mut both = [left, right].map(|state| state.map(Life::of).unwrap_or_default());
        let mut shown = String::new();
        for line in &mut lines {
            for (life, place) in both.iter_mut().zip([&mut line.left, &mut line.right]) {
                *life = place.change.map_or(*life, Life::of);
                place.life = *life;
            }
            let time = unit.moment(line.at);
            let tells = match line.middle {
                Middle::Arrow(_) => true,
                Middle::Nothing | Middle::Note { .. } => time != shown,
                Middle::Pause(_) | Middle::Connection(_) => false,
            };
            if tells {
                shown.clone_from(&time);
                line.time = Some(time);
            }
        }
        Layout { left, right, lines }
    }
}

/// Whether a side comes to this state by the segment that is sent next, so that the two belong together.
fn is_made_by_sending(state: StateName, side: Side, now: &str, rest: &[Row], unit: &Unit) -> bool {
    let makes = match state {
        StateName::SynSent
        | StateName::SynReceived
        | StateName::FinWait1
        | StateName::LastAck
        | StateName::Closing => true,
        StateName::Closed
        | StateName::Listen
        | StateName::Established
        | StateName::FinWait2
        | StateName::CloseWait
        | StateName::TimeWait => false,
    };
    let next = rest.iter().find_map(|row| match row.seen {
        Seen::Segment { from, .. } => Some((from, row.at)),
        Seen::State { .. } | Seen::Note { .. } => None,
    });
    makes && next.is_some_and(|(from, at)| from == side && unit.moment(at) == now)
}

/// Says where nothing was seen for long, compared with the rest.
fn with_pauses(lines: Vec<Line>, unit: &Unit) -> Vec<Line> {
    let mut before = lines.first().map_or(Duration::ZERO, |line| line.at);
    let gaps = lines.iter().map(|line| line.at.saturating_sub(mem::replace(&mut before, line.at)));
    let gaps: Vec<_> = gaps.collect();
    let mut sorted: Vec<_> = gaps.iter().skip(1).copied().collect();
    sorted.sort_unstable();
    let usual = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or_default();
    let long = unit.shortest_pause().max(usual.saturating_mul(4));

    let mut all: Vec<Line> = Vec::with_capacity(lines.len());
    let mut moved = Vec::with_capacity(lines.len());
    for (mut line, gap) in lines.into_iter().zip(gaps) {
        if gap > long {
            let middle = Middle::Pause(format!("{} later", unit.span(gap)));
            all.push(Line {
                at: line.at,
                time: None,
                left: Place::default(),
                right: Place::default(),
                middle,
            });
        }
        if let Middle::Arrow(arrow) = &mut line.middle {
            arrow.held_in = arrow.held_in.and_then(|held| moved.get(held).copied());
        }
        moved.push(all.len());
        all.push(line);
    }
    all
}
