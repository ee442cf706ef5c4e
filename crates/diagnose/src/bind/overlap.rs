//! Whether two local addresses can mean the same packet.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A local address as the kernel compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// 0.0.0.0 of an IPv4 socket.
    AnyV4,
    /// An IPv4 address, or an IPv6 socket's `::ffff:a.b.c.d`.
    V4(Ipv4Addr),
    /// `::ffff:0.0.0.0`.
    AnyMapped,
    /// `::`
    AnyV6,
    /// Any other IPv6 address.
    V6(Ipv6Addr),
}

impl Place {
    pub(super) fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) if v4.is_unspecified() => Self::AnyV4,
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) if v6.is_unspecified() => Self::AnyV6,
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) if v4.is_unspecified() => Self::AnyMapped,
                Some(v4) => Self::V4(v4),
                None => Self::V6(v6),
            },
        }
    }

    fn is_v6(self) -> bool {
        match self {
            Self::AnyV6 | Self::V6(_) => true,
            Self::AnyV4 | Self::V4(_) | Self::AnyMapped => false,
        }
    }

    /// Whether two places are of different families.
    pub(super) fn crosses(self, other: Self) -> bool {
        self.is_v6() != other.is_v6()
    }
}

/// Whether the new socket's address overlaps with the old one's.
///
/// A wildcard is compared with every socket on the port (linux v6.12 net/ipv4/inet_connection_sock.c
/// `inet_csk_bind_conflict`, `inet_rcv_saddr_equal`); a specific address only with those that have the same one
/// (`inet_bind2_bucket_addr_match`) or a wildcard (`inet_bhash2_addr_any_conflict`).
pub(super) fn overlap(new: Place, new_v6only: bool, old: Place, old_v6only: bool) -> bool {
    match new {
        Place::AnyV4 => any_v4(old_v6only),
        Place::AnyMapped => any_mapped(old, old_v6only),
        Place::AnyV6 => old.is_v6() || !new_v6only,
        Place::V4(_) => same_or_wildcard_v4(new, old, old_v6only),
        Place::V6(_) => old == new || old == Place::AnyV6,
    }
}

/// 0.0.0.0 meets every socket that is not IPV6_V6ONLY, whatever its address: also an IPv6 connection that a
/// dual-stack listener accepted, to which no IPv4 packet can belong.
/// (linux v6.12 net/ipv4/inet_connection_sock.c `ipv4_rcv_saddr_equal`. A socket bound to a specific IPv6 address is
/// v6only by that: net/ipv6/af_inet6.c `__inet6_bind`.)
fn any_v4(old_v6only: bool) -> bool {
    !old_v6only
}

/// (linux v6.12 net/ipv4/inet_connection_sock.c `ipv6_rcv_saddr_equal`)
fn any_mapped(old: Place, old_v6only: bool) -> bool {
    match old {
        Place::AnyV4 | Place::AnyMapped | Place::V4(_) => true,
        Place::AnyV6 => !old_v6only,
        Place::V6(_) => false,
    }
}

/// (linux v6.12 net/ipv4/inet_hashtables.c `inet_bind2_bucket_match_addr_any`, net/ipv4/inet_connection_sock.c
/// `__inet_bhash2_conflict`)
fn same_or_wildcard_v4(new: Place, old: Place, old_v6only: bool) -> bool {
    match old {
        Place::AnyV4 | Place::AnyMapped => true,
        Place::V4(_) => old == new,
        Place::AnyV6 => !old_v6only,
        Place::V6(_) => false,
    }
}
