//! Addresses on an interface of the calling thread's network namespace, by `NETLINK_ROUTE`.

use std::{
    io,
    net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket},
    ops::ControlFlow,
    thread,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use rustix::net::AddressFamily;

use crate::netlink::{self, AnswerError, Connection, Request};

/// `RTM_NEWADDR`
const NEW_ADDRESS: u16 = 20;
/// `IFA_ADDRESS`, `IFA_LOCAL`
const ATTRIBUTES: [u16; 2] = [1, 2];
/// `IFA_F_NODAD`: an IPv6 address is there at once, without asking the link whether somebody else has it.
const NO_DUPLICATE_DETECTION: u8 = 0x02;
/// `LOOPBACK_IFINDEX`: `lo` is the first interface of every network namespace (linux v6.12 include/net/flow.h).
pub(super) const LOOPBACK: u32 = 1;

/// How long a route may take. The work that makes it waits for the one lock that all changes of the machine's network
/// take (`rtnl_mutex`): while a hundred namespaces come and go, for seconds. Reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// An address that an interface did not get.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is there already.
    #[error("{0} is an address of this host already")]
    Present(IpNet),
    /// No connection to the kernel's address table.
    #[error("cannot open a netlink socket")]
    Open(#[source] io::Error),
    /// The kernel did not take it.
    #[error("cannot add the address {address}")]
    Answer {
        /// The address.
        address: IpNet,
        /// What the kernel answered.
        source: AnswerError,
    },
    /// Taken without complaint, and yet it cannot be used.
    #[error("{address} is an address of this host and cannot be used")]
    NotTaken {
        /// The address.
        address: IpNet,
        /// What the kernel answered to bind(2), or to a datagram to itself.
        source: io::Error,
    },
}

pub(super) fn add(interface: u32, address: IpNet) -> Result<(), AddressError> {
    let mut connection = Connection::open(None).map_err(AddressError::Open)?;
    let answer = connection.ask(&request(interface, address), |_| Ok(ControlFlow::Continue(())));
    answer.map_err(|source| match source.errno() {
        Some(libc::EEXIST) => AddressError::Present(address),
        _ => AddressError::Answer { address, source },
    })?;
    // Reads it back by using it.
    usable(interface, address.addr()).map_err(|source| AddressError::NotTaken { address, source })
}

/// Waits until a socket on the address hears what it sends to itself.
///
/// The kernel adds the route by which an IPv6 address is local later than the address, in a work queue (linux v6.12
/// net/ipv6/addrconf.c `addrconf_dad_completed`): for a moment it can be bound, and what is sent to it is lost.
pub(super) fn usable(interface: u32, address: IpAddr) -> io::Result<()> {
    let socket = UdpSocket::bind(match address {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => SocketAddrV6::new(ip, 0, 0, interface).into(),
        _ => SocketAddr::new(address, 0),
    })?;
    socket.set_nonblocking(true)?;
    let (itself, start) = (socket.local_addr()?, Instant::now());
    loop {
        let sent = socket.send_to(&[0], itself);
        match sent.and_then(|_| socket.recv(&mut [0])) {
            Ok(_) => return Ok(()),
            Err(error) if start.elapsed() > PATIENCE => return Err(error),
            Err(_not_yet) => thread::sleep(LOOK_AGAIN),
        }
    }
}

fn request(interface: u32, address: IpNet) -> Request {
    let (family, flags, bytes) = match address.addr() {
        IpAddr::V4(ip) => (AddressFamily::INET, 0, ip.octets().to_vec()),
        IpAddr::V6(ip) => (AddressFamily::INET6, NO_DUPLICATE_DETECTION, ip.octets().to_vec()),
    };
    // `struct ifaddrmsg`: family, prefix length, flags, scope (0: universal), interface
    let family = u8::try_from(family.as_raw()).unwrap_or(0);
    let mut header = vec![family, address.prefix_len(), flags, 0];
    header.extend(interface.to_ne_bytes());
    let request = Request::new(NEW_ADDRESS, netlink::ACK | netlink::CREATE).body(&header);
    ATTRIBUTES.into_iter().fold(request, |request, number| request.attribute(number, &bytes))
}
