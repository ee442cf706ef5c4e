use alloc::sync::Arc;
use core::net::SocketAddr;

use super::{Block, Endpoint, Handle, Packet, Pair, User, UserError, is_one_hosts, of_family};
use crate::{Event, Flags, Instant, Other, Profile, Segment, Seq, State, StateName, Step};

/// By whom a new connection is served, and by which profile it goes.
type Served = (Handle, Arc<Profile>);

impl<I: FnMut(&Pair) -> Seq> Endpoint<I> {
    /// A segment has arrived, from that end to this one.
    pub fn segment(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, segment: Segment) {
        if !is_one_hosts(from) || !is_one_hosts(to) {
            return;
        }
        let pair = Pair { local: to, remote: from };
        if !self.blocks.contains_key(&pair) {
            return self.unexpected(now, pair, segment);
        }
        match self.reopened_by(&pair, &segment) {
            Some(served) => self.reopen(now, pair, served, segment),
            None => self.step(pair, |state, profile| state.on_segment(segment, now, profile)),
        }
    }

    /// For a listener, or for nobody.
    fn unexpected(&mut self, now: Instant, pair: Pair, segment: Segment) {
        let Some((listener, profile)) = self.listener_for(pair.local) else {
            let step = State::Closed.on_segment(segment, now, &self.profile);
            return self.send(pair, step.send);
        };
        let opens = segment.has(Flags::SYN) && !segment.has(Flags::RST) && segment.ack.is_none();
        if opens && !self.has_room(listener) {
            // linux v6.12 net/ipv4/tcp_input.c tcp_conn_request: the peer will send its SYN again.
            return;
        }
        let iss = if opens { (self.isns)(&pair) } else { Seq::default() };
        let step = State::Closed.listen(iss).next.on_segment(segment, now, &profile);
        match step.next.name() {
            StateName::SynReceived => self.child(pair, listener, profile, step),
            _stays_in_listen => self.send(pair, step.send),
        }
    }

    fn child(&mut self, pair: Pair, listener: Handle, profile: Arc<Profile>, step: Step) {
        let user = self.new_handle();
        self.users.insert(user, User::new(pair, false));
        let block = Block { state: step.next, user: Some(user), listener: Some(listener), profile };
        self.blocks.insert(pair, block);
        self.send(pair, step.send);
    }

    /// A SYN ends TIME-WAIT only if there is somebody to serve it, and by whose rules it does.
    // linux v6.12 net/ipv4/tcp_ipv4.c tcp_v4_rcv, TCP_TW_SYN
    fn reopened_by(&self, pair: &Pair, segment: &Segment) -> Option<Served> {
        let State::Other(Other::TimeWait(waiting)) = &self.blocks.get(pair)?.state else { return None };
        let (listener, profile) = self.listener_for(pair.local)?;
        let serves = waiting.reopens(segment, &profile) && self.has_room(listener);
        serves.then_some((listener, profile))
    }

    fn reopen(&mut self, now: Instant, pair: Pair, (listener, profile): Served, segment: Segment) {
        if let Some(Block { state, .. }) = self.blocks.remove(&pair) {
            let step = state.on_segment_with_listener(segment, now, &profile);
            self.child(pair, listener, profile, step);
        }
    }

    /// Does it, and everything that follows from it.
    pub(super) fn step(&mut self, pair: Pair, happens: impl FnOnce(State, &Profile) -> Step) {
        let Some(Block { state, user, listener, profile }) = self.blocks.remove(&pair) else { return };
        let was = state.name();
        let step = happens(state, &profile);
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
                self.blocks.insert(pair, Block { state: step.next, user: None, listener: None, profile });
            }
            (State::SynSent(_) | State::Other(_), _) => {
                self.blocks.insert(pair, Block { state: step.next, user, listener, profile });
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

    /// Who listens for it, on this very address rather than on all, and by which profile its children go.
    fn listener_for(&self, to: SocketAddr) -> Option<Served> {
        let hears = self.listeners.iter().filter(|(_, listener)| listener.hears(to));
        let (handle, listener) = hears.min_by_key(|(_, listener)| listener.local.ip().is_unspecified())?;
        Some((*handle, of_family(&listener.profile, to)))
    }

    /// Half-open children and those that wait to be accepted share the backlog.
    fn has_room(&self, handle: Handle) -> bool {
        let half_open =
            |block: &&Block| block.listener == Some(handle) && block.state.name() == StateName::SynReceived;
        let half_open = self.blocks.values().filter(half_open).count();
        self.listeners.get(&handle).is_some_and(|it| half_open + it.ready.len() < it.backlog)
    }
}
