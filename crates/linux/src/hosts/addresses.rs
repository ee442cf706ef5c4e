//! Addresses on an interface of the calling thread's network namespace, by `NETLINK_ROUTE`.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
    ops::ControlFlow,
    thread,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use rustix::net::AddressFamily;

use crate::netlink::{self, AnswerError, Connection, Request};

/// `RTM_NEWADDR`
const NEW_ADDRESS: u16 = 20;
/// `RTM_NEWROUTE`, `RTM_GETROUTE`
const ROUTE: u16 = 24;
const GET_ROUTE: u16 = 26;
/// `IFA_ADDRESS`, `IFA_LOCAL`
const ATTRIBUTES: [u16; 2] = [1, 2];
/// `RTA_DST`, `RTA_OIF`
const DESTINATION: u16 = 1;
const INTERFACE: u16 = 4;
/// Where the kind of a route stands in `struct rtmsg`, and `RTN_LOCAL`.
const KIND: usize = 7;
const LOCAL: u8 = 2;
/// `IFA_F_NODAD`: an IPv6 address is there at once, without asking the link whether somebody else has it.
const NO_DUPLICATE_DETECTION: u8 = 0x02;
/// `LOOPBACK_IFINDEX`: `lo` is the first interface of every network namespace (linux v6.12 include/net/flow.h).
pub(super) const LOOPBACK: u32 = 1;

/// How long a route may take. The work that makes it waits for the one lock that all changes of the machine's network
/// take (`rtnl_mutex`). While namespaces come and go and every core is busy, that is held for half a minute at a time:
/// who holds it waits for all readers of RCU. Reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK_AGAIN: Duration = Duration::from_millis(1);

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
    /// Taken without complaint, and yet it cannot be used: it cannot be bound, or no route makes it local.
    #[error("{address} is an address of this host and cannot be used")]
    NotTaken {
        /// The address.
        address: IpNet,
        /// What the kernel answered to bind(2); `TimedOut`: the route did not come.
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

/// Waits until what is sent to the address stays in this host.
///
/// The kernel adds the route by which an IPv6 address is local later than the address, in a work queue (linux v6.12
/// net/ipv6/addrconf.c `addrconf_dad_completed`): for a moment it can be bound, and what is sent to it goes out, or is
/// lost. The kernel is asked for that route; to try it by a datagram would send one out each time.
pub(super) fn usable(interface: u32, address: IpAddr) -> io::Result<()> {
    // Whatever is no address of this host cannot be bound.
    UdpSocket::bind(match address {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => SocketAddrV6::new(ip, 0, 0, interface).into(),
        _ => SocketAddr::new(address, 0),
    })?;
    // Who is reached at every address is reached at the loopback's.
    let reached = match address {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    let mut connection = Connection::open(None)?;
    let (question, start) = (route_to(interface, reached), Instant::now());
    while !is_local(&mut connection, &question)? {
        if start.elapsed() > PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// Asks by which route a packet to this address would go.
fn route_to(interface: u32, address: IpAddr) -> Request {
    let (family, bytes) = match address {
        IpAddr::V4(ip) => (AddressFamily::INET, ip.octets().to_vec()),
        IpAddr::V6(ip) => (AddressFamily::INET6, ip.octets().to_vec()),
    };
    // `struct rtmsg`: family, length of the destination's prefix, and nothing else that a question needs.
    let mut header = [0; 12];
    header[0] = u8::try_from(family.as_raw()).unwrap_or(0);
    header[1] = if address.is_ipv4() { 32 } else { 128 };
    let question = Request::new(GET_ROUTE, 0).body(&header).attribute(DESTINATION, &bytes);
    match address {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => {
            question.attribute(INTERFACE, &interface.to_ne_bytes())
        }
        _ => question,
    }
}

fn is_local(connection: &mut Connection, question: &Request) -> io::Result<bool> {
    let mut local = false;
    let answer = connection.ask(question, |message| {
        local |= message.number == ROUTE && message.body.get(KIND) == Some(&LOCAL);
        Ok(ControlFlow::Continue(()))
    });
    match answer {
        Ok(_) => Ok(local),
        // No route at all, not even one that leads elsewhere.
        Err(AnswerError::Errno(_)) => Ok(false),
        Err(error) => Err(io::Error::other(error)),
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
