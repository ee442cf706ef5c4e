//! A ladder as SVG.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt::Display;

use super::{
    Arrow, Ladder, Life, Line, Middle, fate_role, fate_word,
    label::Parts,
    lifelines::{self, Lifelines, Stretch},
    page::state_role,
    time::Unit,
    words,
};
use crate::{
    Fate, Side, StateName,
    draw::{
        Role, palette,
        spans::{columns, columns_of, wrapped},
        svg::{self, Attribute, Svg},
    },
};

// Units are about a pixel on a phone.
const LEFT: i32 = 80;
const RIGHT: i32 = 310;
const WIDTH: i32 = LEFT + RIGHT;
const MIDDLE: i32 = WIDTH / 2;
/// From a line to where an arrow begins and ends: room for the band of TIME-WAIT.
const GAP: i32 = 6;
/// How far an arrow falls on its way.
const FALL: i32 = 10;
/// The angle of that, in degrees: atan(10 / 218).
const ANGLE: &str = "2.6";
/// A column of letters takes three fifths of their height: so many fit between the lines.
const LABEL_COLUMNS: usize = 31;
/// The same above half of the way.
const HALF_COLUMNS: usize = 16;
/// How much higher words stand that stand above a mark.
const RAISED: i32 = 4;
const DETAIL_COLUMNS: usize = 37;
const NOTE_COLUMNS: usize = 33;
const TITLE_COLUMNS: usize = 52;

// Where a reader knows no properties, marks keep the text's colour.
const RULES: &[(&str, &str)] = &[
    (".title", "font-size:12px;font-weight:600"),
    (".name", "font-size:12px;font-weight:600;text-anchor:middle"),
    (".at", "font-size:9px;fill:var(--dim);text-anchor:end"),
    (".state", "font-size:10px"),
    (".left", "text-anchor:end"),
    (".waits", "fill:var(--wait);font-weight:600"),
    (".label", "text-anchor:middle"),
    (".label,.note,.fate", "paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round"),
    (".detail", "font-size:9.5px;fill:var(--dim)"),
    (".fate", "font-size:9.5px;font-style:italic"),
    (".note", "font-size:10.5px"),
    (".between", "fill:var(--dim);text-anchor:middle"),
    (".toleft", "text-anchor:end"),
    (".life", "stroke:currentColor;stroke-width:1.4;fill:none"),
    (".absent", "stroke:var(--dim);stroke-width:1.2;stroke-dasharray:1.5 4"),
    (".waiting", "stroke:var(--wait);stroke-width:2"),
    (".pause", "stroke-dasharray:.1 5;stroke-linecap:round;stroke-width:1.6"),
    (".band", "fill:var(--wait);fill-opacity:.22"),
    (".shaft", "stroke:currentColor;stroke-width:1.3;fill:none"),
    (".dashed", "stroke-dasharray:5 3"),
    (".dotted", "stroke-dasharray:1.5 3"),
    (".lost", "stroke:currentColor;stroke:var(--bad);stroke-width:2;stroke-linecap:round"),
    (".bar", "stroke:currentColor;stroke:var(--wire);stroke-width:2.2;stroke-linecap:round"),
    (
        ".held",
        "stroke:currentColor;stroke:var(--wire);stroke-width:1.2;stroke-dasharray:.1 4;stroke-linecap:round",
    ),
    (".rule", "stroke:currentColor;stroke:var(--dim);stroke-width:.8"),
];

pub(super) fn draw(ladder: &Ladder, prefix: &str) -> String {
    let id = svg::id(prefix);
    let plan = Plan::of(ladder);
    let mut svg = Svg::default();
    svg.open(
        "svg",
        &[
            ("xmlns", &"http://www.w3.org/2000/svg"),
            ("id", &id),
            ("viewBox", &format!("0 0 {WIDTH} {}", plan.height)),
            ("role", &"img"),
            ("aria-labelledby", &format!("{id}-title {id}-desc")),
        ],
    );
    let title = match ladder.title.as_str() {
        "" => format!("What {} and {} sent each other", ladder.left.name, ladder.right.name),
        title => title.into(),
    };
    svg.text("title", &[("id", &format!("{id}-title"))], &title);
    svg.text("desc", &[("id", &format!("{id}-desc"))], &words::of(ladder));
    svg.style(&palette::rules(&id, RULES));
    heads(&mut svg, ladder, plan.top);
    stretches(&mut svg, &plan.stretches);
    connectors(&mut svg, ladder, &plan);
    for (line, row) in ladder.lines.iter().zip(&plan.rows) {
        draw_line(&mut svg, line, row);
        draw_beside(&mut svg, line, row, &ladder.unit);
    }
    svg.finish()
}

/// Where everything goes.
struct Plan {
    /// Where the lines begin.
    top: i32,
    rows: Vec<Placed>,
    stretches: Vec<Stretch>,
    height: i32,
}

/// Where a line of the ladder goes.
#[derive(Clone, Copy)]
struct Placed {
    top: i32,
    /// Where something happens on the left, and on the right.
    left: i32,
    right: i32,
    bottom: i32,
}

impl Placed {
    fn middle(&self) -> i32 {
        self.left.midpoint(self.right)
    }

    fn side(&self, side: Side) -> i32 {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }
}

impl Plan {
    fn of(ladder: &Ladder) -> Self {
        let top = rows_of(&wrapped(&ladder.title, TITLE_COLUMNS)) * 16 + 34;
        let mut lines = Lifelines::at(top, ladder.head(Side::Left).state, ladder.head(Side::Right).state);
        let mut y = top + 16;
        let rows = ladder.lines.iter().map(|line| {
            let row = place(line, y);
            y = row.bottom;
            lines.pass(line, row.left, row.right, (row.top, row.bottom));
            row
        });
        let rows = rows.collect();
        let bottom = y + 8;
        Self { top, rows, stretches: lines.end(bottom), height: bottom + 8 }
    }
}

fn rows_of(lines: &[String]) -> i32 {
    i32::try_from(lines.len()).unwrap_or(i32::MAX / 1000)
}

/// Gives a line its room, from `top` down.
fn place(line: &Line, top: i32) -> Placed {
    let level = |y: i32, height: i32| Placed { top, left: y, right: y, bottom: top.saturating_add(height) };
    match &line.middle {
        Middle::Arrow(arrow) => {
            let over = if is_over_its_mark(arrow) { RAISED } else { 0 };
            let (start, end) = (top + 20 + over, top + 20 + over + FALL);
            let (left, right) = match arrow.from {
                Side::Left => (start, end),
                Side::Right => (end, start),
            };
            let below = rows_of(&below(arrow));
            Placed { top, left, right, bottom: end + 4 + below * 11 }
        }
        Middle::Note { text, .. } => level(top + 12, 8 + 14 * rows_of(&wrapped(text, NOTE_COLUMNS)).max(1)),
        Middle::Nothing => level(top + 18, 26),
        Middle::Pause(_) => level(top + 16, 30),
        Middle::Connection(_) => level(top + 16, 28),
    }
}

/// What stands below an arrow: its numbers, and what else is to be said.
fn below(arrow: &Arrow) -> Vec<String> {
    let numbers: String = arrow.label.numbers(Parts::ALL).iter().map(|span| span.text.as_str()).collect();
    let changed = if arrow.fate == Fate::Altered { fate_word(arrow.fate) } else { "" };
    let first = format!("{} {changed}", numbers.trim());
    let lines = [first.trim(), &arrow.detail].map(|words| wrapped(words, DETAIL_COLUMNS));
    lines.into_iter().flatten().collect()
}

fn heads(svg: &mut Svg, ladder: &Ladder, top: i32) {
    for (y, line) in (16..).step_by(16).zip(wrapped(&ladder.title, TITLE_COLUMNS)) {
        svg.text("text", &[("class", &"title"), ("x", &8), ("y", &y)], &line);
    }
    for (side, x) in [(Side::Left, LEFT), (Side::Right, RIGHT)] {
        let head = ladder.head(side);
        let name = crate::draw::spans::cut(&head.name, 18, "…");
        svg.text("text", &[("class", &"name"), ("x", &x), ("y", &(top - 8))], &name);
        if let Some(state) = head.state {
            draw_state(svg, side, state, top + 10);
        }
    }
}

fn draw_state(svg: &mut Svg, side: Side, state: StateName, y: i32) {
    let waits = if state_role(state) == Role::TimeWait { " waits" } else { "" };
    let (class, x) = match side {
        Side::Left => (format!("state left{waits}"), LEFT - 10),
        Side::Right => (format!("state{waits}"), RIGHT + 10),
    };
    svg.text("text", &[("class", &class), ("x", &x), ("y", &y)], state.name());
}

fn stretches(svg: &mut Svg, stretches: &[Stretch]) {
    let x_of = |stretch: &Stretch| if stretch.side == Side::Left { LEFT } else { RIGHT };
    for band in lifelines::waits(stretches) {
        let (x, height) = (x_of(&band) - 5, band.to - band.from);
        svg.leaf(
            "rect",
            &[
                ("class", &"band"),
                ("x", &x),
                ("y", &band.from),
                ("width", &10),
                ("height", &height),
                ("rx", &2),
            ],
        );
    }
    for stretch in stretches.iter().filter(|stretch| stretch.from < stretch.to) {
        let life = match stretch.life {
            Life::Connected => "life",
            Life::Waiting => "life waiting",
            Life::Absent => "life absent",
        };
        let class = if stretch.pause { format!("{life} pause") } else { life.into() };
        let d = format!("M{} {}V{}", x_of(stretch), stretch.from, stretch.to);
        svg.leaf("path", &[("class", &class), ("d", &d)]);
    }
}

/// From where a segment was held to where it is released.
fn connectors(svg: &mut Svg, ladder: &Ladder, plan: &Plan) {
    for (line, row) in ladder.lines.iter().zip(&plan.rows) {
        let Middle::Arrow(Arrow { held_in: Some(held), .. }) = &line.middle else { continue };
        if let Some(from) = plan.rows.get(*held) {
            let d = format!("M{MIDDLE} {}V{}", from.middle() + 7, row.middle() - 7);
            svg.leaf("path", &[("class", &"held"), ("d", &d)]);
        }
    }
}

fn draw_line(svg: &mut Svg, line: &Line, row: &Placed) {
    match &line.middle {
        Middle::Nothing => (),
        Middle::Arrow(arrow) => draw_arrow(svg, arrow, row),
        Middle::Note { side, text } => {
            let (class, x) = match side {
                None => ("note between", MIDDLE),
                Some(Side::Left) => ("note", LEFT + 10),
                Some(Side::Right) => ("note toleft", RIGHT - 10),
            };
            for (y, words) in (row.left + 2..).step_by(14).zip(wrapped(text, NOTE_COLUMNS)) {
                svg.text("text", &[("class", &class), ("x", &x), ("y", &y)], &words);
            }
        }
        Middle::Pause(text) => {
            svg.text("text", &[("class", &"note between"), ("x", &MIDDLE), ("y", &(row.left + 3))], text);
        }
        Middle::Connection(text) => {
            let d = format!("M{} {}H{}", 8, row.top + 5, WIDTH - 8);
            svg.leaf("path", &[("class", &"rule"), ("d", &d)]);
            svg.text("text", &[("class", &"note between"), ("x", &MIDDLE), ("y", &(row.left + 4))], text);
        }
    }
}

/// The time and the states.
fn draw_beside(svg: &mut Svg, line: &Line, row: &Placed, unit: &Unit) {
    if let Some(time) = &line.time {
        let arrow = matches!(line.middle, Middle::Arrow(_));
        let y = if arrow || line.left.change.is_some() { row.left.min(row.right) - 10 } else { row.left + 2 };
        svg.text("text", &[("class", &"at"), ("x", &(LEFT - 10)), ("y", &y)], &unit.named(time));
    }
    for side in [Side::Left, Side::Right] {
        if let Some(state) = line.side(side).change {
            draw_state(svg, side, state, row.side(side) + 4);
        }
    }
}

fn draw_arrow(svg: &mut Svg, arrow: &Arrow, row: &Placed) {
    let (sign, from, to) = match arrow.from {
        Side::Left => (1, LEFT + GAP, RIGHT - GAP),
        Side::Right => (-1, RIGHT - GAP, LEFT + GAP),
    };
    let (y, middle, end) = (row.side(arrow.from), row.middle(), row.side(!arrow.from));
    svg.open("g", &[]);
    svg.text("title", &[], &words::arrow(arrow));
    let (shaft, d) = match arrow.fate {
        Fate::Delivered | Fate::Altered => ("shaft", format!("M{from} {y}L{to} {end}")),
        Fate::Lost | Fate::Held => ("shaft", format!("M{from} {y}L{MIDDLE} {middle}")),
        Fate::Released | Fate::Repeated => ("shaft dashed", format!("M{MIDDLE} {middle}L{to} {end}")),
        Fate::Injected => ("shaft dotted", format!("M{MIDDLE} {middle}L{to} {end}")),
    };
    svg.leaf("path", &[("class", &shaft), ("d", &d)]);
    if arrow.fate.arrived() {
        let turn = if sign == 1 { ANGLE.to_string() } else { format!("{}", 177.4) };
        svg.leaf(
            "path",
            &[
                ("class", &"head"),
                ("d", &"M1 0L-8 -3.8L-6 0L-8 3.8z"),
                ("transform", &format!("translate({to} {end}) rotate({turn})")),
            ],
        );
    }
    draw_fate(svg, arrow.fate, sign, middle);
    draw_label(svg, arrow, sign, middle);
    svg.close();
}

/// What it is, above the shaft, and its numbers below: above the half that is drawn, where they are short enough.
fn draw_label(svg: &mut Svg, arrow: &Arrow, sign: i32, middle: i32) {
    let what = arrow.label.short(LABEL_COLUMNS, "…");
    let over = is_over_its_mark(arrow);
    let half = match arrow.fate {
        _ if over => 0,
        Fate::Delivered | Fate::Altered => 0,
        Fate::Lost | Fate::Held => -sign,
        Fate::Released | Fate::Repeated | Fate::Injected => sign,
    };
    let (above, under) = if over { (6 + RAISED, 15) } else { (6, 13) };
    let (x, middle) = (MIDDLE + half * (RIGHT - LEFT) / 4, middle + half * sign * FALL / 4);
    let angle = if sign == 1 { ANGLE.to_string() } else { format!("-{ANGLE}") };
    let rotate = format!("rotate({angle} {x} {middle})");
    let place = |class: &'static str, y: i32| {
        [
            ("class", class.to_string()),
            ("x", x.to_string()),
            ("y", y.to_string()),
            ("transform", rotate.clone()),
        ]
    };
    let spans = what.iter().map(|span| (palette::class(span.role), span.text.as_str()));
    svg.texts("text", &attributes(&place("label", middle - above)), spans);
    for (y, words) in (middle + under..).step_by(11).zip(below(arrow)) {
        svg.text("text", &attributes(&place("label detail", y)), &words);
    }
}

/// Whether its words need the whole way, although only half of it is drawn, with a mark where it ends or begins.
fn is_over_its_mark(arrow: &Arrow) -> bool {
    let what = columns_of(&arrow.label.short(LABEL_COLUMNS, "…"));
    let halved = !matches!(arrow.fate, Fate::Delivered | Fate::Altered);
    halved && (what > HALF_COLUMNS || below(arrow).iter().any(|line| columns(line) > HALF_COLUMNS))
}

fn attributes<'a>(all: &'a [(&'static str, String); 4]) -> [Attribute<'a>; 4] {
    all.each_ref().map(|(name, value)| (*name, value as &dyn Display))
}

/// The mark in the middle of the way, and its word in the half that stays empty.
fn draw_fate(svg: &mut Svg, fate: Fate, sign: i32, y: i32) {
    let (mark, beyond) = match fate {
        Fate::Delivered | Fate::Altered => return,
        Fate::Lost => (("lost", format!("M{} {}l8 8m0 -8l-8 8", MIDDLE - 4, y - 4)), sign),
        Fate::Held => (("bar", format!("M{MIDDLE} {}v12", y - 6)), sign),
        Fate::Released | Fate::Repeated => (("bar", format!("M{MIDDLE} {}v12", y - 6)), -sign),
        Fate::Injected => (("lost", format!("M{MIDDLE} {y}h.1")), -sign),
    };
    svg.leaf("path", &[("class", &mark.0), ("d", &mark.1)]);
    let side = if beyond == 1 { "fate" } else { "fate toleft" };
    let class = format!("{side} {}", palette::class(fate_role(fate)));
    svg.text("text", &[("class", &class), ("x", &(MIDDLE + beyond * 11)), ("y", &(y + 3))], fate_word(fate));
}
