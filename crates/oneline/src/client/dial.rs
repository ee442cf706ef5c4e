use std::{
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags},
    io::{self, Errno},
    net::{AddressFamily, SocketFlags, SocketType, ipproto, sockopt},
};
use timewait_linux::options;

use super::{
    Connection,
    wait::{deadline_in, poll_until},
};
use crate::{Call, Side};

/// Whom to connect to, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dial {
    /// The server.
    pub to: SocketAddr,
    /// Our address, and our port if it is to be a certain one. Without a port, connect(2) chooses one that is free for
    /// this destination (`IP_BIND_ADDRESS_NO_PORT`), not one that is free for all.
    pub from: Option<(IpAddr, Option<u16>)>,
    /// How long to wait for the connection; then, how long a silence ends it.
    pub timeout: Duration,
    /// Who is to close first.
    pub close_first: Side,
}

impl Dial {
    /// To a server that closes first, from wherever the kernel chooses, with ten seconds of patience.
    pub const fn to(to: SocketAddr) -> Self {
        Self { to, from: None, timeout: Duration::from_secs(10), close_first: Side::Server }
    }
}

/// A connection that did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot connect to {to}: {call} failed")]
pub struct DialError {
    /// The call.
    pub call: Call,
    /// What it left in errno.
    #[source]
    pub errno: timewait_linux::Errno,
    /// Our end as far as it was chosen: by [`Dial::from`], or by the kernel before the attempt failed.
    pub local: Option<SocketAddr>,
    /// Whom it was to reach.
    pub to: SocketAddr,
}

pub(super) fn open(dial: &Dial, stop: BorrowedFd<'_>) -> Result<Connection, DialError> {
    let asked = dial.from.map(|(address, port)| SocketAddr::new(address, port.unwrap_or(0)));
    let failed = |call, local: Option<SocketAddr>| {
        move |errno: Errno| DialError { call, errno: errno.into(), local, to: dial.to }
    };
    let family = if dial.to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))
        .map_err(failed(Call::Socket, asked))?;
    bind(&socket, dial).map_err(|(call, errno)| failed(call, asked)(errno))?;
    let reset = match connect(&socket, dial, stop) {
        Ok(()) => None,
        // A server that answers the SYN by an RST is ECONNREFUSED; these two come to a connection only.
        Err(errno @ (Errno::CONNRESET | Errno::PIPE)) => Some(errno),
        Err(errno) => return Err(failed(Call::Connect, local(&socket).or(asked))(errno)),
    };
    Ok(Connection {
        local: local(&socket).ok_or(Errno::NOTCONN).map_err(failed(Call::LocalName, asked))?,
        peer: peer(&socket).unwrap_or(dial.to),
        socket,
        timeout: dial.timeout,
        close_first: dial.close_first,
        reset,
    })
}

fn bind(socket: &OwnedFd, dial: &Dial) -> Result<(), (Call, Errno)> {
    let Some((address, port)) = dial.from else { return Ok(()) };
    if port.is_none() {
        options::set_bind_address_no_port(socket, true).map_err(|error| {
            (Call::SetOption("IP_BIND_ADDRESS_NO_PORT"), Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
        })?;
    }
    let from = SocketAddr::new(address, port.unwrap_or(0));
    rustix::net::bind(socket, &from).map_err(|errno| (Call::Bind, errno))
}

/// Our end, if it has a port yet.
fn local(socket: &OwnedFd) -> Option<SocketAddr> {
    let name = rustix::net::getsockname(socket).ok()?;
    SocketAddr::try_from(name).ok().filter(|local| local.port() != 0)
}

/// The other end as the kernel has it: 0.0.0.0 is reached at 127.0.0.1. `None` once the connection is gone.
fn peer(socket: &OwnedFd) -> Option<SocketAddr> {
    let name = rustix::net::getpeername(socket).ok()??;
    SocketAddr::try_from(name).ok()
}

fn connect(socket: &OwnedFd, dial: &Dial, stop: BorrowedFd<'_>) -> io::Result<()> {
    let deadline = deadline_in(dial.timeout);
    match rustix::net::connect(socket, &dial.to) {
        // A signal does not end the attempt, as little as a socket that does not block does.
        Err(Errno::INPROGRESS | Errno::INTR) => {}
        outcome => return outcome,
    }
    let mut waited = [
        PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::OUT),
        PollFd::from_borrowed_fd(stop, PollFlags::IN),
    ];
    if !poll_until(&mut waited, deadline)? {
        return Err(Errno::TIMEDOUT);
    }
    let [socket_ready, _] = waited;
    if socket_ready.revents().is_empty() {
        return Err(Errno::INTR);
    }
    sockopt::socket_error(socket)?
}
