//! The diagram as SVG.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{
    Highlight, figure, label,
    plan::{COLUMNS, Label, PLACES, Place, Point, ROWS, way},
};
use crate::{
    StateName,
    draw::{
        palette,
        svg::{self, Svg},
    },
    table::Arrow,
};

/// A column of the plan, and so of letters ten high.
const COLUMN: usize = 6;
const ROW: usize = 15;
const MARGIN: usize = 6;

const RULES: &[(&str, &str)] = &[
    (".box", "fill:none;stroke:currentColor;stroke-width:1.3"),
    (".wait .box", "fill:var(--wait);fill-opacity:.16;stroke:var(--wait)"),
    (".name", "font-size:12.5px;text-anchor:middle"),
    (".wait .name", "fill:var(--wait);font-weight:600"),
    (".way", "fill:none;stroke:currentColor;stroke-width:1.2"),
    (".label", "font-size:10px"),
    (".does", "fill:var(--dim)"),
    (".upto", "text-anchor:end"),
    (".around", "text-anchor:middle"),
    (".marked .box,.marked .way", "stroke-width:2.8"),
    (".marked .way", "stroke:var(--mark)"),
    (".marked .tip,.marked .label,.marked .does", "fill:var(--mark)"),
    (".marked .label,.marked .name", "font-weight:600"),
    (".state.marked:not(.wait) .box", "stroke:var(--mark)"),
];

pub(super) fn draw(highlight: &Highlight, prefix: &str) -> String {
    let id = svg::id(prefix);
    let unplaced: Vec<_> = figure().filter(|arrow| way(arrow).is_none()).collect();
    let (width, rows) = (COLUMNS * COLUMN + 2 * MARGIN, ROWS + unplaced.len());
    let mut svg = Svg::default();
    svg.open(
        "svg",
        &[
            ("xmlns", &"http://www.w3.org/2000/svg"),
            ("id", &id),
            ("viewBox", &format!("0 0 {width} {}", rows * ROW + 2 * MARGIN)),
            ("role", &"img"),
            ("aria-labelledby", &format!("{id}-title {id}-desc")),
        ],
    );
    svg.text("title", &[("id", &format!("{id}-title"))], "TCP's states, and what leads from one to another");
    svg.text("desc", &[("id", &format!("{id}-desc"))], &told(highlight));
    svg.style(&palette::rules(&id, RULES));
    for arrow in figure() {
        draw_arrow(&mut svg, arrow, highlight.has_arrow(arrow));
    }
    for place in &PLACES {
        draw_place(&mut svg, place, place.is_marked(highlight));
    }
    for (row, arrow) in (ROWS..).zip(unplaced) {
        let (x, y) = baseline((0, row));
        let text = format!("{} to {}: {}", arrow.from, arrow.to, label(arrow));
        svg.text("text", &[("class", &"label"), ("x", &x), ("y", &y)], &text);
    }
    svg.finish()
}

/// The middle of a place of the grid.
fn middle((column, row): Point) -> Point {
    (MARGIN + column * COLUMN + COLUMN / 2, MARGIN + row * ROW + ROW / 2)
}

/// Where letters begin in a place of the grid.
fn baseline((column, row): Point) -> Point {
    (MARGIN + column * COLUMN, MARGIN + row * ROW + 11)
}

fn draw_place(svg: &mut Svg, place: &Place, marked: bool) {
    let wait = if place.state == StateName::TimeWait { " wait" } else { "" };
    let marked = if marked { " marked" } else { "" };
    let (left, top) = middle((place.left, place.top));
    let (right, bottom) = middle((place.right, place.top + 2));
    svg.open("g", &[("class", &format!("state{wait}{marked}"))]);
    svg.leaf(
        "rect",
        &[
            ("class", &"box"),
            ("x", &left),
            ("y", &top),
            ("width", &(right - left)),
            ("height", &(bottom - top)),
            ("rx", &7),
        ],
    );
    let (x, y) = (left.midpoint(right), top.midpoint(bottom) + 4);
    svg.text("text", &[("class", &"name"), ("x", &x), ("y", &y)], place.state.name());
    svg.close();
}

fn draw_arrow(svg: &mut Svg, arrow: &Arrow, marked: bool) {
    let Some(route) = way(arrow) else { return };
    let points: Vec<Point> = route.points.iter().copied().map(middle).collect();
    let (Some(&end), Some(&before)) = (points.last(), points.iter().rev().nth(1)) else { return };
    svg.open("g", &[("class", if marked { &"arrow marked" } else { &"arrow" })]);
    svg.text("title", &[], &format!("{} to {}: {}", arrow.from, arrow.to, label(arrow)));
    svg.leaf("path", &[("class", &"way"), ("d", &rounded(&points))]);
    let turn = match (end.0.cmp(&before.0), end.1.cmp(&before.1)) {
        (core::cmp::Ordering::Greater, _) => 0,
        (core::cmp::Ordering::Less, _) => 180,
        (core::cmp::Ordering::Equal, core::cmp::Ordering::Less) => 270,
        (core::cmp::Ordering::Equal, _) => 90,
    };
    let place = format!("translate({} {}) rotate({turn})", end.0, end.1);
    svg.leaf("path", &[("class", &"tip"), ("d", &"M-.5 0L-9 -4.2L-7 0L-9 4.2z"), ("transform", &place)]);
    draw_label(svg, arrow, route.label);
    svg.close();
}

/// A way along these points, its corners rounded.
fn rounded(points: &[Point]) -> String {
    const RADIUS: usize = 6;
    let near = |(x, y): Point, (to_x, to_y): Point| {
        let step = |from: usize, to: usize| from.saturating_sub(RADIUS).max(to.min(from + RADIUS));
        (step(x, to_x), step(y, to_y))
    };
    let parts = points.iter().enumerate().map(|(index, &point)| {
        let before = index.checked_sub(1).and_then(|index| points.get(index));
        match (before, points.get(index + 1)) {
            (None, _) => format!("M{} {}", point.0, point.1),
            (_, None) => format!("L{} {}", point.0, point.1),
            (Some(&before), Some(&next)) => {
                let (from, to) = (near(point, before), near(point, next));
                format!("L{} {}Q{} {} {} {}", from.0, from.1, point.0, point.1, to.0, to.1)
            }
        }
    });
    parts.collect()
}

fn draw_label(svg: &mut Svg, arrow: &Arrow, place: Label) {
    let (class, (x, y), (below_x, below_y)) = match place {
        Label::From((x, y)) => ("label", baseline((x, y)), baseline((x, y + 1))),
        Label::UpTo((x, y)) => ("label upto", baseline((x + 1, y)), baseline((x + 1, y + 1))),
        Label::Around((x, y)) => {
            let (below_x, below_y) = baseline((x + 1, y + 1));
            ("label around", baseline((x + 1, y.saturating_sub(1))), (below_x, below_y - 5))
        }
        Label::Row(at) => {
            let (x, y) = baseline(at);
            let does = format!(" / {}", arrow.does);
            let texts = [("", arrow.on.label()), ("does", if arrow.does.is_empty() { "" } else { &does })];
            svg.texts("text", &[("class", &"label"), ("x", &x), ("y", &y)], texts);
            return;
        }
    };
    svg.text("text", &[("class", &class), ("x", &x), ("y", &y)], arrow.on.label());
    if !arrow.does.is_empty() {
        let class = format!("{class} does");
        svg.text("text", &[("class", &class), ("x", &below_x), ("y", &below_y)], arrow.does);
    }
}

/// The diagram as sentences, for those who hear it.
fn told(highlight: &Highlight) -> String {
    let arrows = figure().map(|arrow| {
        let marked = if highlight.has_arrow(arrow) { ", highlighted" } else { "" };
        format!("From {} to {}: {}{marked}.", arrow.from, arrow.to, label(arrow))
    });
    let states =
        PLACES.iter().filter(|place| place.is_marked(highlight)).map(|place| place.state.to_string());
    let states: Vec<_> = states.collect();
    let marked = (!states.is_empty()).then(|| format!("Highlighted: {}.", states.join(", ")));
    arrows.chain(marked).collect::<Vec<_>>().join(" ")
}
