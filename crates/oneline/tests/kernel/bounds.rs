//! Nobody keeps a descriptor for ever, and whatever clients do, each is counted once.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use rustix::net::sockopt;
use timewait_linux::hosts::Host;
use timewait_oneline::{ClosedFirst, Event, Server, Setup, Side};
use timewait_trial::{eventually, in_own_host};

use crate::{
    common::{LINE, Running, rows},
    shortage::leave_descriptors,
};

type Start = fn(&Setup) -> Running;
const BOTH: [Start; 2] = [Running::start, Running::start_quietly];

fn impatient() -> Setup {
    Setup { patience: Duration::from_millis(200), ..Setup::default() }
}

fn small_buffers(host: &Host) {
    host.set("net.ipv4.tcp_wmem", "4096 16384 65536").unwrap();
    host.set("net.ipv4.tcp_rmem", "4096 16384 65536").unwrap();
}

#[test]
fn a_client_that_never_reads_a_long_message_is_cut_by_an_rst_and_its_descriptor_is_free() {
    in_own_host(|host| {
        small_buffers(host);
        for start in BOTH {
            let server = start(&Setup { message: vec![b'x'; 4 << 20], ..impatient() });
            let client = TcpStream::connect(server.address).unwrap();
            eventually("the server has no connection", || {
                rows().iter().all(|row| row.local_port != 9000 || row.state == 10).then_some(())
            });
            let totals = server.stop();
            assert_eq!((totals.accepted, totals.served, totals.cut, totals.impatient), (1, 0, 1, 1));
            drop(client);
        }
    });
}

/// It takes longer than the patience lasts twice. Where the machine itself pauses for as long between two reads, the server may
/// cut; it is tried again.
#[test]
fn a_client_that_reads_slowly_is_not_impatience_s_as_long_as_it_reads() {
    in_own_host(|host| {
        small_buffers(host);
        let setup = Setup { message: vec![b'x'; 1 << 20], ..impatient() };
        let server = Running::start_quietly(&setup);
        eventually("a whole message without a pause of the machine's", || {
            let mut client = TcpStream::connect(server.address).unwrap();
            let (mut read, mut longest, mut last) = (0, Duration::ZERO, Instant::now());
            loop {
                thread::sleep(Duration::from_millis(20));
                match client.read(&mut [0; 16 * 1024]) {
                    Ok(0) => break,
                    Ok(bytes) => read += bytes,
                    Err(error) => {
                        assert!(
                            longest.max(last.elapsed()) > setup.patience / 2,
                            "{read} read, then {error}"
                        );
                        return None;
                    }
                }
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            assert_eq!(read, 1 << 20);
            Some(())
        });
        assert!(server.stop().orderly >= 1);
    });
}

#[test]
fn a_client_that_is_to_close_first_and_does_not_gets_the_server_s_fin_in_the_end() {
    in_own_host(|_host| {
        for start in BOTH {
            let server = start(&Setup { close_first: Side::Client, ..impatient() });
            let mut client = TcpStream::connect(server.address).unwrap();
            // However much it says.
            client.write_all(b"I stay").unwrap();
            let mut received = Vec::new();
            client.read_to_end(&mut received).unwrap();
            assert_eq!(received, LINE);
            drop(client);
            let totals = server.stop();
            assert_eq!((totals.orderly, totals.cut, totals.impatient), (1, 0, 1));
            assert_eq!(totals.closed_first, ClosedFirst { server: 1, ..ClosedFirst::default() });
        }
    });
}

#[test]
fn without_descriptors_those_that_linger_are_shed_and_all_are_served_by_several_threads() {
    in_own_host(|_host| {
        let server = Server::listen(&Setup { threads: 3, ..Setup::default() }).unwrap();
        let mut clients: Vec<_> = (0..200).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();
        // Whoever speaks is waited for, and nobody closes until all have their line.
        clients.iter_mut().for_each(|client| client.write_all(b"x").unwrap());
        leave_descriptors(16);
        let server = Running::run_quietly(server);
        for client in &mut clients {
            let mut received = Vec::new();
            client.read_to_end(&mut received).unwrap();
            assert_eq!(received, LINE);
        }
        drop(clients);
        let totals = server.stop();
        assert_eq!((totals.accepted, totals.served, totals.lost, totals.cut), (200, 200, 0, 0));
        assert!(totals.shed > 100 && totals.left == totals.shed, "{totals:?}");
    });
}

#[test]
fn without_descriptors_and_with_nobody_to_shed_several_threads_pause_and_go_on() {
    in_own_host(|_host| {
        let setup = Setup { close_first: Side::Client, threads: 3, ..Setup::default() };
        let server = Server::listen(&setup).unwrap();
        let clients: Vec<_> = (0..200).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();
        leave_descriptors(16);
        let server = Running::run_quietly(server);
        let paused = server.events.iter().find(|event| matches!(event, Event::Paused { .. })).unwrap();
        assert!(matches!(paused, Event::Paused { errno, .. } if errno.name() == "EMFILE"), "{paused:?}");
        for mut client in clients {
            let mut line = [0; 22];
            client.read_exact(&mut line).unwrap();
            assert_eq!(line, LINE);
        }
        let totals = server.stop();
        assert_eq!((totals.accepted, totals.served, totals.orderly, totals.shed), (200, 200, 200, 0));
    });
}

/// What a client may do, by its number.
fn behave(number: u32, address: SocketAddr) -> bool {
    let Ok(mut client) = TcpStream::connect(address) else { return false };
    let mut heard = Vec::new();
    match number % 6 {
        0 | 1 => {}
        // Each of these may meet the end of the connection, and none is to lose the line by it.
        2 => drop(client.write_all(b"first")),
        3 => drop(client.shutdown(Shutdown::Write)),
        4 => {
            sockopt::set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
            return true;
        }
        _ => {
            let _ = client.read_exact(&mut [0; 22]);
            drop(client.write_all(b"after"));
            return true;
        }
    }
    client.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, LINE, "client {number}");
    true
}

#[test]
fn whatever_clients_do_each_is_counted_once() {
    in_own_host(|_host| {
        let server = Running::start_quietly(&Setup { threads: 4, ..Setup::default() });
        let address = server.address;
        let crowd = |first: u32| thread::spawn(move || (first..first + 300).all(|n| behave(n, address)));
        for visitors in (0..8).map(|thread| crowd(thread * 1000)).collect::<Vec<_>>() {
            assert!(visitors.join().unwrap(), "all are let in");
        }
        let totals = server.stop();
        assert_eq!(totals.accepted + totals.aborted, 2400, "{totals:?}");
        assert!(totals.served >= 2400 / 6 * 5, "{totals:?}");
        assert_eq!((totals.cut, totals.impatient), (0, 0));
    });
}

#[test]
fn whoever_comes_while_it_stops_is_served_or_refused_and_counted_once() {
    in_own_host(|_host| {
        for round in 0..20 {
            let mut server = Running::start_quietly(&Setup { threads: 4, ..Setup::default() });
            let address = server.address;
            let crowd = |first: u32| {
                thread::spawn(move || {
                    let served = |number: u32| {
                        let mut client = TcpStream::connect(address).ok()?;
                        if number.is_multiple_of(2) {
                            let _ = client.write_all(b"first");
                        }
                        let mut heard = Vec::new();
                        let _ = client.read_to_end(&mut heard);
                        (heard == LINE).then_some(())
                    };
                    (first..).map_while(served).count()
                })
            };
            let crowds: Vec<_> = (0..3).map(|thread| crowd(thread * 1000)).collect();
            thread::sleep(Duration::from_millis(round));
            server.wish_to_stop();
            let heard: usize = crowds.into_iter().map(|crowd| crowd.join().unwrap()).sum();
            // That every one of them ended in one way is asserted with the totals.
            let totals = server.totals();
            assert!(totals.served >= heard as u64, "{heard} heard the line: {totals:?}");
            assert!(totals.served + totals.lost + totals.cut >= totals.accepted, "{totals:?}");
        }
    });
}
