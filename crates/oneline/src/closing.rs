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

/// Sends our FIN, behind whatever is still to be sent, and says whose was first.
///
/// The caller has not read the peer's FIN. It may have arrived all the same: then our own takes the connection from
/// CLOSE-WAIT to LAST-ACK rather than from ESTABLISHED to FIN-WAIT-1. A peer that is fast enough ends either way before
/// we look; then the socket is CLOSED, and only a connection whose first FIN was ours has left a wait in the table.
///
/// # Errors
/// The connection is gone (`ENOTCONN`).
pub(crate) fn send_fin(socket: impl AsFd, peer: SocketAddr) -> io::Result<Sent> {
    rustix::net::shutdown(&socket, Shutdown::Write)?;
    let state = state(&socket)?;
    let first = match state {
        State::FinWait1 | State::FinWait2 => First::Us,
        State::LastAck => First::Peer,
        State::Closing => First::Both,
        State::Closed if left_a_wait(&socket, peer) => First::Us,
        // The others do not follow shutdown(2).
        State::Closed
        | State::Established
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
    /// The peer's was not there when ours was sent, and what comes later is not looked at.
    pub(crate) const BEFORE_THE_PEERS: Self = Self { first: First::Us, may_cross: false };
    /// The connection was gone before ours could be sent.
    pub(crate) const UNSEEN: Self = Self { first: First::Unseen, may_cross: false };
}

/// Looks again once the peer's FIN has been read: in CLOSING it arrived before the acknowledgement of ours.
pub(crate) fn at_peers_fin(socket: impl AsFd, so_far: Sent) -> Sent {
    let crossed = so_far.may_cross && state(socket) == Ok(State::Closing);
    Sent { first: if crossed { First::Both } else { so_far.first }, may_cross: false }
}

/// What cannot be looked up has left none that we know of.
fn left_a_wait(socket: impl AsFd, peer: SocketAddr) -> bool {
    let local = rustix::net::getsockname(socket).and_then(SocketAddr::try_from);
    let found = local.ok().zip(SocketTable::open().ok()).map(|(local, mut table)| table.find(local, peer));
    matches!(found, Some(Ok(Some(row))) if row.state == State::TimeWait)
}

fn state(socket: impl AsFd) -> io::Result<State> {
    options::tcp_state(socket).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::PROTO))
}
