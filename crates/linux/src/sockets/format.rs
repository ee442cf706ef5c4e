//! The kernel's structures, and the requests made of them.

use std::{
    mem::offset_of,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
};

use rustix::net::AddressFamily;
use timewait_facts::{Pattern, Socket, State};
use zerocopy::{BigEndian, FromBytes, Immutable, IntoBytes, KnownLayout, NativeEndian, U16, U32, Unaligned};

use super::{Query, bytecode};
use crate::netlink::{ACK, DUMP, Request};

/// A message type: sockets of one family (since 3.3).
pub(super) const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// A message type: TCP sockets of both families (since 2.6.14), kept by newer kernels for programs that know no
/// other. One walk instead of two saves 29 % of a dump.
pub(super) const TCPDIAG_GETSOCK: u16 = 18;

/// `AF_INET` and `AF_INET6`, as they stand in requests and answers.
pub(super) const FAMILIES: [u8; 2] = [INET, INET6];
pub(super) const INET: u8 = family_number(AddressFamily::INET);
pub(super) const INET6: u8 = family_number(AddressFamily::INET6);

/// `SOCK_DESTROY`, a message type: end this socket (since 4.5).
const SOCK_DESTROY: u16 = 21;
/// `INET_DIAG_REQ_BYTECODE`
const BYTECODE: u16 = 1;
const PROTOCOL_TCP: u8 = 6;

#[allow(
    clippy::cast_possible_truncation,
    reason = "AF_INET is 2 and AF_INET6 10; both structures give them a byte"
)]
const fn family_number(family: AddressFamily) -> u8 {
    family.as_raw() as u8
}

/// `struct inet_diag_sockid`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Identity {
    pub(super) local_port: U16<BigEndian>,
    pub(super) peer_port: U16<BigEndian>,
    pub(super) local: [u8; 16],
    pub(super) peer: [u8; 16],
    pub(super) interface: U32<NativeEndian>,
    /// Two 32-bit halves, the lower first, on every architecture.
    pub(super) cookie: [U32<NativeEndian>; 2],
}

/// `struct inet_diag_msg`: the fixed part of a row.
#[derive(Clone, Copy, Debug, FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct RowHeader {
    pub(super) family: u8,
    pub(super) state: u8,
    pub(super) timer: u8,
    pub(super) retries: u8,
    pub(super) id: Identity,
    pub(super) expires_ms: U32<NativeEndian>,
    pub(super) receive_queue: U32<NativeEndian>,
    pub(super) send_queue: U32<NativeEndian>,
    pub(super) uid: U32<NativeEndian>,
    pub(super) inode: U32<NativeEndian>,
}

/// A row: the fixed part, and the attributes behind it.
#[derive(Debug, FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct RowBytes {
    pub(super) header: RowHeader,
    pub(super) attributes: [u8],
}

/// `struct inet_diag_req`, of `TCPDIAG_GETSOCK`. The kernel ignores its family.
#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct LegacyRequest {
    family: u8,
    local_length: u8,
    peer_length: u8,
    extensions: u8,
    id: Identity,
    states: U32<NativeEndian>,
    start: U32<NativeEndian>,
}

/// `struct inet_diag_req_v2`, of `SOCK_DIAG_BY_FAMILY`.
#[derive(IntoBytes, Immutable, Unaligned)]
#[repr(C)]
struct FamilyRequest {
    family: u8,
    protocol: u8,
    extensions: u8,
    padding: u8,
    states: U32<NativeEndian>,
    id: Identity,
}

// linux v6.12 include/uapi/linux/inet_diag.h
const _: () = {
    assert!(size_of::<Identity>() == 48 && offset_of!(Identity, cookie) == 40);
    assert!(size_of::<RowHeader>() == 72 && offset_of!(RowHeader, expires_ms) == 52);
    assert!(size_of::<LegacyRequest>() == 60 && offset_of!(LegacyRequest, states) == 52);
    assert!(size_of::<FamilyRequest>() == 56 && offset_of!(FamilyRequest, id) == 8);
};

/// Both families in one walk, and the type of message that answers.
pub(super) fn dump_both(query: &Query) -> (Request, u16) {
    let (id, query_rest) = ports_in_identity(query);
    let body = LegacyRequest {
        family: 0,
        local_length: 0,
        peer_length: 0,
        extensions: 0,
        id,
        states: query.states.mask().into(),
        start: 0.into(),
    };
    (dump(TCPDIAG_GETSOCK, body.as_bytes(), &query_rest), TCPDIAG_GETSOCK)
}

/// One family, and the type of message that answers.
pub(super) fn dump_family(query: &Query, family: u8) -> (Request, u16) {
    let (id, query_rest) = ports_in_identity(query);
    let states = query.states.mask().into();
    let body = FamilyRequest { family, protocol: PROTOCOL_TCP, extensions: 0, padding: 0, states, id };
    (dump(SOCK_DIAG_BY_FAMILY, body.as_bytes(), &query_rest), SOCK_DIAG_BY_FAMILY)
}

fn dump(number: u16, body: &[u8], conditions: &Query) -> Request {
    let request = Request::new(number, DUMP).body(body);
    match bytecode::program(conditions) {
        none if none.is_empty() => request,
        program => request.attribute(BYTECODE, &program),
    }
}

/// Puts the ports of both ends where the kernel compares them first and cheapest; returns what is left of the query.
///
/// The walk over bound sockets does not look there (measured on 6.18: all are listed, whatever the ports), and a 0
/// there means any port; both are left to the bytecode.
fn ports_in_identity(query: &Query) -> (Identity, Query) {
    let mut id = Identity {
        local_port: 0.into(),
        peer_port: 0.into(),
        local: [0; 16],
        peer: [0; 16],
        interface: 0.into(),
        cookie: no_cookie(),
    };
    let mut rest = *query;
    if !query.states.contains(State::BoundInactive) {
        id.local_port = take_port(&mut rest.local).into();
        id.peer_port = take_port(&mut rest.peer).into();
    }
    (id, rest)
}

/// Takes the port out of a pattern; 0 if it has none.
fn take_port(pattern: &mut Pattern) -> u16 {
    pattern.port.take_if(|port| *port != 0).unwrap_or(0)
}

/// One connection.
pub(super) fn find(local: SocketAddr, peer: SocketAddr) -> Request {
    Request::new(SOCK_DIAG_BY_FAMILY, 0).body(one(identity(local, peer), family(local, peer)).as_bytes())
}

/// The end of one socket: by both ends, its interface and its cookie, so that it can be no other.
pub(super) fn destroy(socket: &Socket) -> Request {
    let cookie = socket.cookie.0;
    #[allow(clippy::cast_possible_truncation, reason = "the two halves of 64 bits")]
    let halves = [cookie as u32, (cookie >> 32) as u32];
    let id = Identity {
        interface: socket.interface.map_or(0, NonZeroU32::get).into(),
        cookie: halves.map(U32::from),
        ..identity(socket.local, socket.peer)
    };
    Request::new(SOCK_DESTROY, ACK).body(one(id, family(socket.local, socket.peer)).as_bytes())
}

/// A request about a single socket, in any state: the lookup does not look at it.
fn one(id: Identity, family: u8) -> FamilyRequest {
    let states = u32::MAX.into();
    FamilyRequest { family, protocol: PROTOCOL_TCP, extensions: 0, padding: 0, states, id }
}

fn family(local: SocketAddr, peer: SocketAddr) -> u8 {
    if local.is_ipv4() && peer.is_ipv4() { INET } else { INET6 }
}

fn identity(local: SocketAddr, peer: SocketAddr) -> Identity {
    let ipv4 = local.is_ipv4() && peer.is_ipv4();
    let interface = if let SocketAddr::V6(local) = local { local.scope_id() } else { 0 };
    Identity {
        local_port: local.port().into(),
        peer_port: peer.port().into(),
        local: address_bytes(local.ip(), ipv4),
        peer: address_bytes(peer.ip(), ipv4),
        interface: interface.into(),
        cookie: no_cookie(),
    }
}

/// `INET_DIAG_NOCOOKIE` in both halves: whichever socket it is.
fn no_cookie() -> [U32<NativeEndian>; 2] {
    [u32::MAX.into(); 2]
}

/// An IPv4 address fills the first 4 of 16 bytes; next to an IPv6 address, it is IPv4-mapped.
fn address_bytes(address: IpAddr, ipv4: bool) -> [u8; 16] {
    match address {
        IpAddr::V4(address) if ipv4 => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}
