//! The sockets of one situation.
//!
//! Real holders came one after the other, each allowed by the flags of that moment, in an order that nobody knows any
//! more. Here all of them are bound while each has both flags, so that none stands in another's way; then the port's
//! bucket is made to forget that (see [`Situation::forget`]), and each gets its own flags. A minisocket has the flags
//! that its socket had when it was closed.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    os::fd::{AsFd as _, OwnedFd},
    thread,
    time::Instant,
};

use rustix::{
    fs::{Gid, Uid},
    io::Result,
    net::{AddressFamily, SocketFlags, SocketType, sockopt},
};
use timewait_facts::State;

use super::{
    Endpoint, Flags, Holder, Role,
    stage::{LOOK_AGAIN, PATIENCE},
};
use crate::{calls, options};

/// Where the connections of outgoing holders go to: each of one situation to a port of its own, from the first on.
pub(super) const SINK_PORTS: [u16; 8] = [9, 10, 11, 12, 13, 14, 15, 16];
/// `LOOPBACK_IFINDEX` (linux v6.12 include/net/flow.h)
const LOOPBACK: u32 = 1;

/// A holder being built.
struct Building {
    role: Role,
    at: Endpoint,
    /// The socket that has the port.
    socket: OwnedFd,
    /// Of a connection, the other side.
    peer: Option<OwnedFd>,
    /// Of an outgoing connection, which of the sinks it goes to.
    sink: usize,
}

/// The holders of one port, rebuilt.
pub(super) struct Situation {
    port: u16,
    holders: Vec<Building>,
    /// Bound sockets that are yet to listen.
    rivals: Vec<OwnedFd>,
    /// Sockets that stay open until the trial is over.
    open_until_the_end: Vec<OwnedFd>,
}

/// A call that failed on the way, and which holder it was for.
pub(super) struct Failed {
    pub(super) holder: usize,
    pub(super) errno: rustix::io::Errno,
}

impl Situation {
    /// Rebuilds these holders at this port; `sinks` listen at [`SINK_PORTS`].
    pub(super) fn build(
        holders: &[Holder],
        port: u16,
        sinks: &[OwnedFd],
    ) -> std::result::Result<Self, Failed> {
        let mut situation =
            Self { port, holders: Vec::new(), rivals: Vec::new(), open_until_the_end: Vec::new() };
        for (holder, given) in holders.iter().enumerate() {
            let building = situation.bind(given).map_err(|errno| Failed { holder, errno })?;
            situation.holders.push(building);
        }
        situation.each(|building| building.connect(port, sinks))?;
        situation.forget().map_err(|errno| Failed { holder: holders.len(), errno })?;
        situation.each(Building::listen)?;
        situation.each(Building::become_itself)?;
        situation.close();
        Ok(situation)
    }

    fn bind(&self, holder: &Holder) -> Result<Building> {
        let at =
            Endpoint { flags: Flags { v6only: holder.at.flags.v6only, ..Flags::BOTH }, ..holder.at.clone() };
        let socket = open(&at)?;
        rustix::net::bind(&socket, &on(at.address, self.port))?;
        let sink = self.holders.iter().filter(|other| is_outgoing(other.role)).count();
        Ok(Building { role: holder.role, at: holder.at.clone(), socket, peer: None, sink })
    }

    fn each(&mut self, mut step: impl FnMut(&mut Building) -> Result<()>) -> std::result::Result<(), Failed> {
        for (holder, building) in self.holders.iter_mut().enumerate() {
            step(building).map_err(|errno| Failed { holder, errno })?;
        }
        Ok(())
    }

    /// Makes the port's bucket forget that all its sockets had both flags: it would let others in without looking at
    /// its sockets any more (`fastreuse`, `fastreuseport`; linux v6.12 net/ipv4/inet_connection_sock.c
    /// `inet_csk_update_fastreuse`). A socket without a flag that is let in by the other one clears the mark of the first.
    fn forget(&self) -> Result<()> {
        if self.holders.is_empty() {
            return Ok(());
        }
        for flags in [Flags::REUSEPORT, Flags::REUSEADDR] {
            let everywhere = Endpoint::new(Ipv4Addr::UNSPECIFIED.into(), flags);
            rustix::net::bind(open(&everywhere)?, &on(everywhere.address, self.port))?;
        }
        Ok(())
    }

    /// Lets those listen that do so before the request does.
    pub(super) fn let_rivals_listen(&self) -> Result<()> {
        self.rivals.iter().try_for_each(|rival| rustix::net::listen(rival, 1))
    }

    /// Closes what is to wait, this side first.
    fn close(&mut self) {
        for building in std::mem::take(&mut self.holders) {
            match building.role {
                Role::Listener | Role::Bound | Role::Accepted | Role::Outgoing => {
                    self.open_until_the_end.push(building.socket);
                    self.open_until_the_end.extend(building.peer);
                }
                Role::Rival => self.rivals.push(building.socket),
                Role::OrphanedFinWait2 => {
                    close_once_acknowledged(building.socket);
                    self.open_until_the_end.extend(building.peer);
                }
                Role::TimeWait | Role::OutgoingTimeWait => {
                    drop(building.socket);
                    drop(building.peer);
                }
            }
        }
    }
}

impl Building {
    /// Makes the connection that the role has.
    fn connect(&mut self, port: u16, sinks: &[OwnedFd]) -> Result<()> {
        match self.role {
            Role::Listener | Role::Bound | Role::Rival => {}
            Role::Accepted | Role::OrphanedFinWait2 | Role::TimeWait => {
                rustix::net::listen(&self.socket, 1)?;
                let client = open_plain(self.at.address)?;
                rustix::net::connect(&client, &on(reachable(self.at.address), port))?;
                self.socket = accept(&self.socket)?;
                self.peer = Some(client);
            }
            Role::Outgoing | Role::OutgoingTimeWait => {
                let sink = sinks.get(self.sink).zip(SINK_PORTS.get(self.sink));
                let (sink, &sink_port) = sink.ok_or(rustix::io::Errno::ADDRNOTAVAIL)?;
                rustix::net::connect(&self.socket, &on(loopback_beside(self.at.address), sink_port))?;
                self.peer = Some(accept(sink)?);
            }
        }
        Ok(())
    }

    /// listen(2) looks at flags once more, and marks the bucket anew: by SO_REUSEPORT if the listener has it, as it
    /// was in its real life, and else by SO_REUSEADDR, which leaves no mark.
    fn listen(&mut self) -> Result<()> {
        if self.role == Role::Listener {
            sockopt::set_socket_reuseport(&self.socket, self.at.flags.reuseport)?;
            rustix::net::listen(&self.socket, 1)?;
        }
        Ok(())
    }

    /// The flags and the user that the holder really has.
    fn become_itself(&mut self) -> Result<()> {
        sockopt::set_socket_reuseaddr(&self.socket, self.at.flags.reuseaddr)?;
        sockopt::set_socket_reuseport(&self.socket, self.at.flags.reuseport)?;
        give_to(&self.socket, self.at.uid)
    }
}

/// Sends a FIN and closes once that is acknowledged: then the socket is made a minisocket for sure.
///
/// One that is closed at once may stay a full socket for its minute, if the acknowledgement comes in the midst of close(2)
/// (linux v6.12 net/ipv4/tcp_input.c `tcp_rcv_state_process`, "Bad case"), and then counts with its user.
fn close_once_acknowledged(socket: OwnedFd) {
    // What fails here is found missing later.
    let _ = rustix::net::shutdown(&socket, rustix::net::Shutdown::Write);
    let start = Instant::now();
    while options::tcp_state(&socket).is_ok_and(|state| state == State::FinWait1)
        && start.elapsed() < PATIENCE
    {
        thread::sleep(LOOK_AGAIN);
    }
    drop(socket);
}

/// A new socket with these options.
pub(super) fn open(at: &Endpoint) -> Result<OwnedFd> {
    let socket = open_plain(at.address)?;
    sockopt::set_socket_reuseaddr(&socket, at.flags.reuseaddr)?;
    sockopt::set_socket_reuseport(&socket, at.flags.reuseport)?;
    if at.address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, at.flags.v6only)?;
    }
    if at.device.is_some() {
        bind_to_loopback(&socket)?;
    }
    Ok(socket)
}

fn open_plain(address: IpAddr) -> Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)
}

/// The host of our own has one device, which stands for the one of the situation.
fn bind_to_loopback(socket: &OwnedFd) -> Result<()> {
    let index = LOOPBACK.cast_signed();
    calls::set_int_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_BINDTOIFINDEX, index)
        .map_err(|error| rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::INVAL))
}

fn accept(listener: &OwnedFd) -> Result<OwnedFd> {
    rustix::net::accept_with(listener, SocketFlags::CLOEXEC)
}

/// A socket's user is its file's (linux v6.12 net/socket.c `sockfs_setattr`).
pub(super) fn give_to(socket: &OwnedFd, uid: Option<u32>) -> Result<()> {
    match uid {
        Some(uid) => rustix::fs::fchown(socket, Some(Uid::from_raw(uid)), None::<Gid>),
        None => Ok(()),
    }
}

/// An address with a port; a link-local one with its interface.
pub(super) fn on(address: IpAddr, port: u16) -> SocketAddr {
    match address {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => SocketAddrV6::new(ip, port, 0, LOOPBACK).into(),
        _ => SocketAddr::new(address, port),
    }
}

/// Where a client reaches a listener on this address.
fn reachable(address: IpAddr) -> IpAddr {
    if address.to_canonical().is_unspecified() { loopback_beside(address) } else { address }
}

/// The loopback address that a socket with this address can talk to.
fn loopback_beside(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

/// Whether the holder is a connection, or what is left of one.
pub(super) fn is_connection(role: Role) -> bool {
    !matches!(role, Role::Listener | Role::Bound | Role::Rival)
}

/// Whether this side opened it.
pub(super) fn is_outgoing(role: Role) -> bool {
    matches!(role, Role::Outgoing | Role::OutgoingTimeWait)
}

/// The state that a role's socket is in once it is built, and whether it is a minisocket then.
pub(super) fn state_of(role: Role) -> (State, bool) {
    match role {
        Role::Listener => (State::Listen, false),
        Role::Bound | Role::Rival => (State::BoundInactive, false),
        Role::Accepted | Role::Outgoing => (State::Established, false),
        Role::OrphanedFinWait2 => (State::FinWait2, true),
        Role::TimeWait | Role::OutgoingTimeWait => (State::TimeWait, true),
    }
}
