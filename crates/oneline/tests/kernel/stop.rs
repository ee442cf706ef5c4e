//! The end of a run.

use std::{
    io::{ErrorKind, Read as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use rustix::net::{AddressFamily, SocketType, sockopt};
use timewait_oneline::{Event, Server, Setup, Side, Totals};
use timewait_trial::in_own_host;

use crate::common::{FIN_WAIT_1, LINE, Running, until_state};

#[test]
fn a_stop_in_the_middle_of_50_connections_finishes_them() {
    in_own_host(|_host| {
        let mut server = Running::start(&Setup::default());
        let clients = served(&server, 50);

        server.wish_to_stop();
        let stopping = server.events.iter().find(|event| matches!(event, Event::Stopping { .. }));
        assert_eq!(stopping, Some(Event::Stopping { open: 50 }));
        drop(clients);

        let totals = server.totals();
        assert_eq!((totals.served, totals.orderly, totals.left, totals.cut), (50, 50, 0, 0));
    });
}

#[test]
fn those_in_the_kernel_s_queue_at_a_stop_are_served() {
    in_own_host(|_host| {
        let server = Server::listen(&Setup::default()).unwrap();
        let clients: Vec<_> = (0..200).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();

        // The wish is there before the first look.
        let server = Running::run_with_wishes(server, 1);
        let address = server.address;
        for mut client in clients {
            let mut received = Vec::new();
            client.read_to_end(&mut received).unwrap();
            assert_eq!(received, LINE);
        }

        let totals = server.totals();
        assert_eq!((totals.accepted, totals.served), (200, 200));
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn the_end_of_the_descriptor_is_a_wish_to_stop_but_no_second_one() {
    in_own_host(|_host| {
        let mut server = Running::start(&Setup::default());
        let clients = served(&server, 5);

        server.wish_to_stop();
        server.hang_up();
        drop(clients);

        let totals = server.totals();
        assert_eq!((totals.orderly, totals.left), (5, 0));
    });
}

#[test]
fn a_second_wish_does_not_wait_for_clients_that_stay() {
    in_own_host(|_host| {
        let once = stop_with_clients_that_stay(1);
        let twice = stop_with_clients_that_stay(2);

        assert_eq!((once.0.left, twice.0.left), (10, 10));
        assert!(twice.1 < once.1, "{twice:?} against {once:?}");
    });
}

fn stop_with_clients_that_stay(wishes: usize) -> (Totals, Duration) {
    let mut server = Running::start(&Setup::default());
    let clients = served(&server, 10);
    let start = Instant::now();
    (0..wishes).for_each(|_| server.wish_to_stop());
    let totals = server.totals();
    drop(clients);
    (totals, start.elapsed())
}

#[test]
fn a_message_that_a_stop_cuts_does_not_look_whole() {
    in_own_host(|host| {
        host.set("net.ipv4.tcp_wmem", "4096 16384 65536").unwrap();
        host.set("net.ipv4.tcp_rmem", "4096 16384 65536").unwrap();
        let mut server = Running::start(&Setup { message: vec![b'x'; 4 << 20], ..Setup::default() });
        let mut client = TcpStream::connect(server.address).unwrap();
        client.read_exact(&mut [0; 1000]).unwrap();

        server.wish_to_stop();
        server.wish_to_stop();
        let totals = server.totals();

        assert_eq!((totals.served, totals.cut), (0, 1));
        assert_eq!(client.read_to_end(&mut Vec::new()).unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_client_that_stays_is_left_when_patience_ends() {
    in_own_host(|_host| {
        let server = Running::start(&Setup { linger: Some(1), connections: Some(1), ..Setup::default() });
        let client = served(&server, 1);

        let totals = server.totals();

        assert_eq!((totals.served, totals.left, totals.closed_first.server), (1, 1, 1));
        drop(client);
    });
}

/// close(2) itself would wait for the acknowledgement of our FIN, on a non-blocking socket too.
#[test]
fn a_client_without_room_for_our_fin_does_not_hold_the_close_up() {
    in_own_host(|_host| {
        let setup = Setup { linger: Some(300), message: vec![b'x'; 32 * 1024], ..Setup::default() };
        let mut server = Running::start(&setup);
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        sockopt::set_socket_recv_buffer_size(&socket, 1).unwrap();
        rustix::net::connect(&socket, &server.address).unwrap();
        let client = TcpStream::from(socket);
        until_state(9000, client.local_addr().unwrap().port(), FIN_WAIT_1);

        server.wish_to_stop();
        server.wish_to_stop();

        let totals = server.totals();
        assert_eq!((totals.served, totals.left), (1, 1));
    });
}

#[test]
fn a_server_that_waits_for_its_clients_to_close_first_ends_all_the_same() {
    in_own_host(|_host| {
        let server = Running::start(&Setup { close_first: Side::Client, ..Setup::default() });
        let mut client = TcpStream::connect(server.address).unwrap();
        let mut line = [0; 22];
        client.read_exact(&mut line).unwrap();

        let totals = server.stop();

        assert_eq!(client.read(&mut line).unwrap(), 0, "an orderly close");
        assert_eq!((totals.served, totals.cut), (1, 1));
    });
}

#[test]
fn an_idle_server_does_not_wake() {
    in_own_host(|_host| {
        let totals = Running::start(&Setup::default()).stop();
        assert!(totals.wakeups <= 2, "{totals:?}");
    });
}

/// Clients that have the line and the server's FIN, and stay.
fn served(server: &Running, count: usize) -> Vec<TcpStream> {
    let visit = |_| {
        let mut client = TcpStream::connect(server.address).unwrap();
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        assert_eq!(received, LINE);
        client
    };
    (0..count).map(visit).collect()
}
