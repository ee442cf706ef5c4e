//! A row costs no allocation, however many there are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

use std::{
    net::{TcpListener, TcpStream},
    ops::ControlFlow,
};

use timewait_facts::States;
use timewait_linux::sockets::{Query, SocketTable};
use timewait_trial::in_own_host;

/// What a dump costs: its rows, and the allocations made for them.
fn cost(table: &mut SocketTable) -> (u64, u64) {
    let mut rows = 0;
    let made = allocation_counter::measure(|| {
        let all = Query::in_states(States::all()).either("127.0.0.0/8".parse().unwrap());
        let dumped = table.dump(&all, |row| {
            std::hint::black_box(row.unknown_attributes().map(|(_, value)| value.len()).sum::<usize>());
            ControlFlow::Continue(())
        });
        rows = dumped.unwrap().rows;
    });
    (rows, made.count_total)
}

#[test]
fn thousands_of_rows_cost_as_many_allocations_as_one() {
    in_own_host(|host| {
        // No port in TIME-WAIT is used again, so each connection leaves a row.
        host.set("net.ipv4.tcp_tw_reuse", "0").unwrap();
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let mut table = SocketTable::open().unwrap();
        let (one, for_one) = cost(&mut table);
        for _ in 0..4000 {
            let client = TcpStream::connect("127.0.0.1:9000").unwrap();
            let (server, _) = listener.accept().unwrap();
            drop(client);
            drop(server);
        }
        let (many, for_many) = cost(&mut table);
        assert!(one == 1 && many >= 4001, "{one} and {many} rows");
        assert_eq!(for_many, for_one, "allocations for {many} rows and for one");
    });
}
