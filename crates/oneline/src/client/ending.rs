use std::net::SocketAddr;

use timewait_facts::Cookie;
use timewait_linux::Errno;

/// How a talk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Our end.
    pub local: SocketAddr,
    /// The other end.
    pub peer: SocketAddr,
    /// Bytes that came.
    pub received: u64,
    /// Bytes that were handed to the kernel; the peer may not have got them all.
    pub sent: u64,
    /// What ended it.
    pub end: End,
    /// The socket's identity, by which the socket table knows it in TIME-WAIT as well.
    pub cookie: Option<Cookie>,
}

/// What ended a talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer's FIN came before ours was sent: the wait is the peer's.
    PeerClosedFirst,
    /// Our FIN was sent before the peer's came, and then it came: the wait is ours.
    WeClosedFirst,
    /// The two FINs crossed: both sides wait.
    Both,
    /// Both FINs passed between two looks of ours, and our side has no wait: most likely the peer's was first.
    Unseen,
    /// Our FIN was sent, and the peer did not close within the timeout: what is left of our socket is in FIN-WAIT-2.
    PeerStayedOpen,
    /// An RST came.
    Reset,
    /// Nobody said anything for the timeout, so we closed.
    TimedOut,
    /// We were told to stop, so we closed.
    Interrupted,
    /// The network gave up (`ETIMEDOUT`, `EHOSTUNREACH`), or a call failed that should not.
    Failed(Errno),
}
