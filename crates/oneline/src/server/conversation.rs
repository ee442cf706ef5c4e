use std::{
    net::{Ipv4Addr, SocketAddr},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    event::epoll::EventFlags,
    io::{self, Errno},
    net::{RecvFlags, SendFlags, Shutdown, sockopt},
};
use timewait_linux::options;

use crate::closing::{self, First, Sent};

/// How often a talkative client is read from before others have their turn.
const READS_IN_A_ROW: usize = 16;

/// One client: what it was sent, what it said, and whose FIN was first.
///
/// It is asked to go on until it can make no progress without waiting; the order in which it is asked is the
/// worker's.
#[derive(Debug)]
pub(super) struct Conversation {
    socket: OwnedFd,
    /// As accept(2) gave it, if it was asked.
    peer: Option<SocketAddr>,
    sent: usize,
    /// Some was sent since this was last asked.
    moved: bool,
    said: bool,
    heard_fin: bool,
    /// Our FIN was sent, and whose was first.
    fin: Option<Sent>,
    /// What its deadline is about.
    waits_for: Option<Wait>,
    /// What epoll wakes for, once it was told.
    awaited: Option<EventFlags>,
}

/// What a client is waited for to do, each for a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// To take the message, or to close first.
    Turn,
    /// To answer our FIN.
    Fin,
}

impl Conversation {
    pub(super) fn new(socket: OwnedFd, peer: Option<SocketAddr>) -> Self {
        Self {
            socket,
            peer,
            sent: 0,
            moved: false,
            said: false,
            heard_fin: false,
            fin: None,
            waits_for: None,
            awaited: None,
        }
    }

    pub(super) fn peer(&self) -> SocketAddr {
        let asked = || options::peer_name(&self.socket).ok();
        self.peer.or_else(asked).unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, 0).into())
    }

    /// Whether the client has taken some of the message since this was last asked.
    pub(super) fn has_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Whether the whole message was handed to the kernel.
    pub(super) fn has_said(&self) -> bool {
        self.said
    }

    pub(super) fn has_heard_fin(&self) -> bool {
        self.heard_fin
    }

    /// Whose FIN was first, once ours was sent.
    pub(super) fn first(&self) -> Option<First> {
        self.fin.map(|sent| sent.first)
    }

    /// Whether the client surely is on this host, by the address that accept(2) gave.
    pub(super) fn is_near(&self) -> bool {
        self.peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback())
    }

    /// Sends of the message what the kernel takes now; gives how much that was.
    ///
    /// If the FIN is to ride on it, the kernel keeps the last segment (`MSG_MORE`) until [`send_fin`](Self::send_fin),
    /// which is to follow at once: by itself it would leave 200 ms later (tcp(7), `TCP_CORK`).
    pub(super) fn say(&mut self, message: &[u8], fin_rides: bool) -> io::Result<u64> {
        let mut flags = SendFlags::NOSIGNAL;
        flags.set(SendFlags::MORE, fin_rides);
        let before = self.sent;
        loop {
            let rest = message.get(self.sent..).unwrap_or_default();
            if rest.is_empty() {
                self.said = true;
                break;
            }
            match rustix::net::send(&self.socket, rest, flags) {
                Ok(sent) => self.sent += sent,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(errno) => return Err(errno),
            }
        }
        self.moved |= self.sent > before;
        Ok((self.sent - before) as u64)
    }

    /// Discards what the client said; gives how much that was. Its FIN is noted, and whether it crossed ours.
    ///
    /// With `MSG_TRUNC` the kernel drops the bytes rather than copy them (tcp(7)).
    pub(super) fn hear(&mut self, scratch: &mut [u8]) -> io::Result<u64> {
        let mut heard = 0;
        for _ in 0..READS_IN_A_ROW {
            if self.heard_fin {
                break;
            }
            match rustix::net::recv(&self.socket, &mut *scratch, RecvFlags::TRUNC) {
                Ok((_, 0)) => self.note_fin(),
                Ok((_, bytes)) => heard += bytes as u64,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(errno) => return Err(errno),
            }
        }
        Ok(heard)
    }

    fn note_fin(&mut self) {
        self.heard_fin = true;
        self.fin = self.fin.map(|sent| closing::at_peers_fin(&self.socket, sent));
    }

    /// Sends our FIN behind the message. If the client's is here already, close(2) will do that.
    pub(super) fn send_fin(&mut self) -> io::Result<()> {
        self.fin = Some(if self.heard_fin {
            Sent::AFTER_THE_PEERS
        } else {
            let peer = || self.peer.or_else(|| options::peer_name(&self.socket).ok());
            closing::send_fin(&self.socket, peer).map_err(|errno| self.reason_for(errno))?
        });
        Ok(())
    }

    /// Sends our FIN where nothing had come from the client a moment before, unless that is left to a close(2) that follows
    /// at once. What comes in this moment is not seen: it is taken for the later.
    pub(super) fn send_fin_in_silence(&mut self, by_close: bool) -> io::Result<()> {
        if !by_close {
            rustix::net::shutdown(&self.socket, Shutdown::Write).map_err(|errno| self.reason_for(errno))?;
        }
        self.fin = Some(Sent::BEFORE_THE_PEERS);
        Ok(())
    }

    /// That there is no connection any more has its own reason.
    fn reason_for(&self, errno: Errno) -> Errno {
        match sockopt::socket_error(&self.socket) {
            Ok(Err(reason)) if errno == Errno::NOTCONN => reason,
            _ => errno,
        }
    }

    /// From here on it waits for this. Gives it if it did not before: then there is a deadline to be set.
    pub(super) fn waits_for(&mut self, what: Wait) -> Option<Wait> {
        (self.waits_for.replace(what) != Some(what)).then_some(what)
    }

    /// Tells epoll what to wake for, if that changed. The client's FIN is a reason until it is here.
    pub(super) fn await_more(&mut self, epoll: BorrowedFd<'_>, ticket: u64) -> io::Result<()> {
        use rustix::event::epoll::{EventData, add, modify};
        let mut reasons = EventFlags::empty();
        reasons.set(EventFlags::IN, !self.heard_fin);
        reasons.set(EventFlags::OUT, !self.said);
        let data = EventData::new_u64(ticket);
        match self.awaited.replace(reasons) {
            None => add(epoll, &self.socket, data, reasons),
            Some(before) if before != reasons => modify(epoll, &self.socket, data, reasons),
            Some(_) => Ok(()),
        }
    }

    /// Makes the coming close send an RST.
    pub(super) fn cut(&self) -> io::Result<()> {
        sockopt::set_socket_linger(self.socket.as_fd(), Some(Duration::ZERO))
    }

    /// Makes the coming close return at once: `SO_LINGER` would make it wait, on a non-blocking socket too.
    pub(super) fn close_without_waiting(self) {
        // It fails on nothing but a descriptor that is no socket.
        let _ = sockopt::set_socket_linger(&self.socket, None);
    }
}
