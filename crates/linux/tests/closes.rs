//! Who closes first, watched on the kernel itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod sibling;

use std::{
    io::Read as _,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::fs::symlink},
    process::{Command, Stdio},
};

use sibling::{outer_id, own_id, sibling};
use timewait_linux::{
    closes::{Close, First, FirstBecause, Known, Lost, OwnerBecause, Port, Reset, Setup, Watch},
    netns::Netns,
    processes,
};
use timewait_trial::{Need, Process, eventually, have_tool, in_own_host, send_again_soon, skip};

const ADDRESS: &str = "127.0.0.1:9000";

/// A watch, and what it has told.
struct Watched {
    watch: Watch,
    closes: Vec<Close>,
}

impl Watched {
    fn by_samples() -> Self {
        Self { watch: Watch::open(&Setup::default()).unwrap(), closes: Vec::new() }
    }

    /// `None`, and the test is left out, where no probe is permitted.
    fn by_probe() -> Option<Self> {
        let watch = Watch::open(&Setup { probe: true, ..Setup::default() }).unwrap();
        if let Some(why) = watch.no_probe() {
            skip(Need::Probe, &why.to_string());
            return None;
        }
        Some(Self { watch, closes: Vec::new() })
    }

    fn finish(&mut self) {
        let closes = &mut self.closes;
        self.watch.finish(|close| closes.push(close.clone())).unwrap();
    }

    fn only_close_of(&mut self, local: SocketAddr) -> Close {
        self.finish();
        let of_it: Vec<&Close> = self.closes.iter().filter(|close| close.local == local).collect();
        assert_eq!(of_it.len(), 1, "{:?}", self.closes);
        of_it[0].clone()
    }

    /// Steps until two looks after this moment have been made, the processes included.
    fn looks(&mut self) {
        let before = self.watch.cost();
        self.until("two looks", |watched| {
            let now = watched.watch.cost();
            now.looks >= before.looks + 2 && now.passes > before.passes
        });
    }

    fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        eventually(what, || {
            let closes = &mut self.closes;
            self.watch.step(|close| closes.push(close.clone())).unwrap();
            condition(self).then_some(())
        });
    }

    /// The close of the end with this local address.
    fn close_of(&mut self, local: SocketAddr) -> Close {
        let is_it = |close: &&Close| close.local == local;
        self.until(&format!("the close of {local}"), |watched| {
            watched.closes.iter().any(|close| is_it(&close))
        });
        self.closes.iter().find(is_it).unwrap().clone()
    }
}

/// A listener, a client's end and the server's end.
fn connection() -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind(ADDRESS).unwrap();
    let client = TcpStream::connect(ADDRESS).unwrap();
    let (server, _) = listener.accept().unwrap();
    (listener, client, server)
}

fn to_the_end(mut stream: &TcpStream) {
    stream.read_to_end(&mut Vec::new()).unwrap();
}

fn ours(close: &Close) -> Known {
    let by = close.by.as_ref().unwrap();
    assert_eq!(by.owner.pid, own_id());
    by.known
}

#[test]
fn a_sampled_server_that_closes_first_is_named_by_its_socket_s_cookie() {
    in_own_host(|_host| {
        let mut watched = Watched::by_samples();
        let (_listener, client, server) = connection();
        watched.looks();
        let (local, peer) = (server.local_addr().unwrap(), client.local_addr().unwrap());
        drop(server);
        to_the_end(&client);
        drop(client);

        let close = watched.close_of(local);
        assert_eq!((close.first, ours(&close)), (First::Us, Known::Sampled));
        assert_eq!(close.peer, peer);
        watched.until("the wait", |watched| watched.watch.tally().total().time_wait == 1);
        let other = watched.close_of(peer);
        assert_eq!((other.first, ours(&other)), (First::Peer, Known::Sampled));
        assert_eq!(other.first_inferred, Some(FirstBecause::OtherEndWaits));
    });
}

#[test]
fn a_sampled_client_that_half_closes_first_is_seen_to_be_the_first() {
    in_own_host(|_host| {
        let mut watched = Watched::by_samples();
        let (_listener, client, server) = connection();
        watched.looks();
        let local = client.local_addr().unwrap();
        client.shutdown(Shutdown::Write).unwrap();

        let close = watched.close_of(local);
        assert_eq!((close.first, close.first_inferred), (First::Us, None));
        let other = watched.close_of(server.local_addr().unwrap());
        assert_eq!((other.first, other.first_inferred), (First::Peer, None));
        assert_eq!(watched.watch.tally().total().closed(), 2);
    });
}

#[test]
fn a_connection_that_no_sample_met_is_inferred_to_be_the_listener_s() {
    in_own_host(|_host| {
        let listener = TcpListener::bind(ADDRESS).unwrap();
        let mut watched = Watched::by_samples();
        let client = TcpStream::connect(ADDRESS).unwrap();
        drop(listener.accept().unwrap());
        to_the_end(&client);
        drop(client);

        let close = watched.close_of(ADDRESS.parse().unwrap());
        assert_eq!(ours(&close), Known::Inferred(OwnerBecause::Listener));
        assert_eq!((close.first, close.first_inferred), (First::Us, Some(FirstBecause::TimeWaitAlone)));
        let tally = watched.watch.tally();
        assert_eq!(tally.rows()[0].port, Some(Port::Local(9000)));
        assert_eq!(tally.attributed().inferred, 1);
    });
}

#[test]
fn what_waited_before_the_watch_began_is_not_told_and_another_address_is_not_watched() {
    in_own_host(|_host| {
        let (listener, client, server) = connection();
        let old = client.local_addr().unwrap();
        drop(server);
        to_the_end(&client);
        drop(client);
        let setup = Setup { address: ":9000".parse().unwrap(), ..Setup::default() };
        let mut watched = Watched { watch: Watch::open(&setup).unwrap(), closes: Vec::new() };
        for listener in [TcpListener::bind("127.0.0.1:9001").unwrap(), listener] {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            drop(listener.accept().unwrap());
            to_the_end(&client);
        }

        watched.finish();
        let told: Vec<_> = watched.closes.iter().map(|close| (close.local, close.first)).collect();
        assert_eq!(told, [(ADDRESS.parse().unwrap(), First::Us)], "{:?}", watched.closes);
        assert_ne!(watched.closes[0].peer, old);
    });
}

#[test]
fn a_probed_server_that_closes_first_is_named_in_its_own_context() {
    in_own_host(|_host| {
        let Some(mut watched) = Watched::by_probe() else { return };
        let (_listener, client, server) = connection();
        let peer = client.local_addr().unwrap();
        drop(server);
        to_the_end(&client);
        drop(client);

        let close = watched.only_close_of(ADDRESS.parse().unwrap());
        assert_eq!((close.first, close.peer, ours(&close)), (First::Us, peer, Known::Probed));
        let other = watched.only_close_of(peer);
        assert_eq!((other.first, ours(&other)), (First::Peer, Known::Probed));
        assert_eq!((close.first_inferred, other.first_inferred), (None, None));
        let total = watched.watch.tally().total();
        assert_eq!((total.closed(), total.time_wait), (2, 1));
        assert_eq!(watched.watch.lost().unwrap(), Some(Lost::default()));
    });
}

#[test]
fn a_probed_client_that_closes_first_waits_and_the_server_does_not() {
    in_own_host(|_host| {
        let Some(mut watched) = Watched::by_probe() else { return };
        let (_listener, client, server) = connection();
        let local = client.local_addr().unwrap();
        drop(client);
        to_the_end(&server);
        drop(server);

        assert_eq!(watched.only_close_of(local).first, First::Us);
        assert_eq!(watched.only_close_of(ADDRESS.parse().unwrap()).first, First::Peer);
        let rows = watched.watch.tally().rows();
        let of = |port| rows.iter().find(|row| row.port == Some(port)).unwrap().counts;
        assert_eq!((of(Port::Destination(9000)).us, of(Port::Destination(9000)).time_wait), (1, 1));
        assert_eq!((of(Port::Local(9000)).peer, of(Port::Local(9000)).time_wait), (1, 0));
    });
}

/// The peer's kernel takes its time to acknowledge the FIN, so close(2) still finds the socket in FIN-WAIT-1.
#[test]
fn a_socket_that_is_shut_down_and_then_closed_is_one_close() {
    in_own_host(|_host| {
        let Some(mut watched) = Watched::by_probe() else { return };
        let (_listener, client, server) = connection();
        server.shutdown(Shutdown::Write).unwrap();
        drop(server);
        drop(client);

        assert_eq!(watched.only_close_of(ADDRESS.parse().unwrap()).first, First::Us);
        assert_eq!(watched.watch.tally().total().closed(), 2);
    });
}

/// Neither FIN comes through while loopback is down; when it is up again, the one that is sent again first meets a
/// socket that has sent its own.
#[test]
fn fins_that_cross_are_a_close_by_both() {
    if !have_tool("ip") {
        return;
    }
    in_own_host(|host| {
        send_again_soon(host);
        let Some(mut watched) = Watched::by_probe() else { return };
        let (_listener, client, server) = connection();
        let loopback = |state| {
            let ip = Process::start(Command::new("ip").args(["link", "set", "lo", state])).finish();
            assert!(ip.status.success(), "{}", ip.stderr);
        };
        loopback("down");
        client.shutdown(Shutdown::Write).unwrap();
        server.shutdown(Shutdown::Write).unwrap();
        loopback("up");

        watched.until("the close", |watched| !watched.closes.is_empty());
        let both = watched.closes.iter().find(|close| close.first == First::Both).unwrap();
        assert_eq!(ours(both), Known::Probed);
    });
}

#[test]
fn an_rst_is_told_from_both_ends() {
    in_own_host(|_host| {
        let Some(mut watched) = Watched::by_probe() else { return };
        let (_listener, client, server) = connection();
        watched.looks();
        let local = client.local_addr().unwrap();
        socket2::SockRef::from(&client).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(client);
        drop(server);

        let sent = watched.only_close_of(local);
        assert_eq!((sent.first, ours(&sent)), (First::Reset(Reset::ByUs), Known::Probed));
        let got = watched.only_close_of(ADDRESS.parse().unwrap());
        assert_eq!((got.first, ours(&got)), (First::Reset(Reset::ByPeer), Known::Sampled));
        assert_eq!(watched.watch.tally().total().time_wait, 0, "nobody waits after an RST");
    });
}

#[test]
fn a_process_that_has_ended_is_named_by_bytes_that_are_only_bytes() {
    in_own_host(|_host| {
        let Some(mut watched) = Watched::by_probe() else { return };
        let folder = tempfile::tempdir().unwrap();
        let hostile = folder.path().join("\u{1b}[31mroot\n");
        symlink("/bin/sh", &hostile).unwrap();
        let (_listener, client, server) = connection();
        let mut command = Command::new(&hostile);
        command.args(["-c", "echo up; read end"]);
        let held = OwnedFd::from(server);
        let child = Process::start_by(&mut command, |command| {
            processes::tether(command.stderr(Stdio::from(held))).spawn()
        });
        // The command keeps its own copy of what it gave the child.
        drop(command);
        let child = child.unwrap();
        let id = outer_id(child.id());
        child.finish();
        to_the_end(&client);

        let close = watched.only_close_of(ADDRESS.parse().unwrap());
        let by = close.by.unwrap();
        assert_eq!((close.first, by.known, by.owner.pid), (First::Us, Known::Probed, id));
        assert_eq!(by.owner.command.as_bytes(), b"\x1b[31mroot\n");
        assert_eq!(by.owner.command.to_string(), r"\e[31mroot\n");
    });
}

#[test]
fn another_network_namespace_is_told_apart() {
    in_own_host(|_host| {
        let (_elsewhere, id) = sibling();
        let netns = Some(Netns::open(&id.to_string()).unwrap());
        let there = Watch::open(&Setup { probe: true, netns, ..Setup::default() }).unwrap();
        let Some(mut here) = Watched::by_probe() else { return };
        let mut there = Watched { watch: there, closes: Vec::new() };
        let (_listener, client, server) = connection();
        drop(server);
        drop(client);
        here.finish();
        there.finish();
        assert_eq!((here.closes.len(), there.closes.len()), (2, 0));
    });
}
