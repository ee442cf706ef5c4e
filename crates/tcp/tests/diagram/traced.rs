//! Reads drawings back: follows each arrow from its tip to where it starts.

use timewait_tcp::StateName;

use crate::{Drawn, state};

/// The arrows of the drawing in text.
pub(super) fn arrows(drawn: &str) -> Vec<(StateName, StateName)> {
    let grid = Grid(drawn.lines().map(|line| line.chars().collect()).collect());
    let mut arrows = Vec::new();
    for (y, row) in (0..).zip(&grid.0) {
        for (x, character) in (0..).zip(row) {
            let way = match character {
                '▼' => (0, 1),
                '▲' => (0, -1),
                '►' => (1, 0),
                '◄' => (-1, 0),
                _ => continue,
            };
            arrows.push((grid.start((x, y), way), grid.box_at((x + way.0, y + way.1))));
        }
    }
    arrows
}

type Cell = (isize, isize);

struct Grid(Vec<Vec<char>>);

impl Grid {
    fn at(&self, (x, y): Cell) -> char {
        let row = usize::try_from(y).ok().and_then(|y| self.0.get(y));
        row.zip(usize::try_from(x).ok()).and_then(|(row, x)| row.get(x)).copied().unwrap_or(' ')
    }

    /// Goes back from a tip to the box that its line leaves.
    fn start(&self, tip: Cell, way: Cell) -> StateName {
        let (mut cell, mut back) = (tip, (-way.0, -way.1));
        for _ in 0..200 {
            cell = (cell.0 + back.0, cell.1 + back.1);
            back = match (self.at(cell), back) {
                ('│' | '┃', (0, _)) | ('─' | '━', (_, 0)) => back,
                ('╭' | '┏', (0, -1)) | ('╰' | '┗', (0, 1)) => (1, 0),
                ('╮' | '┓', (0, -1)) | ('╯' | '┛', (0, 1)) => (-1, 0),
                ('╭' | '┏', (-1, 0)) | ('╮' | '┓', (1, 0)) => (0, 1),
                ('╰' | '┗', (-1, 0)) | ('╯' | '┛', (1, 0)) => (0, -1),
                ('┬' | '┰' | '┯' | '┳', (0, -1))
                | ('┴' | '┸' | '┷' | '┻', (0, 1))
                | ('├' | '┝' | '┠' | '┣', (-1, 0))
                | ('┤' | '┥' | '┨' | '┫', (1, 0)) => return self.box_at(cell),
                (other, _) => panic!("the line of the tip at {tip:?} breaks off at {cell:?}: {other:?}"),
            };
        }
        panic!("the line of the tip at {tip:?} does not end");
    }

    /// The state in whose box, or on whose border, this cell is: its name is in the middle row.
    fn box_at(&self, (x, y): Cell) -> StateName {
        let names = [y, y - 1, y + 1].into_iter().filter_map(|y| self.name_in_row(x, y));
        let names: Vec<_> = names.collect();
        let [name] = names.as_slice() else { panic!("one box at {x}, {y}: {names:?}") };
        *name
    }

    fn name_in_row(&self, x: isize, y: isize) -> Option<StateName> {
        let edge = |x: isize| "│┃├┝┠┣┤┥┨┫".contains(self.at((x, y)));
        let name = |left: isize, right: isize| {
            let inside: String = (left + 1..right).map(|x| self.at((x, y))).collect();
            StateName::from_name(inside.trim())
        };
        // On an edge it may be the left one or the right one.
        let right =
            (x..x + 80).find(|x| edge(*x)).map(|right| (right, (x - 80..right).rev().find(|x| edge(*x))));
        let left =
            (x - 80..=x).rev().find(|x| edge(*x)).map(|left| (left, (left + 1..x + 80).find(|x| edge(*x))));
        let within_right = right.and_then(|(right, left)| name(left?, right));
        within_right.or_else(|| left.and_then(|(left, right)| name(left, right?)))
    }
}

/// The arrows of the drawing in SVG: each has to begin and to end on the border of the box that its title names.
pub(super) fn arrows_of_svg(svg: &str) -> Vec<Drawn> {
    let document = roxmltree::Document::parse(svg).expect("well-formed XML");
    let of_class = |class: &'static str| {
        let groups = document.descendants().filter(|node| node.has_tag_name("g"));
        groups.filter(move |node| node.attribute("class").unwrap().split(' ').next() == Some(class))
    };
    let child = |node: roxmltree::Node<'_, '_>, class: &str| {
        node.children().find(|child| child.attribute("class") == Some(class)).expect("a part").range()
    };
    let number =
        |node: &roxmltree::Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let boxes: Vec<_> = of_class("state")
        .map(|group| {
            let area = group.children().find(|part| part.has_tag_name("rect")).expect("a box");
            let name = group.children().find(|part| part.has_tag_name("text")).expect("a name");
            let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| number(&area, name));
            (state(name.text().unwrap()), x, y, x + width, y + height)
        })
        .collect();
    let on_border = |name: StateName, (x, y): (f64, f64)| {
        boxes.iter().any(|&(other, left, top, right, bottom)| {
            let within = (left..=right).contains(&x) && (top..=bottom).contains(&y);
            let edge = [left, right].contains(&x) || [top, bottom].contains(&y);
            other == name && within && edge
        })
    };
    of_class("arrow")
        .map(|group| {
            let title =
                group.children().find(|part| part.has_tag_name("title")).and_then(|title| title.text());
            let (states, label) = title.unwrap().split_once(": ").expect("a label");
            let (from, to) = states.split_once(" to ").expect("two states");
            let (from, to) = (state(from), state(to));
            let way = &svg[child(group, "way")];
            let numbers = way.split("d=\"").nth(1).unwrap().trim_end_matches("\"/>");
            let numbers: Vec<f64> =
                numbers.split(['M', 'L', 'Q', ' ']).filter_map(|number| number.parse().ok()).collect();
            let [first, .., last] = numbers.as_chunks::<2>().0 else { panic!("a way") };
            assert!(on_border(from, first.to_owned().into()), "{title:?} begins at {first:?}");
            assert!(on_border(to, last.to_owned().into()), "{title:?} ends at {last:?}");
            (from, to, label.to_owned())
        })
        .collect()
}
