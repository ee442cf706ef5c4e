use std::net::SocketAddr;

use timewait_facts::Socket;

/// The two ends of a connection, an IPv4 address in IPv6's clothes being the same as without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ends(SocketAddr, SocketAddr);

impl Ends {
    pub(super) fn new(local: SocketAddr, peer: SocketAddr) -> Self {
        Self(plain(local), plain(peer))
    }

    pub(super) fn of(socket: &Socket) -> Self {
        Self::new(socket.local, socket.peer)
    }

    /// As the other end has them.
    pub(super) fn swapped(self) -> Self {
        Self(self.1, self.0)
    }
}

/// An endpoint whose address is IPv4 where it means IPv4.
pub(super) fn plain(end: SocketAddr) -> SocketAddr {
    SocketAddr::new(end.ip().to_canonical(), end.port())
}
