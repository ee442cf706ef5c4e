//! The ACK field.

use timewait_tcp::{
    Profile, Segment, State,
    StateName::{CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, SynReceived, TimeWait},
    profile::RightEdge,
};

use super::{Edge::outside_right, hold, number_at, outcome};
use crate::reach::{self, WINDOW, ack, at_s, expected, nxt, prompt, una};

#[test]
fn an_ack_of_everything_moves_what_waits_for_it_if_it_is_in_the_window() {
    let all = |seq, state: &State| ack(seq, nxt(state));
    hold(
        &prompt(),
        all,
        &[
            (SynReceived, ["ack", "-> established established", "-> established established", "ack"]),
            (Established, ["ack", "drop", "drop", "ack"]),
            (FinWait1, ["ack", "-> fin-wait-2", "-> fin-wait-2", "ack"]),
            (FinWait2, ["ack", "drop", "drop", "ack"]),
            (CloseWait, ["ack", "drop", "drop", "ack"]),
            (Closing, ["ack", "-> time-wait", "-> time-wait", "ack"]),
            (LastAck, ["ack", "-> closed", "-> closed", "ack"]),
            (TimeWait, ["ack", "drop", "ack", "ack"]),
        ],
    );
}

/// RFC 9293 appendix A.2: who has filled the peer's window reads the ACK there. Everybody else answers as Table 6 has it.
#[test]
fn an_ack_just_above_the_window_is_read_as_the_profile_says() {
    let all = |seq, state: &State| ack(seq, nxt(state));
    for (just_above, idle, closing, full) in [
        (RightEdge::Outside, "ack", "ack", "ack"),
        (RightEdge::ReadIfFull, "ack", "ack", "drop"),
        (RightEdge::Inside, "drop", "-> closed", "drop"),
    ] {
        let profile = Profile { right_edge: just_above, ..prompt() };
        hold(
            &profile,
            all,
            &[
                (Established, ["ack", "drop", "drop", idle]),
                (CloseWait, ["ack", "drop", "drop", idle]),
                (LastAck, ["ack", "-> closed", "-> closed", closing]),
            ],
        );
        for (octets, answer) in [(u32::from(WINDOW) - 1, idle), (u32::from(WINDOW), full)] {
            let open = reach::state(Established, at_s(0), &profile);
            let before = open.send(&vec![b'x'; octets as usize], at_s(0), &profile).next;
            let segment = all(number_at(outside_right, &before), &before);
            let step = before.clone().on_segment(segment, at_s(1), &profile);
            assert_eq!(outcome(&before, &step), answer, "{octets} octets on their way, {just_above:?}");
            let is_read = answer == "drop";
            assert_eq!(una(&step.next) == nxt(&before), is_read, "{octets} octets, {just_above:?}");
        }
    }
}

#[test]
fn a_segment_without_an_ack_is_dropped_in_the_window() {
    let none = |seq, _: &State| Segment { seq, text: b"x".to_vec(), ..Segment::default() };
    let cells = ["ack", "drop", "drop", "ack"];
    let states = [SynReceived, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait];
    hold(&prompt(), none, &states.map(|state| (state, cells)));
}

#[test]
fn an_ack_of_what_was_not_sent_draws_an_ack_and_in_syn_received_an_rst() {
    for (name, cell) in [
        (SynReceived, "rst"),
        (Established, "ack"),
        (FinWait1, "ack"),
        (FinWait2, "ack"),
        (CloseWait, "ack"),
        (Closing, "ack"),
        (LastAck, "ack"),
        (TimeWait, "ack"),
    ] {
        let before = reach::state(name, at_s(0), &prompt());
        let segment = ack(expected(&before), nxt(&before) + 1);
        let step = before.clone().on_segment(segment, at_s(1), &prompt());
        assert_eq!(outcome(&before, &step), cell, "{name}");
    }
}

/// RFC 5961 §5: the ACK may lie as far back as the largest window ever seen, and no further.
#[test]
fn an_ack_from_before_the_largest_window_is_refused_and_its_text_with_it() {
    for (behind, cell) in
        [(0, "ack \"x\""), (1, "ack \"x\""), (u32::from(WINDOW), "ack \"x\""), (u32::from(WINDOW) + 1, "ack")]
    {
        let before = reach::state(Established, at_s(0), &prompt());
        let segment = reach::text(expected(&before), una(&before) - behind, b"x");
        let step = before.clone().on_segment(segment, at_s(1), &prompt());
        assert_eq!(outcome(&before, &step), cell, "{behind} behind");
    }
    let trusting = Profile { refuses_old_acks: false, ..prompt() };
    let before = reach::state(Established, at_s(0), &trusting);
    let segment = reach::text(expected(&before), una(&before) - 100_000, b"x");
    assert_eq!(outcome(&before, &before.clone().on_segment(segment, at_s(1), &trusting)), "ack \"x\"");
}
