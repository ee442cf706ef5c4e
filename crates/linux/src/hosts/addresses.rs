//! Addresses on the loopback interface, by `NETLINK_ROUTE`.

use std::{
    io,
    net::{IpAddr, UdpSocket},
    ops::ControlFlow,
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
const LOOPBACK: u32 = 1;

/// An address that `lo` did not get.
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
    /// Taken without complaint, and yet nothing can be bound to it.
    #[error("{address} was added and cannot be bound")]
    NotTaken {
        /// The address.
        address: IpNet,
        /// What the kernel answered to bind(2).
        source: io::Error,
    },
}

pub(super) fn add(address: IpNet) -> Result<(), AddressError> {
    let mut connection = Connection::open(None).map_err(AddressError::Open)?;
    let answer = connection.ask(&request(address), |_| Ok(ControlFlow::Continue(())));
    answer.map_err(|source| match source.errno() {
        Some(libc::EEXIST) => AddressError::Present(address),
        _ => AddressError::Answer { address, source },
    })?;
    // Reads it back by using it.
    UdpSocket::bind((address.addr(), 0)).map_err(|source| AddressError::NotTaken { address, source })?;
    Ok(())
}

fn request(address: IpNet) -> Request {
    let (family, flags, bytes) = match address.addr() {
        IpAddr::V4(ip) => (AddressFamily::INET, 0, ip.octets().to_vec()),
        IpAddr::V6(ip) => (AddressFamily::INET6, NO_DUPLICATE_DETECTION, ip.octets().to_vec()),
    };
    // `struct ifaddrmsg`: family, prefix length, flags, scope (0: universal), interface
    let family = u8::try_from(family.as_raw()).unwrap_or(0);
    let mut header = vec![family, address.prefix_len(), flags, 0];
    header.extend(LOOPBACK.to_ne_bytes());
    let request = Request::new(NEW_ADDRESS, netlink::ACK | netlink::CREATE).body(&header);
    ATTRIBUTES.into_iter().fold(request, |request, number| request.attribute(number, &bytes))
}
