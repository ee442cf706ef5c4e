//! A bind(2) tried on the host itself: the last resort, where no table tells.
//!
//! It makes a socket, binds it and closes it; it never listens. For as long as that takes, a success holds the port,
//! and the kernel looks through the port's sockets under a lock. Audit logs show it as any other bind.

use std::net::SocketAddr;

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, sockopt};

use crate::{Errno, netns::Netns};

/// The socket to try with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Where.
    pub address: SocketAddr,
    /// SO_REUSEADDR
    pub reuseaddr: bool,
    /// SO_REUSEPORT
    pub reuseport: bool,
    /// IPV6_V6ONLY, for an IPv6 address.
    pub v6only: bool,
}

/// What bind(2) answers, in this network namespace or in another one.
///
/// `None` if it could not even be tried: no socket, or no way into the namespace.
pub fn bind(attempt: &Attempt, netns: Option<&Netns>) -> Option<Result<(), Errno>> {
    match netns {
        None => bind_here(attempt),
        Some(netns) => netns.inside(|| bind_here(attempt)).ok().flatten(),
    }
}

fn bind_here(attempt: &Attempt) -> Option<Result<(), Errno>> {
    let family = if attempt.address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket =
        rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, Some(ipproto::TCP))
            .ok()?;
    sockopt::set_socket_reuseaddr(&socket, attempt.reuseaddr).ok()?;
    sockopt::set_socket_reuseport(&socket, attempt.reuseport).ok()?;
    if attempt.address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, attempt.v6only).ok()?;
    }
    Some(rustix::net::bind(&socket, &attempt.address).map_err(Errno::from))
}
