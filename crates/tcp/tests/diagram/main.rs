//! The diagram of the states as people see it, and that it shows the table's arrows and no others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "failing is what tests do")]

mod traced;

use std::collections::BTreeSet;

use timewait_tcp::{
    Arrow, StateName, TABLE,
    draw::{
        Page,
        diagram::{self, Highlight},
    },
};

/// Start, end, and what is written on the arrow.
type Drawn = (StateName, StateName, String);

fn figure() -> impl Iterator<Item = &'static Arrow> {
    TABLE.iter().filter(|arrow| arrow.in_figure)
}

fn label(arrow: &Arrow) -> String {
    [arrow.on.label(), arrow.does].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" / ")
}

fn table() -> BTreeSet<Drawn> {
    figure().map(|arrow| (arrow.from, arrow.to, label(arrow))).collect()
}

fn state(name: &str) -> StateName {
    StateName::from_name(name).unwrap_or_else(|| panic!("a state: {name:?}"))
}

/// Nothing, each state, and each step of the diagram as a path.
fn highlights() -> Vec<Highlight> {
    let states = StateName::ALL.map(Highlight::state);
    let steps = figure().map(|arrow| Highlight::path([arrow.from, arrow.to]));
    [Highlight::NONE, Highlight::closer()].into_iter().chain(states).chain(steps).collect()
}

#[track_caller]
fn compare(name: &str, drawn: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../snapshots", omit_expression => true }, {
        insta::assert_snapshot!(format!("diagram-{name}"), drawn);
    });
}

#[test]
fn as_it_is_printed() {
    compare("text", &diagram::text(&Highlight::NONE, Page::default()).to_string());
    compare("text-closer", &diagram::text(&Highlight::closer(), Page::default()).to_string());
    let ascii = Page { ascii: true, ..Page::default() };
    let time_wait = Highlight::state(StateName::TimeWait);
    compare("text-ascii-time-wait", &diagram::text(&time_wait, ascii).to_string());
    compare("mermaid-closer", &diagram::mermaid(&Highlight::closer()));
}

#[test]
fn the_text_shows_the_arrows_of_the_figure_and_no_others_whatever_is_highlighted() {
    let expected: BTreeSet<_> = table().into_iter().map(|(from, to, _)| (from, to)).collect();
    for highlight in highlights() {
        let drawn = diagram::text(&highlight, Page::default());
        assert!(drawn.width() <= 80);
        let arrows = traced::arrows(&drawn.to_string());
        assert_eq!(arrows.len(), figure().count(), "{highlight:?}");
        assert_eq!(arrows.into_iter().collect::<BTreeSet<_>>(), expected, "{highlight:?}\n{drawn}");
    }
}

#[test]
fn the_text_says_all_that_the_table_says_as_often_as_it_does() {
    let drawn = diagram::text(&Highlight::NONE, Page::default()).to_string();
    let said = |words: &str| figure().map(label).collect::<Vec<_>>().join("\n").matches(words).count();
    for arrow in figure() {
        for words in [arrow.on.label(), arrow.does].into_iter().filter(|words| !words.is_empty()) {
            assert_eq!(drawn.matches(words).count(), said(words), "{words}");
        }
    }
}

#[test]
fn mermaid_shows_the_arrows_of_the_figure_and_no_others() {
    let source = diagram::mermaid(&Highlight::NONE);
    let states: Vec<(&str, &str)> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("state \"")?.split_once("\" as "))
        .collect();
    let named = |id: &str| state(states.iter().find(|(_, other)| *other == id).expect("a state").0);
    let arrows = source.lines().filter_map(|line| line.trim().split_once(" --> "));
    let arrows = arrows.map(|(from, rest)| {
        let (to, label) = rest.split_once(": ").expect("a label");
        (named(from), named(to), label.to_owned())
    });
    let arrows: Vec<_> = arrows.collect();
    assert_eq!(arrows.len(), figure().count());
    assert_eq!(arrows.into_iter().collect::<BTreeSet<_>>(), table());
}

#[test]
fn the_svg_shows_the_arrows_of_the_figure_and_no_others_from_box_to_box() {
    for highlight in highlights() {
        let svg = diagram::svg(&highlight, "states");
        let arrows = traced::arrows_of_svg(&svg);
        assert_eq!(arrows.len(), figure().count());
        assert_eq!(arrows.into_iter().collect::<BTreeSet<_>>(), table(), "{highlight:?}");
    }
}

#[test]
fn a_path_is_drawn_heavily_along_its_states_and_its_arrows_alone() {
    let svg = diagram::svg(&Highlight::closer(), "states");
    let document = roxmltree::Document::parse(&svg).unwrap();
    let marked = |class: &'static str| {
        let of = move |node: &roxmltree::Node<'_, '_>| {
            let classes: Vec<_> = node.attribute("class").unwrap_or_default().split(' ').collect();
            classes.contains(&class) && classes.contains(&"marked")
        };
        document
            .descendants()
            .filter(of)
            .map(|node| node.descendants().find_map(|part| part.text()).unwrap().trim().to_owned())
    };
    assert_eq!(marked("arrow").count(), 4);
    assert_eq!(marked("state").count(), 5, "CLOSED in one of its two places");

    let text = diagram::text(&Highlight::closer(), Page::default()).to_string();
    let light = diagram::text(&Highlight::NONE, Page::default()).to_string();
    assert!(!light.contains(['┃', '━']));
    assert_eq!(text.matches('┏').count(), 5 + 1, "five boxes, and a corner of the way from established");
}

#[test]
fn the_drawing_in_the_docs_is_this_one() {
    let kept = include_str!("../../../../docs/states.svg");
    assert_eq!(kept, diagram::svg(&Highlight::closer(), "states"), "docs/generate writes it anew");
}
