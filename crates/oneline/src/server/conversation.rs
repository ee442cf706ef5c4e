use std::{
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    event::epoll::EventFlags,
    io::{self, Errno},
    net::{RecvFlags, SendFlags, sockopt},
};

use crate::closing::{self, First};

/// How often a talkative client is read from before others have their turn.
const READS_IN_A_ROW: usize = 16;

/// One client: what it was sent, what it said, and whose FIN was first.
///
/// It is asked to go on until it can make no progress without waiting; the order in which it is asked is the
/// worker's.
#[derive(Debug)]
pub(super) struct Conversation {
    socket: OwnedFd,
    peer: SocketAddr,
    sent: usize,
    said: bool,
    heard_fin: bool,
    /// Our FIN was sent, and whose was first.
    first: Option<First>,
    /// What epoll wakes for, once it was told.
    awaited: Option<EventFlags>,
}

impl Conversation {
    pub(super) fn new(socket: OwnedFd, peer: SocketAddr) -> Self {
        Self { socket, peer, sent: 0, said: false, heard_fin: false, first: None, awaited: None }
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
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
        self.first
    }

    /// Sends of the message what the kernel takes now; gives how much that was.
    pub(super) fn say(&mut self, message: &[u8]) -> io::Result<u64> {
        let before = self.sent;
        loop {
            let rest = message.get(self.sent..).unwrap_or_default();
            if rest.is_empty() {
                self.said = true;
                break;
            }
            match rustix::net::send(&self.socket, rest, SendFlags::NOSIGNAL) {
                Ok(sent) => self.sent += sent,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(errno) => return Err(errno),
            }
        }
        Ok((self.sent - before) as u64)
    }

    /// Discards what the client said; gives how much that was. Its FIN is noted.
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
        self.first = self.first.map(|first| closing::at_peers_fin(&self.socket, first));
    }

    /// Sends our FIN behind the message. If the client's is here already, close(2) will do that.
    pub(super) fn send_fin(&mut self) -> io::Result<()> {
        self.first = Some(if self.heard_fin {
            First::Peer
        } else {
            closing::send_fin(&self.socket, self.peer).map_err(|errno| self.reason_for(errno))?
        });
        Ok(())
    }

    /// That there is no connection any more has its own reason.
    fn reason_for(&self, errno: Errno) -> Errno {
        match sockopt::socket_error(&self.socket) {
            Ok(Err(reason)) if errno == Errno::NOTCONN => reason,
            _ => errno,
        }
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
