//! SEGMENT ARRIVES: RFC 9293 §3.10.7, in its order and in its words.
//!
//! Each list below is a list of the RFC. A check either lets the segment pass to the next one, with what has come of it
//! so far, or says what came of it: [`ControlFlow`]. What a check decides stands in its own file.

mod closed;
mod listen;
mod other_ack;
mod other_controls;
mod other_sequence;
mod other_text;
mod syn_sent;

use core::ops::ControlFlow::{self, Break, Continue};

use crate::{
    Context, Instant, Listen, On, Other, Profile, Segment, State, StateName, Step, SynSent, step::Out,
};

pub(crate) use closed::reset;

/// Goes on with `T`, or has come to its end.
type Verdict<T> = ControlFlow<Step, T>;

/// A segment that has arrived, on its way through the checks.
struct Arrival<'a, S> {
    state: S,
    segment: Segment,
    cx: Context<'a>,
    out: Out,
    /// An ACK goes out when the segment has been processed, alone if with nothing else.
    ack_now: bool,
}

impl State {
    /// A segment arrives that is meant for this connection.
    ///
    /// Ports, addresses and checksum have been looked at: they said that it is.
    pub fn on_segment(self, segment: Segment, now: Instant, profile: &Profile) -> Step {
        let cx = Context { now, profile };
        let out = Out::new(self.name());
        let (Continue(step) | Break(step)) = match self {
            Self::Closed => Continue(closed::arrives(&segment, out)),
            Self::Listen(state) => in_listen(Arrival { state, segment, cx, out, ack_now: false }),
            Self::SynSent(state) => in_syn_sent(Arrival { state, segment, cx, out, ack_now: false }),
            Self::Other(state) => in_other_states(Arrival { state, segment, cx, out, ack_now: false }),
        };
        step
    }

    /// The same where somebody listens: a SYN that may [reopen](crate::TimeWait::reopens) a connection in TIME-WAIT does.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.6.1
    //# it MAY accept a new SYN from the remote TCP endpoint to
    //# reopen the connection directly from TIME-WAIT state (MAY-2)
    pub fn on_segment_with_listener(self, segment: Segment, now: Instant, profile: &Profile) -> Step {
        let cx = Context { now, profile };
        match self {
            Self::Other(Other::TimeWait(it)) if it.reopens(&segment, profile) => {
                let mut out = Out::new(StateName::TimeWait);
                let mut reopened = Other::from(it.syn(&segment, cx));
                out.send.extend(reopened.parts().syn_ack(cx));
                out.end(On::Syn, reopened)
            }
            Self::Closed | Self::Listen(_) | Self::SynSent(_) | Self::Other(_) => {
                self.on_segment(segment, now, profile)
            }
        }
    }
}

/// §3.10.7.2
fn in_listen(arrival: Arrival<'_, Listen>) -> Verdict<Step> {
    let arrival = arrival
        .first_check_rst()? //
        .second_check_ack()?
        .third_check_syn()?;
    Continue(arrival.fourth_drop())
}

/// §3.10.7.3
fn in_syn_sent(arrival: Arrival<'_, SynSent>) -> Verdict<Step> {
    let established = arrival
        .first_check_ack()? //
        .second_check_rst()?
        .third_check_security()?
        .fourth_check_syn()?;
    Continue(established.sixth_check_urg()?.seventh_process_text()?.eighth_check_fin()?.done())
}

/// §3.10.7.4
fn in_other_states(arrival: Arrival<'_, Other>) -> Verdict<Step> {
    let arrival = arrival
        .first_check_sequence()?
        .second_check_rst()?
        .third_check_security()?
        .fourth_check_syn()?
        .fifth_check_ack()?
        .sixth_check_urg()?
        .seventh_process_text()?
        .eighth_check_fin()?;
    Continue(arrival.done())
}

impl<S: Into<State>> Arrival<'_, S> {
    /// Drops the segment: nothing else comes of it.
    fn dropped(self) -> Step {
        self.out.step(self.state)
    }

    /// Sends this, and drops the segment.
    fn answered(mut self, answer: Segment) -> Step {
        self.out.send.push(answer);
        self.dropped()
    }
}

impl Arrival<'_, Other> {
    /// The segment is processed. What there is to say now is said, the ACK along with it if one is owed.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
    //# This acknowledgment should be piggybacked on a segment being
    //# transmitted if possible without incurring undue delay.
    fn done(mut self) -> Step {
        match &mut self.state {
            // Text waits for ESTABLISHED (§3.10.2).
            Other::SynReceived(_) => {}
            Other::Established(_)
            | Other::FinWait1(_)
            | Other::FinWait2(_)
            | Other::CloseWait(_)
            | Other::Closing(_)
            | Other::LastAck(_)
            | Other::TimeWait(_) => self.state.parts().transmit(self.cx, &mut self.out),
        }
        if self.ack_now && self.out.send.is_empty() {
            self.out.send.push(self.state.parts().ack(self.cx));
        }
        self.dropped()
    }

    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`, and the segment is dropped.
    fn acked(mut self) -> Step {
        let ack = self.state.parts().ack(self.cx);
        self.answered(ack)
    }

    /// The same, if the profile's limit allows.
    fn challenged(mut self) -> Step {
        if self.state.parts().numbers.may_challenge(self.cx) { self.acked() } else { self.dropped() }
    }
}
