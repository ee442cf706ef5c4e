//! A server that runs out of descriptors.

use std::{collections::HashSet, fs, io::Read as _, net::TcpStream, time::Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use timewait_oneline::{Event, Server, Setup, SetupError, Side};
use timewait_trial::in_own_host;

use crate::common::{LINE, Running, talk};

#[test]
fn without_descriptors_those_that_linger_are_shed_and_all_are_served() {
    in_own_host(|_host| {
        let server = Server::listen(&Setup::default()).unwrap();
        let mut clients: Vec<_> = (0..200).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();

        leave_descriptors(12);
        let server = Running::run(server);
        // Nobody closes until all have their line.
        for client in &mut clients {
            assert_eq!(read_to_end(client), LINE);
        }

        drop(clients);
        let totals = server.stop();
        assert_eq!((totals.accepted, totals.served, totals.pauses, totals.lost), (200, 200, 0, 0));
        assert!(totals.shed > 100 && totals.left == totals.shed, "{totals:?}");
        assert!(totals.wakeups <= 2 * totals.accepted, "it spun: {totals:?}");
    });
}

#[test]
fn without_descriptors_and_with_nobody_to_shed_it_pauses_and_goes_on() {
    in_own_host(|_host| {
        let setup = Setup { close_first: Side::Client, ..Setup::default() };
        let server = Server::listen(&setup).unwrap();
        let clients: Vec<_> = (0..200).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();

        leave_descriptors(12);
        let start = Instant::now();
        let server = Running::run(server);
        let paused = server.events.iter().find(|event| matches!(event, Event::Paused { .. })).unwrap();
        assert!(
            matches!(paused, Event::Paused { errno, open: 1.. } if errno.name() == "EMFILE"),
            "{paused:?}"
        );
        for mut client in clients {
            let mut line = [0; 22];
            client.read_exact(&mut line).unwrap();
            assert_eq!(line, LINE);
        }

        let totals = server.stop();
        // It looks ten times a second while it is paused, and for each client at most when it comes and when it goes.
        let looks = 20 * (start.elapsed().as_secs() + 1);
        assert_eq!((totals.accepted, totals.served, totals.orderly, totals.shed), (200, 200, 200, 0));
        assert!(totals.wakeups <= 4 * totals.accepted + looks, "it spun: {totals:?}");
    });
}

#[test]
fn after_a_shortage_the_next_client_is_served() {
    in_own_host(|_host| {
        let server = Server::listen(&Setup { close_first: Side::Client, ..Setup::default() }).unwrap();
        let clients: Vec<_> = (0..50).map(|_| TcpStream::connect("127.0.0.1:9000").unwrap()).collect();
        let before = getrlimit(Resource::Nofile);
        leave_descriptors(12);
        let server = Running::run(server);
        server.events.iter().find(|event| matches!(event, Event::Paused { .. })).unwrap();

        setrlimit(Resource::Nofile, before).unwrap();
        drop(clients);

        let mut next = TcpStream::connect(server.address).unwrap();
        let mut line = [0; 22];
        next.read_exact(&mut line).unwrap();
        drop(next);
        assert_eq!(line, LINE);
        assert_eq!(server.stop().accepted, 51);
    });
}

#[test]
fn a_server_that_cannot_even_have_a_socket_says_so() {
    in_own_host(|_host| {
        leave_descriptors(0);
        let SetupError { call, errno, .. } = Server::listen(&Setup::default()).unwrap_err();
        assert_eq!((call.to_string(), errno.name()), ("socket".to_owned(), "EMFILE".to_owned()));
    });
}

#[test]
fn the_soft_limit_of_descriptors_is_raised_to_the_hard_one() {
    in_own_host(|_host| {
        let hard = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: hard }).unwrap();

        assert_eq!(timewait_oneline::server::raise_descriptor_limit().unwrap(), hard);

        assert_eq!(getrlimit(Resource::Nofile), Rlimit { current: hard, maximum: hard });
        let server = Running::start(&Setup::default());
        assert_eq!(talk(&timewait_oneline::Dial::to(server.address)).0, LINE);
        server.stop();
    });
}

/// Lowers the limit so that this process can have only so many descriptors more than it has.
pub(crate) fn leave_descriptors(count: usize) {
    let entries = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().file_name());
    let mut open: HashSet<u64> = entries.map(|name| name.to_str().unwrap().parse().unwrap()).collect();
    // The folder's own, closed by now.
    open.retain(|number| fs::exists(format!("/proc/self/fd/{number}")).unwrap());
    let limit = (0..).filter(|number| !open.contains(number)).nth(count);
    setrlimit(Resource::Nofile, Rlimit { current: limit, ..getrlimit(Resource::Nofile) }).unwrap();
}

fn read_to_end(client: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    received
}
