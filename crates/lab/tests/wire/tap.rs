//! Ears on loopback.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream},
};

use timewait_lab::{
    capture::{Capture, Captured},
    wire::{Tap, parse},
};
use timewait_tcp::{
    Fate, Flags,
    Side::{Left, Right},
    Trace,
};
use timewait_trial::{eventually, have_tool, in_own_host};

use crate::stage::{PORT, fates, fins, read_all, segments};

/// One connection that the server closes first.
fn converse(listener: &TcpListener) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server.write_all(b"hello").unwrap();
    drop(server);
    assert_eq!(read_all(&client), "hello");
}

/// What was heard, once the last ACK was.
fn closed(tap: &Tap) -> Trace {
    eventually("the last ACK", || {
        let trace = tap.trace().unwrap();
        let is_last = segments(&trace).last().is_some_and(|row| row == "<1 ACK 0");
        (is_last && fins(&trace).len() == 2).then_some(trace)
    })
}

#[test]
fn every_packet_on_loopback_is_heard_once() {
    in_own_host(|host| {
        for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let tap = Tap::on_loopback(host).unwrap();
            let listener = TcpListener::bind((address, PORT)).unwrap();
            converse(&listener);
            let trace = closed(&tap);
            let segments = segments(&trace);
            assert_eq!(segments[..3], [">1 SYN 0", "<1 SYNACK 0", ">1 ACK 0"], "{segments:#?}");
            assert_eq!(fins(&trace), ["<1", ">1"], "{segments:#?}");
            assert_eq!(fates(&trace, Fate::Delivered).len(), segments.len());
            assert_eq!(segments.iter().filter(|row| row.ends_with(" 5")).count(), 1, "the text, once");
        }
    });
}

#[test]
fn a_neighbour_s_loopback_is_heard_and_nobody_else_s() {
    in_own_host(|host| {
        let neighbour = host.neighbour("neighbour").unwrap();
        let tap = Tap::on_loopback_of(&neighbour).unwrap();
        converse(&TcpListener::bind(("127.0.0.1", PORT)).unwrap());
        assert_eq!(tap.trace().unwrap().rows.len(), 0, "that was our own");
        neighbour.inside(|| converse(&TcpListener::bind(("127.0.0.1", PORT)).unwrap())).unwrap();
        assert_eq!(fins(&closed(&tap)), ["<1", ">1"]);
    });
}

#[test]
fn the_server_s_port_tells_the_sides_apart_where_no_syn_was_heard() {
    in_own_host(|host| {
        let listener = TcpListener::bind(("127.0.0.1", PORT)).unwrap();
        let client = TcpStream::connect(("127.0.0.1", PORT)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let taps = [Tap::on_loopback(host).unwrap(), Tap::on_loopback(host).unwrap().with_server_on(PORT)];
        server.write_all(b"hello").unwrap();
        drop(server);
        assert_eq!(read_all(&client), "hello");
        drop(client);
        let first = taps.map(|tap| segments(&tap.trace().unwrap())[0].clone());
        assert_eq!(first, [">1 ACK 5", "<1 ACK 5"], "by who was heard first; by the port");
    });
}

#[test]
fn the_capture_s_checksums_are_right_where_loopback_left_them_out() {
    in_own_host(|host| {
        let tap = Tap::on_loopback(host).unwrap().with_server_on(PORT);
        converse(&TcpListener::bind(("127.0.0.1", PORT)).unwrap());
        closed(&tap);
        converse(&TcpListener::bind(("::1", PORT)).unwrap());
        let fins = |capture: &Capture| {
            let is_fin = |it: &&Captured| parse(&it.bytes).unwrap().2.has(Flags::FIN);
            capture.packets.iter().filter(is_fin).count()
        };
        eventually("the second connection's FINs", || (fins(&tap.capture().unwrap()) >= 4).then_some(()));
        let capture = tap.capture().unwrap();
        assert_eq!(capture.interfaces, ["loopback"]);
        assert!(capture.packets.len() >= 16, "{}", capture.packets.len());
        if !have_tool("tshark") {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("loopback.pcapng");
        capture.about("loopback").save(&file).unwrap();
        let mut tshark = std::process::Command::new("tshark");
        tshark.args(["-n", "-o", "tcp.check_checksum:TRUE", "-Y", "tcp.checksum.status != 1", "-r"]);
        let read = tshark.arg(&file).env("HOME", folder.path()).output().unwrap();
        assert!(read.status.success());
        assert_eq!(String::from_utf8_lossy(&read.stdout), "", "packets with wrong checksums");
    });
}

#[test]
fn a_note_stands_where_it_was_made() {
    in_own_host(|host| {
        let tap = Tap::on_loopback(host).unwrap();
        converse(&TcpListener::bind(("127.0.0.1", PORT)).unwrap());
        closed(&tap);
        tap.note(Left, "it has read hello").unwrap();
        tap.note(Right, "it has gone").unwrap();
        let trace = tap.trace().unwrap();
        assert!(trace.rows.len() > 8);
        assert!(trace.rows.is_sorted_by_key(|row| row.at));
        let last: Vec<_> =
            trace.rows[trace.rows.len() - 2..].iter().map(|row| crate::stage::in_short(&row.seen)).collect();
        assert_eq!(last, ["Some(Left) it has read hello", "Some(Right) it has gone"]);
    });
}
