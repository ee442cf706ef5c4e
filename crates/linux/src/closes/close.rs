use std::{net::SocketAddr, sync::Arc, time::Duration};

use timewait_facts::{Cookie, Owner};

/// One end of a connection, closed. A connection between two sockets of this machine has two such ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// When it was told, since the watch began. What it is *not*: the moment of the FIN, which is up to some seconds
    /// earlier.
    pub at: Duration,
    /// This side.
    pub local: SocketAddr,
    /// The other side.
    pub peer: SocketAddr,
    /// The socket's identity, where it is known.
    pub cookie: Option<Cookie>,
    /// Who closed first.
    pub first: First,
    /// Why that is a conclusion; `None` where it was seen.
    pub first_inferred: Option<FirstBecause>,
    /// Whose socket it was.
    pub by: Option<Attribution>,
}

/// Who closed a connection first, seen from this end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum First {
    /// This side's FIN went before the other's came: this side waits in TIME-WAIT.
    Us,
    /// The other side's FIN came first.
    Peer,
    /// The FINs crossed (CLOSING): both sides wait.
    Both,
    /// Ended without a FIN of either side: nobody waits.
    Reset(Reset),
    /// It is gone, and in no sample it was seen closing.
    Unseen,
}

impl First {
    /// Whether this end goes to TIME-WAIT, if nothing prevents it.
    pub(super) fn waits(self) -> bool {
        match self {
            Self::Us | Self::Both => true,
            Self::Peer | Self::Reset(_) | Self::Unseen => false,
        }
    }
}

/// How a connection ended without a FIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reset {
    /// This side sent an RST: `SO_LINGER` with 0, or close(2) with unread input.
    ByUs,
    /// An RST came.
    ByPeer,
    /// Nothing came: given up after retransmissions or keep-alive probes.
    TimedOut,
    /// Ended from outside (`SOCK_DESTROY`), or by another error.
    Aborted,
}

/// From what it was concluded who closed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FirstBecause {
    /// The socket was seen in TIME-WAIT only: after a simultaneous close it would look the same.
    TimeWaitAlone,
    /// The socket is gone, and the connection's other end, on this machine too, is in TIME-WAIT.
    OtherEndWaits,
}

/// Whose socket it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// The process.
    pub owner: Arc<Owner>,
    /// How that is known.
    pub known: Known,
}

/// How a socket's process is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Known {
    /// The kernel ran the close in this process's context.
    Probed,
    /// The process held the socket when it was sampled; matched by the socket's cookie.
    Sampled,
    /// Concluded, from what is named.
    Inferred(OwnerBecause),
}

/// From what a process was concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OwnerBecause {
    /// No other process was seen to listen on the local address and port.
    Listener,
    /// No other process was seen with connections to the peer's address and port.
    OnlyClient,
}

/// Which port tells connections of one purpose apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Port {
    /// This side is the server: the local port.
    Local(u16),
    /// This side is the client: the peer's port.
    Destination(u16),
}
