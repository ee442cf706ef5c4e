//! A ladder as text.

use alloc::vec::Vec;

use super::{Head, Ladder, Life, Line, Middle, arrow};
use crate::{
    Side, StateName,
    draw::spans::{Drawing, Page, Pen, Role, Span, columns, columns_of, cut, wrapped},
};

/// The characters that a ladder is drawn with.
pub(super) struct Ink {
    pub(super) connected: &'static str,
    pub(super) waiting: &'static str,
    pub(super) absent: &'static str,
    pub(super) pause: &'static str,
    pub(super) shaft: &'static str,
    pub(super) dashed: &'static str,
    pub(super) dotted: &'static str,
    pub(super) to_right: &'static str,
    pub(super) to_left: &'static str,
    pub(super) lost: &'static str,
    pub(super) bar_on_the_right: &'static str,
    pub(super) bar_on_the_left: &'static str,
    pub(super) from_nowhere: &'static str,
    pub(super) ellipsis: &'static str,
}

impl Ink {
    const BOXES: Self = Self {
        connected: "│",
        waiting: "┃",
        absent: "┊",
        pause: "⋮",
        shaft: "─",
        dashed: "╌",
        dotted: "┈",
        to_right: "►",
        to_left: "◄",
        lost: "✗",
        bar_on_the_right: "┤",
        bar_on_the_left: "├",
        from_nowhere: "•",
        ellipsis: "…",
    };
    const ASCII: Self = Self {
        connected: "|",
        waiting: "#",
        absent: ":",
        pause: ".",
        shaft: "-",
        dashed: "~",
        dotted: ".",
        to_right: ">",
        to_left: "<",
        lost: "x",
        bar_on_the_right: "|",
        bar_on_the_left: "|",
        from_nowhere: "*",
        ellipsis: "..",
    };

    fn life(&self, life: Life) -> (Role, &'static str) {
        match life {
            Life::Connected => (Role::Plain, self.connected),
            Life::Waiting => (Role::TimeWait, self.waiting),
            Life::Absent => (Role::Dim, self.absent),
        }
    }
}

/// Where things stand on the page: `time state│ lane │state`.
struct Columns {
    time: usize,
    /// Of the left line.
    left: usize,
    /// Between the two lines, without the spaces beside them.
    lane: usize,
    /// Of the right line.
    right: usize,
    width: usize,
}

/// Wider than this a lane gets harder to read, not easier.
const WIDEST_LANE: usize = 60;

impl Columns {
    fn of(ladder: &Ladder, width: usize) -> Self {
        let times = ladder.lines.iter().filter_map(|line| line.time.as_deref());
        let time = times.chain([ladder.unit.name()]).map(columns).max().unwrap_or(0);
        let states = |side| {
            let changes = ladder.lines.iter().filter_map(move |line| line.side(side).change);
            let all = changes.chain(ladder.head(side).state);
            all.map(|state| columns(state.name()) + 1).max().unwrap_or(0)
        };
        let left = time + 1 + states(Side::Left);
        let lane = width.saturating_sub(left + 4 + states(Side::Right)).min(WIDEST_LANE);
        Self { time, left, lane, right: left + lane + 3, width }
    }
}

pub(super) fn draw(ladder: &Ladder, page: Page) -> Drawing {
    let ink = if page.ascii { Ink::ASCII } else { Ink::BOXES };
    let columns = Columns::of(ladder, page.columns());
    let mut drawer = Drawer { ink, columns, lines: Vec::new() };
    drawer.title(&ladder.title);
    drawer.heads(ladder);
    for line in &ladder.lines {
        drawer.line(line);
    }
    Drawing { lines: drawer.lines }
}

struct Drawer {
    ink: Ink,
    columns: Columns,
    lines: Vec<Vec<Span>>,
}

impl Drawer {
    fn title(&mut self, title: &str) {
        for line in wrapped(title, self.columns.width) {
            self.lines.push(alloc::vec![Span::new(Role::Title, line)]);
        }
        if !title.is_empty() {
            self.lines.push(Vec::new());
        }
    }

    /// Who the sides are, each above its line, and below that what they are at first.
    fn heads(&mut self, ladder: &Ladder) {
        let Columns { time, left, right, width, .. } = self.columns;
        let room = (right - left).saturating_sub(2);
        let name = |head: &Head| cut(&head.name, room, self.ink.ellipsis);
        let (left_name, right_name) = (name(&ladder.left), name(&ladder.right));
        let middle = left.midpoint(right);
        let left_at = left.saturating_sub(columns(&left_name) / 2).max(time + 1);
        let left_name = cut(&left_name, middle.saturating_sub(left_at), self.ink.ellipsis);
        let right_room = width.saturating_sub(middle + 1);
        let right_name = cut(&right_name, right_room, self.ink.ellipsis);
        let right_at = right.saturating_sub(columns(&right_name) / 2);
        let right_at = right_at.min(width.saturating_sub(columns(&right_name))).max(middle + 1);

        let mut pen = Pen::default();
        pen.to(time.saturating_sub(columns(ladder.unit.name()))).put(Role::Dim, ladder.unit.name());
        pen.to(left_at).put(Role::Name, &left_name).to(right_at).put(Role::Name, &right_name);
        self.lines.push(pen.line());

        let (left, right) = (ladder.left.state, ladder.right.state);
        if ladder.lines.is_empty() || left.is_some() || right.is_some() {
            let lives = [left, right].map(|state| self.ink.life(state.map(Life::of).unwrap_or_default()));
            self.rung(None, [left, right], lives, []);
        }
    }

    fn line(&mut self, line: &Line) {
        let lives = [line.left.life, line.right.life].map(|life| self.ink.life(life));
        let states = [line.left.change, line.right.change];
        let time = line.time.as_deref();
        match &line.middle {
            Middle::Nothing => self.rung(time, states, lives, []),
            Middle::Arrow(arrow) => {
                let (spans, beside) = arrow::draw(arrow, self.columns.lane, &self.ink);
                self.rung(time, states, lives, spans);
                for line in wrapped(&beside, self.columns.lane) {
                    let line = self.centred(Role::Dim, &line);
                    self.rung(None, [None; 2], lives, line);
                }
            }
            Middle::Note { side, text } => self.note(line, *side, text),
            Middle::Pause(text) => {
                let text = self.centred(Role::Dim, text);
                let lives = lives.map(|(role, _)| (role, self.ink.pause));
                self.rung(None, [None; 2], lives, text);
            }
            Middle::Connection(text) => {
                let rule = self.rule(text);
                self.rung(None, [None; 2], lives, rule);
            }
        }
    }

    /// On its side; between the two in the middle.
    fn note(&mut self, line: &Line, side: Option<Side>, text: &str) {
        let lives = [line.left.life, line.right.life].map(|life| self.ink.life(life));
        let texts = wrapped(text, self.columns.lane);
        let widest = texts.iter().map(|line| columns(line)).max().unwrap_or(0);
        for (index, text) in texts.iter().enumerate() {
            let time = line.time.as_deref().filter(|_| index == 0);
            let spans = match side {
                None => self.centred(Role::Dim, text),
                Some(Side::Left) => alloc::vec![Span::new(Role::Plain, text.as_str())],
                Some(Side::Right) => {
                    let before = " ".repeat(self.columns.lane.saturating_sub(widest));
                    alloc::vec![Span::new(Role::Plain, before), Span::new(Role::Plain, text.as_str())]
                }
            };
            self.rung(time, [None; 2], lives, spans);
        }
    }

    fn centred(&self, role: Role, text: &str) -> Vec<Span> {
        let text = cut(text, self.columns.lane, self.ink.ellipsis);
        let before = " ".repeat(self.columns.lane.saturating_sub(columns(&text)) / 2);
        alloc::vec![Span::new(Role::Plain, before), Span::new(role, text)]
    }

    /// Words within a line from side to side.
    fn rule(&self, text: &str) -> Vec<Span> {
        let lane = self.columns.lane;
        let text = cut(text, lane.saturating_sub(2), self.ink.ellipsis);
        let rest = lane.saturating_sub(columns(&text) + 2);
        let (before, after) = (self.ink.shaft.repeat(rest / 2), self.ink.shaft.repeat(rest.div_ceil(2)));
        let mut pen = Pen::default();
        pen.put(Role::Dim, &before).put(Role::Plain, " ").put(Role::Plain, &text);
        pen.put(Role::Plain, " ").put(Role::Dim, &after);
        pen.line()
    }

    /// A line of the drawing: time, state, line, what is between, line, state.
    fn rung(
        &mut self,
        time: Option<&str>,
        [left, right]: [Option<StateName>; 2],
        [left_life, right_life]: [(Role, &str); 2],
        middle: impl IntoIterator<Item = Span>,
    ) {
        let columns = &self.columns;
        let time = time.unwrap_or_default();
        let mut pen = Pen::default();
        pen.to(columns.time.saturating_sub(time.len())).put(Role::Dim, time);
        if let Some(state) = left {
            pen.to(columns.left.saturating_sub(state.name().len() + 1)).put(state_role(state), state.name());
        }
        pen.to(columns.left).put(left_life.0, left_life.1).spaces(1);
        let mut middle: Vec<_> = middle.into_iter().collect();
        let beyond = columns_of(&middle).saturating_sub(columns.lane);
        debug_assert_eq!(beyond, 0, "it was made to fit: {middle:?}");
        pen.all(middle.drain(..)).to(columns.right).put(right_life.0, right_life.1);
        if let Some(state) = right {
            pen.spaces(1).put(state_role(state), state.name());
        }
        self.lines.push(pen.line());
    }
}

pub(super) fn state_role(state: StateName) -> Role {
    match state {
        StateName::TimeWait => Role::TimeWait,
        _ => Role::State,
    }
}

/// Spaces between two ladders next to each other.
const BETWEEN: usize = 4;

/// Ladders next to each other as far as each gets 76 columns or more, else one below the other.
pub fn side_by_side(ladders: &[Ladder], page: Page) -> Drawing {
    let fitting = (page.width + BETWEEN) / (76 + BETWEEN);
    let abreast = fitting.clamp(1, ladders.len().max(1));
    let each = (page.width + BETWEEN) / abreast - BETWEEN.min(page.width);
    let page = Page { width: each, ..page };
    let mut all = Drawing::default();
    for group in ladders.chunks(abreast) {
        if !all.lines.is_empty() {
            all.lines.push(Vec::new());
        }
        let drawings: Vec<_> = group.iter().map(|ladder| ladder.text(page)).collect();
        let height = drawings.iter().map(|drawing| drawing.lines.len()).max().unwrap_or(0);
        for index in 0..height {
            let mut pen = Pen::default();
            for (place, drawing) in drawings.iter().enumerate() {
                let line = drawing.lines.get(index).cloned().unwrap_or_default();
                pen.to(place * (each + BETWEEN)).all(line);
            }
            all.lines.push(pen.line());
        }
    }
    all
}
