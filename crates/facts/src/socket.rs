use core::{fmt, net::SocketAddr, num::NonZeroU32, time::Duration};

use crate::{Minisocket, State};

/// One row of the socket table, as the kernel gave it at one moment.
///
/// What it is *not*: part of a snapshot. The kernel walks its table bucket by bucket, so two rows of one answer
/// may never have existed at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The state the kernel reports; for a timewait minisocket its sub-state, TIME-WAIT or FIN-WAIT-2.
    pub state: State,
    /// This side. A socket bound to every address has the unspecified one (`0.0.0.0`, `::`).
    pub local: SocketAddr,
    /// The other side; unspecified and port 0 for a socket that has none.
    pub peer: SocketAddr,
    /// The timer that runs for this socket.
    pub timer: Timer,
    /// Bytes received and not yet read; for a listener, connections that wait for accept(2).
    pub receive_queue: u32,
    /// Bytes sent and not yet acknowledged; for a listener, the most connections that may wait.
    pub send_queue: u32,
    /// The socket's identity for as long as it exists, TIME-WAIT included.
    pub cookie: Cookie,
    /// The interface it is bound to (`SO_BINDTODEVICE`), by index.
    pub interface: Option<NonZeroU32>,
    /// The user who made it; the kernel keeps none for a timewait minisocket or a half-open connection.
    pub uid: Option<u32>,
    /// The file behind it; none once no process holds it (TIME-WAIT, orphans) or before accept(2).
    pub inode: Option<NonZeroU32>,
    /// `SO_MARK`; told only to who has `CAP_NET_ADMIN`.
    pub mark: Option<u32>,
    /// `IPV6_V6ONLY`; told for IPv6 sockets that listen or are bound.
    pub v6only: Option<bool>,
    /// The control group, by its id (the inode of its directory).
    pub cgroup: Option<u64>,
    /// Directions that were shut down: bit 0 receiving, bit 1 sending.
    pub shutdown: Option<u8>,
}

impl Socket {
    /// A row of which nothing is known but its state and its ends.
    pub const fn bare(state: State, local: SocketAddr, peer: SocketAddr) -> Self {
        Self {
            state,
            local,
            peer,
            timer: Timer::OFF,
            receive_queue: 0,
            send_queue: 0,
            cookie: Cookie(0),
            interface: None,
            uid: None,
            inode: None,
            mark: None,
            v6only: None,
            cgroup: None,
            shutdown: None,
        }
    }

    /// Whether this is a timewait minisocket: what is left of a connection once no process holds it, 256 bytes in
    /// place of 2,368. TIME-WAIT always is one; a FIN-WAIT-2 is one when it was orphaned.
    ///
    /// Recognised by its timer (linux v6.12 `net/ipv4/inet_diag.c` `inet_twsk_diag_fill`).
    #[inline]
    pub fn is_minisocket(&self) -> bool {
        self.timer.kind == TimerKind::TimeWait
    }

    /// What it is as a timewait minisocket, if it is one.
    #[inline]
    pub fn minisocket(&self) -> Option<Minisocket> {
        let Self { state, local, peer, cookie, interface, mark, .. } = *self;
        let expires_ms = self.timer.expires_ms;
        self.is_minisocket().then_some(Minisocket { state, local, peer, expires_ms, cookie, interface, mark })
    }

    /// Time until a timewait minisocket goes by itself; `None` for every other socket.
    #[inline]
    pub fn expires_in(&self) -> Option<Duration> {
        self.is_minisocket().then(|| self.timer.left())
    }
}

/// The timer that runs for a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// What happens when it fires.
    pub kind: TimerKind,
    /// Milliseconds until then; 0 when it is off.
    pub expires_ms: u32,
    /// How often it has fired for the same cause (retransmissions, probes); 0 for TIME-WAIT.
    pub retries: u8,
}

impl Timer {
    /// No timer runs.
    pub const OFF: Self = Self { kind: TimerKind::Off, expires_ms: 0, retries: 0 };

    /// Time until it fires.
    pub fn left(self) -> Duration {
        Duration::from_millis(u64::from(self.expires_ms))
    }
}

/// What a socket's timer is for (`idiag_timer`; linux v6.12 `net/ipv4/inet_diag.c` `inet_sk_diag_fill`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerKind {
    /// None runs.
    Off,
    /// Retransmission, early loss detection, or the SYN-ACK of a half-open connection.
    Retransmit,
    /// Keep-alive, or the wait of an orphan in FIN-WAIT-2 before it becomes a minisocket.
    KeepAlive,
    /// The end of a timewait minisocket.
    TimeWait,
    /// The next probe of a window that the peer closed.
    ZeroWindowProbe,
    /// A number that this program does not know.
    Other(u8),
}

impl TimerKind {
    /// The kind with this number in the kernel.
    #[inline]
    pub fn from_kernel(number: u8) -> Self {
        match number {
            0 => Self::Off,
            1 => Self::Retransmit,
            2 => Self::KeepAlive,
            3 => Self::TimeWait,
            4 => Self::ZeroWindowProbe,
            other => Self::Other(other),
        }
    }

    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Retransmit => "retransmit",
            Self::KeepAlive => "keep-alive",
            Self::TimeWait => "time-wait",
            Self::ZeroWindowProbe => "zero-window-probe",
            Self::Other(_) => "other",
        }
    }
}

/// A socket's identity, unique in this kernel since it booted (`SO_COOKIE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cookie(pub u64);

impl fmt::Display for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(state: State, timer: Timer) -> Socket {
        Socket {
            timer,
            cookie: Cookie(0x27_cbfc),
            ..Socket::bare(state, "127.0.0.1:9000".parse().unwrap(), "127.0.0.1:51234".parse().unwrap())
        }
    }

    #[test]
    fn an_orphaned_fin_wait_2_is_a_minisocket_by_its_timer() {
        let waiting = Timer { kind: TimerKind::TimeWait, expires_ms: 59_976, retries: 0 };
        let orphan = socket(State::FinWait2, waiting);
        assert!(orphan.is_minisocket());
        assert_eq!(orphan.expires_in(), Some(Duration::from_millis(59_976)));
    }

    #[test]
    fn a_fin_wait_2_that_a_process_still_holds_expires_never_by_itself() {
        let held = socket(State::FinWait2, Timer::OFF);
        assert!(!held.is_minisocket());
        assert_eq!(held.expires_in(), None);
    }

    #[test]
    fn a_cookie_prints_as_the_contract_has_it() {
        assert_eq!(Cookie(0x27_cbfc).to_string(), "27cbfc");
    }
}
