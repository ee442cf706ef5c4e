//! What is known about a port: every socket that shares it, and the settings that bear on it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    ops::{ControlFlow, RangeInclusive},
};

use timewait_diagnose::{
    Role,
    bind::{Answer, Facts, LocalPorts, Nonlocal, Occupant},
};
use timewait_facts::{LocalAddresses, Pattern, Socket, State, States};
use timewait_linux::{
    Errno, addresses, kernel_version,
    netns::Netns,
    owners::Owners,
    settings,
    sockets::{self, OpenError, Query, ReadError, SocketTable},
};

/// Why the facts are not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoFacts {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Where to look, and what to keep.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look<'a> {
    /// Another network namespace than this process's.
    pub(crate) netns: Option<&'a Netns>,
    /// Keep the rows of all sockets, not of those alone that wait longest.
    pub(crate) all_rows: bool,
}

/// What is known about a port.
#[derive(Clone, Debug, Default)]
pub(crate) struct PortFacts {
    pub(crate) facts: Facts,
    /// Sockets that share the port.
    pub(crate) sockets: usize,
    /// Rows to show, by the way in which they hold the port; those that wait longest first.
    pub(crate) rows: BTreeMap<Role, Vec<Socket>>,
}

/// Rows of a kind that are kept unless all are asked for.
pub(crate) const ROWS_KEPT: usize = 20;

/// Reads every socket that shares the port, the owners of those that have one, and the settings.
///
/// Minisockets that the rules cannot tell apart are counted, not kept: a million of them take the room of one.
pub(crate) fn read(port: u16, look: Look<'_>) -> Result<PortFacts, NoFacts> {
    let mut table = look.netns.map_or_else(SocketTable::open, SocketTable::open_in)?;
    let ports = local_ports(look.netns);
    let mut gathered = Gathered::new(&ports, look.all_rows);
    let at = Pattern { prefix: None, port: Some(port) };
    table.dump(&Query::in_states(States::all()).local(at), |row| {
        gathered.add(row.socket);
        ControlFlow::Continue(())
    })?;
    let Gathered { sockets, live, alike, rows, .. } = gathered;
    // A user who may not look sees sockets without owners.
    let owners = if live.is_empty() { None } else { Owners::read().ok() };
    let owner = |socket: &Socket| owners.as_ref()?.of(socket.inode?).cloned();
    let mut occupants: Vec<Occupant> =
        live.into_iter().map(|socket| Occupant::of(socket, owner(&socket))).collect();
    occupants.extend(alike);
    let facts = Facts { occupants, ports, ..settings_of(look.netns) };
    Ok(PortFacts { facts, sockets, rows })
}

/// All that the rules look at in a minisocket, and in which way its connection was opened as far as can be told.
type Kind = (State, IpAddr, Option<NonZeroU32>, Option<bool>, bool);

struct Gathered<'a> {
    ports: &'a LocalPorts,
    all_rows: bool,
    sockets: usize,
    live: Vec<Socket>,
    alike: Vec<Occupant>,
    places: HashMap<Kind, usize>,
    /// The kind of the row before: mostly the next one's as well.
    last: Option<(Kind, usize)>,
    rows: BTreeMap<Role, Vec<Socket>>,
}

impl<'a> Gathered<'a> {
    fn new(ports: &'a LocalPorts, all_rows: bool) -> Self {
        Self {
            ports,
            all_rows,
            sockets: 0,
            live: Vec::new(),
            alike: Vec::new(),
            places: HashMap::new(),
            last: None,
            rows: BTreeMap::new(),
        }
    }

    fn add(&mut self, socket: Socket) {
        self.sockets += 1;
        self.keep_row(socket);
        if !socket.is_minisocket() {
            self.live.push(socket);
            return;
        }
        let place = self.place(&socket);
        let Some(occupant) = self.alike.get_mut(place) else { return };
        occupant.count += 1;
        if socket.timer.expires_ms > occupant.socket.timer.expires_ms {
            occupant.socket = socket;
        }
    }

    /// Where minisockets like this one are counted.
    fn place(&mut self, socket: &Socket) -> usize {
        let to_client = self.ports.range.as_ref().is_some_and(|range| range.contains(&socket.peer.port()));
        let kind = (socket.state, socket.local.ip(), socket.interface, socket.v6only, to_client);
        if let Some((last, place)) = self.last
            && last == kind
        {
            return place;
        }
        let place = *self.places.entry(kind).or_insert_with(|| {
            self.alike.push(Occupant { count: 0, ..Occupant::of(*socket, None) });
            self.alike.len() - 1
        });
        self.last = Some((kind, place));
        place
    }

    /// Once there are enough, only one that waits longer than the last of them gets in.
    fn keep_row(&mut self, socket: Socket) {
        let rows = self.rows.entry(Role::of(&socket)).or_default();
        if self.all_rows || rows.len() < ROWS_KEPT {
            rows.push(socket);
            if rows.len() == ROWS_KEPT && !self.all_rows {
                longest_first(rows);
            }
            return;
        }
        if rows.last().is_some_and(|last| socket.timer.expires_ms > last.timer.expires_ms) {
            let place = rows.partition_point(|kept| kept.timer.expires_ms >= socket.timer.expires_ms);
            rows.pop();
            rows.insert(place, socket);
        }
    }
}

/// Those that wait longest first.
pub(crate) fn longest_first(rows: &mut [Socket]) {
    rows.sort_by_key(|socket| (Reverse(socket.timer.expires_ms), socket.local, socket.peer));
}

/// The settings that bear on bind(2). One that cannot be read is left as the rules assume it.
fn settings_of(netns: Option<&Netns>) -> Facts {
    let on = |name| setting(netns, name).is_some_and(|value| value != "0");
    Facts {
        bound_listed: sockets::lists_bound(&kernel_version()),
        unprivileged_from: setting(netns, "net.ipv4.ip_unprivileged_port_start")
            .and_then(|value| value.parse().ok()),
        nonlocal: Nonlocal { ipv4: on("net.ipv4.ip_nonlocal_bind"), ipv6: on("net.ipv6.ip_nonlocal_bind") },
        ..Facts::default()
    }
}

/// A setting of the namespace; `None` where it cannot be read.
pub(crate) fn setting(netns: Option<&Netns>, name: &str) -> Option<String> {
    netns.map_or_else(|| settings::read(name), |netns| settings::read_in(netns, name)).ok()
}

/// The ports that the kernel chooses from at connect(2).
pub(crate) fn local_ports(netns: Option<&Netns>) -> LocalPorts {
    let range = setting(netns, "net.ipv4.ip_local_port_range");
    let reserved = setting(netns, "net.ipv4.ip_local_reserved_ports").unwrap_or_default();
    LocalPorts {
        range: range.and_then(|range| {
            let (low, high) = range.split_once(' ')?;
            Some(low.parse().ok()?..=high.parse().ok()?)
        }),
        reserved: reserved.split(',').filter_map(port_range).collect(),
    }
}

/// `8080` or `9000-9010`.
fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    Some(low.trim().parse().ok()?..=high.trim().parse().ok()?)
}

/// Namespaces that are looked into for others that have the port.
const NAMESPACES: usize = 64;

/// Listeners with this port in other network namespaces, as far as this process may look there.
pub(crate) fn listeners_elsewhere(port: u16) -> usize {
    let at = Pattern { prefix: None, port: Some(port) };
    let listeners = |netns: &Netns| {
        let table = SocketTable::open_in(netns).ok();
        table.and_then(|mut table| table.collect(&Query::in_states(States::LISTEN).local(at)).ok())
    };
    let others = Netns::others(NAMESPACES).unwrap_or_default();
    others.iter().filter_map(listeners).map(|found| found.len()).sum()
}

/// The interfaces and local addresses of the namespace; `None` where they cannot be read.
pub(crate) fn local_addresses(netns: Option<&Netns>) -> Option<LocalAddresses> {
    netns.map_or_else(addresses::read, addresses::read_in).ok()
}

/// What the rules have to know of local addresses to judge one of them.
pub(crate) fn as_local(addresses: Option<&LocalAddresses>, asked: SocketAddr) -> Option<Vec<Pattern>> {
    let is_local = addresses?.is_local(asked.ip());
    let here = Pattern { port: None, ..Pattern::exactly(asked) };
    Some(if is_local { vec![here] } else { Vec::new() })
}

/// What an errno says about a port.
pub(crate) fn answer(errno: Errno) -> Answer {
    match errno {
        Errno::ADDRESS_IN_USE => Answer::InUse,
        Errno::ADDRESS_NOT_AVAILABLE => Answer::NotAvailable,
        Errno::PERMISSION_DENIED => Answer::NotPermitted,
        Errno::INVALID => Answer::Invalid,
        _ => Answer::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use timewait_facts::{Timer, TimerKind};

    fn waiting(local: &str, peer: u16, expires_ms: u32) -> Socket {
        let timer = Timer { kind: TimerKind::TimeWait, expires_ms, retries: 0 };
        let peer = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), peer);
        Socket { timer, ..Socket::bare(State::TimeWait, local.parse().unwrap(), peer) }
    }

    #[test]
    fn minisockets_that_are_alike_are_counted_and_the_longest_is_kept() {
        let ports = LocalPorts { range: Some(32768..=60999), reserved: Vec::new() };
        let mut gathered = Gathered::new(&ports, false);
        for wait in 1..=1_000 {
            gathered.add(waiting("127.0.0.1:9000", 40_000, wait));
        }
        gathered.add(waiting("127.0.0.2:9000", 40_000, 5));
        gathered.add(waiting("127.0.0.1:9000", 443, 5));
        assert_eq!(gathered.sockets, 1_002);
        let mut counts: Vec<(usize, u32)> =
            gathered.alike.iter().map(|kind| (kind.count, kind.socket.timer.expires_ms)).collect();
        counts.sort_unstable();
        assert_eq!(counts, [(1, 5), (1, 5), (1_000, 1_000)], "another address, and a peer that is no client");
        let mut rows = gathered.rows.remove(&Role::TimeWait).unwrap();
        longest_first(&mut rows);
        assert_eq!(rows.len(), ROWS_KEPT);
        assert_eq!(rows[0].timer.expires_ms, 1_000);
        assert_eq!(rows[ROWS_KEPT - 1].timer.expires_ms, 981);
    }

    #[test]
    fn reserved_ports_are_read_as_the_kernel_prints_them() {
        let ports: Vec<_> = "8080,9000-9010".split(',').filter_map(port_range).collect();
        assert_eq!(ports, [8080..=8080, 9000..=9010]);
        assert!(port_range("").is_none());
    }
}
