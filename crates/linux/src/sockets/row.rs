#![allow(
    clippy::inline_always,
    reason = "of a row that is a value, and not a place in memory, only what is asked for is computed"
)]

use std::{
    net::{SocketAddr, SocketAddrV4},
    num::NonZeroU32,
};

use timewait_facts::{Cookie, Minisocket, Socket, State, Timer, TimerKind};
use zerocopy::{BigEndian, FromBytes as _, U16};

use super::format::{INET, INET6, RowBytes, RowHeader};
use crate::netlink::{Attributes, Fault, Malformed, Message};

/// `INET_DIAG_SHUTDOWN`; every full socket has it, timewait minisockets and half-open connections have not.
const SHUTDOWN: u16 = 8;
/// `INET_DIAG_SKV6ONLY`
const V6ONLY: u16 = 11;
/// `INET_DIAG_MARK`
const MARK: u16 = 15;
/// `INET_DIAG_CGROUP_ID`
const CGROUP: u16 = 21;

/// The timer of a minisocket (linux v6.12 `net/ipv4/inet_diag.c` `inet_twsk_diag_fill`).
const TIME_WAIT_TIMER: u8 = 3;
/// How nearly all rows of a large table begin: family, state, timer, retries of an IPv4 connection in TIME-WAIT.
const WAITING: [u8; 4] = [INET, State::TimeWait as u8, TIME_WAIT_TIMER, 0];

/// A row as the kernel wrote it, found to be sound: valid until the next one. Of a million rows most are asked for
/// little, so what is asked is read there and then.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a>(&'a RowBytes);

impl<'a> Row<'a> {
    /// The state, as in [`Socket::state`].
    #[inline(always)]
    pub fn state(self) -> State {
        match State::from_kernel(self.0.header.state) {
            // No closed socket is in a table that is walked (linux v6.12 net/ipv4/tcp.c tcp_set_state): it is one that is bound.
            Some(State::Closed) | None => State::BoundInactive,
            Some(state) => state,
        }
    }

    /// This side and the other, as in [`Socket::local`] and [`Socket::peer`].
    #[inline(always)]
    pub fn ends(self) -> [SocketAddr; 2] {
        if let Some(ends) = self.ipv4_ends() {
            return ends.map(SocketAddr::V4);
        }
        let id = &self.0.header.id;
        let end = |address: [u8; 16], port: U16<BigEndian>| SocketAddr::new(address.into(), port.get());
        [end(id.local, id.local_port), end(id.peer, id.peer_port)]
    }

    /// The same, if it is an IPv4 socket.
    #[inline(always)]
    pub fn ipv4_ends(self) -> Option<[SocketAddrV4; 2]> {
        (self.0.header.family == INET).then(|| self.first_four_bytes_of_ends().map(SocketAddrV4::from))
    }

    /// An IPv4 address fills the first 4 of 16 bytes.
    #[inline(always)]
    fn first_four_bytes_of_ends(self) -> [Ipv4End<'a>; 2] {
        let id = &self.0.header.id;
        let [local, ..]: &[[u8; 4]; 4] = zerocopy::transmute_ref!(&id.local);
        let [peer, ..]: &[[u8; 4]; 4] = zerocopy::transmute_ref!(&id.peer);
        [Ipv4End { address: local, port: &id.local_port }, Ipv4End { address: peer, port: &id.peer_port }]
    }

    /// Milliseconds until a timewait minisocket goes; `None` for every other socket.
    #[inline(always)]
    pub fn expires_ms(self) -> Option<u32> {
        let Timer { kind, expires_ms, .. } = self.0.header.timer();
        (kind == TimerKind::TimeWait).then_some(expires_ms)
    }

    /// The file behind it, as in [`Socket::inode`].
    #[inline(always)]
    pub fn inode(self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.0.header.inode.get())
    }

    /// All of it, if it is a timewait minisocket.
    #[inline(always)]
    pub fn minisocket(self) -> Option<Minisocket> {
        self.expires_ms()?;
        Some(self.minisocket_of(self.state(), self.ends(), self.extras().mark))
    }

    /// All of it, if it is what nearly all rows of a large table are: an IPv4 connection in TIME-WAIT, of which the kernel
    /// says no more than it does today.
    #[inline(always)]
    pub fn ipv4_time_wait(self) -> Option<Minisocket<Ipv4End<'a>>> {
        if self.0.header.start() != WAITING {
            return None;
        }
        let mark = Extras::only_mark(&self.0.attributes)?.mark;
        Some(self.minisocket_of(State::TimeWait, self.first_four_bytes_of_ends(), mark))
    }

    #[inline(always)]
    fn minisocket_of<End>(self, state: State, [local, peer]: [End; 2], mark: Option<u32>) -> Minisocket<End> {
        let header = &self.0.header;
        let (expires_ms, cookie, interface) = (header.expires_ms.get(), header.cookie(), header.interface());
        Minisocket { state, local, peer, expires_ms, cookie, interface, mark }
    }

    /// All of it.
    pub fn socket(self) -> Socket {
        let Extras { mark, v6only, cgroup, shutdown } = self.extras();
        let header = &self.0.header;
        let [local, peer] = self.ends();
        without_guesses(Socket {
            timer: header.timer(),
            receive_queue: header.receive_queue.get(),
            send_queue: header.send_queue.get(),
            cookie: header.cookie(),
            interface: header.interface(),
            uid: Some(header.uid.get()),
            inode: self.inode(),
            mark,
            v6only,
            cgroup,
            shutdown,
            ..Socket::bare(self.state(), local, peer)
        })
    }

    /// What the kernel said beyond that: attributes that this program does not interpret, by type.
    pub fn unknown_attributes(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        self.attributes()
            .map_while(Result::ok)
            .map(|attribute| (attribute.number, attribute.value))
            .filter(|(number, _)| ![SHUTDOWN, V6ONLY, MARK, CGROUP].contains(number))
    }

    /// Whether a message is a row, by its type and length.
    #[inline(always)]
    pub(super) fn check(message: Message<'a>, expected: u16) -> Result<Self, Malformed> {
        if message.number != expected {
            return Err(Fault::MessageKind { kind: message.number, expected }.at(message.offset));
        }
        match RowBytes::ref_from_bytes(message.body) {
            Ok(bytes) => Ok(Self(bytes)),
            Err(_) => Err(message.too_short(size_of::<RowHeader>())),
        }
    }

    /// A row, all of which was checked.
    #[inline(always)]
    pub(super) fn parse(message: Message<'a>, expected: u16) -> Result<Self, Malformed> {
        let row = Self::check(message, expected)?;
        if row.ipv4_time_wait().is_none() {
            row.look_through(message.body_offset())?;
        }
        Ok(row)
    }

    /// Whether all of it has a meaning.
    #[inline(never)]
    fn look_through(self, offset: usize) -> Result<(), Malformed> {
        let RowHeader { family, state, .. } = self.0.header;
        if ![INET, INET6].contains(&family) {
            return Err(Fault::Family { family }.at(offset));
        }
        if State::from_kernel(state).is_none() {
            return Err(Fault::State { state }.at(offset + 1));
        }
        if Extras::only_mark(&self.0.attributes).is_none() {
            Extras::read(Attributes::of(&self.0.attributes, offset + size_of::<RowHeader>()))?;
        }
        Ok(())
    }

    #[inline(always)]
    fn attributes(self) -> Attributes<'a> {
        Attributes::of(&self.0.attributes, 0)
    }

    /// They were read once, and found to be sound.
    fn extras(self) -> Extras {
        let known = Extras::only_mark(&self.0.attributes);
        known.or_else(|| Extras::read(self.attributes()).ok()).unwrap_or(Extras::NONE)
    }
}

/// An end of an IPv4 socket, where the kernel wrote it: it is read when it is asked for, and needs no place of its own until then.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4End<'a> {
    address: &'a [u8; 4],
    port: &'a U16<BigEndian>,
}

impl<'a> Ipv4End<'a> {
    /// The address's four octets, in the order in which they are written.
    #[inline(always)]
    pub fn octets(self) -> &'a [u8; 4] {
        self.address
    }

    /// The port.
    #[inline(always)]
    pub fn port(self) -> u16 {
        self.port.get()
    }
}

impl From<Ipv4End<'_>> for SocketAddrV4 {
    #[inline(always)]
    fn from(end: Ipv4End<'_>) -> Self {
        Self::new((*end.address).into(), end.port())
    }
}

impl RowHeader {
    #[inline(always)]
    fn start(&self) -> [u8; 4] {
        [self.family, self.state, self.timer, self.retries]
    }

    #[inline(always)]
    fn timer(&self) -> Timer {
        let kind = TimerKind::from_kernel(self.timer);
        Timer { kind, expires_ms: self.expires_ms.get(), retries: self.retries }
    }

    #[inline(always)]
    fn cookie(&self) -> Cookie {
        let [low, high] = self.id.cookie.map(|half| u64::from(half.get()));
        Cookie(high << 32 | low)
    }

    #[inline(always)]
    fn interface(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.id.interface.get())
    }
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

    /// The mark or nothing, if nothing else is there. A minisocket has this, if it has anything; a million of them need no search.
    #[inline(always)]
    fn only_mark(attributes: &[u8]) -> Option<Self> {
        if attributes.is_empty() {
            return Some(Self::NONE);
        }
        let mark = Attributes::of(attributes, 0).only(MARK)?;
        Some(Self { mark: Some(u32::from_ne_bytes(mark)), ..Self::NONE })
    }

    /// Reads all of them, so that none is malformed.
    #[inline(never)]
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
fn without_guesses(socket: Socket) -> Socket {
    let half_open = socket.state == State::SynRecv && socket.shutdown.is_none();
    let orphan = socket.inode.is_none() && socket.uid == Some(0);
    let guessed = socket.is_minisocket() || half_open || orphan;
    Socket { uid: if guessed { None } else { socket.uid }, ..socket }
}
