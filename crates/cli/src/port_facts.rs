//! What is known about a port: every socket that shares it, and the settings that bear on it.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    net::SocketAddr,
    ops::{ControlFlow, RangeInclusive},
    time::Duration,
};

use anyhow::Context as _;
use timewait_diagnose::{
    Role,
    bind::{Answer, Census, Facts, LocalPorts, Nonlocal, Occupant},
    ports::{self, Reuse},
};
use timewait_facts::{LocalAddresses, Owner, Pattern, Socket, States};
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
    /// Rows to show with their owners, by the way in which they hold the port.
    pub(crate) rows: BTreeMap<Role, Vec<Held>>,
}

/// A row, and the process that has it.
pub(crate) type Held = (Socket, Option<Owner>);

/// Rows of a kind that are kept unless all are asked for.
pub(crate) const ROWS_KEPT: usize = 20;

/// Reads every socket that shares the port, the owners of those that have one, and the settings.
///
/// Minisockets that the rules cannot tell apart are counted, not kept: a million of them take the room of one.
pub(crate) fn read(port: u16, look: Look<'_>) -> Result<PortFacts, NoFacts> {
    let mut table = look.netns.map_or_else(SocketTable::open, SocketTable::open_in)?;
    let mut facts = Facts { ports: local_ports(look.netns), ..settings_of(look.netns) };
    let mut census = Census::new(facts.ports.clone());
    let mut kept = Kept { all: look.all_rows, rows: BTreeMap::new() };
    let (mut live, mut sockets) = (Vec::new(), 0);
    let at = Pattern { prefix: None, port: Some(port) };
    table.dump(&Query::in_states(States::all()).local(at), |row| {
        sockets += 1;
        let socket = row.socket();
        kept.keep(socket);
        if socket.is_minisocket() {
            census.add(Occupant::of(socket, None));
        } else {
            live.push(socket);
        }
        ControlFlow::Continue(())
    })?;
    // A user who may not look sees sockets without owners.
    let owners = if live.is_empty() { None } else { Owners::read().ok() };
    let owner = |socket: &Socket| owners.as_ref()?.of(socket.inode?).cloned();
    for socket in live {
        census.add(Occupant::of(socket, owner(&socket)));
    }
    facts.occupants = census.into_occupants();
    let held = |socket: Socket| (socket, owner(&socket));
    let rows = kept.rows.into_iter().map(|(role, rows)| (role, rows.into_iter().map(held).collect()));
    Ok(PortFacts { facts, sockets, rows: rows.collect() })
}

/// Rows to show.
struct Kept {
    all: bool,
    rows: BTreeMap<Role, Vec<Socket>>,
}

impl Kept {
    /// Once there are enough of a role, only one that waits longer than the last of them gets in.
    fn keep(&mut self, socket: Socket) {
        let rows = self.rows.entry(Role::of(&socket)).or_default();
        if self.all || rows.len() < ROWS_KEPT {
            rows.push(socket);
            if rows.len() == ROWS_KEPT && !self.all {
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
fn longest_first(rows: &mut [Socket]) {
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

/// Before 6.14, which made a setting of it (linux v6.13 net/ipv4/tcp_ipv4.c `tcp_twsk_unique`).
const REUSE_DELAY: Duration = Duration::from_secs(1);

/// The settings that the budget of local ports depends on; no socket is read.
pub(crate) fn budget_settings(netns: Option<&Netns>) -> anyhow::Result<ports::Facts> {
    let read = |name| setting(netns, name).with_context(|| format!("cannot read {name}"));
    let delay = setting(netns, "net.ipv4.tcp_tw_reuse_delay").and_then(|ms| ms.parse().ok());
    Ok(ports::Facts {
        range: read("net.ipv4.ip_local_port_range")?.parse()?,
        reserved: read("net.ipv4.ip_local_reserved_ports")?.parse()?,
        sockets: Vec::new(),
        reuse: Reuse::from_setting(read("net.ipv4.tcp_tw_reuse")?.parse()?),
        reuse_delay: delay.map_or(REUSE_DELAY, Duration::from_millis),
        timestamps: read("net.ipv4.tcp_timestamps")? != "0",
    })
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
    use timewait_facts::{State, Timer, TimerKind};

    fn waiting(local: &str, peer: u16, expires_ms: u32) -> Socket {
        let timer = Timer { kind: TimerKind::TimeWait, expires_ms, retries: 0 };
        let peer = SocketAddr::from(([127, 0, 0, 1], peer));
        Socket { timer, ..Socket::bare(State::TimeWait, local.parse().unwrap(), peer) }
    }

    #[test]
    fn of_many_rows_those_that_wait_longest_are_kept() {
        let mut kept = Kept { all: false, rows: BTreeMap::new() };
        for wait in (1..=1_000).rev().chain(1_001..=1_010) {
            kept.keep(waiting("127.0.0.1:9000", 40_000, wait));
        }
        let rows = kept.rows.remove(&Role::TimeWait).unwrap();
        let waits: Vec<u32> = rows.iter().map(|socket| socket.timer.expires_ms).collect();
        assert_eq!(waits, (991..=1_010).rev().collect::<Vec<u32>>());
    }

    #[test]
    fn reserved_ports_are_read_as_the_kernel_prints_them() {
        let ports: Vec<_> = "8080,9000-9010".split(',').filter_map(port_range).collect();
        assert_eq!(ports, [8080..=8080, 9000..=9010]);
        assert!(port_range("").is_none());
    }
}
