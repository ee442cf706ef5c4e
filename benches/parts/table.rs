//! A kernel that has answered already, over a pair of sockets.

use std::{hint::black_box, ops::ControlFlow, os::fd::OwnedFd};

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, sockopt};
use timewait_facts::States;
use timewait_linux::sockets::{Query, SocketTable};

/// In one datagram, as many as the kernel puts into its 32 KiB.
const IN_A_DATAGRAM: u32 = 340;
/// In all.
pub(crate) const ROWS: u64 = IN_A_DATAGRAM as u64 * 2;

/// `TCPDIAG_GETSOCK` and `NLMSG_DONE`, with `NLM_F_MULTI`, in answer to the first question.
const ROW: u16 = 18;
const DONE: u16 = 3;

/// A table whose first answer lies ready, and the kernel's end of it.
pub(crate) fn answered() -> (SocketTable, OwnedFd) {
    let (ours, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .unwrap();
    sockopt::set_socket_send_buffer_size(&ours, 256 * 1024).unwrap();
    let datagram: Vec<u8> = (0..IN_A_DATAGRAM).flat_map(|number| message(ROW, &row(number))).collect();
    for datagram in [&datagram, &datagram, &message(DONE, &[0; 4])] {
        rustix::net::send(&ours, datagram, SendFlags::empty()).unwrap();
    }
    (SocketTable::over(theirs), ours)
}

pub(crate) fn dump((table, _): &mut (SocketTable, OwnedFd)) {
    let dumped = table.dump(&Query::in_states(States::TIME_WAIT), |row| {
        black_box(row.socket());
        ControlFlow::Continue(())
    });
    assert_eq!(dumped.unwrap().rows, ROWS);
}

pub(crate) fn count((table, _): &mut (SocketTable, OwnedFd)) {
    assert_eq!(table.count(&Query::in_states(States::TIME_WAIT)).unwrap(), ROWS);
}

fn message(number: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend([number, 2].map(u16::to_ne_bytes).concat());
    bytes.extend([1_u32, 0].map(u32::to_ne_bytes).concat());
    bytes.extend(body);
    bytes
}

/// `struct inet_diag_msg` of a minisocket (linux v6.12 include/uapi/linux/inet_diag.h).
fn row(number: u32) -> Vec<u8> {
    let [_, _, high, low] = (32_768 + number).to_be_bytes();
    let address = |ip: [u8; 4]| [&ip[..], &[0; 12]].concat();
    // Family, state, timer, retries; ports 9000 and the client's.
    let head = [2, 6, 3, 0, 0x23, 0x28, high, low];
    let rest = [0, number, 0, 59_800, 0, 0, 0, 0].map(u32::to_ne_bytes).concat();
    [&head[..], &address([127, 0, 0, 1]), &address([10, 0, high, low]), &rest].concat()
}
