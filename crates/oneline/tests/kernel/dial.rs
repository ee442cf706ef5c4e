//! Connections that come about from where one wants them, and those that do not.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    os::fd::AsFd as _,
    time::Duration,
};

use timewait_oneline::{Call, Connection, Dial, DialError, Server, Setup};
use timewait_trial::in_own_host;

use crate::common::no_stop;

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9000);
const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7));

#[test]
fn a_chosen_address_and_port_are_the_connection_s_own() {
    in_own_host(|_host| {
        let _listener = TcpListener::bind(SERVER).unwrap();

        let connection = open(&Dial { from: Some((OURS, Some(5000))), ..Dial::to(SERVER) }).unwrap();

        assert_eq!((connection.local(), connection.peer()), (SocketAddr::new(OURS, 5000), SERVER));
        let again = open(&Dial { from: Some((OURS, Some(5000))), ..Dial::to(SERVER) }).unwrap_err();
        assert_eq!((again.call, again.errno.name()), (Call::Bind, "EADDRINUSE".to_owned()));
        assert_eq!(again.local, Some(SocketAddr::new(OURS, 5000)));
    });
}

#[test]
fn the_unspecified_address_is_reached_at_loopback() {
    in_own_host(|_host| {
        let _listener = TcpListener::bind(SERVER).unwrap();
        let connection = open(&Dial::to("0.0.0.0:9000".parse().unwrap())).unwrap();
        assert_eq!(connection.peer(), SERVER);
    });
}

#[test]
fn an_address_that_is_not_ours_is_refused_by_bind() {
    in_own_host(|_host| {
        let not_ours = "192.0.2.1".parse().unwrap();
        let error = open(&Dial { from: Some((not_ours, None)), ..Dial::to(SERVER) }).unwrap_err();
        assert_eq!((error.call, error.errno.name()), (Call::Bind, "EADDRNOTAVAIL".to_owned()));
    });
}

#[test]
fn nobody_listens_is_refused_by_connect() {
    in_own_host(|_host| {
        let error = open(&Dial::to(SERVER)).unwrap_err();
        assert_eq!((error.call, error.errno.name()), (Call::Connect, "ECONNREFUSED".to_owned()));
        assert_eq!(error.to_string(), "cannot connect to 127.0.0.1:9000: connect failed");
    });
}

#[test]
fn a_network_without_a_route_is_refused_by_connect() {
    in_own_host(|_host| {
        let error = open(&Dial::to("192.0.2.1:9000".parse().unwrap())).unwrap_err();
        assert_eq!((error.call, error.errno.name()), (Call::Connect, "ENETUNREACH".to_owned()));
    });
}

#[test]
fn a_server_that_does_not_answer_is_given_up_after_the_timeout() {
    in_own_host(|_host| {
        let _full = full_queue();
        let error = open(&Dial { timeout: Duration::from_millis(50), ..Dial::to(SERVER) }).unwrap_err();
        assert_eq!((error.call, error.errno.name()), (Call::Connect, "ETIMEDOUT".to_owned()));
        assert!(error.local.is_some(), "the kernel had chosen a port");
    });
}

#[test]
fn a_wish_to_stop_gives_the_attempt_up() {
    in_own_host(|_host| {
        let _full = full_queue();
        let (stop, mut wish) = no_stop();
        wish.write_all(b"s").unwrap();
        let error = Connection::open(&Dial::to(SERVER), stop.as_fd()).unwrap_err();
        assert_eq!((error.call, error.errno.name()), (Call::Connect, "EINTR".to_owned()));
    });
}

#[test]
fn when_the_ports_for_a_destination_ran_out_connect_says_so_and_another_destination_is_reached() {
    in_own_host(|host| {
        host.set("net.ipv4.ip_local_port_range", "40000 40003").unwrap();
        let _listeners =
            [SERVER, SocketAddr::from(([127, 0, 0, 2], 9000))].map(|at| TcpListener::bind(at).unwrap());
        let from_ours = |to| Dial { from: Some((OURS, None)), ..Dial::to(to) };
        let taken: Vec<_> = (0..4).map(|_| open(&from_ours(SERVER)).unwrap()).collect();

        let error = open(&from_ours(SERVER)).unwrap_err();

        assert_eq!((error.call, error.errno.name()), (Call::Connect, "EADDRNOTAVAIL".to_owned()));
        assert_eq!(error.local, Some(SocketAddr::new(OURS, 0)), "the address without a port");
        let elsewhere = open(&from_ours(SocketAddr::from(([127, 0, 0, 2], 9000)))).unwrap();
        assert!(
            taken.iter().any(|connection| connection.local() == elsewhere.local()),
            "the same port again"
        );
    });
}

#[test]
fn an_ipv6_source_address_leaves_the_port_to_connect_as_well() {
    in_own_host(|_host| {
        let to: SocketAddr = "[::1]:9000".parse().unwrap();
        let _listener = TcpListener::bind(to).unwrap();
        let connection = open(&Dial { from: Some((to.ip(), None)), ..Dial::to(to) }).unwrap();
        assert_eq!(connection.local().ip(), to.ip());
    });
}

fn open(dial: &Dial) -> Result<Connection, DialError> {
    let (stop, _wish) = no_stop();
    Connection::open(dial, stop.as_fd())
}

/// A listener whose queue is full: the kernel drops the next SYN.
fn full_queue() -> (Server, Connection) {
    let server = Server::listen(&Setup { backlog: 0, ..Setup::default() }).unwrap();
    (server, open(&Dial::to(SERVER)).unwrap())
}
