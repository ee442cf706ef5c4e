use core::net::SocketAddr;

use super::{Block, Endpoint, Handle, Packet, Pair, User, UserError};
use crate::{Event, Flags, Instant, Other, Profile, Segment, Seq, State, StateName, Step};

impl<I: FnMut(&Pair) -> Seq> Endpoint<I> {
    /// A segment has arrived, from that end to this one.
    pub fn segment(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, segment: Segment) {
        let pair = Pair { local: to, remote: from };
        match self.blocks.get(&pair) {
            Some(block) if self.may_reopen(&block.state, &segment) => self.reopen(now, pair, segment),
            Some(_) => self.step(pair, |state, profile| state.on_segment(segment, now, profile)),
            None => self.unexpected(now, pair, segment),
        }
    }

    /// For a listener, or for nobody.
    fn unexpected(&mut self, now: Instant, pair: Pair, segment: Segment) {
        let Some(listener) = self.listener_for(pair.local) else {
            let step = State::Closed.on_segment(segment, now, &self.profile);
            return self.send(pair, step.send);
        };
        let opens = segment.has(Flags::SYN) && !segment.has(Flags::RST) && segment.ack.is_none();
        if opens && !self.has_room(listener) {
            // linux v6.12 net/ipv4/tcp_input.c tcp_conn_request: the peer will send its SYN again.
            return;
        }
        let iss = if opens { (self.isns)(&pair) } else { Seq::default() };
        let step = State::Closed.listen(iss).next.on_segment(segment, now, &self.profile_for(&pair));
        match step.next.name() {
            StateName::SynReceived => self.child(pair, listener, step),
            _stays_in_listen => self.send(pair, step.send),
        }
    }

    fn child(&mut self, pair: Pair, listener: Handle, step: Step) {
        let user = self.new_handle();
        self.users.insert(user, User::new(pair));
        self.blocks.insert(pair, Block { state: step.next, user: Some(user), listener: Some(listener) });
        self.send(pair, step.send);
    }

    /// A SYN ends TIME-WAIT only if there is somebody to serve it.
    // linux v6.12 net/ipv4/tcp_ipv4.c tcp_v4_rcv, TCP_TW_SYN
    fn may_reopen(&self, state: &State, segment: &Segment) -> bool {
        match state {
            State::Other(Other::TimeWait(it)) => it.reopens(segment, &self.profile),
            State::Closed | State::Listen(_) | State::SynSent(_) | State::Other(_) => false,
        }
    }

    fn reopen(&mut self, now: Instant, pair: Pair, segment: Segment) {
        let listener = self.listener_for(pair.local).filter(|listener| self.has_room(*listener));
        match (listener, self.blocks.remove(&pair)) {
            (Some(listener), Some(block)) => {
                let step = block.state.on_segment_with_listener(segment, now, &self.profile_for(&pair));
                self.child(pair, listener, step);
            }
            (None, Some(block)) => {
                self.blocks.insert(pair, block);
                self.step(pair, |state, profile| state.on_segment(segment, now, profile));
            }
            (_, None) => {}
        }
    }

    /// Does it, and everything that follows from it.
    pub(super) fn step(&mut self, pair: Pair, happens: impl FnOnce(State, &Profile) -> Step) {
        let Some(Block { state, user, listener }) = self.blocks.remove(&pair) else { return };
        let was = state.name();
        let step = happens(state, &self.profile_for(&pair));
        self.send(pair, step.send);
        for event in step.events {
            self.tell(user, listener, event);
        }
        let half_open = was == StateName::SynReceived && listener.is_some();
        match (&step.next, half_open) {
            (State::Closed | State::Listen(_), true) => self.vanish(user),
            (State::Closed | State::Listen(_), false) => {}
            (State::Other(Other::TimeWait(_)), true) => {
                self.vanish(user);
                self.blocks.insert(pair, Block { state: step.next, user: None, listener: None });
            }
            (State::SynSent(_) | State::Other(_), _) => {
                self.blocks.insert(pair, Block { state: step.next, user, listener });
            }
        }
    }

    /// A half-open child goes: nobody has heard of it.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
    //# The user need not
    //# be informed.
    fn vanish(&mut self, user: Option<Handle>) {
        if let Some(user) = user {
            self.users.remove(&user);
        }
    }

    fn tell(&mut self, handle: Option<Handle>, listener: Option<Handle>, event: Event) {
        let Some((handle, user)) = handle.and_then(|handle| Some((handle, self.users.get_mut(&handle)?)))
        else {
            return;
        };
        match event {
            Event::Established => {
                if let Some(listener) = listener.and_then(|listener| self.listeners.get_mut(&listener)) {
                    listener.ready.push_back(handle);
                }
            }
            Event::Received(text) => user.text.extend(text),
            Event::PeerClosed => user.peer_closed = true,
            Event::Refused => user.error = Some(UserError::Refused),
            Event::Reset => user.error = Some(UserError::Reset),
            Event::TimedOut => user.error = Some(UserError::TimedOut),
        }
    }

    pub(super) fn send(&mut self, pair: Pair, segments: impl IntoIterator<Item = Segment>) {
        let packet = |segment| Packet { from: pair.local, to: pair.remote, segment };
        self.outgoing.extend(segments.into_iter().map(packet));
    }

    /// Who listens for it: on this very address rather than on all.
    fn listener_for(&self, to: SocketAddr) -> Option<Handle> {
        let hears = self.listeners.iter().filter(|(_, listener)| listener.hears(to));
        hears.min_by_key(|(_, listener)| listener.local.ip().is_unspecified()).map(|(handle, _)| *handle)
    }

    /// Half-open children and those that wait to be accepted share the backlog.
    fn has_room(&self, handle: Handle) -> bool {
        let half_open =
            |block: &&Block| block.listener == Some(handle) && block.state.name() == StateName::SynReceived;
        let half_open = self.blocks.values().filter(half_open).count();
        self.listeners.get(&handle).is_some_and(|it| half_open + it.ready.len() < it.backlog)
    }
}
