//! The socket table, against the running kernel.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    ops::ControlFlow,
};

use rustix::thread::CapabilitySet;
use socket2::SockRef;
use timewait_facts::{Pattern, State, States};
use timewait_linux::sockets::{Query, Row, SocketTable};
use timewait_trial::in_own_host;

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

/// A connection over a listener on this address: (accepted, connected).
fn connection(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, client)
}

#[test]
fn the_side_that_closed_first_waits_a_minute_and_has_neither_user_nor_file() {
    in_own_host(|_host| {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let (server, client) = connection(&listener);
        let peer = client.local_addr().unwrap();
        drop(server);
        drop(client);

        let mut table = SocketTable::open().unwrap();
        let waiting = timewait_trial::eventually("TIME-WAIT", || {
            table.collect(&Query::in_states(States::TIME_WAIT)).unwrap().pop()
        });
        assert_eq!(
            (waiting.state, waiting.local, waiting.peer),
            (State::TimeWait, listener.local_addr().unwrap(), peer)
        );
        assert_eq!((waiting.uid, waiting.inode), (None, None));
        assert!(waiting.is_minisocket() && waiting.timer.expires_ms <= 60_000);
        assert_eq!(table.find(waiting.local, peer).unwrap().map(|found| found.cookie), Some(waiting.cookie));
        let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
        assert_eq!(table.find(waiting.local, nobody).unwrap(), None, "not the listener that would take it");
    });
}

#[test]
fn a_mark_is_told_where_it_is_wanted_and_the_capability_for_it_is_kept() {
    in_own_host(|_host| {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        SockRef::from(&listener).set_mark(7).unwrap();
        let mut table = SocketTable::open().unwrap();
        let listening = Query::in_states(States::LISTEN);
        let effective = || rustix::thread::capabilities(None).unwrap().effective;
        let mut meanwhile = effective();
        let mut mark = |query: &Query| {
            let mut mark = None;
            let each = |row: Row<'_>| {
                (mark, meanwhile) = (row.socket().mark, effective());
                ControlFlow::Continue(())
            };
            table.dump(query, each).unwrap();
            (
                mark,
                meanwhile.contains(CapabilitySet::NET_ADMIN),
                effective().contains(CapabilitySet::NET_ADMIN),
            )
        };

        assert_eq!(mark(&listening), (Some(7), true, true));
        assert_eq!(mark(&listening.without_marks()), (None, false, true));
        assert_eq!(mark(&listening), (Some(7), true, true), "as before");
        assert_eq!(table.count(&listening).unwrap(), 1);
        assert!(effective().contains(CapabilitySet::NET_ADMIN));
    });
}

#[test]
fn a_dump_that_was_broken_off_leaves_the_table_usable() {
    in_own_host(|_host| {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let _connections: Vec<_> = (0..500).map(|_| connection(&listener)).collect();
        let mut table = SocketTable::open().unwrap();
        let all = Query::in_states(States::all());
        let mut seen = 0;
        let dumped = table
            .dump(&all, |_| {
                seen += 1;
                if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert_eq!((dumped.rows, dumped.complete), (3, false));
        assert_eq!(table.collect(&all).unwrap().len(), 1001);
        assert_eq!(table.collect(&all.either(pattern("9000"))).unwrap().len(), 1001);
        assert_eq!(table.collect(&all.local(pattern("9000"))).unwrap().len(), 501);
    });
}

#[test]
fn an_added_address_is_there_at_once_and_only_once() {
    in_own_host(|host| {
        for address in ["192.0.2.7/24", "2001:db8::7/64"] {
            let address: ipnet::IpNet = address.parse().unwrap();
            host.add_address(address).unwrap();
            TcpListener::bind((address.addr(), 9000)).unwrap();
            let again = host.add_address(address).unwrap_err();
            assert!(matches!(again, timewait_linux::hosts::AddressError::Present(_)), "{again}");
        }
    });
}
