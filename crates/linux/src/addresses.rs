//! Which addresses are local to a network namespace, and on which interface, asked over `NETLINK_ROUTE`.
//!
//! bind(2) decides by them, and differently for the two families: see [`LocalAddresses::is_local`].
//! Formats: linux v6.12 include/uapi/linux/{rtnetlink,`if_addr`,`if_link`}.h.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
    ops::ControlFlow,
};

use ipnet::{IpNet, Ipv4Net};
use rustix::net::AddressFamily;
use timewait_facts::{LocalAddress, LocalAddresses, LocalRoute, Untrusted};
use zerocopy::{FromBytes, Immutable, KnownLayout, NativeEndian, U32, Unaligned};

use crate::{
    netlink::{self, AnswerError, Connection, Malformed, Message, Request},
    netns::{Netns, NotInside},
};

/// `RTM_NEWLINK`, `RTM_NEWADDR`, `RTM_NEWROUTE`: what an entry of a dump is; the dump is asked for by the type two on
/// (`RTM_GETLINK` and so on).
const LINK: u16 = 16;
const ADDRESS: u16 = 20;
const ROUTE: u16 = 24;
const ASK_FOR: u16 = 2;

/// `IFLA_IFNAME`
const LINK_NAME: u16 = 3;
/// `IFA_ADDRESS`: the address, or the other end of a point-to-point link, where `IFA_LOCAL` has the address.
const PEER_OR_ADDRESS: u16 = 1;
/// `IFA_LOCAL`
const OWN_ADDRESS: u16 = 2;
/// `IFA_F_DADFAILED` | `IFA_F_TENTATIVE`, which stand in the header's eight flags.
const NOT_SETTLED: u8 = 0x08 | 0x40;
/// `IFA_F_OPTIMISTIC`: tentative, and usable all the same.
const OPTIMISTIC: u8 = 0x04;
/// `RTA_DST`
const DESTINATION: u16 = 1;
/// `RTA_OIF`
const INTERFACE: u16 = 4;
/// `RT_TABLE_LOCAL`
const TABLE_LOCAL: u8 = 255;
/// `RTN_LOCAL`
const LOCAL: u8 = 2;
/// `RTN_LOCAL`, `RTN_BROADCAST`, `RTN_MULTICAST`
const BINDABLE: [u8; 3] = [2, 3, 5];
/// `RTNH_F_DEAD`: the interface is down.
const DEAD: u32 = 1;

/// `struct ifinfomsg`
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct LinkHeader {
    _family_and_kind: [u8; 4],
    index: U32<NativeEndian>,
    _flags: [u8; 8],
}

/// `struct ifaddrmsg`
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct AddressHeader {
    family: u8,
    prefix_length: u8,
    flags: u8,
    _scope: u8,
    index: U32<NativeEndian>,
}

/// `struct rtmsg`
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RouteHeader {
    _family: u8,
    destination_length: u8,
    _source_length: u8,
    _tos: u8,
    table: u8,
    _protocol: u8,
    _scope: u8,
    kind: u8,
    flags: U32<NativeEndian>,
}

const _: () = {
    assert!(size_of::<LinkHeader>() == 16 && std::mem::offset_of!(LinkHeader, index) == 4);
    assert!(size_of::<AddressHeader>() == 8 && std::mem::offset_of!(AddressHeader, index) == 4);
    assert!(size_of::<RouteHeader>() == 12 && std::mem::offset_of!(RouteHeader, kind) == 7);
};

/// Why the local addresses are not to be had.
#[derive(Debug, thiserror::Error)]
pub enum AddressesError {
    /// No connection to the kernel's tables: a seccomp filter, SELinux or AppArmor forbids it, or descriptors ran out.
    #[error("cannot open a netlink socket")]
    Open(#[source] io::Error),
    /// The namespace cannot be entered, which takes `CAP_SYS_ADMIN` in it and here.
    #[error("cannot enter the network namespace, which takes CAP_SYS_ADMIN")]
    Enter(#[source] io::Error),
    /// The answer is none, or not whole. [`AnswerError::Interrupted`]: asking again may help.
    #[error("cannot read the local addresses")]
    Answer(#[from] AnswerError),
}

/// The local addresses of the calling thread's network namespace.
///
/// # Errors
/// Any reason for which they are not to be had whole.
pub fn read() -> Result<LocalAddresses, AddressesError> {
    let mut connection = Connection::open(None).map_err(AddressesError::Open)?;
    connection.filter_dumps();
    let mut local = LocalAddresses::default();
    dump(&mut connection, LINK, &[0; size_of::<LinkHeader>()], |message| {
        local.interfaces.extend(link(message)?);
        Ok(())
    })?;
    dump(&mut connection, ADDRESS, &[0; size_of::<AddressHeader>()], |message| {
        local.addresses.extend(address(message)?);
        Ok(())
    })?;
    dump(&mut connection, ROUTE, &local_routes_of_ipv4(), |message| {
        local.routes.extend(route(message)?);
        Ok(())
    })?;
    Ok(local)
}

/// The local addresses of another network namespace. The calling thread stays where it is.
///
/// # Errors
/// As [`read`], or this process may not enter the namespace.
pub fn read_in(netns: &Netns) -> Result<LocalAddresses, AddressesError> {
    if netns.is_own() {
        return read();
    }
    netns.inside(read).unwrap_or_else(|outside| {
        Err(match outside {
            NotInside::Enter(error) => AddressesError::Enter(error),
            NotInside::Thread(error) => AddressesError::Open(error),
        })
    })
}

/// Whether the kernel delivers what is sent to this address to this network namespace itself: its own lookup of a route
/// (`RTM_GETROUTE`) gives one of type local. Broadcast and multicast addresses are not. Through `interface`, if it is given:
/// a link-local address is of one link.
///
/// # Errors
/// As [`read`]. An address without a route is not local.
pub fn is_routed_locally(address: IpAddr, interface: Option<NonZeroU32>) -> Result<bool, AddressesError> {
    let mut connection = Connection::open(None).map_err(AddressesError::Open)?;
    let (family, bytes) = match address {
        IpAddr::V4(ip) => (AddressFamily::INET, ip.octets().to_vec()),
        IpAddr::V6(ip) => (AddressFamily::INET6, ip.octets().to_vec()),
    };
    let family = u8::try_from(family.as_raw()).unwrap_or(0);
    let length = u8::try_from(bytes.len() * 8).unwrap_or(0);
    let header = [family, length, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut request = Request::new(ROUTE + ASK_FOR, 0).body(&header).attribute(DESTINATION, &bytes);
    if let Some(interface) = interface {
        request = request.attribute(INTERFACE, &interface.get().to_ne_bytes());
    }
    let mut local = false;
    let answer = connection.ask(&request, |message| {
        if message.number == ROUTE {
            let (header, _) = RouteHeader::ref_from_prefix(message.body)
                .map_err(|_| message.too_short(size_of::<RouteHeader>()))?;
            local = header.kind == LOCAL;
        }
        Ok(ControlFlow::Continue(()))
    });
    match answer {
        Ok(_) => Ok(local),
        // No route (ENETUNREACH, EHOSTUNREACH), or a rule that forbids it (EACCES, EINVAL).
        Err(error) if error.errno().is_some() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn dump(
    connection: &mut Connection,
    entry: u16,
    header: &[u8],
    mut each: impl FnMut(Message<'_>) -> Result<(), Malformed>,
) -> Result<(), AnswerError> {
    let request = Request::new(entry + ASK_FOR, netlink::DUMP).body(header);
    connection.ask(&request, |message| {
        if message.number == entry {
            each(message)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

fn local_routes_of_ipv4() -> [u8; size_of::<RouteHeader>()] {
    let family = u8::try_from(AddressFamily::INET.as_raw()).unwrap_or(0);
    [family, 0, 0, 0, TABLE_LOCAL, 0, 0, 0, 0, 0, 0, 0]
}

/// An interface's index and name.
fn link(message: Message<'_>) -> Result<Option<(NonZeroU32, Untrusted)>, Malformed> {
    let (header, _) =
        LinkHeader::ref_from_prefix(message.body).map_err(|_| message.too_short(size_of::<LinkHeader>()))?;
    let mut name = None;
    for attribute in message.attributes_after(size_of::<LinkHeader>()) {
        let attribute = attribute?;
        if attribute.number == LINK_NAME {
            let text = attribute.value.strip_suffix(&[0]).unwrap_or(attribute.value);
            name = Some(Untrusted::from(text));
        }
    }
    Ok(NonZeroU32::new(header.index.get()).zip(name))
}

fn address(message: Message<'_>) -> Result<Option<LocalAddress>, Malformed> {
    let (header, _) = AddressHeader::ref_from_prefix(message.body)
        .map_err(|_| message.too_short(size_of::<AddressHeader>()))?;
    let (mut own, mut peer_or_own) = (None, None);
    for attribute in message.attributes_after(size_of::<AddressHeader>()) {
        let attribute = attribute?;
        match attribute.number {
            OWN_ADDRESS => own = ip(attribute.value),
            PEER_OR_ADDRESS => peer_or_own = ip(attribute.value),
            _ => {}
        }
    }
    let net = own.or(peer_or_own).and_then(|ip| IpNet::new(ip, header.prefix_length).ok());
    let is_v6 = i32::from(header.family) == libc::AF_INET6;
    let tentative = is_v6 && header.flags & NOT_SETTLED != 0 && header.flags & OPTIMISTIC == 0;
    let interface = NonZeroU32::new(header.index.get());
    Ok(net.zip(interface).map(|(address, interface)| LocalAddress { address, interface, tentative }))
}

/// A route of the table `local`; older kernels hand out those of every table.
fn route(message: Message<'_>) -> Result<Option<LocalRoute>, Malformed> {
    let (header, _) = RouteHeader::ref_from_prefix(message.body)
        .map_err(|_| message.too_short(size_of::<RouteHeader>()))?;
    let mut destination = Ipv4Addr::UNSPECIFIED;
    for attribute in message.attributes_after(size_of::<RouteHeader>()) {
        let attribute = attribute?;
        if attribute.number == DESTINATION {
            destination = Ipv4Addr::from(attribute.sized::<4>()?);
        }
    }
    let bindable = BINDABLE.contains(&header.kind) && header.flags.get() & DEAD == 0;
    let prefix = Ipv4Net::new(destination, header.destination_length).ok();
    Ok(prefix.filter(|_| header.table == TABLE_LOCAL).map(|prefix| LocalRoute { prefix, bindable }))
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(|octets| Ipv4Addr::from(octets).into());
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(|octets| Ipv6Addr::from(octets).into());
    v4().or_else(v6)
}
