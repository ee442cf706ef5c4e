//! The kernel's side of the conversation, played: messages as bytes, and a socket whose other end we are.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::{os::fd::OwnedFd, time::Duration};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};
use timewait_linux::sockets::SocketTable;

pub(crate) const ERROR: u16 = 2;
pub(crate) const DONE: u16 = 3;
pub(crate) const OVERRUN: u16 = 4;
pub(crate) const LEGACY: u16 = 18;
pub(crate) const BY_FAMILY: u16 = 20;

/// `NLM_F_MULTI`
pub(crate) const MULTI: u16 = 2;
/// `NLM_F_DUMP_INTR`
pub(crate) const INTERRUPTED: u16 = 0x10;

/// A kernel that says what it is told to, to a table that cannot tell the difference.
pub(crate) struct FakeKernel(OwnedFd);

impl FakeKernel {
    /// The kernel, and a table that waits for its answers this long.
    pub(crate) fn new(patience: Duration) -> (Self, SocketTable) {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        sockopt::set_socket_timeout(&theirs, sockopt::Timeout::Recv, Some(patience)).unwrap();
        // A datagram of 64 KiB must fit.
        sockopt::set_socket_send_buffer_size(&ours, 256 * 1024).unwrap();
        (Self(ours), SocketTable::over(theirs))
    }

    /// A kernel that has said this already, and will say no more: the first question has sequence number 1.
    pub(crate) fn that_says(datagrams: &[Vec<u8>]) -> (Self, SocketTable) {
        let (kernel, table) = Self::new(timewait_trial::DEADLINE);
        for datagram in datagrams {
            kernel.say(datagram);
        }
        rustix::net::shutdown(&kernel.0, rustix::net::Shutdown::Write).unwrap();
        (kernel, table)
    }

    pub(crate) fn say(&self, datagram: &[u8]) {
        rustix::net::send(&self.0, datagram, SendFlags::empty()).unwrap();
    }

    pub(crate) fn question(&self) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        let (length, _) = rustix::net::recv(&self.0, bytes.as_mut_slice(), RecvFlags::empty()).unwrap();
        bytes.truncate(length);
        bytes
    }
}

pub(crate) fn message(number: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(number.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

pub(crate) fn done(sequence: u32) -> Vec<u8> {
    message(DONE, MULTI, sequence, &0_i32.to_ne_bytes())
}

pub(crate) fn error(sequence: u32, errno: i32) -> Vec<u8> {
    message(ERROR, 0, sequence, &(-errno).to_ne_bytes())
}

pub(crate) fn attribute(number: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap();
    let mut bytes = [length.to_ne_bytes(), number.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The body of a row of an IPv4 socket in this state, from 127.0.0.1:9000 to 127.0.0.1:51234.
pub(crate) fn row(state: u8) -> Vec<u8> {
    let timer = if state == 6 { 3 } else { 0 };
    let mut body = vec![2, state, timer, 0];
    body.extend(9000_u16.to_be_bytes());
    body.extend(51234_u16.to_be_bytes());
    for _end in 0..2 {
        body.extend([127, 0, 0, 1]);
        body.extend([0; 12]);
    }
    // interface, cookie (2), expires, receive queue, send queue, uid, inode
    for number in [0, 0x27_cbfc, 1, 59_976, 0, 0, 0, 0_u32] {
        body.extend(number.to_ne_bytes());
    }
    body
}
