use std::{
    io,
    ops::ControlFlow,
    os::fd::{AsFd as _, OwnedFd},
    time::Duration,
};

use rustix::{
    buffer::spare_capacity,
    io::Errno,
    net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink::SocketAddrNetlink,
        sockopt,
    },
};

use super::{
    AnswerError, Fault, Malformed, Message, Request,
    message::{Alike, Kind, Messages},
};
use crate::calls;

/// The largest datagram that the kernel makes for a dump, whatever buffer it is offered (linux v6.12
/// `net/netlink/af_netlink.c` `netlink_recvmsg`).
const BUFFER: usize = 32 * 1024;

/// The longest dumps take a second between two datagrams; what takes longer is not going to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A netlink socket and the one buffer that answers are read into.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: OwnedFd,
    /// Room for [`BUFFER`] bytes, of which none is touched before the kernel writes it: most answers are short.
    buffer: Vec<u8>,
    sequence: u32,
    /// The last answer was not read to its end; what is left of it precedes the next.
    unread: bool,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All of it was handed out.
    Complete,
    /// Whom it was handed to wanted no more.
    Stopped,
}

impl Connection {
    /// Opens a socket of this netlink protocol (`None`: `NETLINK_ROUTE`) in the calling thread's network namespace.
    pub(crate) fn open(protocol: Option<Protocol>) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE))?;
        // Connected to the kernel (port 0), it takes messages from nobody else.
        rustix::net::connect(&socket, &SocketAddrNetlink::new(0, 0))?;
        Ok(Self::over(socket))
    }

    /// Speaks over a socket that somebody else opened, with that one's patience.
    pub(crate) fn over(socket: OwnedFd) -> Self {
        Self { socket, buffer: Vec::with_capacity(BUFFER), sequence: 0, unread: false }
    }

    /// Has the kernel look at what a dump's header asks for (`NETLINK_GET_STRICT_CHK`, since 4.20). An older kernel
    /// does not know the option and answers with more than was asked for.
    pub(crate) fn filter_dumps(&self) {
        let _ = calls::set_int_option(
            self.socket.as_fd(),
            libc::SOL_NETLINK,
            libc::NETLINK_GET_STRICT_CHK,
            i32::from(true),
        );
    }

    /// Asks, and hands each message of the answer to `each` until that breaks.
    #[inline]
    pub(crate) fn ask(
        &mut self,
        request: &Request,
        mut each: impl FnMut(Message<'_>) -> Result<ControlFlow<()>, Malformed>,
    ) -> Result<Ended, AnswerError> {
        self.ask_for_many(request, |alike| {
            for message in alike {
                if each(message)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Asks, and hands the messages of the answer to `each` until that breaks, as many at once as are alike.
    #[inline]
    pub(crate) fn ask_for_many(
        &mut self,
        request: &Request,
        each: impl FnMut(&mut Alike<'_, '_>) -> Result<ControlFlow<()>, Malformed>,
    ) -> Result<Ended, AnswerError> {
        if self.unread {
            self.discard()?;
        }
        self.sequence = self.sequence.wrapping_add(1);
        let request = request.bytes(self.sequence);
        rustix::io::retry_on_intr(|| rustix::net::send(&self.socket, &request, SendFlags::NOSIGNAL))
            .map_err(|errno| AnswerError::Send(errno.into()))?;
        self.unread = true;
        self.answer(each)
    }

    /// Reads what is left of an answer, unseen. The kernel makes each part of a dump while the one before is received
    /// (linux v6.12 `net/netlink/af_netlink.c` `netlink_recvmsg`), so an empty queue is its end.
    fn discard(&mut self) -> Result<(), AnswerError> {
        loop {
            match receive(&self.socket, &mut self.buffer, RecvFlags::DONTWAIT) {
                Ok(_) | Err(AnswerError::Cut { .. } | AnswerError::Overrun) => {}
                Err(AnswerError::Silent) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    #[inline]
    fn answer(
        &mut self,
        mut each: impl FnMut(&mut Alike<'_, '_>) -> Result<ControlFlow<()>, Malformed>,
    ) -> Result<Ended, AnswerError> {
        let sequence = self.sequence;
        loop {
            let datagram = receive(&self.socket, &mut self.buffer, RecvFlags::empty())?;
            let mut messages = Messages::of(datagram);
            while let Some(first) = messages.first().transpose()? {
                if let Some(end) = all_alike(first, sequence, &mut messages, &mut each)? {
                    self.unread = matches!(end, End::Stopped);
                    return end.outcome();
                }
            }
        }
    }
}

/// What ends an answer.
enum End {
    Complete,
    Stopped,
    Errno(i32),
}

impl End {
    fn of(result: Result<(), i32>) -> Self {
        result.map_or_else(Self::Errno, |()| Self::Complete)
    }

    fn outcome(self) -> Result<Ended, AnswerError> {
        match self {
            Self::Complete => Ok(Ended::Complete),
            Self::Stopped => Ok(Ended::Stopped),
            Self::Errno(errno) => Err(AnswerError::Errno(io::Error::from_raw_os_error(errno))),
        }
    }
}

/// Hands out the first message that is still to come and those behind it that have the same header, as most rows of a dump
/// have, if they are data: the header is checked once for all of them. Gives what ends the answer, if they do.
#[allow(clippy::inline_always, reason = "so that all that is done with a row is one loop")]
#[inline(always)]
fn all_alike<'a>(
    first: Message<'a>,
    expected: u32,
    messages: &mut Messages<'a>,
    each: &mut impl FnMut(&mut Alike<'_, '_>) -> Result<ControlFlow<()>, Malformed>,
) -> Result<Option<End>, AnswerError> {
    let sequence = first.sequence;
    if sequence != expected {
        return Err(Fault::Sequence { sequence, expected }.at(first.offset).into());
    }
    if first.is_interrupted() {
        return Err(AnswerError::Interrupted);
    }
    match first.kind()? {
        Kind::Data => {
            let mut alike = Alike::new(first, messages);
            let told = each(&mut alike)?;
            // Those that nobody looked at.
            alike.for_each(drop);
            Ok(match told {
                _ if !first.is_part() => Some(End::Complete),
                ControlFlow::Break(()) => Some(End::Stopped),
                ControlFlow::Continue(()) => None,
            })
        }
        Kind::Nothing => {
            messages.next_like(first);
            Ok(None)
        }
        Kind::Report(result) | Kind::Done(result) => Ok(Some(End::of(result))),
        Kind::Overrun => Err(AnswerError::Overrun),
    }
}

/// One datagram, whole or not at all.
fn receive<'b>(socket: &OwnedFd, buffer: &'b mut Vec<u8>, flags: RecvFlags) -> Result<&'b [u8], AnswerError> {
    buffer.clear();
    let limit = buffer.capacity();
    let received = rustix::io::retry_on_intr(|| {
        rustix::net::recv(socket, spare_capacity(buffer), flags | RecvFlags::TRUNC)
    });
    match received.map(|(_, length)| length) {
        Ok(0) => Err(AnswerError::Unfinished),
        Ok(length) => buffer.get(..length).ok_or(AnswerError::Cut { length, limit }),
        Err(Errno::NOBUFS) => Err(AnswerError::Overrun),
        Err(Errno::AGAIN) => Err(AnswerError::Silent),
        Err(errno) => Err(AnswerError::Receive(errno.into())),
    }
}
