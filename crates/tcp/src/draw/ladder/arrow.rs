//! An arrow of a ladder, as text.

use alloc::{format, string::String, vec::Vec};

use super::{Arrow, fate_role, fate_word, page::Ink};
use crate::{
    Fate, Side,
    draw::spans::{Role, Span, columns, columns_of},
};

/// An arrow in exactly so many columns, and what is to be said about it where that did not fit.
pub(super) fn draw(arrow: &Arrow, lane: usize, ink: &Ink) -> (Vec<Span>, String) {
    let parts = Parts::of(arrow, ink);
    let room = lane.saturating_sub(parts.least());
    let mut label = arrow.label.fit(room, ink.ellipsis);
    let detail = format!(", {}", arrow.detail);
    let whole = arrow.label.fit(usize::MAX, ink.ellipsis);
    let fits = columns_of(&whole) + columns(&detail) <= room;
    let beside = match (arrow.detail.is_empty(), fits) {
        (true, _) => String::new(),
        (false, false) => arrow.detail.clone(),
        (false, true) => {
            label = whole;
            label.push(Span::new(Role::Dim, detail));
            String::new()
        }
    };
    (parts.laid_out(label, lane, arrow.from), beside)
}

/// Columns of the way that a segment did not go are left blank, that it is seen.
const LEAST_BLANK: usize = 3;

/// An arrow from its sender's side on: `beginning word ── label ── word end`, then nothing where it does not arrive.
struct Parts {
    /// Blank where nobody sent it from, or not now.
    starts_late: bool,
    ends_early: bool,
    beginning: &'static str,
    first_word: &'static str,
    last_word: &'static str,
    end: &'static str,
    shaft: &'static str,
    role: Role,
    word_role: Role,
}

impl Parts {
    fn of(arrow: &Arrow, ink: &Ink) -> Self {
        let (head, stop, start) = match arrow.from {
            Side::Left => (ink.to_right, ink.bar_on_the_right, ink.bar_on_the_left),
            Side::Right => (ink.to_left, ink.bar_on_the_left, ink.bar_on_the_right),
        };
        let word = fate_word(arrow.fate);
        let sent = Self {
            starts_late: false,
            ends_early: false,
            beginning: "",
            first_word: "",
            last_word: "",
            end: head,
            shaft: ink.shaft,
            role: Role::Plain,
            word_role: fate_role(arrow.fate),
        };
        match arrow.fate {
            Fate::Delivered => sent,
            Fate::Altered => Self { last_word: word, ..sent },
            Fate::Lost => Self { ends_early: true, last_word: word, end: ink.lost, ..sent },
            Fate::Held => Self { ends_early: true, last_word: word, end: stop, ..sent },
            Fate::Released | Fate::Repeated => {
                Self { starts_late: true, beginning: start, first_word: word, shaft: ink.dashed, ..sent }
            }
            Fate::Injected => Self {
                starts_late: true,
                beginning: ink.from_nowhere,
                first_word: word,
                shaft: ink.dotted,
                ..sent
            },
        }
    }

    /// Columns without the label, with shafts as short as may be.
    fn least(&self) -> usize {
        self.pieces(Vec::new(), [LEAST_BLANK, 0, 0]).iter().map(|piece| columns_of(piece)).sum()
    }

    fn laid_out(&self, label: Vec<Span>, lane: usize, from: Side) -> Vec<Span> {
        let spare = lane.saturating_sub(self.least() + columns_of(&label));
        // Where it does not go all the way, the way that it does not go is about a fifth.
        let stops = self.starts_late || self.ends_early;
        let blank = if stops { spare.min((lane / 5).saturating_sub(LEAST_BLANK)) } else { 0 };
        let (less, more) = ((spare - blank) / 2, (spare - blank).div_ceil(2));
        let mut pieces = match from {
            Side::Left => self.pieces(label, [blank + LEAST_BLANK, less, more]),
            Side::Right => self.pieces(label, [blank + LEAST_BLANK, more, less]),
        };
        if from == Side::Right {
            pieces.reverse();
        }
        pieces.into_iter().flatten().collect()
    }

    /// Its pieces, from the sender on. What is more than least: nothing, the shaft before the label, that after it.
    fn pieces(&self, label: Vec<Span>, [blank, before, after]: [usize; 3]) -> Vec<Vec<Span>> {
        let shaft = |length| Span::new(self.role, self.shaft.repeat(length));
        let word = |word: &str| {
            Span::new(self.word_role, if word.is_empty() { word.into() } else { format!(" {word} ") })
        };
        let nothing = |here: bool| Span::new(Role::Plain, " ".repeat(if here { blank } else { 0 }));
        let mark_of = |own: bool| if own { self.word_role } else { self.role };
        let space = || Span::new(Role::Plain, " ");
        alloc::vec![
            alloc::vec![nothing(self.starts_late)],
            alloc::vec![Span::new(mark_of(true), self.beginning)],
            alloc::vec![shaft(usize::from(!self.first_word.is_empty()))],
            alloc::vec![word(self.first_word)],
            alloc::vec![shaft(before + 1)],
            [space()].into_iter().chain(label).chain([space()]).collect(),
            alloc::vec![shaft(after + 1)],
            alloc::vec![word(self.last_word)],
            alloc::vec![shaft(usize::from(!self.last_word.is_empty() && !self.ends_early))],
            alloc::vec![Span::new(mark_of(self.ends_early), self.end)],
            alloc::vec![nothing(self.ends_early)],
        ]
    }
}
