//! Every destination's budget at once, from rows that stream by.
//!
//! What is kept: two bits for each port, and some 250 bytes for each destination, however many connections it has. Of
//! more destinations than [`MOST`] the first that are seen are counted; connections to the others are only summed up
//! ([`Tally::beyond`]). The kernel's walk mixes destinations, so one that is short of ports is hardly among the others.

use core::{net::SocketAddr, time::Duration};
use std::collections::HashMap;

use timewait_facts::{Pattern, Socket, State};

use super::{Facts, Question, Reuse, is_bound, is_on_loopback, is_reusable};

/// Destinations that are counted one by one.
pub const MOST: usize = 100_000;
/// Seconds of a wait, and one more: what is left may be a full minute.
pub const SECONDS: usize = 61;

/// Counts sockets by what they hold of the range, one after the other.
///
/// [`bind`](Self::bind) comes first, for every socket that listens or is bound: a connection that was accepted on such a
/// port is none that connect(2) took a port for.
#[derive(Clone, Debug)]
pub struct Tally {
    facts: Facts,
    only: Pattern,
    most: usize,
    bound: Ports,
    seen: Ports,
    used: HashMap<Question, Used>,
    beyond: u64,
}

/// What is the same for every destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Common {
    /// Ports of the range.
    pub ports: u32,
    /// Kept out by `ip_local_reserved_ports`.
    pub reserved: u32,
    /// Held by a socket that listens or is bound there.
    pub bound: u32,
    /// As [`Budget::cliff_at`](super::Budget::cliff_at).
    pub cliff_at: u32,
    /// As [`Budget::uneven`](super::Budget::uneven).
    pub uneven: bool,
}

impl Common {
    /// Ports that one destination can have.
    pub fn usable(&self) -> u32 {
        self.ports - self.reserved - self.bound
    }
}

/// What one destination has of the range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The destination, and the source address: each pair has ports of its own.
    pub question: Question,
    /// Held by connections that are open, or closed and orphaned in FIN-WAIT-2.
    pub taken: u32,
    /// Held by connections in TIME-WAIT.
    pub time_wait: u32,
    /// Of those, how many may be used again now. Inferred.
    pub reusable: u32,
    /// To be had at once.
    pub free: u32,
    /// As [`Budget::assumed`](super::Budget::assumed).
    pub assumed: u32,
    /// Of those in TIME-WAIT, how many have so many whole seconds left.
    pub expiring: Vec<u16>,
    /// Connections on which this side's FIN went first, so far as their state tells: FIN-WAIT-1 and -2, TIME-WAIT.
    pub closed_here: u32,
    /// Connections on which the peer's came first: CLOSE-WAIT, LAST-ACK.
    pub closed_there: u32,
}

impl Share {
    /// How many more connections can be made now, if all stay open.
    pub fn left(&self) -> u32 {
        self.free + self.reusable
    }

    /// Ports that connect(2) cannot have now.
    pub fn lost(&self) -> u32 {
        self.taken + self.time_wait - self.reusable
    }

    /// How many entered TIME-WAIT within these last whole seconds, and were neither used again nor ended since.
    pub fn made_within(&self, seconds: usize) -> u32 {
        let from = (SECONDS - 1).saturating_sub(seconds);
        self.expiring.iter().skip(from).map(|&count| u32::from(count)).sum()
    }
}

#[derive(Clone, Debug)]
struct Used {
    taken: u32,
    time_wait: u32,
    reusable: u32,
    closed_here: u32,
    closed_there: u32,
    expiring: [u16; SECONDS],
}

impl Used {
    const NOTHING: Self =
        Self { taken: 0, time_wait: 0, reusable: 0, closed_here: 0, closed_there: 0, expiring: [0; SECONDS] };

    fn count(&mut self, socket: &Socket, question: &Question, facts: &Facts) {
        match socket.state {
            State::TimeWait => {
                self.time_wait += 1;
                self.closed_here += 1;
                self.reusable += u32::from(is_reusable(socket, question, facts));
                let left = socket.expires_in().unwrap_or_default().as_secs();
                let second = usize::try_from(left).unwrap_or(SECONDS).min(SECONDS - 1);
                if let Some(count) = self.expiring.get_mut(second) {
                    *count = count.saturating_add(1);
                }
                return;
            }
            State::FinWait1 | State::FinWait2 => self.closed_here += 1,
            State::CloseWait | State::LastAck => self.closed_there += 1,
            // Both at once, or nobody yet.
            State::Closing
            | State::Established
            | State::SynSent
            | State::SynRecv
            | State::Closed
            | State::Listen
            | State::BoundInactive => {}
        }
        self.taken += 1;
    }
}

impl Tally {
    /// Nothing counted yet. Of the facts, the sockets are not looked at; of destinations, those alone are counted that
    /// match.
    pub fn new(facts: Facts, only: Pattern) -> Self {
        let (bound, seen) = (Ports::default(), Ports::default());
        Self { facts, only, most: MOST, bound, seen, used: HashMap::new(), beyond: 0 }
    }

    /// The settings that it counts by.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Counts a socket's port as lost, if it is bound there for sure; to be called for such sockets before any other.
    pub fn bind(&mut self, socket: &Socket) {
        if is_bound(socket.state) {
            self.bound.insert(socket.local.port());
        }
    }

    /// Counts a connection.
    pub fn add(&mut self, socket: &Socket) {
        let port = socket.local.port();
        let counts = self.facts.range.contains(port) && !self.facts.reserved.contains(port);
        if !counts || is_bound(socket.state) || self.bound.contains(port) {
            return self.bind(socket);
        }
        self.seen.insert(port);
        if !self.only.matches(socket.peer) {
            return;
        }
        let question = Question {
            from: socket.local.ip().to_canonical(),
            to: SocketAddr::new(socket.peer.ip().to_canonical(), socket.peer.port()),
        };
        let room = self.used.len() < self.most;
        match self.used.get_mut(&question) {
            Some(used) => used.count(socket, &question, &self.facts),
            None if room => {
                let mut used = Used::NOTHING;
                used.count(socket, &question, &self.facts);
                self.used.insert(question, used);
            }
            None => self.beyond += 1,
        }
    }

    /// Connections to destinations that were too many to count one by one.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Ports from here on upwards, the range's not among them, on which something listens or is bound.
    pub fn bound_outside(&self, from: u16) -> u32 {
        let outside = (from..=u16::MAX).filter(|&port| !self.facts.range.contains(port));
        count(outside.filter(|&port| self.bound.contains(port)))
    }

    /// What every destination has in common.
    pub fn common(&self) -> Common {
        let range = self.facts.range;
        let reserved = |&port: &u16| self.facts.reserved.contains(port);
        let is_first_parity = |port: u16| (port - range.first()).is_multiple_of(2);
        Common {
            ports: range.len(),
            reserved: count(range.iter().filter(reserved)),
            bound: count(range.iter().filter(|port| !reserved(port) && self.bound.contains(*port))),
            cliff_at: count(
                range
                    .iter()
                    .filter(|port| !reserved(port) && !self.bound.contains(*port) && is_first_parity(*port)),
            ),
            uneven: range.len() > 1 && !range.len().is_multiple_of(2),
        }
    }

    /// Every destination that has a connection: the fewest ports left first.
    pub fn shares(&self) -> Vec<Share> {
        let common = self.common();
        let others = count(self.facts.range.iter().filter(|&port| self.seen.contains(port)));
        let mut shares: Vec<Share> =
            self.used.iter().map(|(question, used)| share(*question, used, &common, others)).collect();
        shares.sort_by_key(|share| (share.left(), share.free, share.question));
        shares
    }

    /// For how long connect(2) to there cannot use a port in TIME-WAIT again. Inferred.
    pub fn wait(&self, question: &Question) -> Duration {
        if is_reuse_allowed(question, &self.facts) { self.facts.reuse_delay } else { super::TIME_WAIT }
    }
}

fn share(question: Question, used: &Used, common: &Common, seen: u32) -> Share {
    let held = used.taken + used.time_wait;
    Share {
        question,
        taken: used.taken,
        time_wait: used.time_wait,
        reusable: used.reusable,
        free: common.usable().saturating_sub(held),
        assumed: seen.saturating_sub(held),
        expiring: used.expiring.to_vec(),
        closed_here: used.closed_here,
        closed_there: used.closed_there,
    }
}

/// Whether connect(2) to there uses ports in TIME-WAIT again once the delay is over. That a connection bound to the
/// loopback interface counts as loopback too is left out: no row is looked at.
pub fn is_reuse_allowed(question: &Question, facts: &Facts) -> bool {
    facts.timestamps
        && match facts.reuse {
            Reuse::Never => false,
            Reuse::Always => true,
            Reuse::Loopback => is_on_loopback(question),
        }
}

fn count(ports: impl Iterator<Item = u16>) -> u32 {
    ports.fold(0, |count, _| count + 1)
}

/// A bit for each port.
#[derive(Clone, Debug)]
struct Ports(Vec<u64>);

impl Default for Ports {
    fn default() -> Self {
        Self(vec![0; 1 << 10])
    }
}

impl Ports {
    fn insert(&mut self, port: u16) {
        if let Some(word) = self.0.get_mut(usize::from(port >> 6)) {
            *word |= 1 << (port & 63);
        }
    }

    fn contains(&self, port: u16) -> bool {
        self.0.get(usize::from(port >> 6)).is_some_and(|word| word >> (port & 63) & 1 == 1)
    }
}

#[cfg(test)]
mod tests;
