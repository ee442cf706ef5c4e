//! The user's calls: OPEN, SEND, RECEIVE, CLOSE, ABORT (RFC 9293 §3.10.1 to §3.10.5).
//!
//! A call that is refused changes nothing, and its step says why: [`Step::error`](crate::Step::error).

use crate::{
    CallError, Context, Instant, Listen, On, Other, Profile, Segment, Seq, State, Step, SynSent, step::Out,
};

impl State {
    /// OPEN, passive: waits for a peer, and will start with the number `iss`.
    pub fn listen(self, iss: Seq) -> Step {
        let out = Out::new(self.name());
        match self {
            Self::Closed => out.end(On::PassiveOpen, Listen::new(iss)),
            Self::Listen(_) | Self::SynSent(_) | Self::Other(_) => out.refuse(self, CallError::AlreadyExists),
        }
    }

    /// OPEN, active: reaches for the peer, starting with the number `iss`.
    pub fn open(self, iss: Seq, now: Instant, profile: &Profile) -> Step {
        let out = Out::new(self.name());
        match self {
            Self::Closed | Self::Listen(_) => reach(On::ActiveOpen, iss, &[], out, Context { now, profile }),
            Self::SynSent(_) | Self::Other(_) => out.refuse(self, CallError::AlreadyExists),
        }
    }

    /// SEND: this text is to reach the peer. All of it is taken, or nothing.
    ///
    /// In LISTEN it opens actively, with the number that [`listen`](Self::listen) was given.
    pub fn send(mut self, text: &[u8], now: Instant, profile: &Profile) -> Step {
        let cx = Context { now, profile };
        let mut out = Out::new(self.name());
        if self.send_room(profile).is_some_and(|room| room < text.len()) {
            return out.refuse(self, CallError::InsufficientResources);
        }
        match &mut self {
            Self::Closed => out.refuse(self, CallError::DoesNotExist),
            Self::Listen(it) => reach(On::Send, it.iss, text, out, cx),
            //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.2
            //# Queue the data for transmission after entering ESTABLISHED state.
            Self::SynSent(it) => {
                it.outbox.text.extend_from_slice(text);
                out.step(self)
            }
            Self::Other(Other::SynReceived(it)) if !it.close_waits => {
                it.outbox.text.extend_from_slice(text);
                out.step(self)
            }
            Self::Other(other @ (Other::Established(_) | Other::CloseWait(_))) => {
                let mut parts = other.parts();
                if let Some(outbox) = &mut parts.outbox {
                    outbox.text.extend_from_slice(text);
                }
                parts.transmit(cx, &mut out);
                out.step(self)
            }
            Self::Other(
                Other::SynReceived(_)
                | Other::FinWait1(_)
                | Other::FinWait2(_)
                | Other::Closing(_)
                | Other::LastAck(_)
                | Other::TimeWait(_),
            ) => out.refuse(self, CallError::Closing),
        }
    }

    /// How much more text SEND takes now; none where there is nothing to put it into.
    pub fn send_room(&self, profile: &Profile) -> Option<usize> {
        let cx = Context { now: Instant::START, profile };
        match self {
            Self::Closed => None,
            Self::Listen(_) => Some(profile.send_buffer),
            Self::SynSent(_) | Self::Other(_) => self.outbox().map(|outbox| outbox.room(cx)),
        }
    }

    /// RECEIVE: the user has read so many octets of what it was told to have
    /// [received](crate::Event::Received). The window may open.
    pub fn read(mut self, count: u32, now: Instant, profile: &Profile) -> Step {
        let cx = Context { now, profile };
        let mut out = Out::new(self.name());
        if let Self::Other(other) = &mut self {
            let mut parts = other.parts();
            if let Some(inbox) = &mut parts.inbox {
                inbox.unread = inbox.unread.saturating_sub(count);
                if inbox.should_announce(parts.numbers, cx) {
                    out.send.push(parts.ack(cx));
                }
            }
        }
        out.step(self)
    }

    /// CLOSE: this side has no more to send. It still receives.
    pub fn close(self, now: Instant, profile: &Profile) -> Step {
        let cx = Context { now, profile };
        let mut out = Out::new(self.name());
        let closed = match self {
            Self::Closed => return out.refuse(Self::Closed, CallError::DoesNotExist),
            Self::Listen(_) | Self::SynSent(_) => return out.end(On::Close, Self::Closed),
            Self::Other(Other::SynReceived(it)) if it.close_waits => {
                return out.refuse(it, CallError::Closing);
            }
            Self::Other(Other::SynReceived(mut it)) if !it.outbox.text.is_empty() => {
                //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.4
                //# otherwise, queue for processing after entering ESTABLISHED state
                it.close_waits = true;
                return out.step(it);
            }
            Self::Other(Other::SynReceived(it)) => out.go(On::Close, it.close()),
            Self::Other(Other::Established(it)) => out.go(On::Close, it.close()),
            Self::Other(Other::CloseWait(it)) => out.go(On::Close, it.close()),
            Self::Other(
                Other::FinWait1(_)
                | Other::FinWait2(_)
                | Other::Closing(_)
                | Other::LastAck(_)
                | Other::TimeWait(_),
            ) => return out.refuse(self, CallError::Closing),
        };
        transmitted(closed, out, cx)
    }

    /// SEND and CLOSE at once: the FIN goes with the last of the text, where there is room. Where SEND is not served, only
    /// CLOSE is.
    pub fn send_last(mut self, text: &[u8], now: Instant, profile: &Profile) -> Step {
        let has_room = self.send_room(profile).is_some_and(|room| room >= text.len());
        if let (true, Self::Other(other @ (Other::Established(_) | Other::CloseWait(_)))) =
            (has_room, &mut self)
            && let Some(outbox) = other.parts().outbox
        {
            outbox.text.extend_from_slice(text);
        }
        self.close(now, profile)
    }

    /// CLOSE by a user who will not read any more either: RFC 9293 §3.6.1's half-duplex close (MAY-1).
    ///
    /// Text that comes from now on is answered with an RST. Whoever has text unread [aborts](Self::abort) instead.
    pub fn close_both(mut self, now: Instant, profile: &Profile) -> Step {
        let cx = Context { now, profile };
        if let Self::Other(other) = &mut self {
            if let Some(inbox) = other.parts().inbox {
                inbox.deaf = true;
            }
            if let Other::FinWait2(it) = other {
                it.expires_at = cx.fin_wait_2_ends();
            }
        }
        let step = self.close(now, profile);
        // Whoever has shut down writing before has nothing more to say; to go is still no error.
        Step { error: step.error.filter(|error| *error != CallError::Closing), ..step }
    }

    /// ABORT: it ends now, whatever is on its way.
    pub fn abort(self) -> Step {
        let mut out = Out::new(self.name());
        let rst = match &self {
            Self::Closed => return out.refuse(self, CallError::DoesNotExist),
            //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.5
            //# <SEQ=SND.NXT><CTL=RST>
            Self::Other(
                other @ (Other::SynReceived(_)
                | Other::Established(_)
                | Other::FinWait1(_)
                | Other::FinWait2(_)
                | Other::CloseWait(_)),
            ) => Some(Segment::rst(other.numbers().snd_nxt)),
            Self::Listen(_)
            | Self::SynSent(_)
            | Self::Other(Other::Closing(_) | Other::LastAck(_) | Other::TimeWait(_)) => None,
        };
        out.send.extend(rst);
        out.end(On::Abort, Self::Closed)
    }
}

/// An active OPEN, with text that waits for ESTABLISHED.
//= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.1
//# A SYN segment of the form
//# <SEQ=ISS><CTL=SYN> is sent.
fn reach(on: On, iss: Seq, text: &[u8], mut out: Out, cx: Context<'_>) -> Step {
    let mut syn_sent = SynSent::new(iss, cx);
    syn_sent.outbox.text.extend_from_slice(text);
    out.send.push(syn_sent.segment(cx));
    out.end(on, syn_sent)
}

/// The FIN, and what stands before it.
fn transmitted(mut state: Other, mut out: Out, cx: Context<'_>) -> Step {
    state.parts().transmit(cx, &mut out);
    out.step(state)
}
