//! How many local ports connect(2) still finds for one destination.
//!
//! Without a bind(2) before it, connect() takes a port of `ip_local_port_range`: those with the parity of the range's
//! first port, and when none of these is left, the others. It passes over a port that is reserved, a port whose bucket was
//! made by a bind(2), whatever the addresses, and a port from which a connection with the same four numbers exists, unless
//! that waits in TIME-WAIT and may be used again.
//! (linux v6.12 net/ipv4/inet_hashtables.c `__inet_hash_connect`, `__inet_check_established`; net/ipv4/tcp_ipv4.c
//! `tcp_twsk_unique`; measured on 6.18)
//!
//! What the table of sockets does not show is assumed: that the kernel chose the port of every connection on whose port
//! nothing listens or is bound ([`Budget::assumed`] counts where it matters), and that connections in TIME-WAIT
//! had timestamps if they are on now. Devices (SO_BINDTODEVICE, VRF) and IP_LOCAL_PORT_RANGE are not looked at.
//!
//! - [`budget`]: of one destination, from all sockets
//! - [`tally`]: of every destination, from sockets that stream by
//! - [`forecast`]: when ports run out at a pace
//! - [`advice`]: what helps, with numbers

pub mod advice;
pub mod forecast;
pub mod tally;

use core::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    time::Duration,
};
use std::collections::HashMap;

use timewait_facts::{PortRange, PortSet, Socket, State};

use crate::bind::Answer;

/// `TCP_TIMEWAIT_LEN`, fixed when a kernel is compiled (linux v6.12 include/net/tcp.h).
const TIME_WAIT: Duration = Duration::from_secs(60);
/// How much later than its time a wait may end, by the coarseness of its timer (60.06 to 61.8 s measured on 6.18).
const COARSE: Duration = Duration::from_secs(2);
/// `LOOPBACK_IFINDEX` (linux v6.12 include/net/flow.h)
const LOOPBACK: u32 = 1;

/// A connection that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    /// The source address that the kernel, or a bind(2) with IP_BIND_ADDRESS_NO_PORT, gives it.
    pub from: IpAddr,
    /// Where it goes to.
    pub to: SocketAddr,
}

/// What is known about the network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `net.ipv4.ip_local_port_range`, for IPv6 as well.
    pub range: PortRange,
    /// `net.ipv4.ip_local_reserved_ports`
    pub reserved: PortSet,
    /// Every socket with a local port in the range, in whichever state, to wherever. On kernels before 6.8, sockets that
    /// are only bound are not listed, and the budget is too large by their ports.
    pub sockets: Vec<Socket>,
    /// `net.ipv4.tcp_tw_reuse`
    pub reuse: Reuse,
    /// `net.ipv4.tcp_tw_reuse_delay`; a second before 6.14, which had no such setting.
    pub reuse_delay: Duration,
    /// `net.ipv4.tcp_timestamps` is not 0.
    pub timestamps: bool,
}

/// `net.ipv4.tcp_tw_reuse`: whether connect(2) may use a port in TIME-WAIT again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// 0
    Never,
    /// 1
    Always,
    /// 2: over loopback only.
    Loopback,
}

impl Reuse {
    /// The meaning of the setting's value; what is neither 0 nor 2 counts as 1, as it does for the kernel.
    pub fn from_setting(value: u8) -> Self {
        match value {
            0 => Self::Never,
            2 => Self::Loopback,
            _ => Self::Always,
        }
    }
}

/// The ports of the range, by what connect(2) to this destination makes of them.
///
/// `reserved + bound + taken + time_wait + free` are all there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The range.
    pub range: PortRange,
    /// Kept out by `ip_local_reserved_ports`.
    pub reserved: u32,
    /// Held by a socket that listens or is bound there, on whichever address: lost for every destination.
    pub bound: u32,
    /// Held by a connection to this destination that is open, or closed and orphaned in FIN-WAIT-2.
    pub taken: u32,
    /// Held by a connection to this destination in TIME-WAIT.
    pub time_wait: u32,
    /// Of those in TIME-WAIT, how many may be used again now. Inferred.
    pub reusable: u32,
    /// To be had at once.
    pub free: u32,
    /// Of the free ones, how many have connections to other destinations. They are free if the kernel chose their ports,
    /// which no table shows; if a bind(2) did, they are lost.
    pub assumed: u32,
    /// With so many connections to this destination, waiting ones included, the parity that is tried first is used up;
    /// each connect(2) then walks half the range before it finds a port, some two hundred times slower.
    pub cliff_at: u32,
    /// The range has an odd number of ports, more than one. Then every call leaves out one of the two at its ends: the first,
    /// or, if its walk begins there, the last. So the last connection that [`left`](Self::left) promises may be refused.
    pub uneven: bool,
    /// How many ports bind(2) with port 0 on the source address finds, without options: one pool for all destinations.
    pub bindable: u32,
}

impl Budget {
    /// How many more connections to this destination can be made now, if all stay open.
    pub fn left(&self) -> u32 {
        self.free + self.reusable
    }

    /// What connect(2) without a bound port answers, if it finds none: EADDRNOTAVAIL.
    pub fn connect_answer(&self) -> Option<Answer> {
        (self.left() == 0).then_some(Answer::NotAvailable)
    }

    /// What bind(2) with port 0 answers, if it finds none: EADDRINUSE.
    pub fn bind_answer(&self) -> Option<Answer> {
        (self.bindable == 0).then_some(Answer::InUse)
    }
}

/// Counts the ports of the range.
pub fn budget(question: &Question, facts: &Facts) -> Budget {
    let mut by_port: HashMap<u16, Vec<&Socket>> = HashMap::new();
    for socket in &facts.sockets {
        by_port.entry(socket.local.port()).or_default().push(socket);
    }
    let mut budget = empty(facts.range);
    for port in facts.range.iter() {
        if facts.reserved.contains(port) {
            budget.reserved += 1;
            continue;
        }
        let sockets = by_port.get(&port).map(Vec::as_slice).unwrap_or_default();
        budget.bindable += u32::from(!sockets.iter().any(|socket| conflicts(question.from, socket)));
        let held = Held::by(sockets, question, facts);
        budget.count(held);
        let is_first_parity = (port - facts.range.first()).is_multiple_of(2);
        budget.cliff_at += u32::from(is_first_parity && held != Held::Bound);
    }
    budget
}

fn empty(range: PortRange) -> Budget {
    Budget {
        range,
        reserved: 0,
        bound: 0,
        taken: 0,
        time_wait: 0,
        reusable: 0,
        free: 0,
        assumed: 0,
        cliff_at: 0,
        uneven: range.len() > 1 && !range.len().is_multiple_of(2),
        bindable: 0,
    }
}

impl Budget {
    fn count(&mut self, held: Held) {
        match held {
            Held::Bound => self.bound += 1,
            Held::Taken => self.taken += 1,
            Held::Waiting { reusable } => {
                self.time_wait += 1;
                self.reusable += u32::from(reusable);
            }
            Held::ByOthers => {
                self.free += 1;
                self.assumed += 1;
            }
            Held::Not => self.free += 1,
        }
    }
}

/// What a port is to this destination, its strongest holder deciding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Bound,
    Taken,
    Waiting { reusable: bool },
    ByOthers,
    Not,
}

impl Held {
    fn by(sockets: &[&Socket], question: &Question, facts: &Facts) -> Self {
        if sockets.iter().any(|socket| is_bound(socket.state)) {
            return Self::Bound;
        }
        let is_same = |socket: &Socket| {
            socket.local.ip().to_canonical() == question.from.to_canonical()
                && socket.peer.port() == question.to.port()
                && socket.peer.ip().to_canonical() == question.to.ip().to_canonical()
        };
        match sockets.iter().find(|socket| is_same(socket)) {
            Some(socket) if socket.state == State::TimeWait => {
                Self::Waiting { reusable: is_reusable(socket, question, facts) }
            }
            Some(_) => Self::Taken,
            None if sockets.is_empty() => Self::Not,
            None => Self::ByOthers,
        }
    }
}

/// Whether a socket in this state made its port's bucket by a bind(2) for sure.
fn is_bound(state: State) -> bool {
    match state {
        // A half-open connection has no port of its own: its listener has.
        State::Listen | State::BoundInactive | State::Closed | State::SynRecv => true,
        State::Established
        | State::SynSent
        | State::FinWait1
        | State::FinWait2
        | State::TimeWait
        | State::CloseWait
        | State::LastAck
        | State::Closing => false,
    }
}

/// Whether connect(2) may take over a connection in TIME-WAIT: the setting, timestamps, and the delay since its entry.
fn is_reusable(socket: &Socket, question: &Question, facts: &Facts) -> bool {
    let on_loopback = is_on_loopback(question) || socket.interface == NonZeroU32::new(LOOPBACK);
    let age = socket.expires_in().map(|left| TIME_WAIT.saturating_sub(left));
    reuses(on_loopback, facts) && age > Some(facts.reuse_delay)
}

fn reuses(on_loopback: bool, facts: &Facts) -> bool {
    let allowed = match facts.reuse {
        Reuse::Never => false,
        Reuse::Always => true,
        Reuse::Loopback => on_loopback,
    };
    allowed && facts.timestamps
}

/// How long a connection of this kind that ends in TIME-WAIT keeps its port from the next to the same destination: the whole
/// wait and what its timer may add, or the delay after which connect(2) may take it over. Inferred from the settings.
pub fn held_for(question: &Question, facts: &Facts) -> Duration {
    if reuses(is_on_loopback(question), facts) { facts.reuse_delay } else { TIME_WAIT + COARSE }
}

/// Whether one of its two addresses is a loopback address.
fn is_on_loopback(question: &Question) -> bool {
    question.from.to_canonical().is_loopback() || question.to.ip().to_canonical().is_loopback()
}

/// Whether a socket stands in the way of a bind(2) without options on this address. Its flags do not matter then.
fn conflicts(address: IpAddr, socket: &Socket) -> bool {
    let (asked, there) = (address.to_canonical(), socket.local.ip().to_canonical());
    let meets_any = |any: IpAddr, v6only: bool, other: IpAddr| match any {
        IpAddr::V4(ip) => ip.is_unspecified() && other.is_ipv4(),
        IpAddr::V6(ip) => ip.is_unspecified() && (other.is_ipv6() || !v6only),
    };
    asked == there
        || meets_any(there, socket.v6only.unwrap_or(false), asked)
        || meets_any(asked, false, there)
}

#[cfg(test)]
mod tests;
