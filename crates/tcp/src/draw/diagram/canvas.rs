//! The diagram as text.

use alloc::{format, vec, vec::Vec};

use super::{
    Highlight, figure, label,
    plan::{COLUMNS, Label, PLACES, Place, Point, ROWS, way},
};
use crate::{
    StateName,
    draw::{
        Role,
        spans::{Drawing, Page, Pen},
    },
    table::Arrow,
};

/// Where a line goes on to, from a point.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
    Left,
    Right,
}

impl Way {
    fn between(from: Point, to: Point) -> Self {
        match (from, to) {
            ((x, y), (to_x, to_y)) if x == to_x => {
                if to_y > y {
                    Self::Down
                } else {
                    Self::Up
                }
            }
            ((x, _), (to_x, _)) if to_x > x => Self::Right,
            _ => Self::Left,
        }
    }

    fn step(self, (x, y): Point) -> Point {
        match self {
            Self::Up => (x, y.saturating_sub(1)),
            Self::Down => (x, y + 1),
            Self::Left => (x.saturating_sub(1), y),
            Self::Right => (x + 1, y),
        }
    }
}

/// The characters of lines: light and heavy.
struct Ink {
    ascii: bool,
}

impl Ink {
    fn pick(&self, heavy: bool, [ascii_light, ascii_heavy, light, heavy_one]: [char; 4]) -> char {
        match (self.ascii, heavy) {
            (true, false) => ascii_light,
            (true, true) => ascii_heavy,
            (false, false) => light,
            (false, true) => heavy_one,
        }
    }

    /// A line that comes in one way and leaves in another.
    fn line(&self, from: Way, to: Way, heavy: bool) -> char {
        use Way::{Down, Left, Right, Up};
        self.pick(
            heavy,
            match (from, to) {
                (Up | Down, Up | Down) => ['|', '#', '│', '┃'],
                (Left | Right, Left | Right) => ['-', '=', '─', '━'],
                (Down, Left) | (Right, Up) => ['+', '#', '╯', '┛'],
                (Down, Right) | (Left, Up) => ['+', '#', '╰', '┗'],
                (Up, Left) | (Right, Down) => ['+', '#', '╮', '┓'],
                (Up, Right) | (Left, Down) => ['+', '#', '╭', '┏'],
            },
        )
    }

    fn tip(&self, way: Way) -> char {
        let (ascii, tip) = match way {
            Way::Up => ('^', '▲'),
            Way::Down => ('v', '▼'),
            Way::Left => ('<', '◄'),
            Way::Right => ('>', '►'),
        };
        if self.ascii { ascii } else { tip }
    }

    /// Where a line leaves a box, each of which may be heavy.
    fn leaving(&self, way: Way, line_heavy: bool, box_heavy: bool) -> char {
        let [light, line, edge, both] = match way {
            Way::Down => ['┬', '┰', '┯', '┳'],
            Way::Up => ['┴', '┸', '┷', '┻'],
            Way::Right => ['├', '┝', '┠', '┣'],
            Way::Left => ['┤', '┥', '┨', '┫'],
        };
        match (line_heavy, box_heavy) {
            _ if self.ascii => '+',
            (false, false) => light,
            (true, false) => line,
            (false, true) => edge,
            (true, true) => both,
        }
    }
}

pub(super) fn draw(highlight: &Highlight, page: Page) -> Drawing {
    let mut canvas =
        Canvas { ink: Ink { ascii: page.ascii }, cells: vec![vec![(' ', Role::Plain); COLUMNS]; ROWS] };
    for place in &PLACES {
        canvas.place(place, place.is_marked(highlight));
    }
    let mut unplaced = Vec::new();
    for arrow in figure() {
        match way(arrow) {
            Some(route) => {
                let marked = highlight.has_arrow(arrow);
                canvas.line(route.points, marked, starts_marked(route.points, highlight));
                canvas.label(arrow, route.label, marked);
            }
            None => unplaced.push(arrow),
        }
    }
    canvas.drawing(&unplaced)
}

struct Canvas {
    ink: Ink,
    cells: Vec<Vec<(char, Role)>>,
}

impl Canvas {
    fn put(&mut self, (x, y): Point, character: char, role: Role) {
        if let Some(cell) = self.cells.get_mut(y).and_then(|row| row.get_mut(x)) {
            *cell = (character, role);
        }
    }

    fn write(&mut self, (x, y): Point, text: &str, role: Role) {
        for (x, character) in (x..).zip(text.chars()) {
            self.put((x, y), character, role);
        }
    }

    /// A state's box.
    fn place(&mut self, place: &Place, marked: bool) {
        use Way::{Down, Left, Right, Up};
        let (border, name) = match (place.state, marked) {
            (StateName::TimeWait, _) => (Role::TimeWait, Role::TimeWait),
            (_, true) => (Role::Marked, Role::Marked),
            (_, false) => (Role::Plain, Role::State),
        };
        let (left, right, top, bottom) = (place.left, place.right, place.top, place.top + 2);
        for x in left + 1..right {
            let level = self.ink.line(Right, Right, marked);
            self.put((x, top), level, border);
            self.put((x, bottom), level, border);
        }
        for (x, y, from, to) in [
            (left, top, Up, Right),
            (right, top, Up, Left),
            (left, bottom, Down, Right),
            (right, bottom, Down, Left),
        ] {
            self.put((x, y), self.ink.line(from, to, marked), border);
        }
        for x in [left, right] {
            self.put((x, top + 1), self.ink.line(Down, Down, marked), border);
        }
        let text = place.state.name();
        self.write(((left + right + 1).saturating_sub(text.len()) / 2, top + 1), text, name);
    }

    /// An arrow, from the border of a box, which may be heavy, to that of another.
    fn line(&mut self, points: &[Point], marked: bool, box_marked: bool) {
        let role = if marked { Role::Marked } else { Role::Plain };
        let mut came = None;
        for (&from, &to) in points.iter().zip(points.iter().skip(1)) {
            let way = Way::between(from, to);
            let start = match came {
                None => self.ink.leaving(way, marked, box_marked),
                Some(came) => self.ink.line(came, way, marked),
            };
            self.put(from, start, role);
            let mut at = way.step(from);
            while at != to {
                let last = points.last() == Some(&to) && way.step(at) == to;
                let character = if last { self.ink.tip(way) } else { self.ink.line(way, way, marked) };
                self.put(at, character, role);
                at = way.step(at);
            }
            came = Some(way);
        }
    }

    fn label(&mut self, arrow: &Arrow, place: Label, marked: bool) {
        let role = if marked { Role::Marked } else { Role::Plain };
        let (on, does) = (arrow.on.label(), arrow.does);
        match place {
            Label::From((x, y)) => {
                self.write((x, y), on, role);
                self.write((x, y + 1), does, role);
            }
            Label::UpTo((x, y)) => {
                self.write(((x + 1).saturating_sub(on.len()), y), on, role);
                self.write(((x + 1).saturating_sub(does.len()), y + 1), does, role);
            }
            Label::Around((x, y)) => {
                self.write(((x + 1).saturating_sub(on.len().div_ceil(2)), y.saturating_sub(1)), on, role);
                self.write(((x + 1).saturating_sub(does.len().div_ceil(2)), y + 1), does, role);
            }
            Label::Row(at) => self.write(at, &label(arrow), role),
        }
    }

    fn drawing(self, unplaced: &[&Arrow]) -> Drawing {
        let rows = self.cells.into_iter().map(|row| {
            let mut pen = Pen::default();
            for (character, role) in row {
                let role = if character == ' ' { Role::Plain } else { role };
                pen.put(role, character.encode_utf8(&mut [0; 4]));
            }
            pen.line()
        });
        let mut lines: Vec<_> = rows.collect();
        for arrow in unplaced {
            let mut pen = Pen::default();
            pen.put(Role::Plain, &format!("{} to {}: {}", arrow.from, arrow.to, label(arrow)));
            lines.push(pen.line());
        }
        Drawing { lines }
    }
}

/// Whether the box is heavy that this way begins at.
fn starts_marked(points: &[Point], highlight: &Highlight) -> bool {
    let Some(&(x, y)) = points.first() else { return false };
    let at =
        |place: &&Place| (place.left..=place.right).contains(&x) && (place.top..=place.top + 2).contains(&y);
    PLACES.iter().find(at).is_some_and(|place| place.is_marked(highlight))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::{On, StateName::TimeWait, TABLE};

    #[test]
    fn an_arrow_that_nobody_has_found_a_place_for_is_listed() {
        let arrow = TABLE.iter().find(|arrow| (arrow.from, arrow.on) == (TimeWait, On::Rst)).unwrap();
        let canvas = Canvas { ink: Ink { ascii: true }, cells: Vec::new() };
        assert_eq!(canvas.drawing(&[arrow]).to_string(), "time-wait to closed: rcv RST / delete TCB\n");
    }

    #[test]
    fn every_arrow_of_the_figure_has_a_place() {
        assert!(figure().all(|arrow| way(arrow).is_some()));
    }
}
