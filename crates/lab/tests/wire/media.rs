//! What a wire is made of, and what is said where it cannot be made.

use std::{
    collections::HashSet,
    io::{Read as _, Write as _},
    thread,
};

use timewait_lab::wire::{Cable, JoinError, RIGHT_V4, RIGHT_V6, Wire, both_ways, from, media};
use timewait_linux::hosts::{Host, Medium};
use timewait_tcp::Side::{Left, Right};
use timewait_trial::{forbid, forbid_request, in_own_host};

use crate::stage::{Stage, everywhere};

#[test]
fn without_tun_the_wire_is_a_veth_pair() {
    in_own_host(|host| {
        forbid_request(libc::SYS_ioctl, u32::try_from(libc::TUNSETIFF).unwrap());
        assert_eq!(media(host).unwrap(), [Medium::Veth]);
        let stage = Stage::with(host, Cable::default(), RIGHT_V4);
        let (mut client, mut server) = stage.pair();
        client.write_all(b"through").unwrap();
        let mut read = [0; 7];
        server.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"through");
        assert_eq!(stage.wire.held("nothing").unwrap(), []);
    });
}

#[test]
fn without_tun_and_packet_sockets_one_line_says_what_is_missing() {
    in_own_host(|host| {
        forbid_request(libc::SYS_ioctl, u32::try_from(libc::TUNSETIFF).unwrap());
        forbid(libc::SYS_socket, Some(u32::try_from(libc::AF_PACKET).unwrap()));
        let (client, server) = (host.neighbour("client").unwrap(), host.neighbour("server").unwrap());
        for error in [Wire::between(&client, &server).unwrap_err(), media(host).unwrap_err()] {
            assert!(matches!(error, JoinError::NoMedium { .. }), "{error:?}");
            let line = error.to_string();
            assert!(line.starts_with("no wire can be had: TUN: cannot "), "{line}");
            let veth = "; veth: cannot open a packet socket: Operation not permitted (os error 1)";
            assert!(line.ends_with(veth), "{line}");
            assert!(!line.contains('\n'));
        }
    });
}

#[test]
fn a_wire_of_a_medium_that_is_not_to_be_had_is_refused() {
    in_own_host(|host| {
        forbid_request(libc::SYS_ioctl, u32::try_from(libc::TUNSETIFF).unwrap());
        let (client, server) = (host.neighbour("client").unwrap(), host.neighbour("server").unwrap());
        let refused = Wire::with(Cable::default().by(Medium::Tun), &client, &server);
        assert!(matches!(refused, Err(JoinError::Device(_))), "{refused:?}");
    });
}

#[test]
fn packets_are_no_longer_than_the_mtu_and_their_checksums_are_right() {
    in_own_host(|host| {
        for (mtu, address) in [(1_280, RIGHT_V4), (1_500, RIGHT_V6), (9_000, RIGHT_V4), (65_521, RIGHT_V6)] {
            for medium in media(host).unwrap() {
                let stage = Stage::with(host, Cable::default().by(medium).with_mtu(mtu), address);
                stage.wire.record_only(both_ways()).unwrap();
                pour(&stage, 300_000);
                let capture = stage.wire.capture();
                let longest = capture.packets.iter().map(|packet| packet.bytes.len()).max().unwrap();
                assert!(
                    longest <= mtu as usize && longest > mtu as usize / 2,
                    "{medium}: {longest} of {mtu}"
                );
                for packet in &capture.packets {
                    assert_right_checksum(&packet.bytes);
                }
            }
        }
    });
}

/// Sends so many bytes from the client, and waits until the server has read them.
fn pour(stage: &Stage, length: usize) {
    let (mut client, mut server) = stage.pair();
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut read = Vec::new();
            server.read_to_end(&mut read).unwrap();
            read
        });
        let sent: Vec<u8> = (0..length).map(|place| place.to_le_bytes()[place % 3]).collect();
        client.write_all(&sent).unwrap();
        drop(client);
        assert!(reader.join().unwrap() == sent, "other bytes than were sent");
    });
}

fn assert_right_checksum(packet: &[u8]) {
    let sliced = etherparse::SlicedPacket::from_ip(packet).unwrap();
    let Some(etherparse::TransportSlice::Tcp(tcp)) = &sliced.transport else { return };
    let right = match sliced.net.as_ref().unwrap() {
        etherparse::NetSlice::Ipv4(ip) => {
            assert_eq!(ip.header().header_checksum(), ip.header().to_header().calc_header_checksum());
            tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination())
        }
        etherparse::NetSlice::Ipv6(ip) => {
            tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination())
        }
        arp @ etherparse::NetSlice::Arp(_) => panic!("{arp:?}"),
    };
    assert_eq!(tcp.checksum(), right.unwrap());
}

#[test]
fn forty_eight_megabytes_pass_and_only_the_packet_that_matters_is_recorded() {
    const LENGTH: usize = 48 << 20;
    in_own_host(|host| {
        for medium in media(host).unwrap() {
            let stage = Stage::with(host, Cable::default().by(medium).with_mtu(65_521), RIGHT_V4);
            stage.wire.record_only(from(Right).fin()).unwrap();
            let start = std::time::Instant::now();
            pour(&stage, LENGTH);
            println!("{medium}: {LENGTH} bytes in {:?}", start.elapsed());
            stage.wire.await_packet("the FIN", from(Left).fin()).unwrap();
            stage.wire.record_all().unwrap();
            let trace = stage.wire.trace();
            assert!(trace.rows.len() < 20, "{}", trace.rows.len());
            assert!(stage.wire.capture().packets.len() < 20);
        }
    });
}

#[test]
fn what_has_no_room_is_counted_and_said() {
    in_own_host(|host| {
        let stage = Stage::with(host, Cable::default().with_mtu(1_280), RIGHT_V4);
        stage.wire.record_only(both_ways()).unwrap();
        pour(&stage, 4 << 20);
        let trace = stage.wire.trace();
        assert!(trace.rows.len() > 2_000);
        let last = crate::stage::in_short(&trace.rows[2_000].seen);
        assert!(last.ends_with("more rows, for which there was no room"), "{last}");
        let capture = stage.wire.capture();
        assert!(capture.packets.len() <= 2_000 && capture.left_out > 0);
    });
}

#[test]
fn hosts_are_alone_with_each_other() {
    in_own_host(|host| {
        everywhere(host, |stage| {
            let noise = noise(stage);
            assert_eq!(noise, HashSet::new(), "what nobody asked for is on the wire");
        });
        assert_eq!(interfaces(host), ["lo"], "nothing of a wire is in the host itself");
    });
}

/// Kinds of packets that are not TCP, by their protocol's number, but for reports of multicast groups.
fn noise(stage: &Stage) -> HashSet<u8> {
    const ICMPV6: u8 = 58;
    const MULTICAST_REPORT: u8 = 143;
    let (client, server) = stage.pair();
    drop(server);
    assert_eq!(crate::stage::read_all(&client), "");
    let packets = stage.wire.capture().packets;
    let protocols = packets.iter().filter_map(|packet| {
        let sliced = etherparse::SlicedPacket::from_ip(&packet.bytes).unwrap();
        match &sliced.transport {
            Some(etherparse::TransportSlice::Tcp(_)) => None,
            Some(etherparse::TransportSlice::Icmpv6(icmp)) => {
                (icmp.type_u8() != MULTICAST_REPORT).then_some(ICMPV6)
            }
            _ => Some(sliced.ip_payload().unwrap().ip_number.0),
        }
    });
    protocols.collect()
}

fn interfaces(_host: &Host) -> Vec<String> {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    text.lines().skip(2).map(|line| line.split(':').next().unwrap().trim().to_owned()).collect()
}
