//! The options of a child's listener, read and set from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod sibling;

use std::{
    net::SocketAddr,
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    process::{Child, Command, Stdio},
    thread,
};

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use socket2::{Domain, Type};
use timewait_facts::{Socket, State, States};
use timewait_linux::{
    flags::{self, GiveError, ListenerFlags, PeekError, Refuser},
    owners::Owners,
    processes,
    sockets::{Query, SocketTable},
};
use timewait_trial::{Need, forbid, in_own_host, skip};

/// A child that holds a socket, and no other process does.
struct Holder {
    child: Child,
    id: u32,
}

impl Holder {
    fn of(socket: socket2::Socket, uid: Option<u32>) -> std::io::Result<Self> {
        let mut command = Command::new("sleep");
        command.arg("60").stdin(Stdio::from(OwnedFd::from(socket))).stdout(Stdio::null());
        if let Some(uid) = uid {
            command.uid(uid);
        }
        let child = processes::tether(&mut command).spawn()?;
        let id = sibling::outer_id(child.id());
        Ok(Self { child, id })
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn listener(address: &str, flags: ListenerFlags) -> socket2::Socket {
    let address: SocketAddr = address.parse().unwrap();
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.set_reuse_address(flags.reuseaddr).unwrap();
    socket.set_reuse_port(flags.reuseport).unwrap();
    if let Some(v6only) = flags.v6only {
        socket.set_only_v6(v6only).unwrap();
    }
    socket.bind(&address.into()).unwrap();
    socket.listen(1).unwrap();
    socket
}

/// The only row in this state.
fn row(state: State) -> Socket {
    let rows = SocketTable::open()
        .unwrap()
        .collect(&Query::in_states([state].into_iter().collect::<States>()))
        .unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0]
}

const PLAIN: ListenerFlags = ListenerFlags { reuseaddr: false, reuseport: false, v6only: None };

#[test]
fn every_combination_of_options_of_a_child_s_listener_is_read() {
    in_own_host(|_host| {
        for bits in 0..16 {
            let v6only = (bits & 4 != 0).then_some(bits & 8 != 0);
            let set = ListenerFlags { reuseaddr: bits & 1 != 0, reuseport: bits & 2 != 0, v6only };
            let address = if v6only.is_some() { "[::]:9000" } else { "0.0.0.0:9000" };
            let holder = Holder::of(listener(address, set), None).unwrap();
            assert_eq!(flags::of_listener(&row(State::Listen), holder.id).unwrap(), set);
        }
    });
}

#[test]
fn a_child_s_listener_has_reuseaddr_once_it_was_given_it() {
    in_own_host(|_host| {
        for give in [false, true] {
            let ours = listener("127.0.0.1:9000", PLAIN);
            let holder = Holder::of(ours.try_clone().unwrap(), None).unwrap();
            let seen = row(State::Listen);
            if give {
                flags::give_reuseaddr(&seen, holder.id).unwrap();
            }
            assert_eq!(flags::of_listener(&seen, holder.id).unwrap().reuseaddr, give);
            assert_eq!(ours.reuse_address().unwrap(), give, "it is one socket");
        }
    });
}

#[test]
fn what_cannot_be_reached_is_given_nothing() {
    in_own_host(|_host| {
        let ours = listener("127.0.0.1:9000", PLAIN);
        let seen = row(State::Listen);
        let open = Socket { state: State::Established, ..seen };
        let refusal = flags::give_reuseaddr(&open, sibling::own_id()).unwrap_err();
        assert!(
            matches!(refusal, GiveError::Reach(PeekError::NotListening(State::Established))),
            "{refusal:?}"
        );
        let holder = Holder::of(ours.try_clone().unwrap(), None).unwrap();
        forbid(libc::SYS_pidfd_getfd, None);
        let refusal = flags::give_reuseaddr(&seen, holder.id).unwrap_err();
        assert!(
            matches!(refusal, GiveError::Reach(PeekError::Refused { by: Refuser::Seccomp, .. })),
            "{refusal:?}"
        );
        assert!(!ours.reuse_address().unwrap());
    });
}

#[test]
fn a_socket_that_does_not_listen_is_refused_before_its_process_is_looked_at() {
    in_own_host(|_host| {
        let listener = listener("127.0.0.1:9000", PLAIN);
        let _client = std::net::TcpStream::connect("127.0.0.1:9000").unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let ends = [accepted.local_addr(), accepted.peer_addr()].map(|end| end.unwrap().as_socket().unwrap());
        let open = SocketTable::open().unwrap().find(ends[0], ends[1]).unwrap().unwrap();
        let refusal = flags::of_listener(&open, sibling::own_id()).unwrap_err();
        assert!(matches!(refusal, PeekError::NotListening(State::Established)), "{refusal:?}");
    });
}

#[test]
fn a_socket_that_was_closed_or_whose_process_ended_is_gone() {
    in_own_host(|_host| {
        let holder = Holder::of(listener("127.0.0.1:9000", PLAIN), None).unwrap();
        let seen = row(State::Listen);
        let id = holder.id;
        assert!(
            matches!(flags::of_listener(&seen, sibling::own_id()), Err(PeekError::Gone)),
            "we do not hold it"
        );
        drop(holder);
        assert!(matches!(flags::of_listener(&seen, id), Err(PeekError::Gone)));
    });
}

#[test]
fn nobody_s_descriptor_is_kept() {
    in_own_host(|_host| {
        let holder = Holder::of(listener("127.0.0.1:9000", PLAIN), None).unwrap();
        flags::of_listener(&row(State::Listen), holder.id).unwrap();
        drop(holder);
        listener("127.0.0.1:9000", PLAIN);
    });
}

#[test]
fn a_filter_is_named_as_the_one_that_refuses() {
    in_own_host(|_host| {
        let holder = Holder::of(listener("127.0.0.1:9000", PLAIN), None).unwrap();
        let seen = row(State::Listen);
        for call in [libc::SYS_pidfd_getfd, libc::SYS_pidfd_open] {
            forbid(call, None);
            let refusal = flags::of_listener(&seen, holder.id).unwrap_err();
            assert!(matches!(refusal, PeekError::Refused { by: Refuser::Seccomp, .. }), "{refusal:?}");
            assert!(refusal.to_string().contains("seccomp"), "{refusal}");
        }
    });
}

#[test]
fn another_user_s_listener_takes_a_capability() {
    in_own_host(|_host| {
        let Ok(holder) = Holder::of(listener("127.0.0.1:9000", PLAIN), Some(65_534)) else {
            return skip(Need::Users, "a second user");
        };
        let seen = row(State::Listen);
        assert_eq!(flags::of_listener(&seen, holder.id).unwrap(), PLAIN, "with CAP_SYS_PTRACE");
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut mine = capabilities(None).unwrap();
                mine.effective.remove(CapabilitySet::SYS_PTRACE);
                set_capabilities(None, mine).unwrap();
                let refusal = flags::of_listener(&seen, holder.id).unwrap_err();
                assert!(matches!(refusal, PeekError::Refused { by: Refuser::OtherUser, .. }), "{refusal:?}");
                assert!(refusal.to_string().contains("CAP_SYS_PTRACE"), "{refusal}");
                let owners = Owners::read().unwrap();
                assert_eq!(owners.of(seen.inode.unwrap()), None);
                assert!(owners.hidden_processes() > 0, "the pass knows what it could not see");
            });
        });
    });
}
