//! What holds for every trace, however odd.

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*, sample::select};
use timewait_tcp::{
    Fate, Flags, Row, Seen, Segment, Seq, Side, StateName, Trace,
    draw::{Ladder, Page, side_by_side},
};

/// Mostly near each other and near the point where numbers go round, sometimes anywhere.
fn seq() -> impl Strategy<Value = Seq> {
    prop_oneof![4 => (0_u32..64).prop_map(|number| number.wrapping_sub(32)), 1 => any::<u32>()]
        .prop_map(Seq::new)
}

fn segment() -> impl Strategy<Value = Segment> {
    let text = prop_oneof![
        3 => Just(Vec::new()),
        2 => "\\PC{0,60}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..3000)
    ];
    (seq(), option::of(seq()), any::<u8>(), any::<u16>(), text).prop_map(|(seq, ack, octet, window, text)| {
        Segment { seq, ack, flags: Flags::from_octet(octet), window, text, ..Segment::default() }
    })
}

fn side() -> impl Strategy<Value = Side> {
    select(vec![Side::Left, Side::Right])
}

fn fate() -> impl Strategy<Value = Fate> {
    use Fate::{Altered, Delivered, Held, Injected, Lost, Released, Repeated};
    select(vec![Delivered, Lost, Held, Released, Repeated, Injected, Altered])
}

fn seen() -> impl Strategy<Value = Seen> {
    prop_oneof![
        4 => (side(), 0_u32..3, segment(), fate(), "(|.{0,60})").prop_map(
            |(from, connection, segment, fate, note)| Seen::Segment { from, connection, segment, fate, note }
        ),
        2 => (side(), 0_u32..3, select(StateName::ALL.to_vec()))
            .prop_map(|(side, connection, state)| Seen::State { side, connection, state }),
        1 => (option::of(side()), any::<String>()).prop_map(|(side, text)| Seen::Note { side, text }),
    ]
}

/// Times repeat, go on and go back.
fn at() -> impl Strategy<Value = Duration> {
    prop_oneof![
        6 => (0_u64..500).prop_map(Duration::from_millis),
        2 => (0_u64..5000).prop_map(Duration::from_micros),
        1 => (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(s, ns)| Duration::new(s, ns)),
    ]
}

fn trace() -> impl Strategy<Value = Trace> {
    let names = (".{0,90}", ".{0,30}", ".{0,30}", option::of(".{0,12}"));
    let rows = vec((at(), seen()).prop_map(|(at, seen)| Row { at, seen }), 0..24);
    (names, rows).prop_map(|((title, left, right, tick), rows)| Trace { title, left, right, tick, rows })
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_page(trace in trace(), width in 0_usize..200, ascii: bool) {
        let drawn = Ladder::of(&trace).text(Page { width, ascii });
        prop_assert!(drawn.width() <= width.max(Page::NARROWEST), "{}", drawn);
    }

    #[test]
    fn nothing_strange_reaches_the_terminal(trace in trace(), ascii: bool) {
        let drawn = Ladder::of(&trace).text(Page { width: 80, ascii }).to_string();
        let ours = "│┃┊⋮─╌┈►◄✗┤├•…";
        let known = |c: char| c == '\n' || (' '..='~').contains(&c) || (!ascii && ours.contains(c));
        prop_assert!(drawn.chars().all(known), "{}", drawn.escape_debug());
        prop_assert!(drawn.lines().all(|line| !line.ends_with(' ')));
    }

    #[test]
    fn two_next_to_each_other_keep_to_the_page(left in trace(), right in trace(), width in 60_usize..400) {
        let drawn = side_by_side(&[Ladder::of(&left), Ladder::of(&right)], Page { width, ascii: false });
        prop_assert!(drawn.width() <= width);
    }

    #[test]
    fn the_svg_is_well_formed_and_tells_each_segment_once(trace in trace(), prefix: String) {
        let svg = Ladder::of(&trace).svg(&prefix);
        let read = roxmltree::Document::parse(&svg);
        prop_assert!(read.is_ok(), "{:?}\n{svg}", read.err());
        let segments = trace.rows.iter().filter(|row| matches!(row.seen, Seen::Segment { .. })).count();
        let shafts = read.iter().flat_map(|document| document.descendants())
            .filter(|node| node.attribute("class").is_some_and(|class| class.starts_with("shaft"))).count();
        prop_assert_eq!(shafts, segments);
    }

    #[test]
    fn drawings_with_prefixes_of_their_own_share_no_id_and_no_rule(trace in trace()) {
        let ladder = Ladder::of(&trace);
        for prefix in ["a", "b"] {
            let svg = ladder.svg(prefix);
            let document = roxmltree::Document::parse(&svg).unwrap();
            let mut ids = document.descendants().filter_map(|node| node.attribute("id"));
            let (own, scope) = (format!("{prefix}-"), format!("#{prefix}"));
            prop_assert!(ids.all(|id| id == prefix || id.starts_with(&own)));
            let style = document.descendants().find(|node| node.has_tag_name("style")).unwrap();
            let rules = style.text().unwrap().lines().filter(|line| !line.is_empty());
            for rule in rules {
                let rule = rule.strip_prefix("@media (prefers-color-scheme:dark){").unwrap_or(rule);
                let mut selectors = rule.split('{').next().unwrap().split(',');
                prop_assert!(selectors.all(|one| one.split([' ', ':']).next() == Some(&scope)), "{}", rule);
            }
        }
    }

    #[test]
    fn text_and_svg_tell_the_same_states_in_the_same_order(trace in trace()) {
        let ladder = Ladder::of(&trace);
        let told = trace.rows.iter().filter(|row| matches!(row.seen, Seen::State { .. })).count();
        let svg = ladder.svg("same");
        let drawn = svg.matches("<text class=\"state").count();
        prop_assert_eq!(drawn, told);
        let roles = [timewait_tcp::draw::Role::State, timewait_tcp::draw::Role::TimeWait];
        let text = ladder.text(Page::default());
        let names = text.lines.iter().flatten()
            .filter(|span| roles.contains(&span.role) && span.text.chars().any(char::is_alphabetic));
        prop_assert_eq!(names.count(), told);
    }
}
