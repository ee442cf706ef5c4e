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
pub(crate) fn send_fin(socket: impl AsFd, peer: SocketAddr) -> io::Result<First> {
    rustix::net::shutdown(&socket, Shutdown::Write)?;
    Ok(match state(&socket)? {
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
    })
}

/// Looks again once the peer's FIN has been read: in CLOSING it arrived before the acknowledgement of ours.
pub(crate) fn at_peers_fin(socket: impl AsFd, so_far: First) -> First {
    match so_far {
        First::Us if state(socket) == Ok(State::Closing) => First::Both,
        First::Us | First::Peer | First::Both | First::Unseen => so_far,
    }
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
