use std::{
    os::fd::{AsFd as _, BorrowedFd},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags},
    io::{self, Errno},
    net::{RecvFlags, SendFlags, sockopt},
};
use timewait_facts::Cookie;

use super::{
    Connection, End, Ending, Input,
    wait::{deadline_in, poll_until},
};
use crate::{
    Side,
    closing::{self, First, Sent},
};

/// How long the peer has to close in its turn when we closed for another reason than that we were to close first.
const PARTING: Duration = Duration::from_millis(500);

/// How much is read at a time, from either side.
const PIECE: usize = 64 * 1024;

/// A talk that goes on.
pub(super) struct Talk<'a> {
    connection: Connection,
    /// While there may be more of it.
    input: Option<Input<'a>>,
    /// While a wish to stop may still come.
    stop: Option<BorrowedFd<'a>>,
    /// Read from the input and not yet sent.
    pending: Vec<u8>,
    /// The input has ended, and that closes our side.
    close_now: bool,
    /// Our FIN was sent.
    parting: Option<Parting>,
    /// A write was answered with an RST. What came before it can still be read.
    broken: Option<Errno>,
    deadline: Option<Instant>,
    received: u64,
    sent: u64,
}

#[derive(Clone, Copy)]
struct Parting {
    fin: Sent,
    /// Why, if not because we were to close first.
    because: Option<End>,
}

/// What a wait ended with.
struct Woken {
    socket: PollFlags,
    stop: bool,
    input: bool,
}

impl<'a> Talk<'a> {
    pub(super) fn new(connection: Connection, input: Option<Input<'a>>, stop: BorrowedFd<'a>) -> Self {
        Self {
            deadline: deadline_in(connection.timeout),
            input,
            stop: Some(stop),
            pending: Vec::new(),
            close_now: false,
            parting: None,
            broken: connection.reset,
            received: 0,
            sent: 0,
            connection,
        }
    }

    pub(super) fn run(mut self, on_bytes: &mut impl FnMut(&[u8])) -> Ending {
        let mut piece = vec![0; PIECE].into_boxed_slice();
        let end = loop {
            match self.step(&mut piece, on_bytes) {
                Ok(None) => {}
                Ok(Some(end)) => break end,
                Err(errno) => break ending_of(errno),
            }
        };
        Ending {
            local: self.connection.local,
            peer: self.connection.peer,
            received: self.received,
            sent: self.sent,
            end,
            cookie: sockopt::socket_cookie(&self.connection.socket).ok().map(Cookie),
        }
    }

    /// One wait, and what follows from it: the end, if it was the last.
    fn step(&mut self, piece: &mut [u8], on_bytes: &mut impl FnMut(&[u8])) -> io::Result<Option<End>> {
        let Some(woken) = self.wait()? else { return self.answer_silence() };
        if woken.stop {
            let end = self.heed_stop()?;
            if end.is_some() {
                return Ok(end);
            }
        }
        if !woken.socket.difference(PollFlags::OUT).is_empty() {
            let end = self.receive(piece, on_bytes)?;
            if end.is_some() {
                return Ok(end);
            }
        }
        if woken.input {
            self.take_input(piece);
        }
        self.send_pending();
        if self.is_our_turn_to_close() {
            self.part(None)?;
        }
        Ok(None)
    }

    /// `None` is silence. Input is not looked at before the last piece of it was sent.
    fn wait(&self) -> io::Result<Option<Woken>> {
        let may_send = if self.pending.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        let input = self.input.filter(|_| self.pending.is_empty() && self.parting.is_none());
        // A descriptor without a wanted flag is still polled for errors: who is not waited for is left out.
        let mut waited =
            vec![PollFd::from_borrowed_fd(self.connection.socket.as_fd(), PollFlags::IN | may_send)];
        waited.extend(self.stop.map(|stop| PollFd::from_borrowed_fd(stop, PollFlags::IN)));
        waited.extend(input.map(|input| PollFd::from_borrowed_fd(input.from, PollFlags::IN)));
        if !poll_until(&mut waited, self.deadline)? {
            return Ok(None);
        }
        let mut ready = waited.iter().map(PollFd::revents);
        let socket = ready.next().unwrap_or(PollFlags::empty());
        let stop = self.stop.is_some() && ready.next().is_some_and(|flags| !flags.is_empty());
        let input = ready.next().is_some_and(|flags| !flags.is_empty());
        Ok(Some(Woken { socket, stop, input }))
    }

    // Receiving

    /// Hands over what came; the end, if it was the peer's FIN.
    fn receive(&mut self, piece: &mut [u8], on_bytes: &mut impl FnMut(&[u8])) -> io::Result<Option<End>> {
        match rustix::net::recv(&self.connection.socket, &mut *piece, RecvFlags::empty()) {
            Ok((_, 0)) => Ok(Some(self.at_peers_fin())),
            Ok((_, bytes)) => {
                self.received += bytes as u64;
                on_bytes(piece.get(..bytes).unwrap_or_default());
                self.note_life();
                Ok(None)
            }
            Err(Errno::INTR | Errno::AGAIN) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// An RST behind the FIN shows in `SO_ERROR`, unless a write of ours was told of it.
    fn at_peers_fin(&self) -> End {
        let behind = sockopt::socket_error(&self.connection.socket).unwrap_or(Ok(())).err();
        if let Some(errno) = self.broken.or(behind) {
            return ending_of(errno);
        }
        let Some(Parting { fin, because }) = self.parting else { return End::PeerClosedFirst };
        because.unwrap_or_else(|| match closing::at_peers_fin(&self.connection.socket, fin).first {
            First::Us => End::WeClosedFirst,
            First::Peer => End::PeerClosedFirst,
            First::Both => End::Both,
            First::Unseen => End::Unseen,
        })
    }

    // Sending

    fn take_input(&mut self, piece: &mut [u8]) {
        let Some(input) = self.input else { return };
        match input.read(piece) {
            Ok(0) => {
                self.input = None;
                self.close_now = input.end_closes;
            }
            Ok(bytes) => self.pending.extend_from_slice(piece.get(..bytes).unwrap_or_default()),
            // Nothing to read yet, after all.
            Err(_) => {}
        }
    }

    fn send_pending(&mut self) {
        while !self.pending.is_empty() {
            match rustix::net::send(&self.connection.socket, &self.pending, SendFlags::NOSIGNAL) {
                Ok(sent) => {
                    self.pending.drain(..sent);
                    self.sent += sent as u64;
                    self.note_life();
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(errno) => self.give_up_sending(errno),
            }
        }
    }

    fn give_up_sending(&mut self, errno: Errno) {
        self.broken = Some(errno);
        self.pending.clear();
        self.input = None;
    }

    // Closing

    fn is_our_turn_to_close(&self) -> bool {
        let was_answered = self.connection.close_first == Side::Client && self.received > 0;
        self.parting.is_none() && self.has_sent_all() && (self.close_now || was_answered)
    }

    fn has_sent_all(&self) -> bool {
        self.input.is_none() && self.pending.is_empty() && self.broken.is_none()
    }

    /// Sends our FIN. What the kernel has of our data goes before it.
    fn part(&mut self, because: Option<End>) -> io::Result<()> {
        let fin = match closing::send_fin(&self.connection.socket, || Some(self.connection.peer)) {
            // Gone already: the next read says how.
            Err(Errno::NOTCONN) => Sent::UNSEEN,
            outcome => outcome?,
        };
        self.pending.clear();
        self.parting = Some(Parting { fin, because });
        self.deadline = deadline_in(if because.is_some() { PARTING } else { self.connection.timeout });
        Ok(())
    }

    /// Nobody said anything for as long as we wait.
    fn answer_silence(&mut self) -> io::Result<Option<End>> {
        match self.parting {
            Some(Parting { because, .. }) => return Ok(Some(because.unwrap_or(End::PeerStayedOpen))),
            None if self.connection.close_first == Side::Client && self.has_sent_all() => self.part(None)?,
            None => self.part(Some(End::TimedOut))?,
        }
        Ok(None)
    }

    /// The first wish closes in good order, a second one, or one while we wait for the peer to close, at once.
    fn heed_stop(&mut self) -> io::Result<Option<End>> {
        let Some(stop) = self.stop else { return Ok(None) };
        match io::read(stop, &mut [0_u8]) {
            Err(Errno::INTR | Errno::AGAIN) => return Ok(None),
            Ok(1..) => {}
            // Its end is a wish as well, but there can be no second.
            Ok(0) | Err(_) => self.stop = None,
        }
        let ended = self.stop.is_none();
        match self.parting {
            None => self.part(Some(End::Interrupted))?,
            Some(Parting { because: Some(End::Interrupted), .. }) if ended => {}
            Some(_) => return Ok(Some(End::Interrupted)),
        }
        Ok(None)
    }

    /// Silence begins anew, unless the talk is over anyway.
    fn note_life(&mut self) {
        if self.parting.is_none_or(|parting| parting.because.is_none()) {
            self.deadline = deadline_in(self.connection.timeout);
        }
    }
}

fn ending_of(errno: Errno) -> End {
    match errno {
        Errno::CONNRESET | Errno::PIPE => End::Reset,
        _ => End::Failed(errno.into()),
    }
}
