use std::net::{Ipv4Addr, SocketAddr};

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
    /// Who is to close first: [`Side::Client`] makes the server wait for the client's FIN, however long that takes.
    pub close_first: Side,
    /// Stop listening after so many connections.
    pub connections: Option<u64>,
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
            connections: None,
        }
    }
}
