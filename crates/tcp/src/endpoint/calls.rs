use alloc::{sync::Arc, vec::Vec};
use core::net::SocketAddr;

use super::{
    Accepted, Block, Endpoint, Handle, Listener, Pair, Read, User, UserError, is_one_hosts, of_family,
};
use crate::{CallError, Instant, Profile, Seq, State, StateName, Step};

/// What calls on connections answer.
type Answer<T> = Result<T, UserError>;

impl<I: FnMut(&Pair) -> Seq> Endpoint<I> {
    /// Passive OPEN: waits at this address and port; an unspecified address stands for all of its family.
    ///
    /// At most `backlog` children, and at least one, are half-open or wait to be accepted; a SYN beyond that is not
    /// answered.
    ///
    /// # Errors
    ///
    /// If somebody listens there already.
    pub fn listen(&mut self, local: SocketAddr, backlog: usize) -> Result<Handle, CallError> {
        if self.listener_at(local).is_some() {
            return Err(CallError::AlreadyExists);
        }
        let handle = self.new_handle();
        let profile = Arc::clone(&self.profile);
        self.listeners.insert(handle, Listener { local, backlog: backlog.max(1), ready: [].into(), profile });
        Ok(handle)
    }

    /// From now on this connection goes by this profile, and every child that comes to this listener.
    ///
    /// What waits for an answer already waits as long as it was to, and what was agreed upon with the peer stays.
    ///
    /// # Errors
    ///
    /// If this is nobody's handle, or its connection has ended.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.8.3
    //# An application MUST (MUST-21) be able to set the value for R2
    //# for a particular connection.
    pub fn set_profile(&mut self, handle: Handle, profile: Profile) -> Result<(), CallError> {
        let profile = Arc::new(profile);
        if let Some(listener) = self.listeners.get_mut(&handle) {
            listener.profile = profile;
            return Ok(());
        }
        let pair = self.user(handle).ok_or(CallError::DoesNotExist)?.pair;
        let block = self.blocks.get_mut(&pair).filter(|block| block.user == Some(handle));
        block.ok_or(CallError::DoesNotExist)?.profile = of_family(&profile, pair.local);
        Ok(())
    }

    /// The next connection that came to this listener, if there is one.
    ///
    /// It may have ended since: the first call on it tells why.
    ///
    /// # Errors
    ///
    /// If this is no listener's handle.
    pub fn accept(&mut self, listener: Handle) -> Result<Option<Accepted>, CallError> {
        let listener = self.listeners.get_mut(&listener).ok_or(CallError::DoesNotExist)?;
        let Some(handle) = listener.ready.pop_front() else { return Ok(None) };
        let Some(user) = self.users.get_mut(&handle) else { return Ok(None) };
        user.has_handle = true;
        let Pair { local, remote } = user.pair;
        if let Some(block) = self.blocks.get_mut(&user.pair).filter(|block| block.user == Some(handle)) {
            block.listener = None;
        }
        Ok(Some(Accepted { handle, local, remote }))
    }

    /// Active OPEN: reaches for that end from this one.
    ///
    /// # Errors
    ///
    /// If there is a connection between the two, be it in TIME-WAIT, or if there can be none: no host has that remote
    /// address, or it is of another family.
    pub fn open(&mut self, now: Instant, local: SocketAddr, remote: SocketAddr) -> Result<Handle, CallError> {
        let pair = Pair { local, remote };
        //= https://www.rfc-editor.org/rfc/rfc9293#section-3.9.1.1
        //# MUST reject as an error a local OPEN call for an
        //# invalid remote IP address (e.g., a broadcast or multicast address)
        if !is_one_hosts(remote) || remote.port() == 0 || remote.is_ipv4() != local.is_ipv4() {
            return Err(CallError::RemoteUnspecified);
        }
        if self.blocks.contains_key(&pair) {
            return Err(CallError::AlreadyExists);
        }
        let profile = of_family(&self.profile, local);
        let step = State::Closed.open((self.isns)(&pair), now, &profile);
        let handle = self.new_handle();
        self.users.insert(handle, User::new(pair, true));
        self.blocks.insert(pair, Block { state: step.next, user: Some(handle), listener: None, profile });
        self.send(pair, step.send);
        Ok(handle)
    }

    /// Takes as much of the text as there is room for: how many octets.
    ///
    /// # Errors
    ///
    /// If the connection has ended (why is told once), or this side has closed.
    pub fn write(&mut self, now: Instant, handle: Handle, text: &[u8]) -> Answer<usize> {
        let pair = self.alive(handle)?;
        let room = self.block(handle).and_then(|block| block.state.send_room(&block.profile));
        let taken = text.get(..room.unwrap_or(text.len())).unwrap_or(text);
        self.call(pair, |state, profile| state.send(taken, now, profile))?;
        Ok(taken.len())
    }

    /// At most so many octets of what was received, in order.
    ///
    /// # Errors
    ///
    /// If the connection has ended otherwise than by the peer's FIN; it is told once, after all text.
    pub fn read(&mut self, now: Instant, handle: Handle, at_most: usize) -> Answer<Read> {
        let user = self.user_mut(handle).ok_or(CallError::DoesNotExist)?;
        let (pair, count) = (user.pair, at_most.min(user.text.len()));
        if count == 0 && !user.text.is_empty() {
            return Ok(Read::Nothing);
        }
        let text: Vec<u8> = user.text.drain(..count).collect();
        if text.is_empty() {
            let (error, peer_closed) = (user.error.take(), user.peer_closed);
            let ended = self.inspect(handle).is_none();
            return error.map_or(Ok(if peer_closed || ended { Read::End } else { Read::Nothing }), Err);
        }
        if self.inspect(handle).is_some() {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.step(pair, |state, profile| state.read(count, now, profile));
        }
        Ok(Read::Text(text))
    }

    /// Why the connection has ended, if it has not been told yet: it then counts as told.
    pub fn take_error(&mut self, handle: Handle) -> Option<UserError> {
        self.user_mut(handle)?.error.take()
    }

    /// Shuts down writing: RFC 9293's CLOSE. The handle stays, and what the peer sends can be read.
    ///
    /// # Errors
    ///
    /// If the connection has ended, or this side has closed before.
    pub fn shut_down(&mut self, now: Instant, handle: Handle) -> Answer<()> {
        let pair = self.alive(handle)?;
        self.call(pair, |state, profile| state.close(now, profile))
    }

    /// Closes, and gives the handle back. The connection finishes alone.
    ///
    /// With text unread it is reset instead, and text that comes later resets it (RFC 9293 §3.6.1, SHLD-3). A
    /// listener's children go too: the half-open ones silently, those that were not accepted with an RST.
    ///
    /// # Errors
    ///
    /// If this is nobody's handle.
    pub fn close(&mut self, now: Instant, handle: Handle) -> Result<(), CallError> {
        if self.listeners.contains_key(&handle) {
            self.end_listener(handle);
            return Ok(());
        }
        let connected = self.inspect(handle).map(State::name);
        let user = self.remove_user(handle)?;
        let Some(state) = connected else { return Ok(()) };
        let loses_text = !user.text.is_empty() && may_be_reset(state);
        self.step(
            user.pair,
            |state, profile| {
                if loses_text { state.abort() } else { state.close_both(now, profile) }
            },
        );
        if let Some(block) = self.blocks.get_mut(&user.pair) {
            block.user = None;
        }
        Ok(())
    }

    /// Ends it at once, with an RST if there is a peer to tell, and gives the handle back.
    ///
    /// # Errors
    ///
    /// If this is nobody's handle.
    pub fn abort(&mut self, handle: Handle) -> Result<(), CallError> {
        if self.listeners.contains_key(&handle) {
            self.end_listener(handle);
            return Ok(());
        }
        let alive = self.inspect(handle).is_some();
        let user = self.remove_user(handle)?;
        if alive {
            self.step(user.pair, |state, _| state.abort());
        }
        Ok(())
    }

    fn remove_user(&mut self, handle: Handle) -> Result<User, CallError> {
        self.user(handle).ok_or(CallError::DoesNotExist)?;
        self.users.remove(&handle).ok_or(CallError::DoesNotExist)
    }

    // linux v6.12 net/ipv4/inet_connection_sock.c inet_csk_listen_stop
    fn end_listener(&mut self, listener: Handle) {
        for (pair, block) in self.remove_listener(listener) {
            if block.state.name() != StateName::SynReceived {
                self.send(pair, block.state.abort().send);
            }
        }
    }

    /// The connection that the handle is of, if it lives; if not, why.
    fn alive(&mut self, handle: Handle) -> Answer<Pair> {
        let user = self.user_mut(handle).ok_or(CallError::DoesNotExist)?;
        if let Some(error) = user.error.take() {
            return Err(error);
        }
        let pair = user.pair;
        if self.inspect(handle).is_some() { Ok(pair) } else { Err(CallError::DoesNotExist.into()) }
    }

    /// A call on the connection.
    fn call(&mut self, pair: Pair, call: impl FnOnce(State, &Profile) -> Step) -> Answer<()> {
        let mut refused = None;
        self.step(pair, |state, profile| {
            let step = call(state, profile);
            refused = step.error;
            step
        });
        refused.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Whether the peer could still learn that text of its own was lost.
const fn may_be_reset(state: StateName) -> bool {
    match state {
        StateName::Established | StateName::FinWait1 | StateName::FinWait2 | StateName::CloseWait => true,
        StateName::Closed
        | StateName::Listen
        | StateName::SynSent
        | StateName::SynReceived
        | StateName::Closing
        | StateName::LastAck
        | StateName::TimeWait => false,
    }
}
