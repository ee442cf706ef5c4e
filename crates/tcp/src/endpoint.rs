//! A host's connections, found by addresses and ports; around them, its users. Still pure: drive it from anywhere.
//!
//! # How to drive it
//!
//! An [`Endpoint`] has no thread, no socket and no clock. You bring the time (an [`Instant`] that never goes back), the
//! segments and the calls; after each, take what it wants to send until there is nothing, and look at
//! [`next_timer`](Endpoint::next_timer):
//!
//! | you | with |
//! |---|---|
//! | hand in a segment that arrived | [`segment`](Endpoint::segment)`(now, from, to, segment)` |
//! | take the segments to send | [`poll_transmit`](Endpoint::poll_transmit), until `None` |
//! | say that the time has come | [`on_timer`](Endpoint::on_timer), when [`next_timer`](Endpoint::next_timer) is reached |
//! | open | [`listen`](Endpoint::listen), [`accept`](Endpoint::accept), [`open`](Endpoint::open) |
//! | use | [`read`](Endpoint::read), [`write`](Endpoint::write), [`take_error`](Endpoint::take_error) |
//! | choose for one connection | [`set_profile`](Endpoint::set_profile): its user timeout, Nagle, anything |
//! | close | [`shut_down`](Endpoint::shut_down), [`close`](Endpoint::close), [`abort`](Endpoint::abort) |
//! | look | [`state`](Endpoint::state), [`inspect`](Endpoint::inspect), [`blocks`](Endpoint::blocks) |
//! | take one away | [`delete`](Endpoint::delete) |
//!
//! What comes to a port without a connection is answered as RFC 9293 §3.10.7.1 says, what comes to a listener as
//! §3.10.7.2 does. A [`Handle`] is the user's: it goes at `close`, and the connection finishes alone, its TIME-WAIT
//! included. Checksums are yours to check before, fragments yours to put together. What comes from or goes to an address
//! that is not one host's (unspecified, multicast, 255.255.255.255) is not heard; which addresses are broadcasts of a
//! net of yours, and which are yours at all, you know and an endpoint does not.
//!
//! # What a test of it should know
//!
//! - A segment's window is the header's field, on both ways: neither scaled nor, on a SYN, to be scaled.
//! - No wait depends on a round trip: [`syn_timeout`](Profile::syn_timeout) and
//!   [`retransmission_timeout`](Profile::retransmission_timeout) double with each retransmission in vain, and start anew with
//!   each ACK of something new. One segment goes out per timeout; what followed it does as ACKs come.
//! - With [`delayed_ack`](Profile::delayed_ack) and [`challenge_ack_every`](Profile::challenge_ack_every) at `None` every
//!   answer is there when [`segment`](Endpoint::segment) returns.
//! - A closed window is probed by an empty segment numbered SND.UNA - 1, which is unacceptable and so answered.
//! - `read` makes room; it is told at once if the window that the peer knows of at least doubles, and with the next segment
//!   otherwise.
//! - A connection that is opened anew out of TIME-WAIT starts [above the old numbers](Profile::reopening_isn_step); your
//!   function is not asked.
//! - An RST has no options, and one that no segment has asked for has no ACK.
//!
//! ```
//! use timewait_tcp::{Instant, Profile, Segment, Seq, StateName, endpoint::Endpoint};
//!
//! let (server, client) = ("10.0.0.1:80".parse()?, "10.0.0.2:4711".parse()?);
//! let now = Instant::START;
//! let mut host = Endpoint::new(Profile::LINUX, |_pair| Seq::new(1000));
//! let listener = host.listen(server, 5)?;
//!
//! host.segment(now, client, server, Segment::syn(Seq::new(7)));
//! let answer = host.poll_transmit().expect("a SYN,ACK");
//! assert_eq!((answer.to, answer.segment.ack), (client, Some(Seq::new(8))));
//! assert_eq!(host.accept(listener)?, None, "not yet: the handshake has a third step");
//!
//! host.segment(now, client, server, Segment::ack(Seq::new(8), Seq::new(1001)));
//! let accepted = host.accept(listener)?.expect("a connection");
//! assert_eq!(host.state(accepted.handle), Some(StateName::Established));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arriving;
mod calls;
mod user;

use alloc::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    vec::Vec,
};
use core::{
    mem,
    net::{IpAddr, SocketAddr},
};

pub use self::user::{Accepted, Handle, Read, UserError};
use self::user::{Listener, User};
use crate::{Instant, Profile, Segment, Seq, State, StateName};

/// A host's side of TCP: all its connections.
///
/// `I` chooses the number that a new connection starts with (RFC 9293 §3.4.1); one that reopens TIME-WAIT starts above
/// the old one instead.
#[derive(Clone, Debug)]
pub struct Endpoint<I> {
    profile: Arc<Profile>,
    isns: I,
    /// By both ends: there is never more than one connection between the same two.
    blocks: BTreeMap<Pair, Block>,
    listeners: BTreeMap<Handle, Listener>,
    /// By handle: what an application holds, or will once it accepts.
    users: BTreeMap<Handle, User>,
    last_handle: u64,
    outgoing: VecDeque<Packet>,
}

/// The two ends of a connection, as this host sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair {
    /// Ours.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
}

/// A segment, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Our end.
    pub from: SocketAddr,
    /// The peer's.
    pub to: SocketAddr,
    /// The segment.
    pub segment: Segment,
}

/// A connection, or a listener, as [`blocks`](Endpoint::blocks) lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Our end.
    pub local: SocketAddr,
    /// The peer's; none for a listener.
    pub remote: Option<SocketAddr>,
    /// Its state.
    pub state: StateName,
    /// The application's handle; none before accept and after close.
    pub handle: Option<Handle>,
}

/// A connection, and who is told of it.
#[derive(Clone, Debug)]
struct Block {
    state: State,
    /// None after close.
    user: Option<Handle>,
    /// Whose child it is, until it is accepted.
    listener: Option<Handle>,
    /// By which it goes.
    profile: Arc<Profile>,
}

impl<I: FnMut(&Pair) -> Seq> Endpoint<I> {
    /// A host without connections.
    pub fn new(profile: Profile, isns: I) -> Self {
        Self {
            profile: Arc::new(profile),
            isns,
            blocks: BTreeMap::new(),
            listeners: BTreeMap::new(),
            users: BTreeMap::new(),
            last_handle: 0,
            outgoing: VecDeque::new(),
        }
    }

    /// The next segment to send; none if there is none now.
    pub fn poll_transmit(&mut self) -> Option<Packet> {
        self.outgoing.pop_front()
    }

    /// When [`on_timer`](Self::on_timer) is due, if nothing else happens before.
    pub fn next_timer(&self) -> Option<Instant> {
        self.blocks.values().filter_map(|block| block.state.next_timer()).min()
    }

    /// The time has come: every connection does what is due.
    pub fn on_timer(&mut self, now: Instant) {
        let is_due = |block: &Block| block.state.next_timer().is_some_and(|at| at <= now);
        let due: Vec<Pair> =
            self.blocks.iter().filter(|(_, block)| is_due(block)).map(|(pair, _)| *pair).collect();
        for pair in due {
            self.step(pair, |state, profile| state.on_timer(now, profile));
        }
    }

    /// The state of what the handle is of: CLOSED once the connection has ended, and none if the handle is nobody's.
    pub fn state(&self, handle: Handle) -> Option<StateName> {
        if self.listeners.contains_key(&handle) {
            return Some(StateName::Listen);
        }
        self.user(handle)?;
        Some(self.inspect(handle).map_or(StateName::Closed, State::name))
    }

    /// The connection itself; none for a listener, and once it has ended.
    pub fn inspect(&self, handle: Handle) -> Option<&State> {
        self.block(handle).map(|block| &block.state)
    }

    fn block(&self, handle: Handle) -> Option<&Block> {
        let pair = self.user(handle)?.pair;
        self.blocks.get(&pair).filter(|block| block.user == Some(handle))
    }

    /// An application that holds this handle. Nobody holds one of a child that was not accepted.
    fn user(&self, handle: Handle) -> Option<&User> {
        self.users.get(&handle).filter(|user| user.has_handle)
    }

    fn user_mut(&mut self, handle: Handle) -> Option<&mut User> {
        self.users.get_mut(&handle).filter(|user| user.has_handle)
    }

    /// Everything there is: listeners, half-open children, what nobody has a handle of any more.
    pub fn blocks(&self) -> impl Iterator<Item = Listed> {
        let listeners = self.listeners.iter().map(|(handle, listener)| Listed {
            local: listener.local,
            remote: None,
            state: StateName::Listen,
            handle: Some(*handle),
        });
        let connections = self.blocks.iter().map(|(pair, block)| Listed {
            local: pair.local,
            remote: Some(pair.remote),
            state: block.state.name(),
            handle: block.user.filter(|_| block.listener.is_none()),
        });
        listeners.chain(connections)
    }

    /// Takes a connection away, or with no `remote` a listener and its children: nothing is sent, nobody is told.
    ///
    /// Whether there was one.
    pub fn delete(&mut self, local: SocketAddr, remote: Option<SocketAddr>) -> bool {
        match (remote, self.listener_at(local)) {
            (Some(remote), _) => self.delete_connection(&Pair { local, remote }),
            (None, Some(listener)) => {
                self.remove_listener(listener);
                true
            }
            (None, None) => false,
        }
    }

    /// A child goes as if it had never come.
    fn delete_connection(&mut self, pair: &Pair) -> bool {
        let Some(block) = self.blocks.remove(pair) else { return false };
        if let (Some(listener), Some(user)) = (block.listener, block.user) {
            self.users.remove(&user);
            if let Some(listener) = self.listeners.get_mut(&listener) {
                listener.ready.retain(|ready| *ready != user);
            }
        }
        true
    }

    /// Removes a listener, and its children with it: those that live.
    fn remove_listener(&mut self, handle: Handle) -> Vec<(Pair, Block)> {
        let ready = self.listeners.remove(&handle).map(|listener| listener.ready);
        let is_child = |(_, block): &(Pair, Block)| block.listener == Some(handle);
        let (children, others): (Vec<_>, Vec<_>) =
            mem::take(&mut self.blocks).into_iter().partition(is_child);
        self.blocks = others.into_iter().collect();
        let users = children.iter().filter_map(|(_, block)| block.user).chain(ready.into_iter().flatten());
        for user in users {
            self.users.remove(&user);
        }
        children
    }

    fn listener_at(&self, local: SocketAddr) -> Option<Handle> {
        self.listeners.iter().find(|(_, listener)| listener.local == local).map(|(handle, _)| *handle)
    }

    fn new_handle(&mut self) -> Handle {
        self.last_handle += 1;
        Handle::from_number(self.last_handle)
    }
}

/// Whether this can be the address of one host.
//= https://www.rfc-editor.org/rfc/rfc9293#section-3.9.2.3
//# An incoming SYN with an invalid source address MUST be ignored
//= https://www.rfc-editor.org/rfc/rfc9293#section-3.9.2.3
//# A TCP implementation MUST silently discard an incoming SYN segment
//# that is addressed to a broadcast or multicast address
const fn is_one_hosts(end: SocketAddr) -> bool {
    match end.ip() {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    }
}

/// The profile as it is for connections of this address's family.
fn of_family(profile: &Arc<Profile>, local: SocketAddr) -> Arc<Profile> {
    if local.is_ipv6() {
        let profile = Profile::clone(profile);
        Arc::new(Profile { default_mss: profile.default_mss_v6, ..profile })
    } else {
        Arc::clone(profile)
    }
}
