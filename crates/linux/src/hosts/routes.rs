//! Routes of the calling thread's network namespace, by `NETLINK_ROUTE` (linux v6.12 include/uapi/linux/rtnetlink.h).

use std::{net::IpAddr, ops::ControlFlow};

use rustix::net::AddressFamily;

use crate::netlink::{self, AnswerError, Connection, Request};

/// `RTM_NEWROUTE`
const NEW_ROUTE: u16 = 24;
/// `RTA_DST`, `RTA_OIF`, `RTA_METRICS`
const DESTINATION: u16 = 1;
const INTERFACE: u16 = 4;
const METRICS: u16 = 8;
/// `RTAX_QUICKACK`
const QUICK_ACK: u16 = 15;
/// `RT_TABLE_MAIN`, `RTPROT_STATIC`, `RTN_UNICAST`
const MAIN: u8 = 254;
const STATIC: u8 = 4;
const UNICAST: u8 = 1;
/// `RT_SCOPE_LINK`; IPv6 knows no scopes of routes.
const LINK: u8 = 253;

/// A route to one address on this interface, by which every ACK goes out at once.
// linux v6.12 net/ipv4/tcp_input.c tcp_in_quickack_mode
pub(super) fn add_with_quick_acks(interface: u32, to: IpAddr) -> Result<(), AnswerError> {
    let (family, bits, scope, bytes) = match to {
        IpAddr::V4(ip) => (AddressFamily::INET, 32, LINK, ip.octets().to_vec()),
        IpAddr::V6(ip) => (AddressFamily::INET6, 128, 0, ip.octets().to_vec()),
    };
    let family = u8::try_from(family.as_raw()).unwrap_or(0);
    // `struct rtmsg`: family, lengths of destination and source, type of service, table, origin, scope, type, flags
    let header = [family, bits, 0, 0, MAIN, STATIC, scope, UNICAST, 0, 0, 0, 0];
    let metrics = Request::new(0, 0).attribute(QUICK_ACK, &1_u32.to_ne_bytes());
    let request = Request::new(NEW_ROUTE, netlink::ACK | netlink::CREATE)
        .body(&header)
        .attribute(DESTINATION, &bytes)
        .attribute(INTERFACE, &interface.to_ne_bytes())
        .nested(METRICS, &metrics);
    let mut connection = Connection::open(None).map_err(AnswerError::Send)?;
    connection.ask(&request, |_| Ok(ControlFlow::Continue(()))).map(drop)
}
