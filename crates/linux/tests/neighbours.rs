//! Further hosts inside a host of our own, and their interfaces.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use timewait_facts::States;
use timewait_linux::{
    hosts::{AddressError, Device, DeviceError, Host, LoopbackEars, Medium, Neighbour},
    settings::{self, SettingError},
    sockets::{Query, SocketTable},
};
use timewait_trial::{Need, forbid, in_own_host, skip};

#[test]
fn a_neighbour_has_its_own_loopback_ports_and_socket_table() {
    in_own_host(|host| {
        let neighbour = host.neighbour("neighbour").unwrap();
        assert_eq!(neighbour.name(), "neighbour");
        let listen = || TcpListener::bind("127.0.0.1:9000").unwrap();
        let (ours, theirs) = (listen(), neighbour.inside(listen).unwrap());
        TcpStream::connect("127.0.0.1:9000").unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        assert!(ours.accept().is_ok());
        assert_eq!(theirs.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock, "not its client");
        let mut table = SocketTable::open_in(neighbour.netns()).unwrap();
        assert_eq!(table.collect(&Query::in_states(States::all())).unwrap().len(), 1);
    });
}

#[test]
fn sockets_made_inside_are_used_from_outside() {
    in_own_host(|host| {
        let neighbour = host.neighbour("neighbour").unwrap();
        let listener = neighbour.inside(|| TcpListener::bind("[::1]:9000")).unwrap().unwrap();
        let mut client = neighbour.inside(|| TcpStream::connect("[::1]:9000")).unwrap().unwrap();
        let reader = thread::spawn(move || {
            let mut read = [0; 5];
            listener.accept().unwrap().0.read_exact(&mut read).unwrap();
            read
        });
        client.write_all(b"hello").unwrap();
        assert_eq!(&reader.join().unwrap(), b"hello");
        assert!(!neighbour.netns().is_own(), "this thread has stayed where it was");
    });
}

#[test]
fn a_neighbour_s_settings_are_its_own() {
    in_own_host(|host| {
        let [one, other] = ["one", "other"].map(|name| host.neighbour(name).unwrap());
        let name = "net.ipv4.tcp_fin_timeout";
        let before = settings::read(name).unwrap();
        one.set(name, "7").unwrap();
        assert_eq!(one.read(name).unwrap(), "7");
        assert_eq!([other.read(name).unwrap(), settings::read(name).unwrap()], [before.clone(), before]);
        for foreign in ["kernel.hostname", "vm.swappiness"] {
            assert!(matches!(one.set(foreign, "1"), Err(SettingError::Name(_))), "{foreign}");
        }
        let error = one.set("net.ipv4.tcp_tw_recycle_gone", "1").unwrap_err();
        assert!(matches!(error, SettingError::Absent(_)), "{error}");
        let error = one.set(name, "soon").unwrap_err();
        assert!(matches!(error, SettingError::Refused { doing: "write", .. }), "{error}");
    });
}

#[test]
fn a_neighbour_has_a_small_table_of_its_own() {
    in_own_host(|host| {
        let neighbour = host.neighbour("neighbour").unwrap();
        match neighbour.read("net.ipv4.tcp_ehash_entries") {
            Ok(entries) => assert_eq!(entries, "16384", "a table that it shares has a negative number"),
            Err(SettingError::Absent(_)) => skip(Need::Kernel, "net.ipv4.tcp_ehash_entries came with 6.1"),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(neighbour.read("net.ipv4.tcp_max_tw_buckets").unwrap(), "8192");
    });
}

#[test]
fn what_fails_or_panics_inside_does_so_outside() {
    in_own_host(|host| {
        let neighbour = host.neighbour("neighbour").unwrap();
        let refused = neighbour.inside(|| TcpStream::connect("127.0.0.1:9000")).unwrap();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let panicked = std::panic::catch_unwind(|| neighbour.inside(|| panic!("in there")));
        assert!(panicked.is_err());
    });
}

#[test]
fn where_no_namespace_is_permitted_the_step_and_the_guard_are_named() {
    in_own_host(|host| {
        forbid(libc::SYS_unshare, None);
        let refused = host.neighbour("neighbour").unwrap_err().to_string();
        assert!(refused.starts_with("unshare(2) for a new network namespace answered EPERM"), "{refused}");
        assert!(!refused.contains('\n'));
    });
}

#[test]
fn a_neighbour_of_a_neighbour_is_another() {
    in_own_host(|host| {
        let one = host.neighbour("one").unwrap();
        let other = one.another("other").unwrap();
        assert_ne!(one.netns().inode(), other.netns().inode());
    });
}

#[test]
fn an_address_goes_to_the_interface_that_was_named() {
    in_own_host(|host| {
        let neighbour = host.neighbour("neighbour").unwrap();
        neighbour.add_address("lo", "10.0.0.1/24".parse().unwrap()).unwrap();
        neighbour.await_address("10.0.0.7".parse().unwrap()).expect("lo has the whole prefix");
        let again = neighbour.add_address("lo", "10.0.0.1/24".parse().unwrap());
        assert!(matches!(again, Err(AddressError::Present(_))), "{again:?}");
        let nowhere = neighbour.add_address("eth7", "10.0.1.1/24".parse().unwrap());
        assert!(matches!(nowhere, Err(AddressError::Open(_))), "{nowhere:?}");
        assert!(TcpListener::bind("10.0.0.1:9000").is_err(), "no address of ours");
    });
}

/// Our ends of an interface in a neighbour, by each medium that is to be had.
fn devices(host: &Host) -> Vec<(Neighbour, Device)> {
    let room = host.neighbour("room").unwrap();
    let tun = host.neighbour("tun").unwrap();
    let veth = host.neighbour("veth").unwrap();
    let tun = match Device::tun(&tun, "wire", 1_400) {
        Ok(device) => Some((tun, device)),
        Err(DeviceError::OpenTun(error)) => {
            skip(Need::Devices, &format!("/dev/net/tun: {error}"));
            None
        }
        Err(error) => panic!("{error}"),
    };
    let pair = Device::veth(&veth, &room, "wire", 1_400).unwrap();
    tun.into_iter().chain([(veth, pair)]).collect()
}

#[test]
fn what_a_host_sends_into_its_interface_comes_out_as_a_whole_packet() {
    in_own_host(|host| {
        for (neighbour, device) in devices(host) {
            neighbour.add_address("wire", "10.0.0.1/24".parse().unwrap()).unwrap();
            let socket = neighbour.inside(|| std::net::UdpSocket::bind("10.0.0.1:5000")).unwrap().unwrap();
            socket.send_to(b"hello", "10.0.0.2:7").unwrap();
            let mut buffer = [0; 2_000];
            let udp = timewait_trial::eventually("the datagram", || {
                let packet = device.receive(&mut buffer).unwrap()?;
                (packet.first() == Some(&0x45) && packet.ends_with(b"hello")).then(|| packet.to_vec())
            });
            assert_eq!(udp.len(), 20 + 8 + 5, "{}: nothing before the IP header", device.medium());
            // And back: addresses and ports exchanged, without a checksum, which is permitted over IPv4.
            let mut answer = udp;
            answer[12..20].rotate_left(4);
            answer[20..24].rotate_left(2);
            answer[26..28].fill(0);
            device.send(&answer).unwrap();
            let mut heard = [0; 5];
            socket.set_read_timeout(Some(timewait_trial::DEADLINE)).unwrap();
            assert_eq!(socket.recv(&mut heard).unwrap(), 5);
            assert_eq!(&heard, b"hello");
            assert_eq!(device.overflowed().unwrap(), 0);
        }
    });
}

/// The kernel is asked whether it is local. A datagram to try it by goes out as long as it is not, and on a busy machine
/// that may be thousands.
#[test]
fn while_an_address_becomes_local_nothing_is_sent_to_it() {
    in_own_host(|host| {
        for (neighbour, device) in devices(host) {
            for number in 1..=8 {
                let address: std::net::Ipv6Addr = format!("fd09::{number}").parse().unwrap();
                neighbour.add_address("wire", ipnet::IpNet::new(address.into(), 64).unwrap()).unwrap();
                let to_itself = [address.octets(), address.octets()].concat();
                let mut buffer = [0; 2_000];
                while let Some(packet) = device.receive(&mut buffer).unwrap() {
                    assert_ne!(packet.get(8..40), Some(&*to_itself), "{}", device.medium());
                }
            }
        }
    });
}

#[test]
fn what_is_no_ip_packet_is_refused_and_harms_nothing() {
    in_own_host(|host| {
        for (_neighbour, device) in devices(host) {
            assert!(device.send(&[]).is_err(), "{}", device.medium());
            assert!(device.send(&[0xff; 40]).is_err(), "{}", device.medium());
        }
    });
}

#[test]
fn an_mtu_that_no_interface_has_is_refused() {
    in_own_host(|host| {
        let (host, room) = (host.neighbour("host").unwrap(), host.neighbour("room").unwrap());
        let refused = Device::veth(&host, &room, "wire", 1 << 20).unwrap_err();
        assert!(matches!(refused, DeviceError::Link { .. }), "{refused:?}");
        let longest = Device::veth(&host, &room, "wire", 65_521).unwrap();
        assert_eq!(longest.medium(), Medium::Veth);
    });
}

#[test]
fn ears_on_loopback_hear_a_datagram_once() {
    in_own_host(|_host| {
        let ears = LoopbackEars::open().unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"hello", socket.local_addr().unwrap()).unwrap();
        socket.recv(&mut [0; 5]).unwrap();
        let mut buffer = [0; 2_000];
        assert!(ears.receive(&mut buffer).unwrap().unwrap().ends_with(b"hello"));
        assert_eq!(ears.receive(&mut buffer).unwrap(), None);
    });
}

#[test]
fn a_neighbour_goes_with_its_value_and_with_it_what_it_had() {
    in_own_host(|host| {
        let room = host.neighbour("room").unwrap();
        let interfaces = || room.inside(|| fs::read_to_string("/proc/thread-self/net/dev").unwrap()).unwrap();
        let neighbour = host.neighbour("guest").unwrap();
        let device = Device::veth(&neighbour, &room, "wire", 1_500).unwrap();
        assert!(interfaces().contains("to-guest:"));
        drop(neighbour);
        // One end of a pair goes with the other, and that one with its namespace.
        timewait_trial::eventually("the end of the pair", || {
            (!interfaces().contains("to-guest:")).then_some(())
        });
        assert!(device.send(&[0x45; 40]).is_err());
    });
}
