use core::{net::SocketAddr, num::NonZeroU32};
use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    net::IpAddr,
};

use timewait_facts::{Owner, Socket, State};

use super::{LocalPorts, Occupant};

/// Counts sockets that the rules, and [`Roles`](super::Roles), cannot tell apart, so that a million waiting
/// sockets take a few places.
#[derive(Clone, Debug)]
pub struct Census {
    ports: LocalPorts,
    occupants: Vec<Occupant>,
    places: HashMap<Likeness, usize>,
    /// The kind that was added last, and its place: mostly the next is of it, too.
    last: Option<(Likeness, usize)>,
}

/// All that the rules look at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Likeness {
    local: SocketAddr,
    state: State,
    interface: Option<NonZeroU32>,
    v6only: Option<bool>,
    uid: u32,
    is_minisocket: bool,
    holds_port: bool,
    /// The peer's port is one that the kernel would choose.
    led_to: bool,
    flags: (Option<bool>, Option<bool>),
    owner: Option<Owner>,
}

/// As few bytes as tell most of them apart: this is done for each socket.
impl Hash for Likeness {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let flags = u32::from(self.is_minisocket) << 1 | u32::from(self.led_to);
        let rest = u32::from(self.local.port()) << 16 | (self.state as u32) << 8 | flags;
        match self.local.ip() {
            IpAddr::V4(ip) => hasher.write_u64(u64::from(ip.to_bits()) << 32 | u64::from(rest)),
            IpAddr::V6(ip) => {
                hasher.write_u128(ip.to_bits());
                hasher.write_u32(rest);
            }
        }
    }
}

impl Likeness {
    fn of(occupant: &Occupant, ports: &LocalPorts) -> Self {
        let Socket { state, local, interface, v6only, .. } = occupant.socket;
        Self {
            local,
            state,
            interface,
            v6only,
            uid: occupant.uid(),
            is_minisocket: occupant.socket.is_minisocket(),
            holds_port: occupant.holds_port(),
            led_to: ports.in_range(occupant.socket.peer.port()),
            flags: (occupant.reuseaddr, occupant.reuseport),
            owner: occupant.owner.clone(),
        }
    }
}

impl Census {
    /// Nobody yet. The ports are those that the kernel chooses from.
    pub fn new(ports: LocalPorts) -> Self {
        Self { ports, occupants: Vec::new(), places: HashMap::new(), last: None }
    }

    /// Adds a socket.
    pub fn add(&mut self, new: Occupant) {
        let likeness = Likeness::of(&new, &self.ports);
        let place = match &self.last {
            Some((last, place)) if *last == likeness => *place,
            _ => {
                let known = self.places.get(&likeness).copied();
                let place = known.unwrap_or_else(|| {
                    self.places.insert(likeness.clone(), self.occupants.len());
                    self.occupants.len()
                });
                self.last = Some((likeness, place));
                place
            }
        };
        match self.occupants.get_mut(place) {
            Some(old) => {
                old.count += new.count;
                if old.socket.expires_in() < new.socket.expires_in() {
                    old.socket = new.socket;
                }
            }
            None => self.occupants.push(new),
        }
    }

    /// Each kind once, with how many there are, in the order in which they came.
    pub fn into_occupants(self) -> Vec<Occupant> {
        self.occupants
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use timewait_facts::{Timer, TimerKind};

    fn waiting(local: &str, peer_port: u16, expires_ms: u32) -> Occupant {
        let timer = Timer { kind: TimerKind::TimeWait, expires_ms, retries: 0 };
        let peer = SocketAddr::from(([127, 0, 0, 1], peer_port));
        Occupant::of(Socket { timer, ..Socket::bare(State::TimeWait, local.parse().unwrap(), peer) }, None)
    }

    #[test]
    fn sockets_that_are_alike_take_one_place_which_lasts_as_long_as_the_last() {
        let mut census = Census::new(LocalPorts { range: Some(40_000..=49_999), reserved: Vec::new() });
        for (local, peer_port, expires_ms) in [
            ("127.0.0.1:9000", 40_000, 7),
            ("127.0.0.2:9000", 40_000, 1),
            ("127.0.0.1:9000", 40_001, 9),
            ("127.0.0.1:9000", 40_002, 3),
            ("127.0.0.1:9000", 80, 3),
        ] {
            census.add(waiting(local, peer_port, expires_ms));
        }
        let kinds = census.into_occupants();
        let seen: Vec<_> = kinds.iter().map(|kind| (kind.count, kind.socket.timer.expires_ms)).collect();
        assert_eq!(seen, [(3, 9), (1, 1), (1, 3)], "the last one's peer has a port that nobody chose for it");
    }
}
