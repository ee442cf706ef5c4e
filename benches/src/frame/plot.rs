//! Plots as SVG: lines through points, both axes logarithmic, readable on a light and on a dark page.

use std::fmt::Write as _;

use super::{Figure, section::Point};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 48.0;
/// Told apart without colour as well: by their dashes, and by the names at their ends.
const STROKES: [(&str, &str); 8] = [
    ("#0072b2", ""),
    ("#d55e00", "6 3"),
    ("#009e73", "2 3"),
    ("#cc79a7", "8 3 2 3"),
    ("#b8860b", "1 2"),
    ("#56b4e9", "10 4"),
    ("#7f7f7f", "4 4"),
    ("#8c564b", "12 3 3 3"),
];

/// Decades of an axis, and where they are drawn.
struct Axis {
    first: i32,
    last: i32,
    from: f64,
    to: f64,
}

impl Axis {
    #[allow(clippy::cast_possible_truncation, reason = "exponents of numbers that were measured")]
    fn over(numbers: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let smallest = numbers.clone().fold(f64::INFINITY, f64::min);
        let largest = numbers.fold(0.0, f64::max);
        if smallest > largest {
            return Self { first: 0, last: 1, from, to };
        }
        let (first, last) = (smallest.log10().floor() as i32, largest.log10().ceil() as i32);
        Self { first, last: last.max(first + 1), from, to }
    }

    fn at(&self, number: f64) -> f64 {
        let part = (number.log10() - f64::from(self.first)) / f64::from(self.last - self.first);
        self.from + part * (self.to - self.from)
    }

    fn decades(&self) -> impl Iterator<Item = f64> + use<> {
        (self.first..=self.last).map(|exponent| 10_f64.powi(exponent))
    }
}

/// Draws those of the points that are this figure's; only points above zero have a place.
pub(super) fn draw(figure: &Figure, points: &[Point]) -> String {
    let points: Vec<&Point> =
        points.iter().filter(|point| point.figure == figure.name && point.x > 0.0 && point.y > 0.0).collect();
    let across = Axis::over(points.iter().map(|point| point.x), LEFT, WIDTH - RIGHT);
    let up = Axis::over(points.iter().map(|point| point.y), HEIGHT - BOTTOM, TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
        font-family=\"sans-serif\" font-size=\"12\">\n<title>{}</title>\n<style>text {{ fill: #24292f }} .grid {{ stroke: \
        #8884 }} @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} }}</style>\n",
        escaped(figure.title)
    );
    let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
    write_text(&mut svg, (middle, 20.0), "middle", figure.title);
    write_text(&mut svg, (middle, HEIGHT - 8.0), "middle", figure.across);
    write_text(&mut svg, (8.0, TOP - 12.0), "start", figure.up);
    write_grid(&mut svg, &across, &up);
    for (number, name) in lines(&points).into_iter().enumerate() {
        let own: Vec<(f64, f64)> = points
            .iter()
            .filter(|point| point.line == name)
            .map(|point| (across.at(point.x), up.at(point.y)))
            .collect();
        write_line(&mut svg, number, name, &own);
    }
    svg + "</svg>\n"
}

/// The names of the lines, the highest end first, so that the list beside them has their order.
fn lines<'a>(points: &[&'a Point]) -> Vec<&'a str> {
    let mut ends: Vec<(&str, f64)> = Vec::new();
    for point in points {
        match ends.iter_mut().find(|(name, _)| *name == point.line) {
            Some((_, end)) => *end = point.y,
            None => ends.push((&point.line, point.y)),
        }
    }
    ends.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    ends.into_iter().map(|(name, _)| name).collect()
}

fn write_grid(svg: &mut String, across: &Axis, up: &Axis) {
    // Writing to a String cannot fail.
    for x in across.decades() {
        let at = across.at(x);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{at:.1} {:.1}V{:.1}\"/>", up.from, up.to);
        write_text(svg, (at, up.from + 18.0), "middle", &number(x));
    }
    for y in up.decades() {
        let at = up.at(y);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{:.1} {at:.1}H{:.1}\"/>", across.from, across.to);
        write_text(svg, (across.from - 6.0, at + 4.0), "end", &number(y));
    }
}

#[allow(clippy::cast_precision_loss, reason = "a handful of lines")]
fn write_line(svg: &mut String, order: usize, name: &str, points: &[(f64, f64)]) {
    let (colour, dashes) = STROKES.get(order % STROKES.len()).copied().unwrap_or_default();
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let _ = writeln!(
        svg,
        "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>",
        path.join("L")
    );
    for (x, y) in points {
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>");
    }
    let (x, y) = (WIDTH - RIGHT + 14.0, TOP + 8.0 + 18.0 * order as f64);
    let _ = writeln!(
        svg,
        "<path d=\"M{x} {y}h22\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>"
    );
    write_text(svg, (x + 28.0, y + 4.0), "start", name);
}

fn write_text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let text = escaped(text);
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `0.1`, `1`, `1,000`.
fn number(number: f64) -> String {
    if number < 1.0 {
        return format!("{number}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURE: Figure = Figure { name: "growth", title: "a < b", across: "sockets", up: "ms" };

    fn point(line: &str, x: f64, y: f64) -> Point {
        Point { figure: "growth".to_owned(), line: line.to_owned(), x, y }
    }

    #[test]
    fn a_line_goes_through_its_points_and_text_is_escaped() {
        let points = [
            point("ls", 1e3, 1.0),
            point("ls", 1e6, 1e3),
            Point { figure: "x".into(), ..point("no", 1.0, 1.0) },
        ];
        let svg = draw(&FIGURE, &points);
        assert!(svg.contains("d=\"M64.0 352.0L490.0 40.0\""), "{svg}");
        assert!(svg.contains("a &lt; b") && !svg.contains("a < b"), "{svg}");
        assert!(!svg.contains(">no<"), "a point of another figure: {svg}");
    }

    #[test]
    fn without_points_there_is_still_a_picture() {
        assert!(draw(&FIGURE, &[]).ends_with("</svg>\n"));
    }
}
