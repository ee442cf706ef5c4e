use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::{error, fmt, net::SocketAddr};

use super::Pair;
use crate::{CallError, Profile};

/// What an application holds of a listener or a connection. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(u64);

impl Handle {
    /// Its number: the first is 1.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The handle with this number, whether there is one or not: to come back from where only numbers go.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }
}

/// A connection that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its handle.
    pub handle: Handle,
    /// Our end: with a listener on all addresses, the one that the peer chose.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
}

/// What a read finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Text, at least an octet.
    Text(Vec<u8>),
    /// Nothing yet.
    Nothing,
    /// The peer has closed, and everything has been read.
    End,
}

/// Why a call on a connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserError {
    /// The call is not served in this state.
    Call(CallError),
    /// The peer did not want the connection. Told once.
    Refused,
    /// The peer, or something that cannot be, has ended it. Told once.
    Reset,
    /// The peer was silent for too long. Told once.
    TimedOut,
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Refused => f.write_str("connection refused"),
            Self::Reset => f.write_str("connection reset"),
            Self::TimedOut => f.write_str("connection aborted due to user timeout"),
        }
    }
}

impl error::Error for UserError {}

impl From<CallError> for UserError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

/// A passive OPEN.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    pub(super) local: SocketAddr,
    /// How many children may be half-open or wait to be accepted.
    pub(super) backlog: usize,
    /// Those that are established, in this order.
    pub(super) ready: VecDeque<Handle>,
    /// By which its children go.
    pub(super) profile: Arc<Profile>,
}

impl Listener {
    /// Whether what is sent to this address is for it.
    pub(super) fn hears(&self, to: SocketAddr) -> bool {
        self.local.port() == to.port()
            && self.local.is_ipv4() == to.is_ipv4()
            && (self.local.ip() == to.ip() || self.local.ip().is_unspecified())
    }
}

/// What an application has of a connection, and keeps when that has ended.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) pair: Pair,
    /// It has opened or accepted. Until a child is accepted, nobody has its handle.
    pub(super) has_handle: bool,
    /// Received and not read.
    pub(super) text: VecDeque<u8>,
    pub(super) peer_closed: bool,
    /// Why it has ended, until it is told.
    pub(super) error: Option<UserError>,
}

impl User {
    pub(super) const fn new(pair: Pair, has_handle: bool) -> Self {
        Self { pair, has_handle, text: VecDeque::new(), peer_closed: false, error: None }
    }
}
