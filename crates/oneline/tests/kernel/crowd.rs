//! Many clients at once, slow ones, and those that vanish.

use std::{
    io::{ErrorKind, Read as _},
    net::TcpStream,
    time::Duration,
};

use rustix::net::sockopt;
use timewait_oneline::{ClosedFirst, Event, Server, Setup, server};
use timewait_trial::{eventually, in_own_host};

use crate::common::{Counted, ESTABLISHED, LINE, Running, rows};

const LONG: usize = 4 << 20;

#[test]
fn a_burst_of_1000_connections_is_served_and_the_queue_never_overflows() {
    in_own_host(|_host| {
        server::raise_descriptor_limit().unwrap();
        let overflows = Counted::from_now();
        let server = Server::listen(&Setup::default()).unwrap();

        // All are connected before the first is accepted.
        let clients: Vec<_> = (0..1000).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();
        let server = Running::run(server);
        for client in clients {
            assert_eq!(read_all(client).unwrap(), LINE);
        }

        let totals = server.stop();
        assert_eq!((totals.served, totals.orderly), (1000, 1000));
        assert_eq!(overflows.since(["ListenOverflows", "ListenDrops"]), [0, 0]);
    });
}

#[test]
fn while_one_reads_a_long_message_slowly_others_are_served() {
    in_own_host(|host| {
        // So that the kernel cannot take the whole message at once.
        host.set("net.ipv4.tcp_wmem", "4096 16384 65536").unwrap();
        host.set("net.ipv4.tcp_rmem", "4096 16384 65536").unwrap();
        let server = Running::start(&Setup { message: vec![b'x'; LONG], ..Setup::default() });

        let mut slow = TcpStream::connect(server.address).unwrap();
        slow.read_exact(&mut [0; 1000]).unwrap();
        for _ in 0..10 {
            let quick = TcpStream::connect(server.address).unwrap();
            assert_eq!(read_all(quick).unwrap().len(), LONG);
        }
        let stuck = rows().iter().filter(|row| row.local_port == 9000 && row.state == ESTABLISHED).count();
        assert_eq!(stuck, 1, "the slow one's message is not even sent");

        assert_eq!(read_all(slow).unwrap().len(), LONG - 1000);
        let totals = server.stop();
        assert_eq!((totals.served, totals.orderly, totals.bytes_sent), (11, 11, 11 * LONG as u64));
    });
}

#[test]
fn a_client_that_vanished_before_it_was_accepted_is_lost_and_the_next_is_served() {
    in_own_host(|_host| {
        let server = Server::listen(&Setup::default()).unwrap();
        vanish(TcpStream::connect("127.0.0.1:9000").unwrap());
        let next = TcpStream::connect("127.0.0.1:9000").unwrap();

        let server = Running::run(server);

        assert_eq!(read_all(next).unwrap(), LINE);
        let lost = server.events.recv().unwrap();
        assert!(matches!(lost, Event::Lost { served: false, .. }), "{lost:?}");
        let totals = server.stop();
        assert_eq!((totals.accepted, totals.served, totals.lost, totals.orderly), (2, 1, 1, 1));
    });
}

#[test]
fn a_client_that_vanishes_in_the_middle_of_a_message_is_lost_and_the_next_is_served() {
    in_own_host(|host| {
        host.set("net.ipv4.tcp_wmem", "4096 16384 65536").unwrap();
        host.set("net.ipv4.tcp_rmem", "4096 16384 65536").unwrap();
        let server = Running::start(&Setup { message: vec![b'x'; LONG], ..Setup::default() });

        let mut client = TcpStream::connect(server.address).unwrap();
        client.read_exact(&mut [0; 1000]).unwrap();
        vanish(client);
        let lost = server.events.recv().unwrap();

        assert!(
            matches!(lost, Event::Lost { served: false, errno, .. } if errno.name() == "ECONNRESET"),
            "{lost:?}"
        );
        let next = TcpStream::connect(server.address).unwrap();
        assert_eq!(read_all(next).unwrap().len(), LONG);
        let totals = server.stop();
        assert_eq!((totals.served, totals.lost, totals.orderly), (1, 1, 1));
    });
}

#[test]
fn a_client_that_vanishes_after_it_was_served_is_lost_but_served() {
    in_own_host(|_host| {
        let server = Running::start(&Setup::default());

        let mut client = TcpStream::connect(server.address).unwrap();
        client.read_exact(&mut [0; 22]).unwrap();
        let first = server.events.recv().unwrap();
        assert!(matches!(first, Event::Served { .. }), "{first:?}");
        eventually("the server's FIN", || (client.peek(&mut [0]).unwrap() == 0).then_some(()));
        vanish(client);

        let lost = server.events.recv().unwrap();
        assert!(matches!(lost, Event::Lost { served: true, .. }), "{lost:?}");
        let totals = server.stop();
        assert_eq!((totals.served, totals.lost, totals.orderly), (1, 1, 0));
        assert_eq!(totals.closed_first, ClosedFirst::default(), "nobody waits");
    });
}

fn read_all(mut client: TcpStream) -> Result<Vec<u8>, ErrorKind> {
    let mut received = Vec::new();
    client.read_to_end(&mut received).map_err(|error| error.kind())?;
    Ok(received)
}

/// Closes with an RST.
fn vanish(client: TcpStream) {
    sockopt::set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
    drop(client);
}
