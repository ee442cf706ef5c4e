use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use timewait_linux::settings::tcp_counters;
use timewait_trial::in_own_host;

use super::{Acceptor, SILENT_IN_A_ROW};
use crate::server::{ClosedFirst, Setup, Totals, crew::Crew, listen::listen};

/// Serves so many clients that `come` while nobody accepts, after so many that had said nothing; gives what it amounted
/// to, and the allocations made meanwhile.
fn serve(count: u64, silent: u64, come: impl FnOnce(SocketAddr)) -> (Totals, u64) {
    let setup =
        Setup { address: "127.0.0.1:0".parse().unwrap(), connections: Some(count), ..Setup::default() };
    let (listener, address) = listen(&setup).unwrap();
    let crew = Crew::new(&setup, Arc::new(listener)).unwrap();
    crew.begin();
    let acceptor = Acceptor { silent, ..Acceptor::new(&crew, 0) };
    come(address);
    let mut totals = Totals::default();
    let made = allocation_counter::measure(|| totals = acceptor.run());
    (totals, made.count_total)
}

#[test]
fn thousands_of_connections_cost_as_many_allocations_as_a_few() {
    in_own_host(|_host| {
        let cost = |count: u64| {
            let mut clients = Vec::new();
            serve(count, 0, |address| {
                // Most have closed when they are accepted, the last have not.
                for number in 0..count {
                    let client = TcpStream::connect(address).unwrap();
                    clients.extend((number >= 2000).then_some(client));
                }
            })
        };
        let (few, for_few) = cost(10);
        let (many, for_many) = cost(2400);
        assert_eq!((few.served, many.served), (10, 2400));
        assert!(many.left_at_once > 300 && many.orderly >= 2000, "{many:?}");
        assert_eq!(for_many, for_few, "allocations for 2400 connections and for 10");
    });
}

#[test]
fn one_that_speaks_first_among_the_silent_gets_the_line_and_no_rst() {
    in_own_host(|_host| {
        let before = tcp_counters().unwrap();
        let mut clients = Vec::new();
        let (totals, _) = serve(9, SILENT_IN_A_ROW, |address| {
            for number in 0..9 {
                let mut client = TcpStream::connect(address).unwrap();
                // The last of all, so that those before are taken for silent.
                client.write_all(if number == 8 { b"hello" } else { b"" }).unwrap();
                clients.push(client);
            }
        });
        assert_eq!((totals.served, totals.left_at_once, totals.bytes_discarded), (9, 8, 5));
        assert_eq!(totals.closed_first, ClosedFirst { server: 8, ..ClosedFirst::default() });
        for mut client in clients {
            let mut received = Vec::new();
            client.read_to_end(&mut received).unwrap();
            assert_eq!(received, Setup::default().message);
        }
        let after = tcp_counters().unwrap();
        for name in ["OutRsts", "TCPAbortOnClose", "TCPAbortOnData"] {
            assert_eq!(after[name], before[name], "{name}");
        }
    });
}
