use std::{net::SocketAddr, os::fd::OwnedFd, time::Duration};

use rustix::{
    io::{self, Errno},
    net::{AddressFamily, SocketFlags, SocketType, ipproto, sockopt},
};

use crate::{Call, server::Setup};

/// A server that could not be set up: the call that failed, and where it was to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot listen on {address}: {call} failed")]
pub struct SetupError {
    /// The call.
    pub call: Call,
    /// What it left in errno.
    #[source]
    pub errno: timewait_linux::Errno,
    /// The address of the [`Setup`].
    pub address: SocketAddr,
}

/// The article's calls in the article's order: socket, setsockopt, bind, listen.
pub(super) fn listen(setup: &Setup) -> Result<(OwnedFd, SocketAddr), SetupError> {
    let address = setup.address;
    let failed = |call| move |errno: Errno| SetupError { call, errno: errno.into(), address };

    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))
        .map_err(failed(Call::Socket))?;
    set_options(&socket, setup).map_err(|(option, errno)| failed(Call::SetOption(option))(errno))?;
    rustix::net::bind(&socket, &address).map_err(failed(Call::Bind))?;
    let backlog = i32::try_from(setup.backlog).unwrap_or(i32::MAX);
    rustix::net::listen(&socket, backlog).map_err(failed(Call::Listen))?;

    let local = rustix::net::getsockname(&socket).and_then(SocketAddr::try_from);
    Ok((socket, local.map_err(failed(Call::LocalName))?))
}

/// Options that are off by default are not touched: a program that does not ask for them does not call either.
fn set_options(socket: &OwnedFd, setup: &Setup) -> Result<(), (&'static str, Errno)> {
    let named = |option, outcome: io::Result<()>| outcome.map_err(|errno| (option, errno));
    if setup.reuseaddr {
        named("SO_REUSEADDR", sockopt::set_socket_reuseaddr(socket, true))?;
    }
    if setup.reuseport {
        named("SO_REUSEPORT", sockopt::set_socket_reuseport(socket, true))?;
    }
    if let Some(v6only) = setup.v6only {
        named("IPV6_V6ONLY", sockopt::set_ipv6_v6only(socket, v6only))?;
    }
    // Accepted sockets inherit it.
    if let Some(seconds) = setup.linger {
        let linger = Duration::from_secs(seconds.into());
        named("SO_LINGER", sockopt::set_socket_linger(socket, Some(linger)))?;
    }
    Ok(())
}
