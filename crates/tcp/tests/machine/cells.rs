//! A cell per state and event, at the four edges of the window.

mod acks;
mod controls;
mod text;

use timewait_tcp::{Event, Flags, Profile, Segment, Seq, State, StateName, Step};

use crate::reach::{self, at_s, nxt};

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
pub(crate) fn outcome(before: &State, step: &Step) -> String {
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
