use core::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
};

use ipnet::{IpNet, Ipv4Net};

use crate::Untrusted;

/// What a network namespace calls its own: its interfaces' addresses, and the local routes of IPv4.
///
/// What it is *not*: a snapshot. Interfaces, addresses and routes are listed one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalAddresses {
    /// Every interface by its index, with its name.
    pub interfaces: Vec<(NonZeroU32, Untrusted)>,
    /// Every address of an interface.
    pub addresses: Vec<LocalAddress>,
    /// IPv4's routing table `local`: what bind(2) looks at.
    pub routes: Vec<LocalRoute>,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    /// The address, and the prefix that it came with.
    pub address: IpNet,
    /// The interface, by index.
    pub interface: NonZeroU32,
    /// IPv6 only: whether some other host has it is still being asked, or was answered with yes. It cannot be bound.
    pub tentative: bool,
}

/// An entry of IPv4's routing table `local`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalRoute {
    /// The addresses.
    pub prefix: Ipv4Net,
    /// Whether bind(2) takes them: routes of type local, broadcast or multicast, over an interface that is up.
    pub bindable: bool,
}

impl LocalAddresses {
    /// Whether bind(2) takes this address without `ip_nonlocal_bind`, `IP_FREEBIND` or `IP_TRANSPARENT`.
    ///
    /// The families differ. IPv4 asks the routing table `local`, so that a whole prefix can be local (127.0.0.0/8 is),
    /// and takes broadcast and multicast addresses as well (linux v6.12 net/ipv4/af_inet.c
    /// `inet_addr_valid_or_nonlocal`, net/ipv4/fib_frontend.c `__inet_dev_addr_type`). IPv6 asks for an interface with
    /// exactly this address, whatever routes say (net/ipv6/addrconf.c `ipv6_chk_addr`), and never takes a multicast
    /// address for TCP. A link-local address needs its interface beside it; which, is not looked at here. Nor are the
    /// tables of a VRF.
    pub fn is_local(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(ip) => self.is_local_v4(ip),
            IpAddr::V6(ip) => {
                let is_it = |own: &LocalAddress| own.address.addr() == ip && !own.tentative;
                ip.is_unspecified() || self.addresses.iter().any(is_it)
            }
        }
    }

    fn is_local_v4(&self, ip: Ipv4Addr) -> bool {
        if ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast() {
            return true;
        }
        let matching = self.routes.iter().filter(|route| route.prefix.contains(&ip));
        matching.max_by_key(|route| route.prefix.prefix_len()).is_some_and(|route| route.bindable)
    }

    /// The interface with this name.
    pub fn interface(&self, name: &str) -> Option<NonZeroU32> {
        self.interfaces.iter().find(|(_, own)| own.as_bytes() == name.as_bytes()).map(|&(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(prefix: &str, bindable: bool) -> LocalRoute {
        LocalRoute { prefix: prefix.parse().unwrap(), bindable }
    }

    #[test]
    fn the_longest_prefix_decides_for_ipv4() {
        let routes =
            vec![route("127.0.0.0/8", true), route("127.6.0.0/16", false), route("127.6.6.6/32", true)];
        let here = LocalAddresses { routes, ..LocalAddresses::default() };
        let answers = ["127.1.2.3", "127.6.1.1", "127.6.6.6", "::ffff:127.1.2.3", "10.0.0.1", "0.0.0.0"]
            .map(|address| here.is_local(address.parse().unwrap()));
        assert_eq!(answers, [true, false, true, true, false, true]);
    }

    #[test]
    fn ipv6_takes_the_exact_address_of_an_interface_once_it_is_settled() {
        let interface = NonZeroU32::MIN;
        let address =
            |text: &str, tentative| LocalAddress { address: text.parse().unwrap(), interface, tentative };
        let addresses = vec![address("2001:db8::1/64", false), address("2001:db8::2/64", true)];
        let here = LocalAddresses { addresses, ..LocalAddresses::default() };
        let answers =
            ["2001:db8::1", "2001:db8::2", "2001:db8::3", "::"].map(|it| here.is_local(it.parse().unwrap()));
        assert_eq!(answers, [true, false, false, true]);
    }
}
