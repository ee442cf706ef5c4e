use std::net::SocketAddr;

use timewait_linux::Errno;

use crate::First;

/// Something that happened in a run, told as it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client's whole message was handed to the kernel. It is *not* yet acknowledged, nor the connection ended.
    Served {
        /// The client.
        peer: SocketAddr,
    },
    /// A connection ended by the client's RST (`ECONNRESET`, `EPIPE`), or because the network gave up.
    Lost {
        /// The client.
        peer: SocketAddr,
        /// What the call on its socket left in errno.
        errno: Errno,
        /// Whether it had been [served](Event::Served) before.
        served: bool,
    },
    /// accept(2) reported a connection that was gone before it could be accepted, or that a firewall forbids.
    Aborted {
        /// What accept(2) left in errno.
        errno: Errno,
    },
    /// accept(2) lacks descriptors (`EMFILE`, `ENFILE`) or memory (`ENOBUFS`, `ENOMEM`), and no lingering connection
    /// was left to shed: it is tried again when a connection ends, and after a moment anyway. Clients wait in the
    /// kernel's queue meanwhile.
    Paused {
        /// What accept(2) left in errno.
        errno: Errno,
        /// Connections that are open.
        open: usize,
    },
    /// The wish to stop was heard.
    Stopping {
        /// Connections that are still open, besides those in the kernel's queue.
        open: usize,
    },
}

impl Event {
    /// Whether it is about one client, so that there may be tens of thousands a second.
    pub fn is_of_a_client(&self) -> bool {
        match self {
            Self::Served { .. } | Self::Lost { .. } | Self::Aborted { .. } => true,
            Self::Paused { .. } | Self::Stopping { .. } => false,
        }
    }
}

/// What a run amounted to. Every accepted connection is in exactly one of `orderly`, `settled`, `lost`, `reset_by_us`,
/// `left` and `cut`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections that accept(2) gave.
    pub accepted: u64,
    /// Clients whose whole message was handed to the kernel.
    pub served: u64,
    /// Whose FIN was first, of the `orderly`, the `settled` and the `left`. After an RST nobody waits, whoever had closed first.
    pub closed_first: ClosedFirst,
    /// Connections that ended with both FINs.
    pub orderly: u64,
    /// Connections with clients on this host that were closed, in a rush, behind our FIN, since the client had said nothing and
    /// has the message for sure: the rest was the kernel's to do.
    pub settled: u64,
    /// Connections that a client's RST ended, or the network.
    pub lost: u64,
    /// Connections that our RST ended, as `linger: Some(0)` asks.
    pub reset_by_us: u64,
    /// Served clients whose FIN we did not wait for any longer: patience, a lack of descriptors, or the end of the
    /// run. The kernel goes on without us.
    pub left: u64,
    /// Connections that the end of the run cut before the client was served, or before the client closed when it was
    /// to close first. The unserved see an RST: half a message must not look like a whole one.
    pub cut: u64,
    /// Clients that were waited for in vain, as long as [`Setup::patience`](super::Setup::patience) says, to take the
    /// message (they are among the `cut`) or to close first.
    pub impatient: u64,
    /// Connections that were gone before accept(2) could give them. Not among the accepted.
    pub aborted: u64,
    /// Of those left, how many because accept(2) lacked descriptors or memory.
    pub shed: u64,
    /// Times that accepting paused for a lack of descriptors or memory.
    pub pauses: u64,
    /// Bytes of the message that were handed to the kernel.
    pub bytes_sent: u64,
    /// Bytes that clients said, all discarded.
    pub bytes_discarded: u64,
    /// Times that the loop woke. A server that has nothing to do does not wake.
    pub wakeups: u64,
}

/// How often whose FIN was first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosedFirst {
    /// The server's: the wait is here.
    pub server: u64,
    /// The client's.
    pub client: u64,
    /// They crossed.
    pub both: u64,
    /// Both passed between two looks, and left no wait.
    pub unseen: u64,
}

impl ClosedFirst {
    /// Counts one, if our FIN was sent.
    pub(super) fn count(&mut self, first: Option<First>) {
        *match first {
            None => return,
            Some(First::Us) => &mut self.server,
            Some(First::Peer) => &mut self.client,
            Some(First::Both) => &mut self.both,
            Some(First::Unseen) => &mut self.unseen,
        } += 1;
    }
}

impl Totals {
    /// What two parts of a run amount to.
    pub(super) fn plus(self, other: Self) -> Self {
        let (ours, theirs) = (self.closed_first, other.closed_first);
        Self {
            accepted: self.accepted + other.accepted,
            served: self.served + other.served,
            closed_first: ClosedFirst {
                server: ours.server + theirs.server,
                client: ours.client + theirs.client,
                both: ours.both + theirs.both,
                unseen: ours.unseen + theirs.unseen,
            },
            orderly: self.orderly + other.orderly,
            settled: self.settled + other.settled,
            lost: self.lost + other.lost,
            reset_by_us: self.reset_by_us + other.reset_by_us,
            left: self.left + other.left,
            cut: self.cut + other.cut,
            impatient: self.impatient + other.impatient,
            aborted: self.aborted + other.aborted,
            shed: self.shed + other.shed,
            pauses: self.pauses + other.pauses,
            bytes_sent: self.bytes_sent + other.bytes_sent,
            bytes_discarded: self.bytes_discarded + other.bytes_discarded,
            wakeups: self.wakeups + other.wakeups,
        }
    }
}
