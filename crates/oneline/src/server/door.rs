use std::{
    net::SocketAddr,
    os::fd::{BorrowedFd, OwnedFd},
    sync::Arc,
    time::Instant,
};

use rustix::{
    event::epoll::{self, EventData, EventFlags},
    io::{self, Errno},
    net::SocketFlags,
};

/// Epoll's number for the listener; no ticket has it.
pub(super) const LISTENER: u64 = u64::MAX;

/// The listener for as long as it is open, and whether and how long we accept from it.
#[derive(Debug)]
pub(super) struct Door {
    listener: Arc<OwnedFd>,
    /// How many more may come in; `None` is any number.
    pub(super) left: Option<u64>,
    /// Once nobody waits any more, it is to be closed.
    pub(super) closing: bool,
    pub(super) paused_until: Option<Instant>,
}

/// What accept(2) answered.
#[derive(Debug)]
pub(super) enum Knock {
    /// A connection, and whose, if that was asked.
    Came(OwnedFd, Option<SocketAddr>),
    /// Nobody waits.
    Nobody,
    /// A signal came in between.
    Interrupted,
    /// A connection that was gone already; others may wait behind it.
    Gone(Errno),
    /// No descriptor or memory for it; it still waits.
    Starved(Errno),
}

impl Door {
    pub(super) fn open(listener: Arc<OwnedFd>, epoll: BorrowedFd<'_>, left: Option<u64>) -> io::Result<Self> {
        epoll::add(epoll, &*listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        Ok(Self { listener, left, closing: false, paused_until: None })
    }

    pub(super) fn accept(&self) -> Result<Knock, Errno> {
        accept(&self.listener)
    }

    /// Stops waking for those who wait, until a moment.
    pub(super) fn pause(&mut self, epoll: BorrowedFd<'_>, until: Instant) -> io::Result<()> {
        let already = self.paused_until.replace(until).is_some();
        if already { Ok(()) } else { self.listen_for(epoll, EventFlags::empty()) }
    }

    pub(super) fn resume(&mut self, epoll: BorrowedFd<'_>) -> io::Result<()> {
        self.paused_until = None;
        self.listen_for(epoll, EventFlags::IN)
    }

    /// Closes the listener, or leaves it to the others who have it; epoll is not to wake for it any more.
    pub(super) fn close(self, epoll: BorrowedFd<'_>) {
        // It fails only if it is not there.
        let _ = epoll::delete(epoll, &*self.listener);
    }

    fn listen_for(&self, epoll: BorrowedFd<'_>, reasons: EventFlags) -> io::Result<()> {
        epoll::modify(epoll, &*self.listener, EventData::new_u64(LISTENER), reasons)
    }
}

const ACCEPTED: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

/// Accepts one from a listener, which blocks or does not, and does not ask whose.
pub(super) fn accept_unasked(listener: &OwnedFd) -> Result<Knock, Errno> {
    match rustix::net::accept_with(listener, ACCEPTED) {
        Ok(socket) => Ok(Knock::Came(socket, None)),
        Err(errno) => classify(errno),
    }
}

/// Accepts one, and asks whose.
pub(super) fn accept(listener: &OwnedFd) -> Result<Knock, Errno> {
    match rustix::net::acceptfrom_with(listener, ACCEPTED) {
        Ok((socket, peer)) => Ok(Knock::Came(socket, peer.and_then(|peer| SocketAddr::try_from(peer).ok()))),
        Err(errno) => classify(errno),
    }
}

/// Linux gives a pending network error of the new connection as accept(2)'s own; accept(2) says to treat those as if
/// nobody had come. EPERM is a firewall's.
fn classify(errno: Errno) -> Result<Knock, Errno> {
    match errno {
        Errno::AGAIN => Ok(Knock::Nobody),
        Errno::INTR => Ok(Knock::Interrupted),
        Errno::CONNABORTED
        | Errno::PERM
        | Errno::PROTO
        | Errno::NOPROTOOPT
        | Errno::OPNOTSUPP
        | Errno::NETDOWN
        | Errno::NETUNREACH
        | Errno::HOSTDOWN
        | Errno::HOSTUNREACH
        | Errno::NONET
        | Errno::TIMEDOUT => Ok(Knock::Gone(errno)),
        Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM => Ok(Knock::Starved(errno)),
        _ => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_network_error_is_the_connection_s_and_not_the_listener_s() {
        for errno in [Errno::CONNABORTED, Errno::PROTO, Errno::NETDOWN, Errno::HOSTUNREACH, Errno::PERM] {
            assert!(matches!(classify(errno), Ok(Knock::Gone(gone)) if gone == errno), "{errno}");
        }
    }

    #[test]
    fn a_shortage_leaves_the_connection_waiting() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            assert!(matches!(classify(errno), Ok(Knock::Starved(lacking)) if lacking == errno), "{errno}");
        }
    }

    #[test]
    fn an_error_of_the_listener_itself_ends_the_run() {
        for errno in [Errno::BADF, Errno::INVAL, Errno::NOTSOCK] {
            assert_eq!(classify(errno).unwrap_err(), errno);
        }
    }
}
