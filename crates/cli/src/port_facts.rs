//! What is known about a port at the moment a call on it was refused.

use std::net::SocketAddr;

use timewait_diagnose::bind::{Answer, Facts, Occupant};
use timewait_facts::{Pattern, State, States};
use timewait_linux::{
    Errno, kernel_version,
    owners::Owners,
    settings,
    sockets::{self, Query, ReadError, SocketTable},
};

/// Why the facts are not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoFacts {
    #[error(transparent)]
    Open(#[from] sockets::OpenError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Reads every socket that shares the port, and the owners of those that have one.
pub(crate) fn read(address: SocketAddr) -> Result<Facts, NoFacts> {
    let port = Pattern { prefix: None, port: Some(address.port()) };
    let rows = SocketTable::open()?.collect(&Query::in_states(States::all()).local(port))?;
    let live = rows.iter().any(|socket| socket.inode.is_some() && socket.state != State::TimeWait);
    // A user who may not look sees sockets without owners.
    let owners = if live { Owners::read().ok() } else { None };
    let owner = |inode| owners.as_ref()?.of(inode).cloned();
    let mut facts = Facts {
        bound_listed: sockets::lists_bound(&kernel_version()),
        unprivileged_from: settings::read("net.ipv4.ip_unprivileged_port_start")
            .ok()
            .and_then(|value| value.parse().ok()),
        ..Facts::default()
    };
    for socket in rows {
        facts.add(Occupant::of(socket, socket.inode.and_then(owner)));
    }
    Ok(facts)
}

/// What an errno says about a port.
pub(crate) fn answer(errno: Errno) -> Answer {
    match errno {
        Errno::ADDRESS_IN_USE => Answer::InUse,
        Errno::ADDRESS_NOT_AVAILABLE => Answer::NotAvailable,
        Errno::PERMISSION_DENIED => Answer::NotPermitted,
        _ => Answer::Other,
    }
}
