use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
};

use timewait_linux::settings::tcp_counters;
use timewait_trial::in_own_host;

use super::{Acceptor, UNHURRIED as CALM};
use crate::server::{ClosedFirst, Setup, Totals, crew::Crew, listen::listen};

/// Serves so many clients, that `come` while nobody accepts; gives what it amounted to, and the allocations made
/// meanwhile.
fn serve<T>(count: u64, come: impl FnOnce(SocketAddr) -> T) -> (Totals, u64, T) {
    serve_at("127.0.0.1:0", count, come)
}

fn serve_at<T>(address: &str, count: u64, come: impl FnOnce(SocketAddr) -> T) -> (Totals, u64, T) {
    let setup = Setup { address: address.parse().unwrap(), connections: Some(count), ..Setup::default() };
    let (listener, address) = listen(&setup).unwrap();
    let crew = Crew::new(&setup, Arc::new(listener)).unwrap();
    let acceptor = Acceptor::new(&crew, 0);
    let clients = come(address);
    let mut totals = Totals::default();
    let made = allocation_counter::measure(|| totals = acceptor.run());
    (totals, made.count_total, clients)
}

/// So many clients that say something, or nothing; the last is as it is asked.
fn clients(count: u64, address: SocketAddr, words: &[u8]) -> Vec<TcpStream> {
    let connect = |_| {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(words).unwrap();
        client
    };
    (0..count).map(connect).collect()
}

const ABORTS: [&str; 3] = ["OutRsts", "TCPAbortOnClose", "TCPAbortOnData"];

fn aborts() -> [u64; 3] {
    let counters = tcp_counters().unwrap();
    ABORTS.map(|name| counters[name])
}

fn hear(mut client: TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    received
}

#[test]
fn hundreds_of_connections_cost_no_allocation() {
    in_own_host(|_host| {
        for (count, words) in [(10, &b""[..]), (600, b""), (250, b"hello")] {
            let (totals, made, _) = serve(count, |address| clients(count, address, words));
            assert_eq!((totals.served, made), (count, 0), "{totals:?}");
        }
    });
}

#[test]
fn in_a_rush_whoever_said_nothing_is_closed_behind_the_fin_and_whoever_spoke_is_waited_for() {
    in_own_host(|_host| {
        let before = aborts();
        let (totals, _, (calm, spoke, silent)) = serve(CALM + 10, |address| {
            (clients(CALM, address, b""), clients(2, address, b"hello"), clients(8, address, b""))
        });
        // Whoever spoke is no reason to hurry.
        assert_eq!((totals.served, totals.settled, totals.orderly), (CALM + 10, 8, 0));
        assert_eq!(totals.bytes_discarded, 10);
        assert_eq!(
            totals.closed_first,
            ClosedFirst { server: 8, ..ClosedFirst::default() },
            "of the settled"
        );
        for client in calm.into_iter().chain(spoke).chain(silent) {
            assert_eq!(hear(client), Setup::default().message);
        }
        assert_eq!(aborts(), before);
    });
}

#[test]
fn a_rush_lasts_until_there_is_a_round_without_one() {
    let setup = Setup { address: "127.0.0.1:0".parse().unwrap(), ..Setup::default() };
    let (listener, _) = listen(&setup).unwrap();
    let crew = Crew::new(&setup, Arc::new(listener)).unwrap();
    let mut acceptor = Acceptor::new(&crew, 0);
    let next_round = || crew.collect(false, &mut |_| {});
    // How many of so many clients come in no rush.
    let mut unhurried = |clients: u64| (0..clients).filter(|_| !acceptor.is_rush()).count() as u64;
    assert_eq!(unhurried(CALM + 50), CALM);
    next_round();
    assert_eq!(unhurried(CALM + 50), 1, "one shows that rounds go on");
    next_round();
    assert_eq!(unhurried(CALM), 1, "it goes on, but these are no rush");
    next_round();
    assert_eq!(unhurried(CALM + 50), CALM);
    next_round();
    next_round();
    assert_eq!(unhurried(CALM), CALM, "there was a round without anybody");
}

#[test]
fn one_that_speaks_when_all_was_said_in_a_rush_reads_the_line_and_its_end_all_the_same() {
    in_own_host(|_host| {
        let before = aborts();
        let (totals, _, (calm, late)) =
            serve(CALM + 50, |address| (clients(CALM, address, b""), clients(50, address, b"")));
        assert_eq!(totals.settled, 50);
        assert!(calm.into_iter().all(|client| hear(client) == Setup::default().message));
        for mut client in late {
            client.write_all(b"late").unwrap();
            assert_eq!(hear(client), Setup::default().message);
        }
        assert_eq!(aborts()[0] - before[0], 50, "each meets an RST, which takes nothing with it");
    });
}

#[test]
fn whoever_may_be_elsewhere_is_waited_for_in_a_rush_too() {
    in_own_host(|host| {
        host.add_address("192.0.2.7/32".parse().unwrap()).unwrap();
        let (totals, ..) = serve_at("192.0.2.7:9000", 150, |address| clients(150, address, b""));
        assert_eq!((totals.served, totals.settled), (150, 0));
        let (totals, ..) = serve_at("0.0.0.0:9001", CALM + 60, |_| {
            let far = clients(CALM + 30, "192.0.2.7:9001".parse().unwrap(), b"");
            (far, clients(30, "127.0.0.1:9001".parse().unwrap(), b""))
        });
        assert_eq!((totals.served, totals.settled), (CALM + 60, 30), "by the addresses that they come from");
    });
}

#[test]
fn whoever_had_closed_before_it_was_accepted_is_done_with_and_seen_to_have_closed_first() {
    in_own_host(|_host| {
        let (totals, _, clients) = serve(9, |address| {
            let clients = clients(9, address, b"");
            for client in &clients {
                client.shutdown(Shutdown::Write).unwrap();
            }
            clients
        });
        assert_eq!((totals.served, totals.orderly, totals.settled), (9, 9, 0));
        assert_eq!(totals.closed_first, ClosedFirst { client: 9, ..ClosedFirst::default() });
        for mut client in clients {
            let mut received = Vec::new();
            client.read_to_end(&mut received).unwrap();
            assert_eq!(received, Setup::default().message);
        }
    });
}
