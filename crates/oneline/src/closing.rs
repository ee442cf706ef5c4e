//! Who closed first: observed around our own FIN, never assumed.

use std::{net::SocketAddr, os::fd::AsFd};

use rustix::{
    io::{self, Errno},
    net::Shutdown,
};
use timewait_facts::State;
use timewait_linux::{options, sockets::SocketTable};

/// A side of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that listened.
    Server,
    /// The one that connected.
    Client,
}

/// Whose FIN came first, as this side saw it. The wait is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// Ours was sent before the peer's arrived.
    Us,
    /// The peer's arrived before ours was sent.
    Peer,
    /// The two crossed, and we looked while our FIN was not yet acknowledged (CLOSING): both sides wait.
    Both,
    /// Both passed between two looks of ours, and the kernel keeps no wait that would tell.
    Unseen,
}

/// Sends our FIN, behind whatever is still to be sent, looks once, and says whose was first.
///
/// The caller has not read the peer's FIN. It may have arrived all the same: then our own takes the connection from
/// CLOSE-WAIT to LAST-ACK rather than from ESTABLISHED to FIN-WAIT-1. A peer that is fast enough ends either way before
/// we look; then the socket is CLOSED, and whose wait the table has says whose FIN was first: ours, or, where the peer is
/// on this host, the peer's.
///
/// # Errors
/// The connection is gone (`ENOTCONN`).
pub(crate) fn send_fin(socket: impl AsFd, peer: impl FnOnce() -> Option<SocketAddr>) -> io::Result<Sent> {
    rustix::net::shutdown(&socket, Shutdown::Write)?;
    let state = options::tcp_state(&socket).map_err(|error| errno(&error))?;
    let first = match state {
        State::FinWait1 | State::FinWait2 => First::Us,
        State::LastAck => First::Peer,
        State::Closing => First::Both,
        State::Closed => peer().map_or(First::Unseen, |peer| whose_wait(&socket, peer)),
        // These do not follow shutdown(2).
        State::Established
        | State::SynSent
        | State::SynRecv
        | State::TimeWait
        | State::CloseWait
        | State::Listen
        | State::BoundInactive => First::Unseen,
    };
    Ok(Sent { first, may_cross: state == State::FinWait1 })
}

/// Our FIN, sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Whose was first, as far as can be told now.
    pub(crate) first: First,
    /// Ours is on its way, and the peer's may cross it.
    may_cross: bool,
}

impl Sent {
    /// The peer's FIN came before ours was to be sent.
    pub(crate) const AFTER_THE_PEERS: Self = Self { first: First::Peer, may_cross: false };
    /// Nothing had come from the peer a moment before ours was sent.
    pub(crate) const BEFORE_THE_PEERS: Self = Self { first: First::Us, may_cross: true };
    /// The connection was gone before ours could be sent.
    pub(crate) const UNSEEN: Self = Self { first: First::Unseen, may_cross: false };
}

/// Looks again once the peer's FIN has been read: in CLOSING it arrived before the acknowledgement of ours.
pub(crate) fn at_peers_fin(socket: impl AsFd, so_far: Sent) -> Sent {
    let crossed = so_far.may_cross && options::tcp_state(socket).is_ok_and(|state| state == State::Closing);
    Sent { first: if crossed { First::Both } else { so_far.first }, may_cross: false }
}

/// Who waits after a connection that has ended. The other side's wait is in this table too if it is on this host.
fn whose_wait(socket: impl AsFd, peer: SocketAddr) -> First {
    let local = rustix::net::getsockname(socket).and_then(SocketAddr::try_from);
    let (Ok(local), Ok(mut table)) = (local, SocketTable::open()) else { return First::Unseen };
    let mut waits = |from, to| matches!(table.find(from, to), Ok(Some(row)) if row.state == State::TimeWait);
    if waits(local, peer) {
        First::Us
    } else if waits(peer, local) {
        First::Peer
    } else {
        First::Unseen
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::PROTO)
}
