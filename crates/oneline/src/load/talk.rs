use std::{
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use rustix::{
    event::epoll::EventFlags,
    io::{self, Errno},
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, sockopt},
};
use timewait_linux::options;

use super::Close;
use crate::{
    Call,
    closing::{self, First, Sent},
};

/// One connection.
#[derive(Debug)]
pub(super) struct Talk {
    socket: OwnedFd,
    /// When it was to begin.
    pub(super) due: Instant,
    pub(super) connected: bool,
    heard: u64,
    heard_fin: bool,
    fin: Option<Sent>,
}

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Wait,
    /// It ended as it was to; whether the wait is on this side.
    Ended {
        time_wait: bool,
    },
}

/// It did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) call: Call,
    pub(super) errno: Errno,
}

/// That this call failed.
fn failed(call: Call) -> impl Fn(Errno) -> Failed {
    move |errno| Failed { call, errno }
}

impl Talk {
    /// Opens it. If this side `speaks` first, the handshake's last segment is to wait for its words and carry them.
    pub(super) fn open(
        to: SocketAddr,
        from: Option<IpAddr>,
        speaks: bool,
        due: Instant,
    ) -> Result<Self, Failed> {
        let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))
            .map_err(failed(Call::Socket))?;
        if let Some(from) = from {
            let errno = |error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL);
            options::set_bind_address_no_port(&socket, true)
                .map_err(|error| failed(Call::SetOption("IP_BIND_ADDRESS_NO_PORT"))(errno(error)))?;
            rustix::net::bind(&socket, &SocketAddr::new(from, 0)).map_err(failed(Call::Bind))?;
        }
        if speaks {
            // linux v6.12 net/ipv4/tcp_input.c `tcp_rcv_synsent_state_process`
            sockopt::set_tcp_quickack(&socket, false).map_err(failed(Call::SetOption("TCP_QUICKACK")))?;
        }
        let connected = begin(&socket, to).map_err(failed(Call::Connect))?;
        Ok(Self { socket, due, connected, heard: 0, heard_fin: false, fin: None })
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// What epoll is to wake for, each once.
    pub(super) fn reasons(&self) -> EventFlags {
        let mut reasons = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        reasons.set(EventFlags::OUT, !self.connected);
        reasons
    }

    /// The outcome of the handshake, which epoll has told to be there.
    pub(super) fn connect(&mut self) -> Result<(), Failed> {
        let outcome = sockopt::socket_error(&self.socket).and_then(|outcome| outcome);
        outcome.map_err(failed(Call::Connect))?;
        self.connected = true;
        Ok(())
    }

    /// Says it all, or fails: a few bytes fit into an empty buffer.
    pub(super) fn say(&self, words: &[u8]) -> Result<(), Failed> {
        if words.is_empty() {
            return Ok(());
        }
        match rustix::net::send(&self.socket, words, SendFlags::NOSIGNAL) {
            Ok(sent) if sent == words.len() => Ok(()),
            Ok(_) => Err(failed(Call::Send)(Errno::NOBUFS)),
            Err(errno) => Err(failed(Call::Send)(errno)),
        }
    }

    /// That it takes too long.
    pub(super) fn out_of_patience(&self) -> Failed {
        failed(if self.connected { Call::Recv } else { Call::Connect })(Errno::TIMEDOUT)
    }

    /// Hears what there is, and closes when it is our turn. Gives how much was heard as well.
    pub(super) fn go_on(
        &mut self,
        close: Close,
        to: SocketAddr,
        reasons: EventFlags,
        scratch: &mut [u8],
    ) -> Result<(Step, u64), Failed> {
        let heard = self.hear(reasons.contains(EventFlags::RDHUP), scratch).map_err(failed(Call::Recv))?;
        let step = match close {
            Close::Server if self.heard_fin => Step::Ended { time_wait: false },
            Close::Reset if self.heard > 0 || self.heard_fin => {
                sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO))
                    .map_err(failed(Call::SetOption("SO_LINGER")))?;
                Step::Ended { time_wait: false }
            }
            Close::Client => self.close_first(to).map_err(failed(Call::Shutdown))?,
            Close::Server | Close::Reset => Step::Wait,
        };
        Ok((step, heard))
    }

    fn close_first(&mut self, to: SocketAddr) -> io::Result<Step> {
        if self.heard == 0 && !self.heard_fin {
            return Ok(Step::Wait);
        }
        if self.fin.is_none() && self.heard_fin {
            return Ok(Step::Ended { time_wait: false });
        }
        let sent = match self.fin {
            Some(sent) => sent,
            None => closing::send_fin(&self.socket, || Some(to))?,
        };
        self.fin = Some(sent);
        if !self.heard_fin {
            return Ok(Step::Wait);
        }
        let first = closing::at_peers_fin(&self.socket, sent).first;
        Ok(Step::Ended { time_wait: matches!(first, First::Us | First::Both) })
    }

    /// With the peer's FIN known to be there, a read that does not fill the buffer has come to it.
    fn hear(&mut self, fin_is_there: bool, scratch: &mut [u8]) -> io::Result<u64> {
        let (before, room) = (self.heard, scratch.len());
        while !self.heard_fin {
            match rustix::net::recv(&self.socket, &mut *scratch, RecvFlags::TRUNC) {
                Ok((_, 0)) => self.heard_fin = true,
                Ok((_, bytes)) => {
                    self.heard += bytes as u64;
                    self.heard_fin = fin_is_there && bytes < room;
                    if bytes < room {
                        break;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(errno) => return Err(errno),
            }
        }
        Ok(self.heard - before)
    }
}

/// connect(2); gives whether the handshake is over already.
fn begin(socket: &OwnedFd, to: SocketAddr) -> io::Result<bool> {
    match rustix::net::connect(socket, &to) {
        Ok(()) => Ok(true),
        // On this machine it mostly is when the first call returns; the second says whether.
        Err(Errno::INPROGRESS | Errno::INTR) => match rustix::net::connect(socket, &to) {
            Ok(()) | Err(Errno::ISCONN) => Ok(true),
            Err(Errno::ALREADY | Errno::INPROGRESS | Errno::INTR) => Ok(false),
            Err(errno) => Err(errno),
        },
        Err(errno) => Err(errno),
    }
}
