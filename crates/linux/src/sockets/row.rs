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
    #[inline]
    pub(super) fn check(message: Message<'a>, expected: u16) -> Result<&'a RowHeader, Malformed> {
        if message.number != expected {
            return Err(Fault::MessageKind { kind: message.number, expected }.at(message.offset));
        }
        match RowHeader::ref_from_prefix(message.body) {
            Ok((header, _)) => Ok(header),
            Err(_) => Err(message.too_short(size_of::<RowHeader>())),
        }
    }

    #[inline]
    pub(super) fn parse(message: Message<'a>, expected: u16) -> Result<Self, Malformed> {
        let header = Self::check(message, expected)?;
        let attributes = message.attributes_after(size_of::<RowHeader>());
        let mut socket = header.socket(message.body_offset())?;
        add_attributes(&mut socket, attributes.clone())?;
        forget_guesses(&mut socket);
        Ok(Self { socket, attributes })
    }
}

impl RowHeader {
    #[inline]
    fn socket(&self, offset: usize) -> Result<Socket, Malformed> {
        let (local, peer) =
            self.id.ends(self.family).ok_or(Fault::Family { family: self.family }.at(offset))?;
        let state =
            State::from_kernel(self.state).ok_or(Fault::State { state: self.state }.at(offset + 1))?;
        let [low, high] = self.id.cookie.map(|half| u64::from(half.get()));
        Ok(Socket {
            state,
            local,
            peer,
            timer: self.timer(),
            receive_queue: self.receive_queue.get(),
            send_queue: self.send_queue.get(),
            cookie: Cookie(high << 32 | low),
            interface: NonZeroU32::new(self.id.interface.get()),
            uid: Some(self.uid.get()),
            inode: NonZeroU32::new(self.inode.get()),
            mark: None,
            v6only: None,
            cgroup: None,
            shutdown: None,
        })
    }

    #[inline]
    fn timer(&self) -> Timer {
        let kind = TimerKind::from_kernel(self.timer);
        Timer { kind, expires_ms: self.expires_ms.get(), retries: self.retries }
    }
}

impl Identity {
    #[inline]
    fn ends(&self, family: u8) -> Option<(SocketAddr, SocketAddr)> {
        let end = |address: [u8; 16], port: u16| {
            let [a, b, c, d, ..] = address;
            match family {
                INET => Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), port)),
                INET6 => Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::from(address)), port)),
                _ => None,
            }
        };
        Some((end(self.local, self.local_port.get())?, end(self.peer, self.peer_port.get())?))
    }
}

/// Fills in what stands in attributes, and reads all of them, so that none is malformed.
#[inline]
fn add_attributes(socket: &mut Socket, attributes: Attributes<'_>) -> Result<(), Malformed> {
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.number {
            SHUTDOWN => socket.shutdown = Some(u8::from_ne_bytes(attribute.sized()?)),
            V6ONLY => socket.v6only = Some(u8::from_ne_bytes(attribute.sized()?) != 0),
            MARK => socket.mark = Some(u32::from_ne_bytes(attribute.sized()?)),
            CGROUP => socket.cgroup = Some(u64::from_ne_bytes(attribute.sized()?)),
            _ => {}
        }
    }
    Ok(())
}

/// The kernel writes uid 0 where it knows none: for timewait minisockets and half-open connections always, for
/// sockets that no process holds on some versions (`sock_i_uid` before 6.17). There, root's 0 is no knowledge either.
#[inline]
fn forget_guesses(socket: &mut Socket) {
    let half_open = socket.state == State::SynRecv && socket.shutdown.is_none();
    if socket.is_minisocket() || half_open || socket.inode.is_none() && socket.uid == Some(0) {
        socket.uid = None;
    }
}
