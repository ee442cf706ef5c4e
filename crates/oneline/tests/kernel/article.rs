//! The article's conversation on the running kernel: who closes first, and whose the wait is.

use std::{
    io::{ErrorKind, Read as _},
    net::TcpStream,
};

use crate::common::{LINE, Running, rows, talk, waiting_at};
use timewait_oneline::{ClosedFirst, Dial, End, Event, Setup, Side};
use timewait_trial::in_own_host;

#[test]
fn a_client_gets_the_line_and_the_server_s_side_has_the_wait() {
    in_own_host(|_host| {
        let server = Running::start(&Setup::default());

        let (received, ending) = talk(&Dial::to(server.address));

        assert_eq!(received, LINE);
        assert_eq!((ending.received, ending.sent), (22, 0));
        assert_eq!(ending.end, End::PeerClosedFirst);
        assert_eq!(server.events.recv().unwrap(), Event::Served { peer: ending.local });
        let totals = server.stop();
        assert_eq!((totals.served, totals.orderly, totals.bytes_sent), (1, 1, 22));
        assert_eq!(totals.closed_first, ClosedFirst { server: 1, ..ClosedFirst::default() });
        assert_eq!(waiting_at(9000), 1);
        assert_eq!(rows().len(), 1, "the client's side has none: {:?}", rows());
    });
}

#[test]
fn a_client_that_closes_first_has_the_wait() {
    in_own_host(|_host| {
        let server = Running::start(&Setup { close_first: Side::Client, ..Setup::default() });

        let (received, ending) = talk(&Dial { close_first: Side::Client, ..Dial::to(server.address) });

        assert_eq!(received, LINE);
        assert_eq!(ending.end, End::WeClosedFirst);
        let totals = server.stop();
        assert_eq!((totals.served, totals.orderly), (1, 1));
        assert_eq!(totals.closed_first, ClosedFirst { client: 1, ..ClosedFirst::default() });
        assert_eq!((waiting_at(9000), waiting_at(ending.local.port())), (0, 1));
    });
}

#[test]
fn with_linger_0_nobody_waits_and_the_client_sees_the_reset() {
    in_own_host(|_host| {
        let server = Running::start(&Setup { linger: Some(0), ..Setup::default() });

        let mut client = TcpStream::connect(server.address).unwrap();
        let mut received = Vec::new();
        let error = client.read_to_end(&mut received).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(received, LINE, "what came before the RST can be read");
        assert_eq!(talk(&Dial::to(server.address)).1.end, End::Reset);
        let totals = server.stop();
        assert_eq!((totals.served, totals.reset_by_us, totals.orderly), (2, 2, 0));
        drop(client);
        assert_eq!(rows(), []);
    });
}

#[test]
fn a_longer_linger_changes_nothing_for_a_client_that_closes() {
    in_own_host(|_host| {
        let server = Running::start(&Setup { linger: Some(3), ..Setup::default() });

        let (received, ending) = talk(&Dial::to(server.address));

        assert_eq!((received.as_slice(), ending.end), (LINE, End::PeerClosedFirst));
        assert_eq!(server.stop().orderly, 1);
        assert_eq!(waiting_at(9000), 1);
    });
}

#[test]
fn after_three_connections_the_listener_is_gone() {
    in_own_host(|_host| {
        let server = Running::start(&Setup { connections: Some(3), ..Setup::default() });
        let address = server.address;

        for _ in 0..3 {
            assert_eq!(talk(&Dial::to(address)).0, LINE);
        }

        let totals = server.totals();
        assert_eq!((totals.accepted, totals.served), (3, 3));
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}
