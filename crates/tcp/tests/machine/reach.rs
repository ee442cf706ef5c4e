//! Ways into every state, by calls and segments alone.

use std::time::Duration;

use timewait_tcp::{Flags, Instant, Options, Profile, Segment, Seq, State, StateName, Step, Timestamps};

/// The number of our SYN.
pub(crate) const ISS: Seq = Seq::new(1000);
/// The number of the peer's SYN.
pub(crate) const IRS: Seq = Seq::new(u32::MAX - 4);
/// The window that the peer announces.
pub(crate) const WINDOW: u16 = 4000;

pub(crate) fn at_s(seconds: u64) -> Instant {
    Instant::after_start(Duration::from_secs(seconds))
}

pub(crate) fn at_ms(milliseconds: u64) -> Instant {
    Instant::after_start(Duration::from_millis(milliseconds))
}

/// RFC 9293 to the letter, with every ACK at once: what is answered is then seen in the same step.
pub(crate) fn prompt() -> Profile {
    Profile { delayed_ack: None, ..Profile::RFC_9293 }
}

pub(crate) fn ack(seq: Seq, ack: Seq) -> Segment {
    Segment { window: WINDOW, ..Segment::ack(seq, ack) }
}

pub(crate) fn text(seq: Seq, number: Seq, text: &[u8]) -> Segment {
    Segment { text: text.to_vec(), ..ack(seq, number) }
}

pub(crate) fn with(flags: Flags, segment: Segment) -> Segment {
    Segment { flags: segment.flags | flags, ..segment }
}

pub(crate) fn fin(seq: Seq, number: Seq) -> Segment {
    with(Flags::FIN, ack(seq, number))
}

pub(crate) fn syn() -> Segment {
    Segment { window: WINDOW, ..Segment::syn(IRS) }
}

pub(crate) fn stamped(segment: Segment, value: u32) -> Segment {
    let timestamps = Some(Timestamps { value, echo: 0 });
    Segment { options: Options { timestamps, ..segment.options }, ..segment }
}

pub(crate) fn una(state: &State) -> Seq {
    state.numbers().unwrap().snd_una()
}

pub(crate) fn nxt(state: &State) -> Seq {
    state.snd_nxt().unwrap()
}

pub(crate) fn expected(state: &State) -> Seq {
    state.numbers().unwrap().rcv_nxt()
}

/// What to expect of a step besides its next state.
pub(crate) fn only(step: &Step) -> &Segment {
    assert_eq!(step.send.len(), 1, "{:?}", step.send);
    &step.send[0]
}

/// A connection in this state, entered at this time; out of LISTEN, where there is a choice.
pub(crate) fn state(name: StateName, now: Instant, profile: &Profile) -> State {
    by(&|segment| segment, name, now, profile)
}

/// The same with timestamps: this is the last that was heard.
pub(crate) fn state_with_timestamps(name: StateName, stamp: u32, now: Instant, profile: &Profile) -> State {
    by(&|segment| stamped(segment, stamp), name, now, profile)
}

/// By segments that are dressed like this.
fn by(dress: &dyn Fn(Segment) -> Segment, name: StateName, now: Instant, profile: &Profile) -> State {
    let state = |name| by(dress, name, now, profile);
    let hears = |state: State, segment| state.on_segment(dress(segment), now, profile).next;
    let acknowledged = |state: State| {
        let segment = ack(expected(&state), nxt(&state));
        hears(state, segment)
    };
    let finished = |state: State| {
        let segment = fin(expected(&state), una(&state));
        hears(state, segment)
    };
    match name {
        StateName::Closed => State::Closed,
        StateName::Listen => State::Closed.listen(ISS).next,
        StateName::SynSent => State::Closed.open(ISS, now, profile).next,
        StateName::SynReceived => hears(state(StateName::Listen), syn()),
        StateName::Established => acknowledged(state(StateName::SynReceived)),
        StateName::FinWait1 => state(StateName::Established).close(now, profile).next,
        StateName::FinWait2 => acknowledged(state(StateName::FinWait1)),
        StateName::CloseWait => finished(state(StateName::Established)),
        StateName::Closing => finished(state(StateName::FinWait1)),
        StateName::LastAck => state(StateName::CloseWait).close(now, profile).next,
        StateName::TimeWait => finished(state(StateName::FinWait2)),
    }
}

/// SYN-RECEIVED after an active OPEN.
pub(crate) fn syn_received_actively(now: Instant, profile: &Profile) -> State {
    state(StateName::SynSent, now, profile).on_segment(syn(), now, profile).next
}

/// SYN-RECEIVED out of TIME-WAIT.
pub(crate) fn syn_received_anew(now: Instant, profile: &Profile) -> State {
    let waiting = state(StateName::TimeWait, now, profile);
    let higher = Segment { window: WINDOW, ..Segment::syn(expected(&waiting) + 100) };
    waiting.on_segment_with_listener(higher, now, profile).next
}

/// TIME-WAIT with timestamps: 500 is the last that was heard.
pub(crate) fn time_wait_with_timestamps(now: Instant, profile: &Profile) -> State {
    state_with_timestamps(StateName::TimeWait, 500, now, profile)
}

/// The peer acknowledges everything.
pub(crate) fn acknowledged(state: State, now: Instant, profile: &Profile) -> State {
    let segment = ack(expected(&state), nxt(&state));
    state.on_segment(segment, now, profile).next
}
