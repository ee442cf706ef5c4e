//! What a population is made of, and what is asked of it: plain values, drawn from a seed or counted through.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
};

use fastrand::Rng;
use timewait_diagnose::bind;

use crate::population::MOST_STEPS;

/// Options of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) reuseaddr: bool,
    pub(crate) reuseport: bool,
    pub(crate) v6only: bool,
    /// An index into [`DEVICES`].
    pub(crate) device: usize,
    /// An index into [`USERS`].
    pub(crate) user: usize,
}

/// Users of sockets.
pub(crate) const USERS: [u32; 2] = [0, 1000];
/// Devices of sockets; the first is none.
pub(crate) const DEVICES: [&str; 3] = ["", "lo", "v0"];

/// What a step leaves on the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bound,
    Listener,
    /// A connection that a listener accepted; the listener then goes, or stays.
    Accepted {
        listener_stays: bool,
        end: End,
    },
    /// A connection from a socket that was bound to the port.
    Outgoing(End),
    /// A connection for which the kernel chose the port.
    Chosen(End),
}

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Established,
    /// The other side has closed.
    CloseWait,
    /// This side has closed, and no process holds it; the other side has not.
    Orphan,
    /// Both have, this side first.
    TimeWait,
}

pub(crate) const ENDS: [End; 4] = [End::Established, End::CloseWait, End::Orphan, End::TimeWait];

/// One step in making a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    pub(crate) ip: IpAddr,
    pub(crate) options: Options,
    /// SO_REUSEADDR and SO_REUSEPORT as they are set once all is done, if they are changed.
    pub(crate) later: Option<(bool, bool)>,
    /// A dual-stack wildcard is reached over IPv4.
    pub(crate) over_ipv4: bool,
}

/// One question: a socket's address and options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) ip: IpAddr,
    pub(crate) options: Options,
}

impl Question {
    /// The question about a port, as the rules are asked it.
    pub(crate) fn request(&self, port: u16, devices: &[Option<NonZeroU32>]) -> bind::Request {
        let Options { reuseaddr, reuseport, v6only, device, user } = self.options;
        bind::Request {
            reuseaddr,
            reuseport,
            v6only,
            device: devices[device],
            privileged: USERS[user] == 0,
            ..bind::Request::plain(SocketAddr::new(self.ip, port), USERS[user])
        }
    }
}

/// Addresses of the host; two of them were added to the loopback's own.
pub(crate) const HERE: [&str; 9] = [
    "0.0.0.0",
    "127.0.0.1",
    "10.9.9.1",
    "::",
    "::1",
    "fd00::9",
    "::ffff:0.0.0.0",
    "::ffff:127.0.0.1",
    "::ffff:10.9.9.1",
];

/// Addresses that are not the host's, or not of one host.
const ELSEWHERE: [&str; 9] = [
    "192.0.2.1",
    "2001:db8::1",
    "::ffff:192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    "0.0.0.9",
    "ff02::1",
    "fe80::1",
    "127.0.0.6",
];

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address that was written here")
}

/// Draws populations and questions; `users` and `devices` are how many the machine has.
pub(crate) struct Dice {
    pub(crate) rng: Rng,
    pub(crate) users: usize,
    pub(crate) devices: usize,
}

impl Dice {
    fn options(&mut self) -> Options {
        let rng = &mut self.rng;
        Options {
            reuseaddr: rng.bool(),
            reuseport: rng.bool(),
            v6only: rng.bool(),
            device: if rng.u8(..4) == 0 { rng.usize(..self.devices) } else { 0 },
            user: if rng.u8(..3) == 0 { rng.usize(..self.users) } else { 0 },
        }
    }

    fn kind(&mut self) -> Kind {
        let end = ENDS[self.rng.usize(..ENDS.len())];
        match self.rng.u8(..10) {
            0..=1 => Kind::Bound,
            2..=3 => Kind::Listener,
            4..=7 => Kind::Accepted { listener_stays: self.rng.u8(..4) == 0, end },
            8 => Kind::Outgoing(end),
            _ => Kind::Chosen(end),
        }
    }

    fn step(&mut self, changing: bool) -> Step {
        let later = (changing && self.rng.bool()).then(|| (self.rng.bool(), self.rng.bool()));
        let kind = self.kind();
        let (ip, over_ipv4) = (ip(HERE[self.rng.usize(..HERE.len())]), self.rng.bool());
        Step { kind, ip, options: self.options(), later, over_ipv4 }
    }

    /// A population: none to four steps, of which those that the kernel refuses leave nothing.
    pub(crate) fn population(&mut self, changing: bool) -> Vec<Step> {
        (0..self.rng.u16(..=MOST_STEPS)).map(|_| self.step(changing)).collect()
    }

    pub(crate) fn question(&mut self) -> Question {
        let foreign = self.rng.u8(..16) == 0;
        let addresses = if foreign { &ELSEWHERE } else { &HERE };
        Question { ip: ip(addresses[self.rng.usize(..addresses.len())]), options: self.options() }
    }
}
