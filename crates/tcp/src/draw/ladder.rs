//! Two lines, what travelled between them, and the states on either side.

mod arrow;
mod label;
mod lifelines;
mod numbers;
mod page;
mod picture;
mod rows;
#[cfg(test)]
pub(super) mod tests;
mod time;
mod words;

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use self::{label::Label, time::Unit};
use super::{
    spans::{Drawing, Page},
    visible,
};
use crate::{Fate, Side, StateName, Trace};

pub use page::side_by_side;

/// A ladder: a trace laid out, so that whoever prints it has nothing left to decide but where lines break.
#[derive(Clone, Debug)]
pub struct Ladder {
    title: String,
    left: Head,
    right: Head,
    unit: Unit,
    lines: Vec<Line>,
}

impl Ladder {
    /// Lays a trace out.
    pub fn of(trace: &Trace) -> Self {
        let unit = Unit::of(trace);
        let rows::Layout { left, right, lines } = rows::layout(trace, &unit);
        let left = Head { name: visible::line(&trace.left), state: left };
        let right = Head { name: visible::line(&trace.right), state: right };
        Self { title: visible::line(&trace.title), left, right, unit, lines }
    }

    /// As text. No line is wider than the page.
    pub fn text(&self, page: Page) -> Drawing {
        page::draw(self, page)
    }

    /// As an SVG element, which can stand alone or in a page.
    ///
    /// It has no fixed size, follows the reader's light or dark scheme, and takes its colours from the page's
    /// `--timewait-…` properties where these are set. Its ids and rules begin with `prefix`, of which letters, digits
    /// and hyphens are kept: give each drawing of a page its own.
    pub fn svg(&self, prefix: &str) -> String {
        picture::draw(self, prefix)
    }

    fn head(&self, side: Side) -> &Head {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }
}

/// Who a side is, and what it is at first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Head {
    name: String,
    state: Option<StateName>,
}

/// What happened at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    at: Duration,
    /// The time as it is shown; none where the line above says it.
    time: Option<String>,
    left: Place,
    right: Place,
    middle: Middle,
}

impl Line {
    fn side(&self, side: Side) -> &Place {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut Place {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }
}

/// A side at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    /// The state that it is in from now on, if it changes.
    change: Option<StateName>,
    /// How its line is drawn from now on.
    life: Life,
}

/// What a side's line says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Life {
    /// A connection; or nothing is known about it.
    #[default]
    Connected,
    /// A connection in TIME-WAIT.
    Waiting,
    /// No connection.
    Absent,
}

impl Life {
    fn of(state: StateName) -> Self {
        match state {
            StateName::TimeWait => Self::Waiting,
            StateName::Closed | StateName::Listen => Self::Absent,
            StateName::SynSent
            | StateName::SynReceived
            | StateName::Established
            | StateName::FinWait1
            | StateName::FinWait2
            | StateName::CloseWait
            | StateName::Closing
            | StateName::LastAck => Self::Connected,
        }
    }
}

/// What stands between the two lines.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Middle {
    Nothing,
    Arrow(Arrow),
    Note {
        side: Option<Side>,
        text: String,
    },
    /// Nothing was seen for long.
    Pause(String),
    /// From here on, it is about this connection.
    Connection(String),
}

/// A segment on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Arrow {
    from: Side,
    fate: Fate,
    label: Label,
    /// What else is to be said about it, in a few words. May be empty.
    detail: String,
    /// The line in which it was taken off the wire, if it is released now.
    held_in: Option<usize>,
}

/// What the wire did, in a word; nothing where it did nothing.
fn fate_word(fate: Fate) -> &'static str {
    match fate {
        Fate::Delivered => "",
        Fate::Lost => "lost",
        Fate::Held => "held",
        Fate::Released => "released",
        Fate::Repeated => "repeated",
        Fate::Injected => "made up",
        Fate::Altered => "changed",
    }
}

/// Whether that is bad news, or only the wire's doing.
fn fate_role(fate: Fate) -> super::Role {
    match fate {
        Fate::Lost | Fate::Injected | Fate::Altered => super::Role::Bad,
        Fate::Delivered | Fate::Held | Fate::Released | Fate::Repeated => super::Role::Wire,
    }
}
