use core::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    ops::RangeInclusive,
};

use timewait_facts::{Owner, Pattern, Socket, State};

use crate::Role;

/// What is asked of the kernel: bind(2) to an address, then listen(2), on a new TCP socket with these options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The address and port. Port 0 leaves the choice to the kernel.
    pub address: SocketAddr,
    /// SO_REUSEADDR was set before bind(2).
    pub reuseaddr: bool,
    /// SO_REUSEPORT was set before bind(2).
    pub reuseport: bool,
    /// IPV6_V6ONLY as it is at bind(2): set, or left to `net.ipv6.bindv6only`. Without meaning for an IPv4 address.
    pub v6only: bool,
    /// SO_BINDTODEVICE, by the interface's index.
    pub device: Option<NonZeroU32>,
    /// The user who makes the socket.
    pub uid: u32,
    /// That user has CAP_NET_BIND_SERVICE in the network namespace.
    pub privileged: bool,
}

impl Request {
    /// A socket without options, of an ordinary user with this id.
    pub const fn plain(address: SocketAddr, uid: u32) -> Self {
        Self {
            address,
            reuseaddr: false,
            reuseport: false,
            v6only: false,
            device: None,
            uid,
            privileged: false,
        }
    }
}

/// What is known about the machine.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Sockets with the port asked for, on any local address, in any state. Those with another port are passed over.
    /// A [`Census`](super::Census) keeps them few.
    pub occupants: Vec<Occupant>,
    /// Whether this kernel lists sockets that are only bound.
    pub bound_listed: bool,
    /// `net.ipv4.ip_unprivileged_port_start`, where it can be read; else the kernel's default, 1024, is assumed.
    pub unprivileged_from: Option<u16>,
    /// The addresses of this network namespace (patterns without a port; the loopback's whole prefixes); where they
    /// are not known, the one asked for is assumed to be there.
    pub local: Option<Vec<Pattern>>,
    /// Whether other addresses may be bound as well.
    pub nonlocal: Nonlocal,
    /// From where the kernel takes ports for outgoing connections.
    pub ports: LocalPorts,
    /// What the port's bind bucket remembers.
    pub bucket: Bucket,
    /// Sockets of other network namespaces that have the port. They never matter; people think that they do.
    pub elsewhere: usize,
}

/// `net.ipv4.ip_nonlocal_bind` and `net.ipv6.ip_nonlocal_bind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nonlocal {
    /// For IPv4 addresses.
    pub ipv4: bool,
    /// For IPv6 addresses.
    pub ipv6: bool,
}

/// The ports that the kernel chooses from at connect(2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalPorts {
    /// `net.ipv4.ip_local_port_range`, where it can be read.
    pub range: Option<RangeInclusive<u16>>,
    /// `net.ipv4.ip_local_reserved_ports`.
    pub reserved: Vec<RangeInclusive<u16>>,
}

impl LocalPorts {
    /// Whether the kernel may choose this port for an outgoing connection.
    pub fn offers(&self, port: u16) -> bool {
        self.in_range(port) && !self.reserved.iter().any(|ports| ports.contains(&port))
    }

    pub(super) fn in_range(&self, port: u16) -> bool {
        self.range.as_ref().is_some_and(|range| range.contains(&port))
    }
}

/// What the kernel remembers of a port's bind bucket beyond the sockets in it (`fastreuse`, `fastreuseport`: a
/// shortcut past the check). No interface shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bucket {
    /// What the flags of the sockets that are there would have left. True unless somebody changed a flag after
    /// bind(2), or a socket with SO_REUSEPORT has come and gone.
    #[default]
    AsTheFlagsSay,
    /// Anything: flags may have been changed.
    Unknown,
}

/// Sockets on the port that are alike in all that the rules look at; mostly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// Its row of the socket table; of several, the one that lasts longest. The rules look at its state, its local
    /// end, interface and uid, at IPV6_V6ONLY where it is known, and at whether it is a minisocket.
    pub socket: Socket,
    /// How many there are.
    pub count: usize,
    /// The process that holds it.
    pub owner: Option<Owner>,
    /// SO_REUSEADDR, where known: no table shows it.
    pub reuseaddr: Option<bool>,
    /// SO_REUSEPORT, where known.
    pub reuseport: Option<bool>,
}

impl Occupant {
    /// One socket, of whose flags nothing is known.
    pub fn of(socket: Socket, owner: Option<Owner>) -> Self {
        Self { socket, count: 1, owner, reuseaddr: None, reuseport: None }
    }

    /// The same with its flags.
    #[must_use]
    pub fn with_flags(self, reuseaddr: Option<bool>, reuseport: Option<bool>) -> Self {
        Self { reuseaddr, reuseport, ..self }
    }

    pub(super) fn listens(&self) -> bool {
        self.socket.state == State::Listen
    }

    /// Whether this is a connection, past or present: something that has a peer.
    pub(super) fn is_connection(&self) -> bool {
        match Role::of(&self.socket) {
            Role::Listener | Role::Bound => false,
            Role::Connection
            | Role::Outgoing
            | Role::OrphanedFinWait2
            | Role::TimeWait
            | Role::OutgoingWaiting => true,
        }
    }

    /// Whether it is in the port's bind bucket. A half-open connection is not: until the handshake ends there is
    /// only a request at its listener. (linux v6.12 net/ipv4/inet_hashtables.c `__inet_inherit_port`, called by
    /// `tcp_v4_syn_recv_sock`.)
    pub(super) fn holds_port(&self) -> bool {
        self.socket.state != State::SynRecv || self.socket.shutdown.is_some()
    }

    /// The user whom the kernel compares. Where the table's reader found none for a live socket, it was 0, which is
    /// what the kernel compares as well (linux v6.12 net/core/sock.c `sock_i_uid`; v6.18 `sk_uid`).
    pub(super) fn uid(&self) -> u32 {
        self.socket.uid.unwrap_or(0)
    }

    /// IPV6_V6ONLY, where it is known or cannot matter: IPv4 sockets have none.
    pub(super) fn v6only(&self) -> Option<bool> {
        match self.socket.local.ip() {
            IpAddr::V4(_) => Some(false),
            IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => Some(false),
            IpAddr::V6(_) => self.socket.v6only,
        }
    }
}

impl Facts {
    /// How sockets hold the port.
    pub fn roles(&self) -> Roles<'_> {
        Roles { ports: &self.ports, someone_listens: self.occupants.iter().any(Occupant::listens) }
    }
}

/// How sockets hold a port.
#[derive(Clone, Copy, Debug)]
pub struct Roles<'a> {
    ports: &'a LocalPorts,
    someone_listens: bool,
}

impl Roles<'_> {
    /// How a socket holds the port: its row's role, and for a connection whether this side seems to have opened it.
    ///
    /// That is inferred: nothing listens on the port, the kernel may choose it for outgoing connections, and the
    /// peer's port is not such a one.
    pub fn of(&self, occupant: &Occupant) -> Role {
        let (role, port) = (Role::of(&occupant.socket), occupant.socket.local.port());
        let outgoing = occupant.is_connection()
            && self.ports.offers(port)
            && !self.ports.in_range(occupant.socket.peer.port())
            && !self.someone_listens;
        match role {
            Role::Connection if outgoing => Role::Outgoing,
            Role::OrphanedFinWait2 | Role::TimeWait if outgoing => Role::OutgoingWaiting,
            Role::Listener
            | Role::Bound
            | Role::Connection
            | Role::Outgoing
            | Role::OrphanedFinWait2
            | Role::TimeWait
            | Role::OutgoingWaiting => role,
        }
    }
}
