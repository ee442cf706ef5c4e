//! RST and SYN.

use timewait_tcp::{
    Flags, Profile, Segment, State,
    StateName::{CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, SynReceived, TimeWait},
    profile::{InWindow, Reopens, RightEdge},
};

use super::{hold, outcome};
use crate::reach::{self, ack, at_s, expected, prompt, syn_received_actively, una, with};

#[test]
fn an_rst_ends_a_connection_at_the_left_edge_and_is_challenged_in_the_window() {
    let rst = |seq, _: &State| Segment::rst(seq);
    hold(
        &prompt(),
        rst,
        &[
            //            outside_left  left_edge            right_edge  outside_right
            (SynReceived, ["drop", "-> listen", "ack", "drop"]),
            (Established, ["drop", "-> closed reset", "ack", "drop"]),
            (FinWait1, ["drop", "-> closed reset", "ack", "drop"]),
            (FinWait2, ["drop", "-> closed reset", "ack", "drop"]),
            (CloseWait, ["drop", "-> closed reset", "ack", "drop"]),
            (Closing, ["drop", "-> closed", "ack", "drop"]),
            (LastAck, ["drop", "-> closed", "ack", "drop"]),
            (TimeWait, ["drop", "-> closed", "ack", "drop"]),
        ],
    );
}

#[test]
fn an_rst_anywhere_in_the_window_ends_a_connection_by_rfc_793() {
    let profile = Profile { in_window_rst: InWindow::Resets, ..prompt() };
    let rst = |seq, _: &State| Segment::rst(seq);
    hold(
        &profile,
        rst,
        &[
            (SynReceived, ["drop", "-> listen", "-> listen", "drop"]),
            (Established, ["drop", "-> closed reset", "-> closed reset", "drop"]),
            (FinWait1, ["drop", "-> closed reset", "-> closed reset", "drop"]),
            (FinWait2, ["drop", "-> closed reset", "-> closed reset", "drop"]),
            (CloseWait, ["drop", "-> closed reset", "-> closed reset", "drop"]),
            (Closing, ["drop", "-> closed", "-> closed", "drop"]),
            (LastAck, ["drop", "-> closed", "-> closed", "drop"]),
            (TimeWait, ["drop", "-> closed", "-> closed", "drop"]),
        ],
    );
}

/// Its text reaches into the window, but it is the number that RFC 5961 asks for.
#[test]
fn an_rst_from_before_the_window_is_dropped_though_its_text_reaches_into_it() {
    for name in [SynReceived, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait] {
        let before = reach::state(name, at_s(0), &prompt());
        let rst = with(Flags::RST, reach::text(expected(&before) - 1, una(&before), b"abc"));
        let step = before.clone().on_segment(rst.clone(), at_s(1), &prompt());
        assert_eq!((outcome(&before, &step).as_str(), &step.next), ("drop", &before), "{name}");

        let profile = Profile { in_window_rst: InWindow::Resets, ..prompt() };
        assert_ne!(before.on_segment(rst, at_s(1), &profile).next.name(), name, "RFC 793 asks for no more");
    }
}

/// Linux takes the edge for a part of the window there, too: linux v6.12 net/ipv4/tcp_input.c tcp_sequence.
#[test]
fn an_rst_just_above_the_window_is_challenged_by_linux_alone() {
    let rst = |seq, _: &State| Segment::rst(seq);
    for (just_above, answer) in
        [(RightEdge::Outside, "drop"), (RightEdge::ReadIfFull, "drop"), (RightEdge::Inside, "ack")]
    {
        let profile = Profile { right_edge: just_above, ..prompt() };
        hold(&profile, rst, &[(FinWait1, ["drop", "-> closed reset", "ack", answer])]);
    }
}

#[test]
fn a_syn_is_challenged_in_every_synchronized_state_wherever_it_lies() {
    let syn = |seq, _: &State| Segment::syn(seq);
    hold(
        &Profile { reopens: Reopens::Never, ..prompt() },
        syn,
        &[
            (SynReceived, ["ack", "-> listen", "-> listen", "ack"]),
            (Established, ["ack", "ack", "ack", "ack"]),
            (FinWait1, ["ack", "ack", "ack", "ack"]),
            (FinWait2, ["ack", "ack", "ack", "ack"]),
            (CloseWait, ["ack", "ack", "ack", "ack"]),
            (Closing, ["ack", "ack", "ack", "ack"]),
            (LastAck, ["ack", "ack", "ack", "ack"]),
            (TimeWait, ["ack", "ack", "ack", "ack"]),
        ],
    );
}

#[test]
fn a_syn_in_the_window_ends_a_connection_by_rfc_793() {
    let profile = Profile { in_window_syn: InWindow::Resets, ..prompt() };
    let syn = |seq, _: &State| Segment::syn(seq);
    let ends = "rst -> closed reset";
    hold(
        &profile,
        syn,
        &[
            (SynReceived, ["ack", "-> listen", "-> listen", "ack"]),
            (Established, ["ack", ends, ends, "ack"]),
            (FinWait1, ["ack", ends, ends, "ack"]),
            (FinWait2, ["ack", ends, ends, "ack"]),
            (CloseWait, ["ack", ends, ends, "ack"]),
            (Closing, ["ack", ends, ends, "ack"]),
            (LastAck, ["ack", ends, ends, "ack"]),
        ],
    );
}

/// One that comes again is answered, lest the last ACK of the handshake was lost.
#[test]
fn a_syn_ack_is_challenged_in_every_synchronized_state_wherever_it_lies() {
    let syn_ack = |seq, state: &State| with(Flags::SYN, ack(seq, una(state)));
    let states = [Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait];
    hold(&prompt(), syn_ack, &states.map(|state| (state, ["ack", "ack", "ack", "ack"])));
}

#[test]
fn an_active_opener_in_syn_received_is_refused_by_an_rst_and_challenges_a_syn() {
    let before = syn_received_actively(at_s(0), &prompt());
    let next = expected(&before);

    let step = before.clone().on_segment(Segment::rst(next), at_s(1), &prompt());
    assert_eq!(outcome(&before, &step), "-> closed refused");

    let step = before.clone().on_segment(Segment::syn(next), at_s(1), &prompt());
    assert_eq!(outcome(&before, &step), "ack");
}
