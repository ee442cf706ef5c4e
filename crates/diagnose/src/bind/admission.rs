//! What bind(2) refuses before it looks at the port.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6};

use super::{Answer, Facts, Reason, Request};

/// The kernel's default of `net.ipv4.ip_unprivileged_port_start` (linux v6.12 net/ipv4/af_inet.c `inet_init_net`).
pub(super) const UNPRIVILEGED_FROM: u16 = 1024;

type Refusal = (Answer, Reason);

/// The first refusal, in the kernel's order, which differs between the families.
pub(super) fn refusal(request: &Request, facts: &Facts) -> Option<Refusal> {
    match request.address {
        core::net::SocketAddr::V4(v4) => address_v4(*v4.ip(), facts).or_else(|| privilege(request, facts)),
        core::net::SocketAddr::V6(v6) => multicast_v6(*v6.ip())
            .or_else(|| privilege(request, facts))
            .or_else(|| address_v6(&v6, request, facts)),
    }
}

/// (linux v6.12 net/ipv4/af_inet.c `__inet_bind`, include/net/inet_sock.h `inet_addr_valid_or_nonlocal`: local,
/// multicast and broadcast addresses are valid. The rest of 0.0.0.0/8 is like any other since 5.3.)
fn address_v4(ip: Ipv4Addr, facts: &Facts) -> Option<Refusal> {
    let valid = ip.is_unspecified()
        || ip.is_multicast()
        || ip.is_broadcast()
        || facts.nonlocal.ipv4
        || is_local(IpAddr::V4(ip), facts);
    (!valid).then_some((Answer::NotAvailable, Reason::AddressNotHere))
}

fn is_local(ip: IpAddr, facts: &Facts) -> bool {
    let at = core::net::SocketAddr::new(ip, 0);
    facts.local.as_ref().is_none_or(|local| local.iter().any(|pattern| pattern.matches(at)))
}

/// (linux v6.12 net/ipv4/af_inet.c `__inet_bind`, net/ipv6/af_inet6.c `__inet6_bind`)
fn privilege(request: &Request, facts: &Facts) -> Option<Refusal> {
    let unprivileged_from = facts.unprivileged_from.unwrap_or(UNPRIVILEGED_FROM);
    let port = request.address.port();
    (port != 0 && port < unprivileged_from && !request.privileged)
        .then_some((Answer::NotPermitted, Reason::PrivilegedPort { unprivileged_from }))
}

/// (linux v6.12 net/ipv6/af_inet6.c `__inet6_bind`)
fn multicast_v6(ip: Ipv6Addr) -> Option<Refusal> {
    ip.is_multicast().then_some((Answer::Invalid, Reason::Multicast))
}

/// (linux v6.12 net/ipv6/af_inet6.c `__inet6_bind`, `ipv6_chk_addr`)
fn address_v6(address: &SocketAddrV6, request: &Request, facts: &Facts) -> Option<Refusal> {
    let ip = *address.ip();
    if let Some(v4) = ip.to_ipv4_mapped() {
        let mixed = request.v6only.then_some((Answer::Invalid, Reason::MappedButV6only));
        return mixed.or_else(|| address_v4(v4, facts));
    }
    if ip.is_unspecified() {
        return None;
    }
    if ip.is_unicast_link_local() && address.scope_id() == 0 && request.device.is_none() {
        return Some((Answer::Invalid, Reason::NoInterface));
    }
    let here = is_local(IpAddr::V6(ip), facts) && !only_on_another_device(ip, request);
    (!here && !facts.nonlocal.ipv6).then_some((Answer::NotAvailable, Reason::AddressNotHere))
}

/// `LOOPBACK_IFINDEX` (linux v6.12 include/net/flow.h)
const LOOPBACK: u32 = 1;

/// ::1 is the loopback's alone; an address of global scope may be bound on any device.
/// (linux v6.12 net/ipv6/addrconf.c `__ipv6_chk_addr_and_flags`, called without `strict`. Whether a link-local address
/// is the device's is not checked here.)
fn only_on_another_device(ip: Ipv6Addr, request: &Request) -> bool {
    ip.is_loopback() && request.device.is_some_and(|device| device.get() != LOOPBACK)
}
