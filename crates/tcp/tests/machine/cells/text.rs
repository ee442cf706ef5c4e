//! Text and FIN.

use timewait_tcp::{
    Flags, Profile, Segment, State,
    StateName::{CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, SynReceived, TimeWait},
    profile::InWindow,
    state::Numbers,
};

use super::{hold, outcome};
use crate::reach::{self, ack, at_s, expected, prompt, una, with};

#[test]
fn text_is_taken_at_the_left_edge_held_in_the_window_and_acknowledged_away_outside() {
    let text = |seq, state: &State| Segment { text: b"x".to_vec(), ..ack(seq, una(state)) };
    hold(
        &prompt(),
        text,
        &[
            // Its ACK is of nothing that SYN-RECEIVED has sent.
            (SynReceived, ["ack", "rst", "rst", "ack"]),
            (Established, ["ack", "ack \"x\"", "ack", "ack"]),
            (FinWait1, ["ack", "ack \"x\"", "ack", "ack"]),
            (FinWait2, ["ack", "ack \"x\"", "ack", "ack"]),
            (CloseWait, ["ack", "drop", "drop", "ack"]),
            (Closing, ["ack", "drop", "drop", "ack"]),
            (LastAck, ["ack", "drop", "drop", "ack"]),
            (TimeWait, ["ack", "ack", "ack", "ack"]),
        ],
    );
}

#[test]
fn a_fin_counts_in_its_turn_only() {
    let fin = |seq, state: &State| reach::fin(seq, una(state));
    hold(
        &prompt(),
        fin,
        &[
            (SynReceived, ["ack", "rst", "rst", "ack"]),
            (Established, ["ack", "ack -> close-wait closing", "ack", "ack"]),
            (FinWait1, ["ack", "ack -> closing closing", "ack", "ack"]),
            (FinWait2, ["ack", "ack -> time-wait closing", "ack", "ack"]),
            (CloseWait, ["ack", "drop", "drop", "ack"]),
            (Closing, ["ack", "drop", "drop", "ack"]),
            (LastAck, ["ack", "drop", "drop", "ack"]),
            (TimeWait, ["ack", "ack", "ack", "ack"]),
        ],
    );
}

/// It hangs over: the octet at the edge belongs to it, the one before or after it does not.
#[test]
fn of_text_that_hangs_over_an_edge_what_lies_in_the_window_is_taken() {
    let profile = Profile { window: 10, ..prompt() };
    for name in [Established, FinWait1, FinWait2] {
        let before = reach::state(name, at_s(0), &profile);
        let (next, una) = (expected(&before), una(&before));

        let left = before.clone().on_segment(reach::text(next - 2, una, b"abcd"), at_s(1), &profile);
        assert_eq!(outcome(&before, &left), "ack \"cd\"", "{name}");

        let right = before.clone().on_segment(reach::text(next + 8, una, b"ijkl"), at_s(1), &profile);
        assert_eq!(outcome(&before, &right), "ack", "{name}: held");
        let rest = right.next.clone().on_segment(reach::text(next, una, b"abcdefgh"), at_s(1), &profile);
        assert_eq!(outcome(&right.next, &rest), "ack \"abcdefghij\"", "{name}: and no more");

        let over = before.clone().on_segment(reach::fin(next + 10, una), at_s(1), &profile);
        assert_eq!(outcome(&before, &over), "ack", "{name}: no FIN outside the window");
        let all = with(Flags::FIN, reach::text(next, una, b"abcdefghij"));
        let all = before.clone().on_segment(all, at_s(1), &profile);
        assert_eq!(outcome(&before, &all), "ack \"abcdefghij\"", "{name}: nor one that has text before it");
    }
}

/// RFC 9293's Table 6, where the window is closed.
#[test]
fn at_a_closed_window_only_the_next_number_counts_and_no_text_is_taken() {
    let profile = Profile { window: 4, ..prompt() };
    let open = reach::state(Established, at_s(0), &profile);
    let full = reach::text(expected(&open), una(&open), b"full");
    let before = open.on_segment(full, at_s(0), &profile).next;
    assert_eq!(before.numbers().unwrap().rcv_wnd(), 0);
    let (next, una) = (expected(&before), una(&before));

    for (segment, cell) in [
        (ack(next - 1, una), "ack"),
        (ack(next, una), "drop"),
        (ack(next + 1, una), "ack"),
        (reach::text(next, una, b"x"), "ack"),
        (reach::text(next - 1, una, b"x"), "ack"),
        (reach::fin(next, una), "ack"),
        (Segment::rst(next), "-> closed reset"),
        (Segment::rst(next + 1), "drop"),
        (with(Flags::RST, reach::text(next, una, b"x")), "-> closed reset"),
        (Segment::syn(next), "ack"),
    ] {
        let step = before.clone().on_segment(segment.clone(), at_s(1), &profile);
        assert_eq!(outcome(&before, &step), cell, "{segment:?}");
        assert_eq!(step.next.numbers().map_or(0, Numbers::rcv_wnd), 0);
    }
}

/// "Special allowance" is made for ACKs, URGs and RSTs (RFC 9293 §3.10.7.4, first), not for a SYN: it is not in the window
/// of one who asks for that, as RFC 793 does.
#[test]
fn at_a_closed_window_no_syn_is_in_the_window() {
    let profile = Profile { window: 4, in_window_syn: InWindow::Resets, ..prompt() };
    let open = reach::state(Established, at_s(0), &profile);
    let full = reach::text(expected(&open), una(&open), b"full");
    let before = open.on_segment(full, at_s(0), &profile).next;
    let step = before.clone().on_segment(Segment::syn(expected(&before)), at_s(1), &profile);
    assert_eq!((outcome(&before, &step).as_str(), &step.next), ("ack", &before));
}

/// Both its ends lie outside, and Table 6 asks for no more than them.
#[test]
fn a_segment_that_reaches_over_both_edges_is_not_acceptable() {
    let profile = Profile { window: 4, ..prompt() };
    let before = reach::state(Established, at_s(0), &profile);
    let over = reach::text(expected(&before) - 1, una(&before), b"abcdef");
    let step = before.clone().on_segment(over, at_s(1), &profile);
    assert_eq!((outcome(&before, &step).as_str(), &step.next), ("ack", &before));
}

/// Where the circle of numbers is cut, nothing happens: the window lies across it.
#[test]
fn the_edges_are_the_same_where_the_numbers_start_again() {
    let profile = prompt();
    for turns in [u32::MAX - 3, u32::MAX - 1, u32::MAX, 0] {
        let irs = timewait_tcp::Seq::new(turns);
        let syn = Segment { window: reach::WINDOW, ..Segment::syn(irs) };
        let opening = State::Closed.listen(irs).next.on_segment(syn, at_s(0), &profile).next;
        let open = opening.on_segment(ack(irs + 1, irs + 1), at_s(0), &profile).next;
        for (number, cell) in [
            (irs, "ack"),
            (irs + 1, "ack \"x\""),
            (irs + profile.window, "ack"),
            (irs + 1 + profile.window, "ack"),
        ] {
            let step = open.clone().on_segment(reach::text(number, irs + 1, b"x"), at_s(1), &profile);
            assert_eq!(outcome(&open, &step), cell, "{turns}: {number}");
            let holds = step.next.inbox() != open.inbox();
            assert_eq!(holds, number != irs && number != irs + 1 + profile.window, "{turns}: {number}");
        }
    }
}
