//! Who may listen, and which call says no.

use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use timewait_oneline::{Dial, End, Server, Setup};
use timewait_trial::{eventually, in_own_host};

use crate::common::{LINE, Running, talk, waiting_at};

const FLAGS: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

#[test]
fn a_restart_succeeds_as_the_flags_of_the_old_and_the_new_server_have_it() {
    // Rows: the old server has no option, SO_REUSEADDR, SO_REUSEPORT, both. Columns: the new one, likewise.
    const MAY: [[bool; 4]; 4] = [
        [false, false, false, false],
        [false, true, false, true],
        [false, false, true, true],
        [false, true, true, true],
    ];
    in_own_host(|_host| {
        let mut port = 9000;
        for (old, row) in FLAGS.into_iter().zip(MAY) {
            for (new, may) in FLAGS.into_iter().zip(row) {
                let answer = restart(&setup(port, old), &setup(port, new));
                let expected = if may { Ok(()) } else { Err("bind: EADDRINUSE".to_owned()) };
                assert_eq!(answer, expected, "(reuseaddr, reuseport): {old:?}, then {new:?}");
                port += 1;
            }
        }
    });
}

/// Leaves a TIME-WAIT behind, then tries again.
fn restart(old: &Setup, new: &Setup) -> Result<(), String> {
    let port = old.address.port();
    let server = Running::start(old);
    assert_eq!(talk(&Dial::to(server.address)).1.end, End::PeerClosedFirst);
    assert_eq!(server.stop().orderly, 1);
    assert_eq!(waiting_at(port), 1);
    let answer = refusal(new);
    assert_eq!(waiting_at(port), 1, "no option prevents the wait, or ends it");
    answer
}

#[test]
fn two_servers_share_a_port_only_by_so_reuseport_of_both() {
    in_own_host(|_host| {
        for (place, first) in FLAGS.into_iter().enumerate() {
            let port = 9000 + u16::try_from(place).unwrap();
            let _listening = Server::listen(&setup(port, first)).unwrap();
            for second in FLAGS {
                let answer = refusal(&setup(port, second));
                assert_eq!(answer.is_ok(), first.1 && second.1, "{first:?}, then {second:?}: {answer:?}");
            }
        }
    });
}

#[test]
fn a_refused_setup_names_its_call_and_its_errno() {
    in_own_host(|_host| {
        let at = |address: &str| Setup { address: address.parse().unwrap(), ..Setup::default() };
        let _listener = TcpListener::bind("127.0.0.1:9001").unwrap();

        assert_eq!(refusal(&at("192.0.2.1:9000")), Err("bind: EADDRNOTAVAIL".to_owned()));
        assert_eq!(refusal(&at("127.0.0.1:9001")), Err("bind: EADDRINUSE".to_owned()));
        let v6only_v4 = Setup { v6only: Some(true), ..Setup::default() };
        assert_eq!(refusal(&v6only_v4), Err("setsockopt IPV6_V6ONLY: ENOPROTOOPT".to_owned()));
    });
}

#[test]
fn a_refusal_reads_as_the_article_prints_it() {
    in_own_host(|_host| {
        let _listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let error = Server::listen(&Setup::default()).unwrap_err();
        let printed = format!("{} returned -1, {}", error.call, error.errno);
        let number = error.errno.number();
        assert_eq!(printed, format!("bind returned -1, errno {number} EADDRINUSE: Address already in use"));
        assert_eq!(error.to_string(), "cannot listen on 0.0.0.0:9000: bind failed");
    });
}

#[test]
fn a_privileged_port_without_the_capability_is_refused_by_bind() {
    in_own_host(|_host| {
        let privileged = Setup { address: "0.0.0.0:80".parse().unwrap(), ..Setup::default() };
        assert_eq!(refusal(&privileged), Ok(()));

        let mut mine = capabilities(None).unwrap();
        mine.effective.remove(CapabilitySet::NET_BIND_SERVICE);
        set_capabilities(None, mine).unwrap();

        assert_eq!(refusal(&privileged), Err("bind: EACCES".to_owned()));
    });
}

#[test]
fn port_0_is_the_kernel_s_choice() {
    in_own_host(|_host| {
        let server = Server::listen(&setup(0, (true, false))).unwrap();
        assert_ne!(server.local_address().port(), 0);
        let server = Running::run(server);
        assert_eq!(talk(&Dial::to(server.address)).0, LINE);
        server.stop();
    });
}

#[test]
fn an_ipv6_server_leaves_its_wait_as_an_ipv4_one_does() {
    in_own_host(|_host| {
        let address: SocketAddr = "[::1]:9000".parse().unwrap();
        let server = Running::start(&Setup { address, ..Setup::default() });

        let (received, ending) = talk(&Dial::to(address));

        assert_eq!((received.as_slice(), ending.end), (LINE, End::PeerClosedFirst));
        assert_eq!(server.stop().closed_first.server, 1);
        assert_eq!(waiting_at(9000), 1);
    });
}

#[test]
fn a_dual_stack_server_serves_both_families_whatever_the_host_s_default() {
    in_own_host(|host| {
        host.set("net.ipv6.bindv6only", "1").unwrap();
        let address = "[::]:9000".parse().unwrap();
        let server = Running::start(&Setup { address, v6only: Some(false), ..Setup::default() });

        for to in ["127.0.0.1:9000", "[::1]:9000"] {
            let (received, ending) = talk(&Dial::to(to.parse().unwrap()));
            assert_eq!((received.as_slice(), ending.end), (LINE, End::PeerClosedFirst), "{to}");
        }

        assert_eq!(server.stop().closed_first.server, 2);
        assert_eq!(waiting_at(9000), 2);
        assert_eq!(refusal(&setup(9000, (false, false))), Err("bind: EADDRINUSE".to_owned()));
    });
}

#[test]
fn a_v6only_server_leaves_the_port_to_ipv4() {
    in_own_host(|_host| {
        let address = "[::]:9000".parse().unwrap();
        let _six = Running::start(&Setup { address, v6only: Some(true), ..Setup::default() });
        assert!(TcpStream::connect("127.0.0.1:9000").is_err());

        let four = Running::start(&Setup::default());

        assert_eq!(talk(&Dial::to(four.address)).0, LINE);
        four.stop();
    });
}

#[test]
fn by_default_the_host_decides_whether_ipv6_includes_ipv4() {
    in_own_host(|host| {
        let at = |port| Setup { address: SocketAddr::new("::".parse().unwrap(), port), ..Setup::default() };
        host.set("net.ipv6.bindv6only", "0").unwrap();
        let _both = Running::start(&at(9000));
        host.set("net.ipv6.bindv6only", "1").unwrap();
        let _six = Running::start(&at(9001));

        TcpStream::connect("127.0.0.1:9000").unwrap();
        assert!(TcpStream::connect("127.0.0.1:9001").is_err());
    });
}

#[test]
fn a_port_taken_by_an_outgoing_connection_blocks_a_server_with_either_option() {
    in_own_host(|_host| {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let outgoing = TcpStream::connect("127.0.0.1:9000").unwrap();
        let port = outgoing.local_addr().unwrap().port();
        for flags in FLAGS {
            assert_eq!(refusal(&setup(port, flags)), Err("bind: EADDRINUSE".to_owned()), "{flags:?}");
        }
        drop(listener);
        drop(outgoing);
        // Never accepted, the connection was reset: nothing is left of it.
        eventually("the port is free", || refusal(&setup(port, (true, false))).ok());
    });
}

fn setup(port: u16, (reuseaddr, reuseport): (bool, bool)) -> Setup {
    Setup { address: SocketAddr::from(([0, 0, 0, 0], port)), reuseaddr, reuseport, ..Setup::default() }
}

/// The call and the errno of a refusal.
fn refusal(setup: &Setup) -> Result<(), String> {
    match Server::listen(setup) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{}: {}", error.call, error.errno.name())),
    }
}
