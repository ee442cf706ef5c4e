//! Local addresses, compared with what bind(2) takes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod sibling;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener},
    num::NonZeroU32,
};

use fastrand::Rng;
use sibling::sibling;
use timewait_facts::LocalAddresses;
use timewait_linux::{addresses, netns::Netns};
use timewait_trial::in_own_host;

/// Whether bind(2) says that the address is not this host's.
fn binds(address: IpAddr) -> bool {
    match rustix_bind(address) {
        Ok(()) => true,
        Err(rustix::io::Errno::ADDRNOTAVAIL) => false,
        Err(other) => panic!("{address}: {other}"),
    }
}

fn rustix_bind(address: IpAddr) -> rustix::io::Result<()> {
    use rustix::net::{AddressFamily, SocketType, bind, socket};
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    bind(socket(family, SocketType::STREAM, None)?, &std::net::SocketAddr::new(address, 0))
}

/// Addresses inside, at the edges of and outside every prefix of this host.
fn candidates(local: &LocalAddresses, rng: &mut Rng) -> Vec<IpAddr> {
    let fixed =
        ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "126.255.255.255", "128.0.0.0", "8.8.8.8"];
    let odd = ["224.0.0.1", "255.255.255.255", "::", "::1", "::2", "2001:db8::", "2001:db8:1::7"];
    let mut all: Vec<IpAddr> = fixed.into_iter().chain(odd).map(|text| text.parse().unwrap()).collect();
    for route in &local.routes {
        let (first, last) = (u32::from(route.prefix.network()), u32::from(route.prefix.broadcast()));
        let inside = rng.u32(first..=last);
        let around = [first.wrapping_sub(1), first, inside, last, last.wrapping_add(1)];
        all.extend(around.map(|bits| IpAddr::from(Ipv4Addr::from(bits))));
    }
    for own in &local.addresses {
        if let IpAddr::V6(ip) = own.address.addr() {
            let near = [u128::from(ip).wrapping_sub(1), u128::from(ip), u128::from(ip) ^ 0xff00];
            all.extend(near.map(|bits| IpAddr::from(Ipv6Addr::from(bits))));
        }
    }
    let mapped: Vec<IpAddr> = all
        .iter()
        .filter_map(|ip| if let IpAddr::V4(ip) = ip { Some(ip.to_ipv6_mapped().into()) } else { None })
        .collect();
    all.extend(mapped);
    all
}

#[test]
fn an_address_is_local_exactly_if_bind_takes_it() {
    in_own_host(|host| {
        let mut rng = Rng::with_seed(9000);
        for more in ["127.0.0.1/8", "192.0.2.7/32", "198.51.100.4/30", "203.0.113.9/32", "2001:db8::7/128"] {
            if more != "127.0.0.1/8" {
                host.add_address(more.parse().unwrap()).unwrap();
            }
            let local = addresses::read().unwrap();
            for address in candidates(&local, &mut rng) {
                assert_eq!(local.is_local(address), binds(address), "{address} after {more}: {local:?}");
            }
        }
    });
}

#[test]
fn every_address_comes_with_its_interface() {
    in_own_host(|host| {
        host.add_address("192.0.2.7/32".parse().unwrap()).unwrap();
        host.add_address("2001:db8::7/128".parse().unwrap()).unwrap();
        let local = addresses::read().unwrap();
        assert_eq!(local.interface("lo"), NonZeroU32::new(1));
        assert_eq!(local.interface("eth9"), None);
        let mut shown: Vec<String> = local.addresses.iter().map(|own| own.address.to_string()).collect();
        shown.sort();
        assert_eq!(shown, ["127.0.0.1/8", "192.0.2.7/32", "2001:db8::7/128", "::1/128"]);
        assert!(local.addresses.iter().all(|own| own.interface.get() == 1 && !own.tentative));
    });
}

#[test]
fn another_namespace_has_addresses_of_its_own() {
    in_own_host(|host| {
        host.add_address("192.0.2.7/32".parse().unwrap()).unwrap();
        let (_sibling, id) = sibling();
        let there = addresses::read_in(&Netns::open(&id.to_string()).unwrap()).unwrap();
        let ours: IpAddr = "192.0.2.7".parse().unwrap();
        assert!(!there.is_local(ours) && there.is_local("127.0.0.1".parse().unwrap()), "{there:?}");
        assert!(addresses::read().unwrap().is_local(ours), "this thread stayed where it was");
        TcpListener::bind((ours, 9000)).unwrap();
    });
}

#[test]
fn what_is_routed_locally_is_what_the_kernel_delivers_here() {
    in_own_host(|host| {
        host.add_address("192.0.2.7/32".parse().unwrap()).unwrap();
        host.add_address("2001:db8::7/128".parse().unwrap()).unwrap();
        let answers = [
            ("127.0.0.1", true),
            ("127.200.3.4", true),
            ("192.0.2.7", true),
            ("::1", true),
            ("2001:db8::7", true),
            ("192.0.2.8", false),
            ("192.0.2.255", false),
            ("127.255.255.255", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("198.51.100.1", false),
            ("2001:db8::8", false),
            ("2001:db8:1::1", false),
            ("ff02::1", false),
        ];
        for (address, expected) in answers {
            let answer = addresses::is_routed_locally(address.parse().unwrap(), None).unwrap();
            assert_eq!(answer, expected, "{address}");
        }
        host.add_address("fe80::7/128".parse().unwrap()).unwrap();
        for (address, interface, expected) in
            [("fe80::7", 1, true), ("fe80::8", 1, false), ("fe80::7", 7, false)]
        {
            let answer =
                addresses::is_routed_locally(address.parse().unwrap(), NonZeroU32::new(interface)).unwrap();
            assert_eq!(answer, expected, "{address}%{interface}");
        }
    });
}
