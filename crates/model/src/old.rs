//! An old segment that reaches the next connection: would some initial numbers let it in?

use timewait_tcp::{Profile, Segment, Seq, State};

use crate::host::NOW;

/// Whose initial sequence numbers could have been any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Free {
    /// The sender's: it moves SEG.SEQ.
    pub(crate) sender: bool,
    /// The receiver's: it moves SEG.ACK.
    pub(crate) receiver: bool,
}

/// The old segment as the next connection would see it, had its ends chosen those initial numbers by which it gets in;
/// none if no numbers let it in.
///
/// TCP does not know where a circle of numbers is cut: a connection with other initial numbers is this one, and the
/// segment's numbers moved (the laws of [`Seq`]). So every place where its numbers can mean anything is tried on the machine itself. It got
/// in if the connection is no longer what it was: dropping it, answering it with an ACK or an RST, changes nothing.
pub(crate) fn lets_in(state: &State, old: &Segment, free: Free, profile: &Profile) -> Option<Segment> {
    // No connection: a listener that answers an old SYN has not been fooled, for the handshake finds out.
    if matches!(state, State::Closed | State::Listen(_)) {
        return None;
    }
    for seq in places_of_seq(state, old, free.sender) {
        for ack in places_of_ack(state, old, free.receiver) {
            let moved = Segment { seq, ack, ..old.clone() };
            let step = state.clone().on_segment(moved.clone(), NOW, profile);
            if step.next != *state || !step.events.is_empty() {
                return Some(moved);
            }
        }
    }
    None
}

/// RCV.NXT first, then the rest of the window, then what ends in it.
fn places_of_seq(state: &State, old: &Segment, free: bool) -> Vec<Seq> {
    match state.numbers().filter(|_| free) {
        Some(numbers) => {
            let inside = (0..=numbers.rcv_wnd()).map(|offset| numbers.rcv_nxt() + offset);
            let before = (1..=old.len()).map(|offset| numbers.rcv_nxt() - offset);
            inside.chain(before).collect()
        }
        None => vec![old.seq],
    }
}

/// All that was sent, then what was not.
fn places_of_ack(state: &State, old: &Segment, free: bool) -> Vec<Option<Seq>> {
    let (Some(_), true, Some(snd_nxt)) = (old.ack, free, state.snd_nxt()) else { return vec![old.ack] };
    let snd_una = state.numbers().map_or(snd_nxt - 1, timewait_tcp::state::Numbers::snd_una);
    (0..=snd_nxt.since(snd_una)).map(|back| Some(snd_nxt - back)).collect()
}
