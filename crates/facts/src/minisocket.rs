use core::{net::SocketAddr, num::NonZeroU32};

use crate::{Cookie, Socket, State, Timer, TimerKind};

/// All that the kernel keeps of a connection once no process holds it: a row of the socket table without a file, a
/// user, queues or options (linux v6.12 `include/net/inet_timewait_sock.h` `struct inet_timewait_sock`). Its ends are of
/// any family, or of one that is known beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minisocket<End = SocketAddr> {
    /// TIME-WAIT, or the FIN-WAIT-2 of an orphan.
    pub state: State,
    /// This side.
    pub local: End,
    /// The other side.
    pub peer: End,
    /// Milliseconds until it goes by itself.
    pub expires_ms: u32,
    /// The connection's identity, from before it waited.
    pub cookie: Cookie,
    /// The interface that the connection was bound to, by index.
    pub interface: Option<NonZeroU32>,
    /// `SO_MARK`; told only to who has `CAP_NET_ADMIN`.
    pub mark: Option<u32>,
}

impl From<Minisocket> for Socket {
    #[inline]
    fn from(mini: Minisocket) -> Self {
        let Minisocket { state, local, peer, expires_ms, cookie, interface, mark } = mini;
        let timer = Timer { kind: TimerKind::TimeWait, expires_ms, retries: 0 };
        Self { timer, cookie, interface, mark, ..Self::bare(state, local, peer) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minisocket_is_the_whole_of_its_row() {
        let [local, peer] = ["127.0.0.1:9000", "127.0.0.1:51234"].map(|end| end.parse().unwrap());
        let mini = Minisocket {
            state: State::TimeWait,
            local,
            peer,
            expires_ms: 59_976,
            cookie: Cookie(0x27_cbfc),
            interface: NonZeroU32::new(2),
            mark: Some(7),
        };
        let row = Socket::from(mini);
        assert!(row.is_minisocket());
        assert_eq!((row.minisocket(), row.inode, row.uid), (Some(mini), None, None));
        assert_eq!(Socket { timer: Timer::OFF, ..row }.minisocket(), None);
    }
}
