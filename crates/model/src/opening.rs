use core::mem;
use std::sync::Arc;

use timewait_tcp::{Segment, Seq, Side, State};

use crate::{
    host::{Host, NOW, iss},
    rules::Rules,
};

/// Both sides of the first connection before the server has heard of it, and the SYN.
pub(crate) fn begun(rules: &Rules) -> ([Arc<Host>; 2], Vec<Segment>) {
    let client = State::Closed.open(iss(Side::Left, 1), NOW, &rules.profile);
    let server = State::Closed.listen(iss(Side::Right, 1));
    ([client.next, server.next].map(|state| Arc::new(Host::new(state, 1))), client.send)
}

/// Both sides of a connection, by a handshake that nothing disturbed, with the model's usual initial numbers.
pub(crate) fn established(connection: u8, rules: &Rules) -> [Arc<Host>; 2] {
    let isns = [Side::Left, Side::Right].map(|side| iss(side, connection));
    shake_hands(isns, rules).0.map(|state| Arc::new(Host::new(state, connection)))
}

/// Both sides' states, and the segments by which they came to them.
pub(crate) fn shake_hands([left, right]: [Seq; 2], rules: &Rules) -> ([State; 2], Vec<(Side, Segment)>) {
    let profile = &rules.profile;
    let mut client = State::Closed.open(left, NOW, profile);
    let mut server = State::Closed.listen(right);
    let mut seen = Vec::new();
    while !client.send.is_empty() || !server.send.is_empty() {
        for segment in mem::take(&mut client.send) {
            seen.push((Side::Left, segment.clone()));
            server = server.next.on_segment(segment, NOW, profile);
        }
        for segment in mem::take(&mut server.send) {
            seen.push((Side::Right, segment.clone()));
            client = client.next.on_segment(segment, NOW, profile);
        }
    }
    ([client.next, server.next], seen)
}
