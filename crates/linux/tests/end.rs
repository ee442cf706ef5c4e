//! Timewait minisockets, ended on the running kernel.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpStream},
    num::NonZeroU32,
};

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use socket2::{Domain, Type};
use timewait_facts::{Cookie, Pattern, Socket, State, States};
use timewait_linux::{
    kernel_version, options,
    sockets::{EndError, Query, SocketTable},
};
use timewait_trial::{Need, eventually, in_own_host, skip};

const SERVER: [&str; 3] = ["127.0.0.1:9000", "[::1]:9000", "[::]:9000"];

/// A socket bound to this address, without any option: the most easily refused.
fn plainly_bound(address: SocketAddr) -> std::io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Has a server at this address close first; gives what is left of its side, and the client if it is to stay.
fn closed_first(address: &str, client_stays: bool) -> (Socket, Option<TcpStream>) {
    let address: SocketAddr = address.parse().unwrap();
    let listener = plainly_bound(address).unwrap();
    listener.listen(1).unwrap();
    let reached = if address.ip().is_unspecified() { "127.0.0.1:9000".parse().unwrap() } else { address };
    let client = TcpStream::connect(reached).unwrap();
    let (server, _) = listener.accept().unwrap();
    // Closed before its FIN is acknowledged, it might stay a full socket in FIN-WAIT-2 for a minute.
    server.shutdown(std::net::Shutdown::Write).unwrap();
    eventually("FIN-WAIT-2", || (options::tcp_state(&server).unwrap() == State::FinWait2).then_some(()));
    drop(server);
    let client = client_stays.then_some(client);
    (eventually("a minisocket of the server's", || minisocket(address.port())), client)
}

fn minisocket(port: u16) -> Option<Socket> {
    let states = [State::TimeWait, State::FinWait2].into_iter().collect::<States>();
    let of_port = Query::in_states(states).local(Pattern { prefix: None, port: Some(port) });
    let rows = SocketTable::open().unwrap().collect(&of_port).unwrap();
    rows.into_iter().find(Socket::is_minisocket)
}

/// Whether this kernel ends sockets at all, by asking it to end one that does not exist.
fn ends_sockets() -> bool {
    if kernel_version().at_least(6, 0) {
        return true;
    }
    skip(Need::Kernel, "minisockets can be ended since 6.0");
    false
}

#[test]
fn a_time_wait_that_was_ended_lets_a_plain_bind_have_its_port() {
    in_own_host(|_host| {
        for server in SERVER {
            if !ends_sockets() {
                return;
            }
            let (waiting, _) = closed_first(server, false);
            assert_eq!(waiting.state, State::TimeWait, "{server}");
            let address = server.parse().unwrap();
            assert_eq!(plainly_bound(address).unwrap_err().kind(), ErrorKind::AddrInUse, "{server}");
            let ended = SocketTable::open().unwrap().end(&waiting).unwrap();
            assert_eq!((ended.state, Some(ended.spared)), (State::TimeWait, waiting.expires_in()));
            plainly_bound(address).unwrap();
        }
    });
}

#[test]
fn an_orphaned_fin_wait_2_that_was_ended_lets_a_plain_bind_have_its_port() {
    in_own_host(|_host| {
        for server in SERVER {
            if !ends_sockets() {
                return;
            }
            let (orphan, _client) = closed_first(server, true);
            assert_eq!(orphan.state, State::FinWait2, "{server}");
            let address = server.parse().unwrap();
            assert_eq!(plainly_bound(address).unwrap_err().kind(), ErrorKind::AddrInUse, "{server}");
            let ended = SocketTable::open().unwrap().end(&orphan).unwrap();
            assert_eq!(ended.state, State::FinWait2);
            plainly_bound(address).unwrap();
        }
    });
}

/// SO_BINDTODEVICE on the listener goes on to what it accepts; without the interface the kernel would not find it.
#[test]
fn a_time_wait_bound_to_an_interface_is_found_by_that_interface() {
    in_own_host(|_host| {
        if !ends_sockets() {
            return;
        }
        let listener = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind_device(Some(b"lo")).unwrap();
        listener.bind(&"127.0.0.1:9000".parse::<SocketAddr>().unwrap().into()).unwrap();
        listener.listen(1).unwrap();
        let client = TcpStream::connect("127.0.0.1:9000").unwrap();
        drop(listener.accept().unwrap());
        drop((client, listener));
        let waiting = eventually("a minisocket of the server's", || minisocket(9000));
        assert_eq!(waiting.interface, NonZeroU32::new(1));
        SocketTable::open().unwrap().end(&waiting).unwrap();
        assert_eq!(minisocket(9000), None);
    });
}

#[test]
fn one_that_is_gone_and_one_with_another_cookie_are_gone_both() {
    in_own_host(|_host| {
        if !ends_sockets() {
            return;
        }
        let (waiting, _) = closed_first(SERVER[0], false);
        let mut table = SocketTable::open().unwrap();
        for change in [1, 1 << 32] {
            let other = Socket { cookie: Cookie(waiting.cookie.0 ^ change), ..waiting };
            assert!(matches!(table.end(&other), Err(EndError::Gone)));
        }
        table.end(&waiting).unwrap();
        assert!(matches!(table.end(&waiting), Err(EndError::Gone)));
    });
}

#[test]
fn without_the_capability_it_is_not_permitted_and_nothing_is_ended() {
    in_own_host(|_host| {
        let (waiting, _) = closed_first(SERVER[0], false);
        let mut mine = capabilities(None).unwrap();
        mine.effective.remove(CapabilitySet::NET_ADMIN);
        set_capabilities(None, mine).unwrap();
        let refusal = SocketTable::open().unwrap().end(&waiting).unwrap_err();
        assert!(matches!(refusal, EndError::NotPermitted(_)), "{refusal:?}");
        assert!(refusal.to_string().contains("CAP_NET_ADMIN"), "{refusal}");
        assert_eq!(minisocket(9000).map(|left| left.cookie), Some(waiting.cookie));
    });
}

#[test]
fn a_connection_that_somebody_holds_is_refused_before_the_kernel_is_asked() {
    in_own_host(|_host| {
        let listener = std::net::TcpListener::bind(SERVER[0]).unwrap();
        let client = TcpStream::connect(SERVER[0]).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.shutdown(std::net::Shutdown::Write).unwrap();
        let mut table = SocketTable::open().unwrap();
        let ends = (server.local_addr().unwrap(), server.peer_addr().unwrap());
        let held = eventually("a FIN-WAIT-2 that is held", || {
            table.find(ends.0, ends.1).unwrap().filter(|row| row.state == State::FinWait2)
        });
        assert!(matches!(table.end(&held), Err(EndError::NotWaiting(State::FinWait2))));
        let open = table.find(ends.1, ends.0).unwrap().unwrap();
        assert!(matches!(table.end(&open), Err(EndError::NotWaiting(State::CloseWait))));
        drop(client);
    });
}
