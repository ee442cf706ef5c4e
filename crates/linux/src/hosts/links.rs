//! Interfaces of the calling thread's network namespace, by `NETLINK_ROUTE` (linux v6.12
//! include/uapi/linux/if_link.h).

use std::{
    io,
    ops::ControlFlow,
    os::fd::{AsRawFd as _, BorrowedFd},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::netlink::{self, AnswerError, Connection, Request};

/// `RTM_NEWLINK`
const NEW_LINK: u16 = 16;
/// `IFLA_ADDRESS`
const ADDRESS: u16 = 1;
/// `IFLA_IFNAME`
const NAME: u16 = 3;
/// `IFLA_MTU`
const MTU: u16 = 4;
/// `IFLA_NUM_TX_QUEUES`, `IFLA_NUM_RX_QUEUES`. A veth without them gets one queue a core at first and gives back all but
/// one, for which the kernel waits, the lock of all changes of the machine's network in its hands, until all readers of
/// RCU are through (linux v6.12 drivers/net/veth.c `veth_init_queues`): on busy cores, for seconds.
const QUEUES: [u16; 2] = [31, 32];
/// `IFLA_LINKINFO`, and in it `IFLA_INFO_KIND` and `IFLA_INFO_DATA`
const INFO: (u16, u16, u16) = (18, 1, 2);
/// `IFLA_NET_NS_FD`
const NETNS: u16 = 28;
/// `VETH_INFO_PEER` (linux v6.12 include/uapi/linux/veth.h)
const PEER: u16 = 1;
/// `IFF_UP`, `IFF_NOARP` (linux v6.12 include/uapi/linux/if.h)
const UP: u32 = 0x1;
const NO_ARP: u32 = 0x80;

/// One end of a pair of interfaces.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    pub(super) name: &'a str,
    pub(super) mac: [u8; 6],
    pub(super) mtu: u32,
}

/// An interface's number.
pub(super) fn index(name: &str) -> io::Result<u32> {
    Ok(rustix::net::netdevice::name_to_index(any_socket()?, name)?)
}

/// A socket to make requests about interfaces on.
pub(super) fn any_socket() -> io::Result<rustix::fd::OwnedFd> {
    Ok(rustix::net::socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?)
}

/// Takes an interface up, with this many bytes to a packet at most.
pub(super) fn take_up(name: &str, mtu: u32) -> Result<(), AnswerError> {
    let index = index(name).map_err(AnswerError::Errno)?;
    let request = Request::new(NEW_LINK, netlink::ACK).body(&header(index, UP));
    tell(&request.attribute(MTU, &mtu.to_ne_bytes()))
}

/// Makes a pair of interfaces, `here` and `there`, neither of which asks the other for its address. Both are down: the
/// first to be made cannot be up while it has no peer (linux v6.12 drivers/net/veth.c `veth_open`).
pub(super) fn add_pair(here: End<'_>, there: End<'_>, netns: BorrowedFd<'_>) -> Result<(), AnswerError> {
    let new = || Request::new(NEW_LINK, netlink::ACK | netlink::CREATE).body(&header(0, NO_ARP));
    let (info, kind, data) = INFO;
    let there = with_end(new(), there).attribute(NETNS, &netns.as_raw_fd().to_ne_bytes());
    let nothing = || Request::new(0, 0);
    let pair = nothing().attribute(kind, b"veth").nested(data, &nothing().nested(PEER, &there));
    tell(&with_end(new(), here).nested(info, &pair))
}

fn with_end(request: Request, end: End<'_>) -> Request {
    let request = request
        .attribute(NAME, &[end.name.as_bytes(), &[0]].concat())
        .attribute(ADDRESS, &end.mac)
        .attribute(MTU, &end.mtu.to_ne_bytes());
    QUEUES.into_iter().fold(request, |request, number| request.attribute(number, &1_u32.to_ne_bytes()))
}

/// `struct ifinfomsg`: family, padding, type, index, flags, which of them are meant.
fn header(index: u32, flags: u32) -> Vec<u8> {
    [[0; 4], index.to_ne_bytes(), flags.to_ne_bytes(), flags.to_ne_bytes()].concat()
}

fn tell(request: &Request) -> Result<(), AnswerError> {
    let mut connection = Connection::open(None).map_err(AnswerError::Send)?;
    connection.ask(request, |_| Ok(ControlFlow::Continue(()))).map(drop)
}
