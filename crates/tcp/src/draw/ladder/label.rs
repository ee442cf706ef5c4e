//! What is written on an arrow.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::numbers::Numbers;
use crate::{
    Flags, Segment, Side,
    draw::{
        spans::{Pen, Role, Span, columns_of, cut},
        visible,
    },
};

/// A segment in a few words: `"bye" + FIN seq 1..25 ack 24`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// Control bits before the text.
    before: Vec<&'static str>,
    text: Vec<u8>,
    /// Control bits after the text.
    after: Vec<&'static str>,
    reset: bool,
    /// Its first and last number. None where they would say nothing.
    numbers: Option<(i64, i64)>,
    ack: Option<i64>,
    /// Nothing but an acknowledgement.
    pure: bool,
    /// A window of zero is announced.
    closes_window: bool,
    again: bool,
}

impl Label {
    pub(super) fn of(segment: &Segment, from: Side, told: Told, numbers: &Numbers) -> Self {
        let terms = told.connection;
        let is_reset = segment.has(Flags::RST);
        let mut before = Vec::new();
        if segment.has(Flags::SYN) {
            before.push(if segment.ack.is_some() { "SYN-ACK" } else { "SYN" });
        }
        // A push says nothing beside a text; alone it would be all there is.
        let pushes = segment.flags == Flags::PSH && segment.text.is_empty();
        let others = segment.flags.without(if pushes { Flags::SYN } else { Flags::SYN | Flags::PSH });
        let after: Vec<_> = others.names().collect();
        let pure = before.is_empty() && after.is_empty() && segment.text.is_empty();
        let telling = !pure || segment.ack.is_none();
        let known = !is_reset || numbers.know(terms, from);
        let first = numbers.relative(terms, from, segment.seq);
        Self {
            before,
            text: segment.text.clone(),
            after,
            reset: is_reset,
            numbers: (telling && known).then(|| (first, first + i64::from(segment.len().max(1)) - 1)),
            ack: segment
                .ack
                .filter(|_| pure || told.again != Again::Wholly)
                .map(|ack| numbers.relative(told.acks, !from, ack)),
            pure,
            closes_window: told.has_windows && segment.window == 0 && segment.ack.is_some() && !is_reset,
            again: told.again != Again::No,
        }
    }

    /// In at most `room` columns: a long text is cut, then what can be done without is left out.
    pub(super) fn fit(&self, room: usize, ellipsis: &str) -> Vec<Span> {
        for parts in Parts::FROM_ALL_TO_LEAST {
            let numbers = self.numbers(parts);
            let rest = columns_of(&numbers);
            let what = self.what(room.saturating_sub(rest), ellipsis, parts.text);
            if rest + columns_of(&what) <= room {
                return what.into_iter().chain(numbers).collect();
            }
        }
        self.least(room, ellipsis)
    }

    /// Without the numbers, in at most `room` columns.
    pub(super) fn short(&self, room: usize, ellipsis: &str) -> Vec<Span> {
        let what = self.what(room, ellipsis, 4);
        if columns_of(&what) <= room { what } else { self.least(room, ellipsis) }
    }

    fn least(&self, room: usize, ellipsis: &str) -> Vec<Span> {
        let least: String = self.named(&self.size()).into_iter().map(|span| span.text).collect();
        alloc::vec![Span::new(self.role(), cut(&least, room, ellipsis))]
    }

    /// The control bits and the text, which is cut where there is no room for it, but not to less than `least`.
    fn what(&self, room: usize, ellipsis: &str, least: usize) -> Vec<Span> {
        let rest = columns_of(&self.named(""));
        let text = match () {
            () if self.text.is_empty() => String::new(),
            () if !visible::is_readable(&self.text) => self.size(),
            () => visible::quoted(&self.text, room.saturating_sub(rest).clamp(least, LONGEST_TEXT), ellipsis),
        };
        self.named(&text)
    }

    /// The numbers and whether it is sent again, each after a space.
    pub(super) fn numbers(&self, parts: Parts) -> Vec<Span> {
        let mut pen = Pen::default();
        if let Some((first, last)) = self.numbers.filter(|_| parts.numbers) {
            let range = if first == last { first.to_string() } else { format!("{first}..{last}") };
            pen.put(Role::Plain, &format!(" seq {range}"));
        }
        if let Some(ack) = self.ack.filter(|_| parts.ack && !self.pure) {
            pen.put(Role::Plain, &format!(" ack {ack}"));
        }
        if self.closes_window && parts.numbers {
            pen.put(Role::Plain, " win 0");
        }
        if self.again {
            pen.put(Role::Wire, " again");
        }
        pen.line()
    }

    fn size(&self) -> String {
        match self.text.len() {
            0 => String::new(),
            1 => "1 byte".into(),
            many => format!("{many} bytes"),
        }
    }

    fn role(&self) -> Role {
        if self.reset { Role::Bad } else { Role::Plain }
    }

    fn named(&self, text: &str) -> Vec<Span> {
        let mut pen = Pen::default();
        let parts = self.before.iter().map(|name| (self.role(), *name));
        let parts = parts.chain((!self.text.is_empty()).then_some((Role::Text, text)));
        let parts = parts.chain(self.after.iter().map(|name| (self.role(), *name)));
        for (index, (role, word)) in parts.enumerate() {
            pen.put(Role::Plain, if index == 0 { "" } else { " + " }).put(role, word);
        }
        if self.pure {
            pen.put(Role::Plain, &self.ack.map_or("no flags".into(), |ack| format!("ACK {ack}")));
        }
        pen.line()
    }
}

/// What a label depends on beside its segment.
#[derive(Clone, Copy)]
pub(super) struct Told {
    /// The connection in whose numbers it is told.
    pub(super) connection: u32,
    /// The connection in whose numbers its acknowledgement is told.
    pub(super) acks: u32,
    pub(super) again: Again,
    /// Its sender announces windows at all.
    pub(super) has_windows: bool,
}

/// Whether a side sent the same numbers before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Again {
    No,
    /// Its numbers; it acknowledges something else now.
    Numbers,
    /// All of it.
    Wholly,
}

/// Columns of a text that is shown at most, wherever there is room.
const LONGEST_TEXT: usize = 200;

/// Which of the numbers are told, and how many columns of the text at least.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    ack: bool,
    numbers: bool,
    text: usize,
}

impl Parts {
    pub(super) const ALL: Self = Self { ack: true, numbers: true, text: LONGEST_TEXT };
    /// A text that is whole without the acknowledgement is worth more than both in part.
    const FROM_ALL_TO_LEAST: [Self; 5] = [
        Self::ALL,
        Self { ack: false, ..Self::ALL },
        Self { text: 12, ..Self::ALL },
        Self { ack: false, numbers: true, text: 8 },
        Self { ack: false, numbers: false, text: 4 },
    ];
}
