use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};
use core::time::Duration;

use super::*;
use crate::{Flags, Row, Seen, Segment, Seq};

const MS: Duration = Duration::from_millis(1);

/// A segment of the first connection that arrived at once.
pub(in crate::draw) fn sent(from: Side, segment: Segment) -> Row {
    let seen = Seen::Segment { from, connection: 1, segment, fate: Fate::Delivered, note: String::new() };
    Row { at: Duration::ZERO, seen }
}

fn fin(from: Side) -> Row {
    sent(from, Segment { flags: Flags::FIN, ..Segment::ack(Seq::new(7), Seq::new(7)) })
}

fn is(side: Side, state: StateName) -> Row {
    Row { at: Duration::ZERO, seen: Seen::State { side, connection: 1, state } }
}

fn at(at: Duration, row: Row) -> Row {
    Row { at, ..row }
}

fn with_fate(row: Row, new: Fate) -> Row {
    match row.seen {
        Seen::Segment { from, connection, segment, note, .. } => {
            Row { seen: Seen::Segment { from, connection, segment, fate: new, note }, ..row }
        }
        _ => row,
    }
}

fn laid_out(rows: impl IntoIterator<Item = Row>) -> Ladder {
    Ladder::of(&Trace { rows: rows.into_iter().collect(), ..Trace::default() })
}

/// The changes of state that stand beside each line, and whether that line is an arrow.
fn changes(ladder: &Ladder) -> Vec<(Option<StateName>, Option<StateName>, bool)> {
    let of = |line: &Line| (line.left.change, line.right.change, matches!(line.middle, Middle::Arrow(_)));
    ladder.lines.iter().map(of).collect()
}

fn labels(ladder: &Ladder) -> Vec<String> {
    let arrows = ladder.lines.iter().filter_map(|line| match &line.middle {
        Middle::Arrow(arrow) => Some(words::arrow(arrow)),
        _ => None,
    });
    arrows.collect()
}

#[test]
fn a_change_of_state_stands_beside_the_arrow_of_the_same_moment() {
    use StateName::{CloseWait, FinWait1};
    let after = laid_out([fin(Side::Left), is(Side::Left, FinWait1), is(Side::Right, CloseWait)]);
    assert_eq!(changes(&after), [(Some(FinWait1), Some(CloseWait), true)]);

    let before = laid_out([is(Side::Left, FinWait1), fin(Side::Left), is(Side::Right, CloseWait)]);
    assert_eq!(changes(&before), [(Some(FinWait1), Some(CloseWait), true)]);
    assert_eq!(before.left.state, None, "it is made by sending, not what was at first");
}

#[test]
fn a_change_of_state_at_another_moment_has_a_line_of_its_own() {
    use StateName::TimeWait;
    let ladder = laid_out([fin(Side::Left), at(MS, is(Side::Left, TimeWait))]);
    assert_eq!(changes(&ladder), [(None, None, true), (Some(TimeWait), None, false)]);
    assert_eq!(ladder.lines.last().and_then(|line| line.time.as_deref()), Some("1.0"));
}

#[test]
fn no_change_of_state_is_lost_where_a_side_changes_twice_at_one_moment() {
    use StateName::{FinWait1, FinWait2};
    let ladder = laid_out([fin(Side::Left), is(Side::Left, FinWait1), is(Side::Left, FinWait2)]);
    assert_eq!(changes(&ladder), [(Some(FinWait1), None, true), (Some(FinWait2), None, false)]);
}

#[test]
fn what_a_side_is_before_anything_is_seen_stands_at_the_top() {
    use StateName::{Closed, Listen};
    let ladder = laid_out([is(Side::Left, Closed), is(Side::Right, Listen), fin(Side::Left)]);
    assert_eq!((ladder.left.state, ladder.right.state), (Some(Closed), Some(Listen)));
    assert_eq!(changes(&ladder), [(None, None, true)]);
}

#[test]
fn a_segment_is_sent_again_by_its_sender_not_by_the_wire() {
    let again = laid_out([fin(Side::Left), fin(Side::Left), fin(Side::Right)]);
    assert_eq!(labels(&again), ["FIN seq 1 ack 1", "FIN seq 1 again", "FIN seq 1 ack 1"]);

    let repeated = laid_out([fin(Side::Left), with_fate(fin(Side::Left), Fate::Repeated)]);
    assert_eq!(labels(&repeated)[1], "FIN seq 1 ack 1, repeated");
}

#[test]
fn an_ack_is_the_same_again_only_if_it_says_the_same() {
    let ack =
        |number, window| sent(Side::Left, Segment { window, ..Segment::ack(Seq::new(7), Seq::new(number)) });
    let ladder = laid_out([ack(7, 5), ack(8, 5), ack(8, 6), ack(8, 6)]);
    assert_eq!(labels(&ladder), ["ACK 1", "ACK 2", "ACK 2", "ACK 2 again"]);
}

#[test]
fn a_released_segment_knows_where_it_was_held_also_across_a_pause() {
    let ladder = laid_out([
        with_fate(fin(Side::Left), Fate::Held),
        fin(Side::Right),
        fin(Side::Right),
        at(300 * MS, fin(Side::Right)),
        at(301 * MS, with_fate(fin(Side::Left), Fate::Released)),
    ]);
    assert_eq!(
        labels(&ladder).last().map(String::as_str),
        Some("FIN seq 1 ack 1, released, held for 301.0 ms")
    );
    let held_in = ladder.lines.iter().find_map(|line| match &line.middle {
        Middle::Arrow(arrow) => arrow.held_in,
        _ => None,
    });
    assert_eq!(held_in, Some(0));
    let pauses: Vec<_> = ladder.lines.iter().filter(|line| matches!(line.middle, Middle::Pause(_))).collect();
    assert_eq!(pauses, [ladder.lines.get(3).unwrap()]);
    assert_eq!(pauses[0].middle, Middle::Pause("300.0 ms later".to_string()));
}

#[test]
fn times_that_are_all_far_apart_are_no_pauses() {
    let ladder = laid_out([0, 1, 3, 7].map(|s| at(Duration::from_secs(s), fin(Side::Left))));
    assert!(!ladder.lines.iter().any(|line| matches!(line.middle, Middle::Pause(_))));
}

#[test]
fn a_closed_window_is_told_only_of_those_who_open_theirs() {
    let ack = |window| sent(Side::Left, Segment { window, ..Segment::ack(Seq::new(7), Seq::new(7)) });
    assert_eq!(labels(&laid_out([ack(0)])), ["ACK 1"]);
    assert_eq!(labels(&laid_out([ack(9), ack(0)])), ["ACK 1", "ACK 1 win 0"]);
}

#[test]
fn an_old_segment_is_told_in_the_numbers_of_the_new_connection() {
    let of = |connection, segment| {
        let fate = Fate::Delivered;
        let seen = Seen::Segment { from: Side::Left, connection, segment, fate, note: String::new() };
        Row { at: Duration::ZERO, seen }
    };
    let old = Segment { text: b"old".to_vec(), ..Segment::ack(Seq::new(5711), Seq::new(7)) };
    let rows =
        [of(1, old.clone()), of(2, Segment::syn(Seq::new(1000))), with_fate(of(1, old), Fate::Repeated)];
    let told = labels(&laid_out(rows));
    assert_eq!(told[0], r#""old" seq 1..3 ack 1"#);
    assert_eq!(told[2], r#""old" seq 4711..4713 ack 1, repeated, sent in connection 1"#);
}

#[test]
fn a_label_gives_up_numbers_before_it_is_cut() {
    let bye = Segment {
        flags: Flags::FIN,
        text: b"so long, and thanks".to_vec(),
        ..Segment::ack(Seq::new(7), Seq::new(7))
    };
    let ladder = laid_out([sent(Side::Left, bye)]);
    let Middle::Arrow(arrow) = &ladder.lines[0].middle else { panic!("an arrow") };
    let fitted = |room| arrow.label.fit(room, "…").into_iter().map(|span| span.text).collect::<String>();
    assert_eq!(fitted(50), r#""so long, and thanks" + FIN seq 1..20 ack 1"#);
    assert_eq!(fitted(40), r#""so long, and thanks" + FIN seq 1..20"#);
    assert_eq!(fitted(36), r#""so long, an…" + FIN seq 1..20 ack 1"#);
    assert_eq!(fitted(28), r#""so long, …" + FIN seq 1..20"#);
    assert_eq!(fitted(18), r#""so long, …" + FIN"#);
    assert_eq!(fitted(5), "19 b…");
}
