//! Netlink forbidden for real, by a seccomp filter.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod sibling;

use sibling::sibling;
use timewait_facts::States;
use timewait_linux::{
    netns::Netns,
    sockets::{OpenError, Query, ReadError, SocketTable},
};
use timewait_trial::{forbid, in_own_host};

#[test]
fn a_filter_that_forbids_netlink_sockets_is_a_refusal_and_no_empty_table() {
    in_own_host(|_host| {
        forbid(libc::SYS_socket, Some(libc::AF_NETLINK.cast_unsigned()));
        let refusal = SocketTable::open().unwrap_err();
        assert!(matches!(refusal, OpenError::Refused(_)), "{refusal:?}");
        assert!(refusal.to_string().contains("seccomp"), "{refusal}");
    });
}

#[test]
fn a_filter_that_forbids_receiving_or_sending_is_a_refusal_and_no_empty_table() {
    in_own_host(|_host| {
        let mut table = SocketTable::open().unwrap();
        for call in [libc::SYS_recvfrom, libc::SYS_sendto] {
            forbid(call, None);
            let refusal = table.collect(&Query::in_states(States::all())).unwrap_err();
            assert!(matches!(refusal, ReadError::Refused(_)), "{refusal:?}");
        }
    });
}

#[test]
fn a_namespace_that_may_not_be_entered_is_said_to_take_a_capability() {
    in_own_host(|_host| {
        let (_sibling, id) = sibling();
        let there = Netns::open(&id.to_string()).unwrap();
        forbid(libc::SYS_setns, None);
        let refusal = SocketTable::open_in(&there).unwrap_err();
        assert!(matches!(refusal, OpenError::Enter(_)), "{refusal:?}");
        assert!(refusal.to_string().contains("CAP_SYS_ADMIN"), "{refusal}");
    });
}
