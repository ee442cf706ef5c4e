//! Who holds a socket, and in whose namespace.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod sibling;

use std::{
    fs,
    net::TcpListener,
    os::{fd::OwnedFd, unix::fs::symlink},
    process::{Command, Stdio},
};

use sibling::{outer_id, own_id, sibling};
use timewait_facts::{Socket, States};
use timewait_linux::{
    netns::{Netns, NetnsError},
    owners::Owners,
    processes,
    sockets::{Query, SocketTable},
};
use timewait_trial::{Process, eventually, in_own_host};

fn only_listener() -> Socket {
    let mut rows = SocketTable::open().unwrap().collect(&Query::in_states(States::LISTEN)).unwrap();
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

/// A shell under another name, which holds a listener as its standard error and waits for input.
fn holder(program: &str, listener: &TcpListener) -> Process {
    let mut command = Command::new(program);
    command.args(["-c", "echo up; read end"]);
    let held = OwnedFd::from(listener.try_clone().unwrap());
    let child = Process::start_by(&mut command, |command| {
        processes::tether(command.stderr(Stdio::from(held))).spawn()
    });
    let child = child.unwrap();
    eventually("a child that runs", || child.stdout().contains("up").then_some(()));
    child
}

#[test]
fn the_owner_is_the_process_with_the_lowest_id_and_its_name_is_only_bytes() {
    in_own_host(|_host| {
        let folder = tempfile::tempdir().unwrap();
        let hostile = folder.path().join("\u{1b}[31mroot\n");
        symlink("/bin/sh", &hostile).unwrap();
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let inode = only_listener().inode.unwrap();
        let alone = Owners::read().unwrap();
        let owner = alone.of(inode).unwrap();
        assert_eq!((owner.pid, owner.processes), (own_id(), 1));

        let child = holder(hostile.to_str().unwrap(), &listener);
        let shared = Owners::read().unwrap();
        let pids = [own_id(), outer_id(child.id())];
        let owner = shared.of(inode).unwrap();
        assert_eq!((owner.pid, owner.processes), (pids[0].min(pids[1]), 2));

        drop(listener);
        let left = Owners::read().unwrap();
        let owner = left.of(inode).unwrap();
        assert_eq!((owner.pid, owner.processes), (pids[1], 1));
        assert_eq!(owner.command.as_bytes(), b"\x1b[31mroot\n");
        assert_eq!(owner.command.to_string(), r"\e[31mroot\n");
    });
}

#[test]
fn a_socket_held_twice_by_one_process_has_one_owner() {
    in_own_host(|_host| {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let _again = listener.try_clone().unwrap();
        let owners = Owners::read().unwrap();
        assert_eq!(owners.of(only_listener().inode.unwrap()).unwrap().processes, 1);
    });
}

/// The first process of a machine is root's; whoever may look into it may look into all.
#[test]
fn processes_that_may_not_be_looked_into_are_counted() {
    let hidden = Owners::read().unwrap().hidden_processes();
    // A folder that can be listed may still hold links that cannot be read (CAP_DAC_OVERRIDE is not CAP_SYS_PTRACE).
    let shows_all = fs::read_dir("/proc/1/fd")
        .is_ok_and(|links| links.flatten().all(|link| fs::read_link(link.path()).is_ok()));
    assert_eq!(hidden == 0, shows_all, "{hidden} hidden processes");
}

#[test]
fn processes_that_end_during_the_pass_are_no_error() {
    in_own_host(|_host| {
        let mut children: Vec<_> =
            (0..20).map(|_| Command::new("sleep").arg("60").spawn().unwrap()).collect();
        std::thread::scope(|scope| {
            let killer = scope.spawn(|| {
                for child in &mut children {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    *child = Command::new("true").spawn().unwrap();
                }
                for child in &mut children {
                    child.wait().unwrap();
                }
            });
            while !killer.is_finished() {
                Owners::read().unwrap();
            }
        });
    });
}

fn own_netns() -> std::path::PathBuf {
    fs::read_link("/proc/thread-self/ns/net").unwrap()
}

#[test]
fn another_namespace_s_table_is_read_by_process_id_and_by_path_without_going_there() {
    in_own_host(|_host| {
        let (_sibling, id) = sibling();
        let there = Netns::open(&id.to_string()).unwrap();
        assert!(!there.is_own());
        let path = format!("/proc/{id}/ns/net");
        // A thread that goes there for good makes a socket, which stays there.
        let listener = std::thread::scope(|scope| {
            let visitor = scope.spawn(|| {
                let file = fs::File::open(&path).unwrap();
                rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), None).unwrap();
                TcpListener::bind("127.0.0.1:9000").unwrap()
            });
            visitor.join().unwrap()
        });
        let home = own_netns();
        let everything = Query::in_states(States::all());
        for given in [id.to_string(), path.clone()] {
            let mut table = SocketTable::open_in(&Netns::open(&given).unwrap()).unwrap();
            let rows = table.collect(&everything).unwrap();
            assert_eq!(
                rows.iter().map(|row| row.local).collect::<Vec<_>>(),
                [listener.local_addr().unwrap()]
            );
        }
        assert_eq!(own_netns(), home);
        assert_eq!(SocketTable::open().unwrap().collect(&everything).unwrap(), []);
    });
}

#[test]
fn what_is_no_network_namespace_is_named_for_what_it_is() {
    let refusal = |given: &str| Netns::open(given).unwrap_err();
    assert!(matches!(refusal("4294967295"), NetnsError::NoProcess(_)));
    assert!(matches!(refusal("no-such-name"), NetnsError::NoName(_)));
    assert!(matches!(refusal(""), NetnsError::NoName(_)));
    assert!(matches!(refusal(".."), NetnsError::NoName(_)));
    assert!(matches!(refusal("/proc/no/such"), NetnsError::NoFile(_)));
    for other in ["/proc/self/ns/mnt", "/proc/self/ns/user", "/dev/null", "/", "/proc/self/stat"] {
        assert!(matches!(refusal(other), NetnsError::NotNetwork(_)), "{other}: {:?}", refusal(other));
    }
    assert_eq!(refusal("\u{1b}[2J/x").to_string(), r"no file \e[2J/x");
}

#[test]
fn one_s_own_namespace_needs_no_entering() {
    let own = Netns::open("/proc/thread-self/ns/net").unwrap();
    assert!(own.is_own());
    let _table = SocketTable::open_in(&own).unwrap();
}
