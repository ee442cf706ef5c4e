//! The server at the kernel's speed: several threads accept, the FIN rides on the message, and nobody loses anything.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
};

use timewait_oneline::{ClosedFirst, Event, Server, Setup, Side, server};
use timewait_trial::in_own_host;

use crate::common::{Counted, LINE, Running, waiting_at};

const ABORTS: [&str; 3] = ["OutRsts", "TCPAbortOnClose", "TCPAbortOnData"];

fn several_threads() -> Setup {
    Setup { threads: 4, ..Setup::default() }
}

fn hear(mut client: TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    received
}

fn visit(address: SocketAddr) {
    assert_eq!(hear(TcpStream::connect(address).unwrap()), LINE);
}

/// Segments that both sides sent for so many visits, one after the other.
fn segments(setup: &Setup, visits: u64) -> u64 {
    let server = Running::start_quietly(setup);
    let sent = Counted::from_now();
    (0..visits).for_each(|_| visit(server.address));
    assert_eq!(server.stop().served, visits);
    sent.since(["OutSegs"])[0]
}

#[test]
fn the_fin_rides_on_the_message_unless_it_is_to_be_separate() {
    in_own_host(|_host| {
        let riding = segments(&several_threads(), 100);
        let separate = segments(&Setup { separate_fin: true, ..several_threads() }, 100);

        assert!(
            riding <= 700,
            "SYN, SYN-ACK, ACK, message and FIN, FIN, ACK, and perhaps one more: {riding}"
        );
        assert!(
            separate >= riding + 100,
            "{separate} with the FIN in a segment of its own, {riding} without"
        );
    });
}

#[test]
fn the_wait_is_the_server_s_and_seen_to_be() {
    in_own_host(|_host| {
        let server = Running::start_quietly(&several_threads());
        (0..100).for_each(|_| visit(server.address));
        let totals = server.stop();
        assert_eq!((totals.accepted, totals.served, totals.bytes_sent), (100, 100, 2200));
        assert_eq!(totals.closed_first, ClosedFirst { server: 100, ..ClosedFirst::default() });
        assert_eq!(waiting_at(9000), 100);
    });
}

#[test]
fn clients_that_speak_first_get_the_line_and_no_rst() {
    in_own_host(|_host| {
        let server = Server::listen(&several_threads()).unwrap();
        let aborts = Counted::from_now();
        let mut clients: Vec<_> = (0..100).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();
        for client in &mut clients {
            client.write_all(b"before").unwrap();
        }
        let server = Running::run_quietly(server);

        for mut client in clients {
            let mut line = [0; 22];
            client.read_exact(&mut line).unwrap();
            client.write_all(b"during").unwrap();
            assert_eq!(client.read(&mut [0]).unwrap(), 0, "the server's FIN");
            client.write_all(b"after").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(line, LINE);
        }

        let totals = server.stop();
        assert_eq!((totals.served, totals.orderly, totals.bytes_discarded), (100, 100, 100 * 17));
        assert_eq!(aborts.since(ABORTS), [0, 0, 0]);
    });
}

#[test]
fn where_nobody_speaks_all_have_the_line_and_the_server_the_waits() {
    in_own_host(|_host| {
        let aborts = Counted::from_now();
        let server = Running::start_quietly(&several_threads());
        (0..1500).for_each(|_| visit(server.address));
        let totals = server.stop();
        // In a rush, some are not waited for.
        assert_eq!((totals.served, totals.settled + totals.orderly, totals.lost), (1500, 1500, 0));
        assert_eq!(totals.closed_first, ClosedFirst { server: 1500, ..ClosedFirst::default() });
        assert_eq!(aborts.since(ABORTS), [0, 0, 0]);
    });
}

/// Fifty clients are no rush, however fast they come.
#[test]
fn without_a_rush_nobody_sees_an_rst_however_late_it_speaks() {
    in_own_host(|_host| {
        let aborts = Counted::from_now();
        let server = Running::start_quietly(&several_threads());
        for _ in 0..50 {
            let mut client = TcpStream::connect(server.address).unwrap();
            client.peek(&mut [0; 22]).unwrap();
            client.write_all(b"late").unwrap();
            assert_eq!(hear(client), LINE);
        }
        let totals = server.stop();
        assert_eq!((totals.served, totals.orderly, totals.bytes_discarded), (50, 50, 200));
        assert_eq!(aborts.since(ABORTS), [0, 0, 0]);
    });
}

/// From 192.0.2.7 to itself, which is this host's as well, and by its address could be another's.
#[test]
fn whoever_may_be_elsewhere_is_waited_for_and_sees_no_rst_however_late_it_speaks() {
    in_own_host(|host| {
        host.add_address("192.0.2.7/32".parse().unwrap()).unwrap();
        let aborts = Counted::from_now();
        let server = Running::start_quietly(&several_threads());
        for _ in 0..300 {
            let mut client = TcpStream::connect(("192.0.2.7", 9000)).unwrap();
            client.peek(&mut [0; 22]).unwrap();
            client.write_all(b"late").unwrap();
            assert_eq!(hear(client), LINE);
        }
        let totals = server.stop();
        assert_eq!((totals.served, totals.orderly, totals.settled), (300, 300, 0));
        assert_eq!((totals.closed_first.server, totals.bytes_discarded), (300, 1200));
        assert_eq!(aborts.since(ABORTS), [0, 0, 0]);
    });
}

#[test]
fn a_client_that_spoke_while_nobody_accepted_gets_the_line_at_once() {
    in_own_host(|_host| {
        let server = Server::listen(&several_threads()).unwrap();
        let mut client = TcpStream::connect("127.0.0.1:9000").unwrap();
        client.write_all(b"before").unwrap();
        let sent = Counted::from_now();
        let server = Running::run_quietly(server);
        let mut line = [0; 22];
        client.read_exact(&mut line).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0, "the server's FIN");
        assert_eq!(line, LINE);
        // Held back by MSG_MORE and left to its timer, the line would be a segment of its own.
        let [segments] = sent.since(["OutSegs"]);
        assert!(segments <= 2, "one with the line and the FIN, and its acknowledgement: {segments}");
        drop(client);
        assert_eq!(server.stop().orderly, 1);
    });
}

#[test]
fn one_that_says_a_megabyte_before_it_reads_gets_the_line() {
    in_own_host(|_host| {
        let server = Running::start_quietly(&several_threads());
        let mut clients: Vec<_> = (0..8)
            .map(|_| {
                let address = server.address;
                std::thread::spawn(move || {
                    let mut client = TcpStream::connect(address).unwrap();
                    // One that came too late, when everything was acknowledged, has met the RST.
                    let said = client.write_all(&vec![b'x'; 1 << 20]).is_ok();
                    (hear(client), said)
                })
            })
            .collect();
        let heard = clients.drain(..).map(|client| client.join().unwrap());
        assert!(heard.map(|(line, _)| line).all(|line| line == LINE));
        let totals = server.stop();
        assert_eq!((totals.served, totals.lost), (8, 0));
    });
}

#[test]
fn with_the_client_to_close_first_it_gets_the_line_at_once_and_has_the_wait() {
    in_own_host(|_host| {
        let server = Running::start_quietly(&Setup { close_first: Side::Client, ..several_threads() });
        let mut ports = Vec::new();
        for _ in 0..20 {
            let mut client = TcpStream::connect(server.address).unwrap();
            let mut line = [0; 22];
            client.read_exact(&mut line).unwrap();
            assert_eq!(line, LINE);
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
            ports.push(client.local_addr().unwrap().port());
        }
        let totals = server.stop();
        assert_eq!(totals.closed_first, ClosedFirst { client: 20, ..ClosedFirst::default() });
        assert_eq!(waiting_at(9000), 0);
        assert_eq!(ports.into_iter().map(waiting_at).sum::<usize>(), 20);
    });
}

#[test]
fn with_linger_0_the_line_goes_out_before_the_reset() {
    in_own_host(|_host| {
        let server = Running::start_quietly(&Setup { linger: Some(0), ..several_threads() });
        let mut client = TcpStream::connect(server.address).unwrap();
        let mut received = Vec::new();
        assert_eq!(client.read_to_end(&mut received).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(received, LINE);
        assert_eq!(server.stop().reset_by_us, 1);
    });
}

#[test]
fn exactly_so_many_are_accepted_by_however_many_threads() {
    in_own_host(|_host| {
        for threads in [1, 2, 4, 16] {
            let setup = Setup { connections: Some(37), threads, ..Setup::default() };
            let server = Server::listen(&setup).unwrap();
            let clients: Vec<_> = (0..50).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();
            let server = Running::run_quietly(server);
            let address = server.address;

            let heard = clients.into_iter().filter(|mut client| {
                let mut received = Vec::new();
                let outcome = client.read_to_end(&mut received);
                outcome.is_ok() && received == LINE
            });
            assert_eq!(heard.count(), 37, "{threads} threads");

            let totals = server.totals();
            assert_eq!((totals.accepted, totals.served), (37, 37), "{threads} threads");
            assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
fn a_burst_of_1000_is_served_and_the_queue_never_overflows() {
    in_own_host(|_host| {
        server::raise_descriptor_limit().unwrap();
        let overflows = Counted::from_now();
        let server = Server::listen(&several_threads()).unwrap();
        let clients: Vec<_> = (0..1000).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();
        let server = Running::run_quietly(server);
        for client in clients {
            assert_eq!(hear(client), LINE);
        }
        assert_eq!(server.stop().served, 1000);
        assert_eq!(overflows.since(["ListenOverflows", "ListenDrops"]), [0, 0]);
    });
}

#[test]
fn a_stop_in_the_middle_of_50_connections_finishes_them() {
    in_own_host(|_host| {
        let server = Server::listen(&several_threads()).unwrap();
        let mut clients: Vec<_> = (0..50).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();
        // Whoever speaks is waited for.
        for client in &mut clients {
            client.write_all(b"x").unwrap();
        }
        let mut server = Running::run_quietly(server);
        for client in &mut clients {
            client.read_to_end(&mut Vec::new()).unwrap();
        }
        server.wish_to_stop();
        // Each thread may have one in its hand.
        let stopping = server.events.recv().unwrap();
        assert!(matches!(stopping, Event::Stopping { open: 46..=50 }), "{stopping:?}");
        drop(clients);
        let totals = server.totals();
        assert_eq!((totals.served, totals.orderly, totals.left, totals.cut), (50, 50, 0, 0));
    });
}

#[test]
fn those_in_the_kernel_s_queue_at_a_stop_are_served() {
    in_own_host(|_host| {
        let server = Server::listen(&several_threads()).unwrap();
        let clients: Vec<_> = (0..200).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();
        let mut server = Running::run_quietly(server);
        server.wish_to_stop();
        for client in clients {
            assert_eq!(hear(client), LINE);
        }
        assert_eq!(server.totals().served, 200);
    });
}

#[test]
fn a_client_that_stays_is_left_when_patience_ends() {
    in_own_host(|_host| {
        let setup = Setup { linger: Some(1), connections: Some(1), ..several_threads() };
        let server = Running::start_quietly(&setup);
        let mut client = TcpStream::connect(server.address).unwrap();
        client.read_to_end(&mut Vec::new()).unwrap();
        let totals = server.totals();
        assert_eq!((totals.served, totals.left, totals.closed_first.server), (1, 1, 1));
        drop(client);
    });
}

#[test]
fn an_idle_server_does_not_wake() {
    in_own_host(|_host| {
        let totals = Running::start_quietly(&several_threads()).stop();
        // The wish to stop, and the end of each thread.
        assert!(totals.wakeups <= 2 + 4, "{totals:?}");
    });
}
