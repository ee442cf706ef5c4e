//! A cell per state and event, at the four edges of the window.

use timewait_tcp::{
    Event, Flags, Profile, Segment, Seq, State,
    StateName::{self, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, SynReceived, TimeWait},
    Step,
    profile::{InWindow, RightEdge},
    state::Numbers,
};

use crate::reach::{self, WINDOW, ack, at_s, expected, nxt, prompt, syn_received_actively, una, with};

/// Where a segment of one number lies.
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types, reason = "names of the edges, as they are read in a table")]
enum Edge {
    outside_left,
    left_edge,
    right_edge,
    outside_right,
}
use Edge::{left_edge, outside_left, outside_right, right_edge};

const EDGES: [Edge; 4] = [outside_left, left_edge, right_edge, outside_right];

fn number_at(edge: Edge, state: &State) -> Seq {
    let numbers = state.numbers().unwrap();
    match edge {
        outside_left => numbers.rcv_nxt() - 1,
        left_edge => numbers.rcv_nxt(),
        right_edge => numbers.rcv_nxt() + (numbers.rcv_wnd() - 1),
        outside_right => numbers.rcv_nxt() + numbers.rcv_wnd(),
    }
}

/// What came of it, in few words: what was sent, where it went, what the user was told.
fn outcome(before: &State, step: &Step) -> String {
    let sent = step.send.iter().map(|segment| kind(segment, before, &step.next));
    let went = (before.name() != step.next.name()).then(|| format!("-> {}", step.next.name()));
    let told = step.events.iter().map(|event| match event {
        Event::Established => "established".to_owned(),
        Event::Received(text) => format!("{:?}", String::from_utf8_lossy(text)),
        Event::PeerClosed => "closing".to_owned(),
        Event::Refused => "refused".to_owned(),
        Event::Reset => "reset".to_owned(),
        Event::TimedOut => "timed out".to_owned(),
    });
    let words: Vec<String> = sent.chain(went).chain(told).collect();
    if words.is_empty() { "drop".to_owned() } else { words.join(" ") }
}

fn kind(segment: &Segment, before: &State, after: &State) -> String {
    if segment.has(Flags::RST) {
        return "rst".to_owned();
    }
    assert_eq!(segment.len(), 0, "{segment:?}");
    assert_eq!(segment.seq, nxt(before), "an ACK has SND.NXT");
    if let Some(numbers) = after.numbers() {
        assert_eq!(segment.ack, Some(numbers.rcv_nxt()), "and RCV.NXT");
    }
    "ack".to_owned()
}

/// Holds a table of outcomes against the machine: a row per state, a column per edge.
fn hold(profile: &Profile, event: impl Fn(Seq, &State) -> Segment, rows: &[(StateName, [&str; 4])]) {
    for (name, cells) in rows {
        for (edge, cell) in EDGES.into_iter().zip(cells) {
            let before = reach::state(*name, at_s(0), profile);
            let segment = event(number_at(edge, &before), &before);
            let step = before.clone().on_segment(segment, at_s(1), profile);
            assert_eq!(outcome(&before, &step), *cell, "{name}, {edge:?}");
        }
    }
}

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

#[test]
fn a_syn_is_challenged_in_every_synchronized_state_wherever_it_lies() {
    let syn = |seq, _: &State| Segment::syn(seq);
    hold(
        &Profile { reopens: timewait_tcp::profile::Reopens::Never, ..prompt() },
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

/// One that comes again is answered, lest the last ACK of the handshake was lost.
#[test]
fn a_syn_ack_is_challenged_in_every_synchronized_state_wherever_it_lies() {
    let syn_ack = |seq, state: &State| with(Flags::SYN, ack(seq, una(state)));
    let states = [Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait];
    hold(&prompt(), syn_ack, &states.map(|state| (state, ["ack", "ack", "ack", "ack"])));
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

/// RFC 7323 §5.3: what is older than what was heard last is acknowledged, and nothing else comes of it; an RST is not
/// asked for its timestamp.
#[test]
fn an_older_timestamp_is_acknowledged_and_dropped_in_every_synchronized_state() {
    for name in [SynReceived, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait] {
        let before = reach::state_with_timestamps(name, 500, at_s(0), &prompt());
        let (next, sent) = (expected(&before), nxt(&before));
        for segment in [ack(next, sent), reach::text(next, sent, b"old"), reach::fin(next, sent)] {
            let old = reach::stamped(segment, 499);
            let step = before.clone().on_segment(old, at_s(1), &prompt());
            assert_eq!(outcome(&before, &step), "ack", "{name}");
            assert_eq!(step.next, before, "{name}");
        }
        let rst = reach::stamped(Segment::rst(next), 499);
        let step = before.clone().on_segment(rst, at_s(1), &prompt());
        assert_ne!(step.next.name(), name);
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

#[test]
fn an_active_opener_in_syn_received_is_refused_by_an_rst_and_challenges_a_syn() {
    let before = syn_received_actively(at_s(0), &prompt());
    let next = expected(&before);

    let step = before.clone().on_segment(Segment::rst(next), at_s(1), &prompt());
    assert_eq!(outcome(&before, &step), "-> closed refused");

    let step = before.clone().on_segment(Segment::syn(next), at_s(1), &prompt());
    assert_eq!(outcome(&before, &step), "ack");
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
