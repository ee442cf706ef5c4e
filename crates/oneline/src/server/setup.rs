use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use crate::Side;

/// What a server is to be. The default is the article's second program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Where to listen. Port 0 leaves the choice to the kernel.
    pub address: SocketAddr,
    /// `SO_REUSEADDR`, set before bind(2). Off, this is the article's first program.
    pub reuseaddr: bool,
    /// `SO_REUSEPORT`, set before bind(2): every socket on the port must have it, and live listeners share the port.
    pub reuseport: bool,
    /// `IPV6_V6ONLY`, for an IPv6 address; `None` leaves it to `net.ipv6.bindv6only`.
    pub v6only: Option<bool>,
    /// How many connections may wait for accept(2). The kernel caps it at `net.core.somaxconn` (4096 since 5.4).
    pub backlog: u32,
    /// `SO_LINGER`, in seconds. 0: the close is an RST, and nobody waits. More: the server gives the peer so long
    /// to acknowledge and close, in place of its own patience; unlike close(2) it serves others meanwhile.
    pub linger: Option<u16>,
    /// What each client is sent.
    pub message: Vec<u8>,
    /// Who is to close first: [`Side::Client`] makes the server wait for the client's FIN, as long as its [`patience`](Self::patience) is.
    pub close_first: Side,
    /// How long, at least, a client is waited for that does not take the message, or is to close first and does not; twice as
    /// long at most. Then it is sent our FIN, or, in the middle of the message, an RST: nobody keeps a descriptor for ever.
    pub patience: Duration,
    /// Stop listening after so many connections.
    pub connections: Option<u64>,
    /// Send the message at once and the FIN behind it, in a segment of its own: the article's eight segments. Without,
    /// the FIN rides on the message's last segment wherever this side closes first.
    pub separate_fin: bool,
    /// How many threads accept from the one socket, in [`Server::run_quietly`](super::Server::run_quietly).
    pub threads: usize,
}

impl Setup {
    /// Whether the FIN follows the message at once, so that they can share a segment. An RST in its place (linger 0)
    /// would take a message that still waits for its FIN with it.
    pub(super) fn fin_rides(&self) -> bool {
        !self.separate_fin && self.closes_at_once()
    }

    /// Whether this side closes, by a FIN, as soon as the message is said.
    pub(super) fn closes_at_once(&self) -> bool {
        self.close_first == Side::Server && self.linger != Some(0)
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9000)),
            reuseaddr: true,
            reuseport: false,
            v6only: None,
            // The article has 32. Clients beyond the backlog find no room for their connection's last segment, and
            // try again after a second or more: its one weakness under load. What is not used costs nothing.
            backlog: 4096,
            linger: None,
            message: b"I sent sth to client!\n".to_vec(),
            close_first: Side::Server,
            patience: Duration::from_secs(60),
            connections: None,
            separate_fin: false,
            threads: 1,
        }
    }
}
