//! `ls --by`: how many sockets share an end, a state or a process.

mod print;

use std::{
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    io::Write,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    ops::ControlFlow,
};

use anyhow::bail;
use timewait_facts::{Socket, State, States};
use timewait_linux::sockets::{Query, SocketTable};

use super::{Asked, Known, order::First};
use crate::{
    args::{By, Sort},
    port_facts,
    words::ls as words,
};

/// What the sockets of a group share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
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

/// As few bytes as tell keys apart: this is done for each row.
#[allow(clippy::derived_hash_with_manual_eq, reason = "equal keys write equal bytes")]
impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match *self {
            Self::End(IpAddr::V4(ip), port) => {
                hasher.write_u64(u64::from(ip.to_bits()) << 32 | port.map_or(1 << 16, u64::from));
            }
            Self::End(IpAddr::V6(ip), port) => {
                hasher.write_u128(ip.to_bits());
                hasher.write_u32(port.map_or(1 << 16, u32::from));
            }
            Self::State(state) => hasher.write_u8(state as u8),
            Self::Process(pid) => hasher.write_u32(pid),
            Self::NoPeer | Self::Unseen | Self::NoProcess => {}
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

/// What is known of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Group {
    count: u64,
    /// Milliseconds until the last of its minisockets goes.
    last_ms: Option<u32>,
    /// The file behind one of them.
    inode: Option<NonZeroU32>,
}

type Line = (Key, Group);

pub(super) fn list(
    out: &mut impl Write,
    table: &mut SocketTable,
    asked: &Asked<'_>,
    by: By,
) -> anyhow::Result<()> {
    if by == By::Process && asked.query.states == States::TIME_WAIT {
        bail!(words::no_processes_in_time_wait());
    }
    let owners = if by == By::Process { Known::read(asked.query.states) } else { Known::nobody() };
    if by == By::Process && !owners.can_tell() {
        bail!(words::no_groups_without_owners());
    }
    let serving =
        if matches!(by, By::Local | By::Peer) { Serving::read(table, asked)? } else { Serving::NONE };
    let mut groups: HashMap<Key, Group> = HashMap::new();
    let rows = table
        .dump(&asked.query, |row| {
            let key = key(&row.socket, by, &serving, &owners);
            groups.entry(key).or_default().add(&row.socket);
            ControlFlow::Continue(())
        })?
        .rows;
    let found = groups.len();
    let sort = asked.args.arrange.sort.unwrap_or(Sort::Count);
    let mut first =
        First::new(asked.args.arrange.limit, |one: &Line, other: &Line| of_groups(sort, one, other));
    let last_ms = groups.values().filter_map(|group| group.last_ms).max();
    for line in groups {
        first.add(line);
    }
    let lines = first.in_order();
    if asked.args.json {
        print::as_json(out, by, &lines, &owners)?;
    } else if rows == 0 {
        return super::empty::nothing_there(out, table, asked);
    } else {
        print::as_text(out, asked, &lines, &owners)?;
        writeln!(out, "{}", print::footer(asked, (lines.len(), found), rows, last_ms))?;
    }
    owners.say_what_is_hidden(lines.iter().any(|(key, _)| *key == Key::Unseen));
    Ok(())
}

fn of_groups(sort: Sort, one: &Line, other: &Line) -> std::cmp::Ordering {
    match sort {
        Sort::Count => other.1.count.cmp(&one.1.count),
        Sort::Left => other.1.last_ms.cmp(&one.1.last_ms),
        Sort::Local | Sort::Peer => std::cmp::Ordering::Equal,
    }
    .then_with(|| one.0.cmp(&other.0))
}

impl Group {
    fn add(&mut self, socket: &Socket) {
        self.count += 1;
        self.last_ms = self.last_ms.max(socket.is_minisocket().then_some(socket.timer.expires_ms));
        self.inode = self.inode.or(socket.inode);
    }
}

fn key(socket: &Socket, by: By, serving: &Serving, owners: &Known) -> Key {
    let end =
        |end: SocketAddr, with_port: bool| Key::End(end.ip().to_canonical(), with_port.then_some(end.port()));
    match by {
        By::Local => end(socket.local, serving.has(socket.local.port())),
        By::Peer if socket.peer.port() == 0 => Key::NoPeer,
        By::Peer => end(socket.peer, !serving.has(socket.local.port())),
        By::State => Key::State(socket.state),
        By::Process => match (owners.of(socket), socket.inode) {
            (Some(owner), _) => Key::Process(owner.pid),
            (None, Some(_)) => Key::Unseen,
            (None, None) => Key::NoProcess,
        },
    }
}

/// The local ports of services: those that listen, and those that the kernel does not choose for outgoing connections.
/// On such a port this side was called, and the port of the peer is any; on another it called, and its own port is.
struct Serving(Vec<bool>);

impl Serving {
    const NONE: Self = Self(Vec::new());

    fn read(table: &mut SocketTable, asked: &Asked<'_>) -> anyhow::Result<Self> {
        let chosen = port_facts::local_ports(asked.netns);
        let mut serving: Vec<bool> = (0..=u16::MAX).map(|port| !chosen.offers(port)).collect();
        table.dump(&Query::in_states(States::LISTEN), |row| {
            if let Some(port) = serving.get_mut(usize::from(row.socket.local.port())) {
                *port = true;
            }
            ControlFlow::Continue(())
        })?;
        Ok(Self(serving))
    }

    fn has(&self, port: u16) -> bool {
        self.0.get(usize::from(port)).copied().unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cmp::Ordering, hash::BuildHasher as _};

    fn socket(local: &str, peer: &str) -> Socket {
        Socket::bare(State::TimeWait, local.parse().unwrap(), peer.parse().unwrap())
    }

    fn shown(local: &str, peer: &str) -> [String; 2] {
        let mut serving = vec![true; 65_536];
        serving[40_000..50_000].fill(false);
        serving[40_443] = true;
        let serving = Serving(serving);
        let socket = socket(local, peer);
        [By::Local, By::Peer].map(|by| key(&socket, by, &serving, &Known::nobody()).to_string())
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
    fn keys_that_differ_are_hashed_apart() {
        let ip = IpAddr::from([10, 0, 0, 1]);
        let v6 = "2001:db8::1".parse().unwrap();
        let keys = [
            Key::End(ip, None),
            Key::End(ip, Some(0)),
            Key::End(ip, Some(80)),
            Key::End(v6, None),
            Key::End(v6, Some(0)),
            Key::NoPeer,
            Key::State(State::TimeWait),
            Key::Process(6),
        ];
        let state = std::hash::RandomState::new();
        for (place, one) in keys.iter().enumerate() {
            for other in keys.iter().skip(place + 1) {
                assert_ne!(state.hash_one(one), state.hash_one(other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn groups_are_ordered_by_count_the_largest_first_then_by_what_they_share() {
        let line = |octet, count, last_ms| {
            (Key::End([10, 0, 0, octet].into(), None), Group { count, last_ms, inode: None })
        };
        let (many, few, also_few) = (line(9, 5, Some(1)), line(1, 2, Some(3)), line(2, 2, None));
        assert_eq!(of_groups(Sort::Count, &many, &few), Ordering::Less);
        assert_eq!(of_groups(Sort::Count, &few, &also_few), Ordering::Less);
        assert_eq!(of_groups(Sort::Left, &few, &many), Ordering::Less);
        assert_eq!(
            of_groups(Sort::Left, &many, &also_few),
            Ordering::Less,
            "what expires before what does not"
        );
        assert_eq!(of_groups(Sort::Peer, &few, &also_few), Ordering::Less);
    }
}
