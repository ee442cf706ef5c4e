#![allow(
    clippy::inline_always,
    reason = "of a row that is a value, and not a place in memory, only what is asked for is computed"
)]

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
};

use timewait_facts::{Cookie, Socket, State, Timer, TimerKind};
use zerocopy::FromBytes as _;

use super::format::{INET, INET6, Identity, RowHeader};
use crate::netlink::{Attributes, Fault, Malformed, Message};

/// `INET_DIAG_SHUTDOWN`; every full socket has it, timewait minisockets and half-open connections have not.
const SHUTDOWN: u16 = 8;
/// `INET_DIAG_SKV6ONLY`
const V6ONLY: u16 = 11;
/// `INET_DIAG_MARK`
const MARK: u16 = 15;
/// `INET_DIAG_CGROUP_ID`
const CGROUP: u16 = 21;

/// A row as it is handed out: valid until the next one.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// What the row says.
    pub socket: Socket,
    attributes: Attributes<'a>,
}

impl<'a> Row<'a> {
    /// What the kernel said beyond that: attributes that this program does not interpret, by type.
    pub fn unknown_attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> {
        self.attributes
            .clone()
            .map_while(Result::ok)
            .map(|attribute| (attribute.number, attribute.value))
            .filter(|(number, _)| ![SHUTDOWN, V6ONLY, MARK, CGROUP].contains(number))
    }

    /// Whether a message is a row, by its type and length.
    #[inline(always)]
    pub(super) fn check(message: Message<'a>, expected: u16) -> Result<&'a RowHeader, Malformed> {
        if message.number != expected {
            return Err(Fault::MessageKind { kind: message.number, expected }.at(message.offset));
        }
        match RowHeader::ref_from_prefix(message.body) {
            Ok((header, _)) => Ok(header),
            Err(_) => Err(message.too_short(size_of::<RowHeader>())),
        }
    }

    #[inline(always)]
    pub(super) fn parse(message: Message<'a>, expected: u16) -> Result<Self, Malformed> {
        let header = Self::check(message, expected)?;
        let attributes = message.attributes_after(size_of::<RowHeader>());
        let socket = header.socket(message.body_offset())?;
        let extras = Extras::of(&attributes)?;
        let Extras { mark, v6only, cgroup, shutdown } = extras;
        let socket = without_guesses(Socket { mark, v6only, cgroup, shutdown, ..socket });
        Ok(Self { socket, attributes })
    }
}

impl RowHeader {
    #[inline(always)]
    fn socket(&self, offset: usize) -> Result<Socket, Malformed> {
        let (local, peer) = match self.family {
            INET => self.id.ends(inet),
            INET6 => self.id.ends(inet6),
            family => return Err(Fault::Family { family }.at(offset)),
        };
        let Some(state) = State::from_kernel(self.state) else {
            return Err(Fault::State { state: self.state }.at(offset + 1));
        };
        let [low, high] = self.id.cookie.map(|half| u64::from(half.get()));
        Ok(Socket {
            timer: self.timer(),
            receive_queue: self.receive_queue.get(),
            send_queue: self.send_queue.get(),
            cookie: Cookie(high << 32 | low),
            interface: NonZeroU32::new(self.id.interface.get()),
            uid: Some(self.uid.get()),
            inode: NonZeroU32::new(self.inode.get()),
            ..Socket::bare(state, local, peer)
        })
    }

    #[inline(always)]
    fn timer(&self) -> Timer {
        let kind = TimerKind::from_kernel(self.timer);
        Timer { kind, expires_ms: self.expires_ms.get(), retries: self.retries }
    }
}

impl Identity {
    #[inline(always)]
    fn ends(&self, address: impl Fn([u8; 16]) -> IpAddr) -> (SocketAddr, SocketAddr) {
        let local = SocketAddr::new(address(self.local), self.local_port.get());
        (local, SocketAddr::new(address(self.peer), self.peer_port.get()))
    }
}

/// An IPv4 address fills the first 4 of 16 bytes.
#[inline(always)]
fn inet([a, b, c, d, ..]: [u8; 16]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

#[inline(always)]
fn inet6(address: [u8; 16]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(address))
}

/// What stands in attributes.
struct Extras {
    mark: Option<u32>,
    v6only: Option<bool>,
    cgroup: Option<u64>,
    shutdown: Option<u8>,
}

impl Extras {
    const NONE: Self = Self { mark: None, v6only: None, cgroup: None, shutdown: None };

    #[inline(always)]
    fn of(attributes: &Attributes<'_>) -> Result<Self, Malformed> {
        // A minisocket has its mark, if it has anything; a million of them need no search.
        match attributes.only(MARK) {
            Some(mark) => Ok(Self { mark: Some(u32::from_ne_bytes(mark)), ..Self::NONE }),
            None if attributes.is_empty() => Ok(Self::NONE),
            None => Self::read(attributes.clone()),
        }
    }

    /// Reads all of them, so that none is malformed.
    fn read(attributes: Attributes<'_>) -> Result<Self, Malformed> {
        let mut extras = Self::NONE;
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.number {
                SHUTDOWN => extras.shutdown = Some(u8::from_ne_bytes(attribute.sized()?)),
                V6ONLY => extras.v6only = Some(u8::from_ne_bytes(attribute.sized()?) != 0),
                MARK => extras.mark = Some(u32::from_ne_bytes(attribute.sized()?)),
                CGROUP => extras.cgroup = Some(u64::from_ne_bytes(attribute.sized()?)),
                _ => {}
            }
        }
        Ok(extras)
    }
}

/// The kernel writes uid 0 where it knows none: for timewait minisockets and half-open connections always, for
/// sockets that no process holds on some versions (`sock_i_uid` before 6.17). There, root's 0 is no knowledge either.
#[inline(always)]
fn without_guesses(socket: Socket) -> Socket {
    let half_open = socket.state == State::SynRecv && socket.shutdown.is_none();
    let orphan = socket.inode.is_none() && socket.uid == Some(0);
    let guessed = socket.is_minisocket() || half_open || orphan;
    Socket { uid: if guessed { None } else { socket.uid }, ..socket }
}
