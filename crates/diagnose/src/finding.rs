use core::time::Duration;

use timewait_facts::{Owner, Socket, State};

/// What the facts mean for one call that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which finding this is.
    pub code: Code,
    /// The sockets responsible, by role.
    pub holders: Vec<Holder>,
    /// Why they refuse, or what else does.
    pub because: Because,
    /// When it will pass by itself.
    pub until: Until,
    /// What helps here, the smallest first. Nothing that is already done.
    pub remedies: Vec<Remedy>,
    /// What else is worth a word.
    pub notes: Vec<Note>,
}

/// A finding's name, stable for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A socket listens there.
    HeldByListener,
    /// A socket is bound there and neither listens nor is connected.
    HeldByBound,
    /// Connections are open there, and nothing listens.
    HeldByConnections,
    /// Only timewait minisockets are there.
    HeldByWaiting,
    /// A connection that was opened from this side has the port. Inferred.
    HeldByOutgoing,
    /// The kernel says that it is in use, and no table shows by whom.
    HeldByUnseen,
    /// The port is below `ip_unprivileged_port_start`.
    PrivilegedPort,
    /// The address is not one of this network namespace.
    AddressNotHere,
    /// The address and the options do not go together.
    InvalidRequest,
    /// Nothing that this program explains.
    Unexplained,
}

impl Code {
    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HeldByListener => "held-by-listener",
            Self::HeldByBound => "held-by-bound",
            Self::HeldByConnections => "held-by-connections",
            Self::HeldByWaiting => "held-by-waiting",
            Self::HeldByOutgoing => "held-by-outgoing",
            Self::HeldByUnseen => "held-by-unseen",
            Self::PrivilegedPort => "privileged-port",
            Self::AddressNotHere => "address-not-here",
            Self::InvalidRequest => "invalid-request",
            Self::Unexplained => "unexplained",
        }
    }
}

/// Sockets that hold a port in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The way.
    pub role: Role,
    /// How many.
    pub count: usize,
    /// The longest wait among minisockets; none for sockets that a process holds.
    pub last_expires_in: Option<Duration>,
    /// The process of the first of them that has one which could be seen.
    pub owner: Option<Owner>,
}

/// How a socket holds a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// LISTEN.
    Listener,
    /// Bound only.
    Bound,
    /// A connection that some process, or the kernel on its way to close it, still has.
    Connection,
    /// A connection that seems to have been opened from this side, by the kernel's choice of this port.
    Outgoing,
    /// A timewait minisocket in FIN-WAIT-2: the peer has not closed yet.
    OrphanedFinWait2,
    /// TIME-WAIT.
    TimeWait,
    /// What is left of such an outgoing connection: TIME-WAIT, or an orphaned FIN-WAIT-2.
    OutgoingWaiting,
}

impl Role {
    /// The name, stable for scripts. A connection that does not seem to have been opened from this side counts as a
    /// server's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Bound => "bound",
            Self::Connection => "server-connection",
            Self::Outgoing => "outgoing-connection",
            Self::OrphanedFinWait2 => "server-fin-wait-2",
            Self::TimeWait => "server-time-wait",
            Self::OutgoingWaiting => "outgoing-waiting",
        }
    }

    /// The role of a row of the socket table, which does not say who opened a connection.
    pub fn of(socket: &Socket) -> Self {
        match socket.state {
            State::Listen => Self::Listener,
            State::BoundInactive | State::Closed => Self::Bound,
            State::TimeWait => Self::TimeWait,
            State::FinWait2 if socket.is_minisocket() => Self::OrphanedFinWait2,
            State::Established
            | State::SynSent
            | State::SynRecv
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::LastAck
            | State::Closing => Self::Connection,
        }
    }
}

/// Why a call was refused. What is inferred rather than read says so in its sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// A listening socket shares its port only with sockets that have SO_REUSEPORT as it has.
    ListenerShares,
    /// Both sockets passed bind(2) by SO_REUSEADDR; only one may listen.
    SecondListener,
    /// Bound sockets share a port only if all of them have SO_REUSEADDR, or all have SO_REUSEPORT.
    BoundShares,
    /// The new socket has neither option; whether the old ones had one, no table shows.
    NewLacksReuse,
    /// The new socket has SO_REUSEADDR and was refused, so an old one lacks it. Inferred.
    OldLacksReuseaddr,
    /// The new socket has SO_REUSEPORT alone and was refused, so an old one lacks that. Inferred.
    OldLacksReuseport,
    /// Both have SO_REUSEPORT, and the old socket is another user's.
    OtherUser {
        /// That user.
        uid: u32,
    },
    /// An outgoing connection took the port. Inferred.
    OutgoingTook,
    /// No row of the table shares the port.
    NothingSeen {
        /// Whether this kernel lists sockets that are only bound (6.8 and later).
        bound_listed: bool,
    },
    /// Ports below this one need CAP_NET_BIND_SERVICE.
    Privileged {
        /// `net.ipv4.ip_unprivileged_port_start`.
        unprivileged_from: u16,
    },
    /// No interface of this network namespace has the address.
    NoSuchAddress,
    /// `::ffff:a.b.c.d` is an IPv4 address, which IPV6_V6ONLY excludes.
    MappedButV6only,
    /// A link-local address means nothing without its interface.
    NoInterface,
    /// TCP has no multicast.
    Multicast,
    /// The errno says it all.
    Errno,
}

/// When a call would succeed if nobody does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Once the last minisocket has expired, this long from the moment of the facts.
    Expires(Duration),
    /// Not before the process that holds the socket ends or closes it.
    Released,
    /// Not before the open connections end; nobody can know when. Those that this side closes first wait another
    /// minute.
    ConnectionsEnd,
    /// Not before somebody changes what was asked for, or the machine.
    Changed,
    /// Nothing seen tells.
    Unknown,
}

/// Something that helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// End the process that listens or is bound there.
    EndOwner(Owner),
    /// Let it be, for so long.
    Wait(Duration),
    /// End the timewait minisockets (`timewait free`).
    EndWaiting {
        /// Their port.
        port: u16,
    },
    /// Set SO_REUSEADDR before bind(2) on the new socket: helps at once if the old one had it.
    SetReuseaddr,
    /// Set SO_REUSEPORT before bind(2) on the new socket: the old ones have it.
    SetReuseport,
    /// Set IPV6_V6ONLY: only IPv4 sockets are in the way.
    SetV6only,
    /// Clear IPV6_V6ONLY.
    ClearV6only,
    /// Bind as this user, whose sockets have SO_REUSEPORT as the new one has.
    AsUser {
        /// That user.
        uid: u32,
    },
    /// Too late for these; from the next restart on the flag that is now set will do.
    ReuseaddrFromNextRestart,
    /// Too late for this one; `ip_local_reserved_ports` keeps the kernel from choosing the port again.
    ReservePort {
        /// The port.
        port: u16,
    },
    /// Ask for another port, or port 0.
    OtherPort,
    /// Run with CAP_NET_BIND_SERVICE, or take a port from the setting's value on.
    Privilege {
        /// `net.ipv4.ip_unprivileged_port_start`.
        unprivileged_from: u16,
    },
    /// Bind one of this host's addresses, or the unspecified one.
    LocalAddress,
    /// Name the interface with the address.
    NameInterface,
    /// Look as root: sockets' owners, and other namespaces.
    LookAsRoot,
}

/// Something beside the reason that is worth a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// An IPv4 socket and an IPv6 socket are in each other's way: one of them is dual stack.
    DualStack,
    /// Sockets of other network namespaces have the port too; they do not matter.
    OtherNamespace {
        /// How many.
        sockets: usize,
    },
}
