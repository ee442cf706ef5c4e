use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use timewait_facts::{Cookie, State};

use super::{
    layout::Layout,
    program::{HEAD, at},
};

/// A change of a socket's state that is part of a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Transition {
    /// The socket's address in the kernel: the same for all changes of one socket, and of a later one in its place.
    pub(in super::super) socket: u64,
    pub(in super::super) old: State,
    pub(in super::super) new: State,
    pub(in super::super) local: SocketAddr,
    pub(in super::super) peer: SocketAddr,
    /// `None` as long as nobody has asked the kernel for it.
    pub(in super::super) cookie: Option<Cookie>,
    /// What the socket has come to know of an error; 0 for none.
    pub(in super::super) error: i32,
    /// Who closed; `None` where the kernel ran for somebody else.
    pub(in super::super) closer: Option<Closer>,
}

/// The task in whose context a change happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Closer {
    /// The process, as the machine's first pid namespace has it.
    pub(in super::super) pid: u32,
    /// The thread.
    pub(in super::super) tid: u32,
    /// The thread's name, filled up with zeros.
    pub(in super::super) command: [u8; 16],
    /// The control group's id in the unified hierarchy.
    pub(in super::super) cgroup: u64,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It is not as long as those that the probe writes.
    #[error("a record of {length} bytes, where {expected} belong")]
    Length {
        /// Its length.
        length: usize,
        /// The length that it should have.
        expected: usize,
    },
    /// An address family other than IPv4 and IPv6.
    #[error("a socket of address family {0}")]
    Family(u16),
    /// A state that this program does not know.
    #[error("a change to or from state {0}, which no version known to this program has")]
    State(u8),
}

impl Transition {
    /// Reads a record; the ring's own padding may follow it.
    pub(super) fn parse(record: &[u8], layout: &Layout) -> Result<Self, EventError> {
        let expected = usize::try_from(HEAD + layout.copied()).unwrap_or(usize::MAX);
        let wrong = EventError::Length { length: record.len(), expected };
        if record.len() != expected {
            return Err(wrong);
        }
        let field = Fields { record, wrong };
        let [old, new] = field.bytes(at::OLD)?;
        let state = |number| State::from_kernel(number).ok_or(EventError::State(number));
        let process = u64::from_ne_bytes(field.bytes(at::PROCESS)?);
        let error = i32::from_ne_bytes(field.bytes(at::ERROR)?);
        let closer = Closer {
            pid: upper(process),
            tid: upper(process << 32),
            command: field.bytes(at::COMMAND)?,
            cgroup: u64::from_ne_bytes(field.bytes(at::CGROUP)?),
        };
        let new = state(new)?;
        // An RST that arrives ends a socket in the context of whoever happens to run; then there is an error.
        let is_closer = closer.pid != 0 && (new != State::Closed || error == 0);
        let (local, peer) = field.ends(layout)?;
        let cookie = u64::from_ne_bytes(field.copied(layout.cookie)?);
        Ok(Self {
            socket: u64::from_ne_bytes(field.bytes(at::SOCKET)?),
            old: state(old)?,
            new,
            local,
            peer,
            cookie: (cookie != 0).then_some(Cookie(cookie)),
            error,
            closer: is_closer.then_some(closer),
        })
    }
}

fn upper(word: u64) -> u32 {
    u32::try_from(word >> 32).unwrap_or_default()
}

struct Fields<'a> {
    record: &'a [u8],
    wrong: EventError,
}

impl Fields<'_> {
    fn bytes<const N: usize>(&self, place: i16) -> Result<[u8; N], EventError> {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        self.record.get(place..).and_then(<[u8]>::first_chunk).copied().ok_or(self.wrong)
    }

    /// From the copy of the socket.
    fn copied<const N: usize>(&self, offset: u32) -> Result<[u8; N], EventError> {
        i16::try_from(HEAD + offset).map_err(|_| self.wrong).and_then(|place| self.bytes(place))
    }

    fn ends(&self, layout: &Layout) -> Result<(SocketAddr, SocketAddr), EventError> {
        let family = u16::from_ne_bytes(self.copied(layout.family)?);
        let (local, peer) = match i32::from(family) {
            libc::AF_INET => (self.v4(layout.local)?, self.v4(layout.peer)?),
            libc::AF_INET6 => (self.v6(layout.local_v6)?, self.v6(layout.peer_v6)?),
            _ => return Err(EventError::Family(family)),
        };
        let local_port = u16::from_be_bytes(self.bytes(at::LOCAL_PORT)?);
        let peer_port = u16::from_be_bytes(self.copied(layout.peer_port)?);
        Ok((SocketAddr::new(local, local_port), SocketAddr::new(peer, peer_port)))
    }

    fn v4(&self, offset: u32) -> Result<IpAddr, EventError> {
        Ok(Ipv4Addr::from(self.copied::<4>(offset)?).into())
    }

    fn v6(&self, offset: u32) -> Result<IpAddr, EventError> {
        Ok(Ipv6Addr::from(self.copied::<16>(offset)?).into())
    }
}
