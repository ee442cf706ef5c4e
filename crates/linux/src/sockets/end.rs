//! Ending what is left of a connection, before its minute is over (`SOCK_DESTROY`).

use std::{io, ops::ControlFlow, time::Duration};

use timewait_facts::{Socket, State, States};

use super::{Query, ReadError, SocketTable, format};
use crate::netlink::AnswerError;

/// A timewait minisocket that is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which it was: TIME-WAIT, or an orphaned FIN-WAIT-2.
    pub state: State,
    /// What its row said was left of its wait.
    pub spared: Duration,
}

/// Why a minisocket was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// The row is of another socket, one that a process holds or the kernel still closes: the kernel was not asked.
    #[error("only a timewait minisocket can be ended, and this socket is in {0}")]
    NotWaiting(State),
    /// Nothing has these two ends and this cookie any more: the wait is over, or a new connection took its place.
    #[error("it is gone already")]
    Gone,
    /// It takes `CAP_NET_ADMIN` in the user namespace that owns the network namespace.
    #[error("ending a socket takes CAP_NET_ADMIN")]
    NotPermitted(#[source] io::Error),
    /// The kernel was built without `CONFIG_INET_DIAG_DESTROY`, or is older than 6.0, which was the first to end
    /// minisockets, TIME-WAIT and orphaned FIN-WAIT-2 alike.
    #[error(
        "this kernel does not end sockets in TIME-WAIT (CONFIG_INET_DIAG_DESTROY is off, or it is older than 6.0)"
    )]
    Unsupported(#[source] io::Error),
    /// The answer is none, or another error.
    #[error("cannot end the socket")]
    Answer(#[source] AnswerError),
}

impl EndError {
    /// linux v6.12 net/ipv4/inet_diag.c `inet_diag_find_one_icsk` (ENOENT, a wrong cookie included), then
    /// net/core/sock_diag.c `sock_diag_destroy` (EPERM), `__sock_diag_cmd` and net/ipv4/tcp.c `tcp_abort` (EOPNOTSUPP).
    fn from_answer(error: AnswerError) -> Self {
        match error {
            AnswerError::Errno(errno) => match errno.raw_os_error() {
                Some(libc::ENOENT) => Self::Gone,
                Some(libc::EPERM | libc::EACCES) => Self::NotPermitted(errno),
                Some(libc::EOPNOTSUPP) => Self::Unsupported(errno),
                _ => Self::Answer(AnswerError::Errno(errno)),
            },
            other => Self::Answer(other),
        }
    }
}

impl SocketTable {
    /// Ends one timewait minisocket, TIME-WAIT or orphaned FIN-WAIT-2: the one that this row describes, with this
    /// cookie and no other. Nothing is sent; the peer learns of it only if it still sends.
    ///
    /// What it risks is what TIME-WAIT is for: a FIN of the peer's that comes again is answered by an RST, and a late
    /// segment of the old connection may reach a new one with the same two ends.
    ///
    /// # Errors
    /// See [`EndError`]. A socket that does not wait is refused before the kernel is asked.
    pub fn end(&mut self, socket: &Socket) -> Result<Ended, EndError> {
        let spared = socket.expires_in().ok_or(EndError::NotWaiting(socket.state))?;
        self.connection
            .ask(&format::destroy(socket), |_| Ok(ControlFlow::Continue(())))
            .map_err(EndError::from_answer)?;
        Ok(Ended { state: socket.state, spared })
    }

    /// Ends every socket there is, live ones among them: whoever waits on one gets an error (ECONNABORTED). Those that
    /// cannot be ended are left. Only for a [host of our own](crate::hosts::LastResort).
    pub(crate) fn abort_all(&mut self) -> Result<(), ReadError> {
        for socket in self.collect(&Query::in_states(States::all()))? {
            let _ = self.connection.ask(&format::destroy(&socket), |_| Ok(ControlFlow::Continue(())));
        }
        Ok(())
    }
}
