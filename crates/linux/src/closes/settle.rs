//! From a socket's changes of state to one close.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use timewait_facts::{Cookie, State};

use super::{
    First, Reset,
    probe::{Closer, Transition},
};

/// For so long a close waits for what belongs to it: a FIN that crosses ours, or our own close after the peer's. A
/// crossing FIN that comes even later is not noticed.
const HOLD: Duration = Duration::from_secs(2);
/// Sockets that are followed at most; what has been told is forgotten first.
const MOST: usize = 1 << 18;

/// A close, once nothing more is expected of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) cookie: Option<Cookie>,
    pub(super) first: First,
    pub(super) closer: Option<Closer>,
}

/// The sockets that are closing, by their address in the kernel.
#[derive(Debug, Default)]
pub(super) struct Settling {
    open: HashMap<u64, Open>,
    /// When each is to be told, the oldest first.
    order: VecDeque<(Duration, u64, u64)>,
    number: u64,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    settled: Settled,
    number: u64,
    /// Told already, and remembered so that the end of the same close is not taken for another one.
    told: bool,
}

impl Settling {
    /// Takes a change; tells what is settled by it.
    pub(super) fn on(&mut self, at: Duration, change: &Transition, mut tell: impl FnMut(Settled)) {
        match (change.old, change.new) {
            (_, State::FinWait1) => self.begin(at, change, First::Us, tell),
            (_, State::CloseWait) => self.begin(at, change, First::Peer, tell),
            (_, State::Closing) => self.end(change, First::Both, tell),
            (State::CloseWait, State::LastAck | State::Closed) => self.end(change, First::Peer, tell),
            (State::Established, State::Closed) => {
                self.put_away(change.socket, &mut tell);
                tell(settled(change, First::Reset(reset(change.error))));
            }
            // Not written by the probe: no part of who was first.
            _ => {}
        }
    }

    /// Tells those that have waited for long enough.
    pub(super) fn settle(&mut self, at: Duration, mut tell: impl FnMut(Settled)) {
        while let Some(&(due, socket, number)) = self.order.front() {
            if due > at {
                return;
            }
            self.order.pop_front();
            self.time_is_over(socket, number, &mut tell);
        }
    }

    /// Tells all that are left.
    pub(super) fn finish(&mut self, tell: impl FnMut(Settled)) {
        self.settle(Duration::MAX, tell);
    }

    fn begin(&mut self, at: Duration, change: &Transition, first: First, mut tell: impl FnMut(Settled)) {
        self.put_away(change.socket, &mut tell);
        if self.open.len() >= MOST {
            self.open.retain(|_, open| !open.told);
        }
        if self.open.len() >= MOST {
            return tell(settled(change, first));
        }
        self.number += 1;
        let open = Open { settled: settled(change, first), number: self.number, told: false };
        self.open.insert(change.socket, open);
        self.order.push_back((at.saturating_add(HOLD), change.socket, self.number));
    }

    /// The second half of a close. Without the first, that was before the watch began, or is told already.
    fn end(&mut self, change: &Transition, first: First, mut tell: impl FnMut(Settled)) {
        let Some(open) = self.open.remove(&change.socket).filter(|open| !open.told) else { return };
        let cookie = change.cookie.or(open.settled.cookie);
        let closer = open.settled.closer.or(change.closer);
        tell(Settled { cookie, first, closer, ..open.settled });
    }

    /// Another socket is at the place of one that was followed.
    fn put_away(&mut self, socket: u64, tell: &mut impl FnMut(Settled)) {
        if let Some(open) = self.open.remove(&socket).filter(|open| !open.told) {
            tell(open.settled);
        }
    }

    fn time_is_over(&mut self, socket: u64, number: u64, tell: &mut impl FnMut(Settled)) {
        let Some(open) = self.open.get_mut(&socket).filter(|open| open.number == number) else { return };
        tell(open.settled);
        if open.settled.first == First::Peer {
            // This side may close in an hour.
            open.told = true;
        } else {
            self.open.remove(&socket);
        }
    }
}

fn settled(change: &Transition, first: First) -> Settled {
    Settled { local: change.local, peer: change.peer, cookie: change.cookie, first, closer: change.closer }
}

/// What the socket's error tells of an end without a FIN (linux v6.12 `net/ipv4/tcp_input.c` `tcp_reset`,
/// `net/ipv4/tcp_timer.c` `tcp_write_err`, `net/ipv4/tcp.c` `__tcp_close`, `tcp_abort`).
fn reset(error: i32) -> Reset {
    match error {
        0 => Reset::ByUs,
        libc::ECONNRESET | libc::EPIPE => Reset::ByPeer,
        libc::ETIMEDOUT | libc::EHOSTUNREACH | libc::ENETUNREACH => Reset::TimedOut,
        _ => Reset::Aborted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Closer = Closer { pid: 7, tid: 7, command: [b'x'; 16], cgroup: 1 };

    fn change(old: State, new: State, closer: Option<Closer>) -> Transition {
        Transition {
            socket: 0xffff_8880_0000_1000,
            old,
            new,
            local: "10.0.0.1:9000".parse().unwrap(),
            peer: "10.0.0.2:40000".parse().unwrap(),
            cookie: None,
            error: 0,
            closer,
        }
    }

    /// What is told of changes that come at these seconds, up to the last of them.
    fn told(changes: &[(u64, Transition)]) -> Vec<(First, Option<Closer>)> {
        let (mut settling, mut told) = (Settling::default(), Vec::new());
        for (second, change) in changes {
            let at = Duration::from_secs(*second);
            settling.settle(at, |settled| told.push((settled.first, settled.closer)));
            settling.on(at, change, |settled| told.push((settled.first, settled.closer)));
        }
        settling.finish(|settled| told.push((settled.first, settled.closer)));
        told
    }

    #[test]
    fn who_sends_the_first_fin_is_first_unless_the_fins_cross() {
        use State::{CloseWait, Closing, Established, FinWait1, LastAck};
        let ours = change(Established, FinWait1, Some(OURS));
        assert_eq!(told(&[(0, ours)]), [(First::Us, Some(OURS))]);
        assert_eq!(told(&[(0, ours), (1, change(FinWait1, Closing, None))]), [(First::Both, Some(OURS))]);
        let theirs = change(Established, CloseWait, None);
        assert_eq!(told(&[(0, theirs)]), [(First::Peer, None)]);
        let then_ours = change(CloseWait, LastAck, Some(OURS));
        assert_eq!(told(&[(0, theirs), (1, then_ours)]), [(First::Peer, Some(OURS))]);
    }

    #[test]
    fn a_close_that_comes_long_after_the_peer_s_is_not_another_one() {
        use State::{CloseWait, Established, LastAck};
        let theirs = change(Established, CloseWait, None);
        let late = change(CloseWait, LastAck, Some(OURS));
        assert_eq!(told(&[(0, theirs), (60, late)]), [(First::Peer, None)]);
    }

    #[test]
    fn what_was_closing_before_the_watch_began_is_not_told() {
        use State::{CloseWait, Closing, FinWait1, LastAck};
        assert_eq!(told(&[(0, change(CloseWait, LastAck, Some(OURS)))]), []);
        assert_eq!(told(&[(0, change(FinWait1, Closing, None))]), []);
    }

    #[test]
    fn another_socket_in_the_same_place_is_another_close() {
        use State::{Established, FinWait1};
        let ours = change(Established, FinWait1, Some(OURS));
        assert_eq!(told(&[(0, ours), (0, ours), (1, ours)]).len(), 3);
    }

    #[test]
    fn an_end_without_a_fin_is_a_reset_by_whom_the_error_tells() {
        let end = |error| Transition { error, ..change(State::Established, State::Closed, None) };
        for (error, reset) in [
            (0, Reset::ByUs),
            (libc::ECONNRESET, Reset::ByPeer),
            (libc::ETIMEDOUT, Reset::TimedOut),
            (libc::ECONNABORTED, Reset::Aborted),
        ] {
            assert_eq!(told(&[(0, end(error))]), [(First::Reset(reset), None)]);
        }
    }

    #[test]
    fn a_peer_that_closed_first_was_first_also_if_this_side_then_sends_an_rst() {
        use State::{CloseWait, Closed, Established};
        let theirs = change(Established, CloseWait, None);
        let rst = change(CloseWait, Closed, Some(OURS));
        assert_eq!(told(&[(0, theirs), (0, rst)]), [(First::Peer, Some(OURS))]);
    }
}
