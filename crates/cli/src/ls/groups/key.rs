//! What the sockets of a group share.
#![allow(clippy::inline_always, reason = "so that of a row only what makes the key is computed")]

use std::{
    fmt,
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use timewait_facts::State;
use timewait_linux::sockets::Row;

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

/// A key as numbers, which are compared and hashed for each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    /// Of what kind it is, in the highest byte, and what fits beside that.
    rest: u64,
    /// The address, if it is a long one.
    v6: [u64; 2],
}

/// Equal keys have equal numbers.
impl Hash for Packed {
    #[inline(always)]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.rest);
        if self.v6 != [0; 2] {
            self.v6.iter().for_each(|half| hasher.write_u64(*half));
        }
    }
}

const KIND: u32 = 56;
const PORT: u32 = 32;
const ANY_PORT: u64 = 1 << 16;

const V4: u64 = 1;
const V6: u64 = 2;
const NO_PEER: u64 = 3;
const STATE: u64 = 4;
const PROCESS: u64 = 5;
const UNSEEN: u64 = 6;
const NO_PROCESS: u64 = 7;

impl Packed {
    #[inline(always)]
    pub(super) fn of(row: Row<'_>, by: By, serving: &Serving, owners: &Known) -> Self {
        match by {
            By::Local | By::Peer => match row.ipv4_ends() {
                // A loop made for what most are.
                Some(ends) => Self::of_ends(ends.map(SocketAddr::V4), by, serving),
                None => Self::of_any_ends(row, by, serving),
            },
            By::State => Self::plain(STATE, row.state() as u32),
            By::Process => match (owners.by_inode(row.inode()), row.inode()) {
                (Some(owner), _) => Self::plain(PROCESS, owner.pid),
                (None, Some(_)) => Self::plain(UNSEEN, 0),
                (None, None) => Self::plain(NO_PROCESS, 0),
            },
        }
    }

    #[inline(never)]
    fn of_any_ends(row: Row<'_>, by: By, serving: &Serving) -> Self {
        Self::of_ends(row.ends(), by, serving)
    }

    #[inline(always)]
    fn of_ends([local, peer]: [SocketAddr; 2], by: By, serving: &Serving) -> Self {
        let was_called = serving.has(local.port());
        let (end, with_port) = if by == By::Local { (local, was_called) } else { (peer, !was_called) };
        if by == By::Peer && end.port() == 0 {
            return Self::plain(NO_PEER, 0);
        }
        let port = if with_port { u64::from(end.port()) } else { ANY_PORT };
        match end.ip().to_canonical() {
            IpAddr::V4(ip) => Self { rest: V4 << KIND | port << PORT | u64::from(ip.to_bits()), v6: [0; 2] },
            IpAddr::V6(ip) => {
                #[allow(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
                let v6 = [(ip.to_bits() >> 64) as u64, ip.to_bits() as u64];
                Self { rest: V6 << KIND | port << PORT, v6 }
            }
        }
    }

    #[inline(always)]
    fn plain(kind: u64, number: u32) -> Self {
        Self { rest: kind << KIND | u64::from(number), v6: [0; 2] }
    }

    #[allow(clippy::cast_possible_truncation, reason = "what was put together comes apart")]
    pub(super) fn unpack(self) -> Key {
        let Self { rest, v6: [high, low] } = self;
        let number = rest as u32;
        let port = u16::try_from(rest >> PORT & (ANY_PORT | (ANY_PORT - 1))).ok();
        match rest >> KIND {
            V4 => Key::End(Ipv4Addr::from_bits(number).into(), port),
            V6 => Key::End(Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).into(), port),
            NO_PEER => Key::NoPeer,
            STATE => Key::State(State::from_kernel(number as u8).unwrap_or(State::Closed)),
            PROCESS => Key::Process(number),
            UNSEEN => Key::Unseen,
            _ => Key::NoProcess,
        }
    }
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
    use proptest::prelude::*;
    use std::hash::BuildHasher as _;

    fn shown(local: &str, peer: &str) -> [String; 2] {
        let mut serving = vec![true; 65_536];
        serving[40_000..50_000].fill(false);
        serving[40_443] = true;
        let serving = Serving(serving);
        let ends = [local, peer].map(|end| end.parse().unwrap());
        [By::Local, By::Peer].map(|by| Packed::of_ends(ends, by, &serving).unpack().to_string())
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
    fn what_is_no_end_comes_apart_as_it_was_put_together() {
        let mut packed =
            vec![Packed::plain(NO_PEER, 0), Packed::plain(UNSEEN, 0), Packed::plain(NO_PROCESS, 0)];
        packed.extend(State::ALL.map(|state| Packed::plain(STATE, state as u32)));
        packed.extend([6, 7, u32::MAX].map(|pid| Packed::plain(PROCESS, pid)));
        let mut keys = vec![Key::NoPeer, Key::Unseen, Key::NoProcess];
        keys.extend(State::ALL.map(Key::State));
        keys.extend([6, 7, u32::MAX].map(Key::Process));
        let unpacked: Vec<Key> = packed.into_iter().map(Packed::unpack).collect();
        assert_eq!(unpacked, keys);
    }

    #[test]
    fn keys_that_differ_have_different_numbers_and_are_hashed_apart() {
        let end = |address: &str, port: u16, serves: bool| {
            let end = SocketAddr::new(address.parse().unwrap(), port);
            Packed::of_ends([end, end], By::Local, &Serving(vec![serves; 65_536]))
        };
        let keys = [
            end("10.0.0.1", 80, false),
            end("10.0.0.1", 0, true),
            end("10.0.0.1", 80, true),
            end("2001:db8::1", 80, false),
            end("2001:db8::1", 0, true),
            end("a00:1::", 0, true),
            end("::a00:1", 0, true),
            end("0:0:a00:1::", 0, true),
            Packed::plain(NO_PEER, 0),
            Packed::plain(STATE, State::TimeWait as u32),
            Packed::plain(PROCESS, 6),
            Packed::plain(PROCESS, 7),
            Packed::plain(UNSEEN, 0),
            Packed::plain(NO_PROCESS, 0),
        ];
        let hasher = DefaultHashBuilder::default();
        for (place, one) in keys.into_iter().enumerate() {
            for other in keys.into_iter().skip(place + 1) {
                assert_ne!(one, other);
                assert_ne!(hasher.hash_one(one), hasher.hash_one(other), "{one:?} {other:?}");
            }
        }
    }

    /// Addresses that are easily taken for each other, and any.
    fn any_end() -> impl Strategy<Value = SocketAddr> {
        let near = [
            "10.0.0.1",
            "a00:1::",
            "::a00:1",
            "0:0:a00:1::",
            "::",
            "0.0.0.0",
            "::ffff:10.0.0.1",
            "2001:db8::1",
        ]
        .map(|text| text.parse::<IpAddr>().unwrap());
        let ip = prop_oneof![
            8 => prop::sample::select(near.to_vec()),
            1 => any::<IpAddr>(),
        ];
        (ip, prop_oneof![Just(1_u16), Just(80), any::<u16>()]).prop_map(SocketAddr::from)
    }

    proptest! {
        #[test]
        fn ends_come_apart_as_they_were_put_together(ends: [bool; 2], one in any_end(), other in any_end()) {
            let [one_key, other_key] = [(one, ends[0]), (other, ends[1])].map(|(end, serves)| {
                let serving = Serving(vec![serves; 65_536]);
                let packed = Packed::of_ends([end, end], By::Local, &serving);
                let key = Key::End(end.ip().to_canonical(), serves.then_some(end.port()));
                assert_eq!(packed.unpack(), key);
                (packed, key)
            });
            prop_assert_eq!(one_key.0 == other_key.0, one_key.1 == other_key.1);
        }
    }

    #[test]
    fn the_hash_spreads_what_strangers_choose_over_the_buckets() {
        // Addresses that differ in their highest bits only, which the lower half of a product does not show.
        let hasher = DefaultHashBuilder::default();
        let mut buckets = [0_u32; 1 << 10];
        for number in 0..1_u32 << 14 {
            let end = SocketAddr::from(((number << 18).to_be_bytes(), 9_000));
            let key = Packed::of_ends([end, end], By::Local, &Serving(Vec::new()));
            buckets[(hasher.hash_one(key) & 0x3ff) as usize] += 1;
        }
        let fullest = buckets.iter().max().unwrap();
        assert!(*fullest < 16 * 16, "{fullest} of 16,384 in one of 1,024 buckets");
    }
}
