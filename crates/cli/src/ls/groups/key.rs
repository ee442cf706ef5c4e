//! What the sockets of a group share.
#![allow(clippy::inline_always, reason = "so that of a row only what makes the key is computed")]

use std::{
    fmt,
    hash::{Hash, Hasher},
    net::{IpAddr, SocketAddr},
};

use timewait_facts::{Socket, State};

use super::Serving;
use crate::{args::By, ls::Known, words::ls as words};

/// What the sockets of a group share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// An address; with its port on the side whose port people chose, with any on the other.
    End(IpAddr, Option<u16>),
    /// No peer: it listens, or is only bound.
    NoPeer,
    State(State),
    /// A process, by its id.
    Process(u32),
    /// A process that this user may not see.
    Unseen,
    /// No process: it waits, or is an orphan, or was not accepted yet.
    NoProcess,
}

/// As few words as tell keys apart: this is done for each row.
#[allow(clippy::derived_hash_with_manual_eq, reason = "equal keys have equal numbers")]
impl Hash for Key {
    #[inline(always)]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let (kind, number) = self.numbers();
        if let Ok(number) = u32::try_from(number) {
            hasher.write_u64(u64::from(kind) << 32 | u64::from(number));
        } else {
            hasher.write_u32(kind);
            hasher.write_u128(number);
        }
    }
}

impl Key {
    #[inline(always)]
    pub(super) fn of(socket: &Socket, by: By, serving: &Serving, owners: &Known) -> Self {
        match by {
            By::Local => Self::end(socket.local, serving.has(socket.local.port())),
            By::Peer if socket.peer.port() == 0 => Self::NoPeer,
            By::Peer => Self::end(socket.peer, !serving.has(socket.local.port())),
            By::State => Self::State(socket.state),
            By::Process => match (owners.of(socket), socket.inode) {
                (Some(owner), _) => Self::Process(owner.pid),
                (None, Some(_)) => Self::Unseen,
                (None, None) => Self::NoProcess,
            },
        }
    }

    #[inline(always)]
    fn end(end: SocketAddr, with_port: bool) -> Self {
        Self::End(end.ip().to_canonical(), with_port.then_some(end.port()))
    }

    /// Of what kind it is, and which. Different keys have different ones.
    #[inline(always)]
    fn numbers(self) -> (u32, u128) {
        const V4: u32 = 1 << 17;
        const V6: u32 = 2 << 17;
        match self {
            Self::End(IpAddr::V4(ip), port) => (V4 | number(port), ip.to_bits().into()),
            Self::End(IpAddr::V6(ip), port) => (V6 | number(port), ip.to_bits()),
            Self::NoPeer => (0, 0),
            Self::State(state) => (1, state as u128),
            Self::Process(pid) => (2, pid.into()),
            Self::Unseen => (3, 0),
            Self::NoProcess => (4, 0),
        }
    }
}

/// A port, or what is none.
#[inline]
fn number(port: Option<u16>) -> u32 {
    port.map_or(1 << 16, u32::from)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End(ip, Some(port)) => write!(f, "{}", SocketAddr::new(*ip, *port)),
            Self::End(IpAddr::V4(ip), None) => write!(f, "{ip}:*"),
            Self::End(IpAddr::V6(ip), None) => write!(f, "[{ip}]:*"),
            Self::NoPeer => f.write_str("*"),
            Self::State(state) => write!(f, "{state}"),
            Self::Process(pid) => write!(f, "{pid}"),
            Self::Unseen => f.write_str(words::unseen_process()),
            Self::NoProcess => f.write_str(words::no_process()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hashbrown::DefaultHashBuilder;
    use std::hash::BuildHasher as _;

    fn shown(local: &str, peer: &str) -> [String; 2] {
        let mut serving = vec![true; 65_536];
        serving[40_000..50_000].fill(false);
        serving[40_443] = true;
        let serving = Serving(serving);
        let socket = Socket::bare(State::TimeWait, local.parse().unwrap(), peer.parse().unwrap());
        [By::Local, By::Peer].map(|by| Key::of(&socket, by, &serving, &Known::nobody()).to_string())
    }

    #[test]
    fn a_server_s_clients_are_their_addresses_and_a_client_s_servers_have_their_ports() {
        assert_eq!(shown("10.0.0.1:443", "10.0.0.7:61234"), ["10.0.0.1:443", "10.0.0.7:*"]);
        assert_eq!(shown("10.0.0.1:40001", "10.0.0.5:5432"), ["10.0.0.1:*", "10.0.0.5:5432"]);
        assert_eq!(shown("[::1]:40443", "[::1]:9"), ["[::1]:40443", "[::1]:*"], "a listener has that port");
        assert_eq!(shown("0.0.0.0:443", "0.0.0.0:0"), ["0.0.0.0:443", "*"]);
    }

    #[test]
    fn an_ipv4_address_is_the_same_in_ipv6_s_clothes() {
        assert_eq!(shown("[::ffff:10.0.0.1]:443", "[::ffff:10.0.0.7]:61234"), ["10.0.0.1:443", "10.0.0.7:*"]);
    }

    #[test]
    fn keys_that_differ_have_different_numbers_and_are_hashed_apart() {
        let ip = IpAddr::from([10, 0, 0, 1]);
        let v6 = |text: &str| text.parse::<IpAddr>().unwrap();
        let keys = [
            Key::End(ip, None),
            Key::End(ip, Some(0)),
            Key::End(ip, Some(80)),
            Key::End(v6("2001:db8::1"), None),
            Key::End(v6("2001:db8::1"), Some(0)),
            Key::End(v6("a00:1::"), Some(0)),
            Key::End(v6("::a00:1"), Some(0)),
            Key::End(v6("0:0:a00:1::"), Some(0)),
            Key::NoPeer,
            Key::State(State::TimeWait),
            Key::Process(6),
            Key::Process(7),
            Key::Unseen,
            Key::NoProcess,
        ];
        let hasher = DefaultHashBuilder::default();
        for (place, one) in keys.into_iter().enumerate() {
            for other in keys.into_iter().skip(place + 1) {
                assert_ne!(one.numbers(), other.numbers(), "{one:?} {other:?}");
                assert_ne!(hasher.hash_one(one), hasher.hash_one(other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn the_hash_spreads_what_strangers_choose_over_the_buckets() {
        // Addresses that differ in their highest bits only, which the lower half of a product does not show.
        let hasher = DefaultHashBuilder::default();
        let mut buckets = [0_u32; 1 << 10];
        for number in 0..1_u32 << 14 {
            let key = Key::End(IpAddr::from((number << 18).to_be_bytes()), Some(9000));
            buckets[(hasher.hash_one(key) & 0x3ff) as usize] += 1;
        }
        let fullest = buckets.iter().max().unwrap();
        assert!(*fullest < 16 * 16, "{fullest} of 16,384 in one of 1,024 buckets");
    }
}
