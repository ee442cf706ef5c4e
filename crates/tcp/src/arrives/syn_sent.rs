use core::ops::ControlFlow::{Break, Continue};

use super::{Arrival, Verdict};
use crate::{Event, Flags, On, Other, Segment, State, SynSent};

impl<'a> Arrival<'a, SynSent> {
    /// An ACK of anything but our SYN is from another connection.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.3
    //# If SEG.ACK =< ISS or SEG.ACK > SND.NXT, send a reset (unless
    //# the RST bit is set, if so drop the segment and return)
    pub(super) fn first_check_ack(self) -> Verdict<Self> {
        match self.segment.ack {
            Some(ack) if ack != self.state.snd_nxt() => Break(if self.segment.has(Flags::RST) {
                self.dropped()
            } else {
                self.answered(Segment::rst(ack))
            }),
            Some(_) | None => Continue(self),
        }
    }

    /// RFC 5961's check of SEG.SEQ does not apply: there is no RCV.NXT yet, the ACK is what is checked.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.3
    //# If the ACK was acceptable, then signal to the user "error:
    //# connection reset", drop the segment, enter CLOSED state,
    //# delete TCB, and return.  Otherwise (no ACK), drop the
    //# segment and return.
    pub(super) fn second_check_rst(mut self) -> Verdict<Self> {
        if !self.segment.has(Flags::RST) {
            return Continue(self);
        }
        if self.segment.ack.is_none() {
            return Break(self.dropped());
        }
        self.out.events.push(Event::Refused);
        Break(self.out.end(On::Rst, State::Closed))
    }

    /// Security compartments (RFC 9293 appendix A.1) are left out.
    #[allow(clippy::unused_self, reason = "a check of the RFC's list that finds nothing to check")]
    pub(super) const fn third_check_security(self) -> Verdict<Self> {
        Continue(self)
    }

    /// With an ACK of ours the connection is open, and the segment goes on at the sixth check of the other states.
    ///
    /// This holds the fifth, too: if neither SYN nor RST is set, the segment is dropped.
    pub(super) fn fourth_check_syn(self) -> Verdict<Arrival<'a, Other>> {
        if !self.segment.has(Flags::SYN) {
            return Break(self.dropped());
        }
        let Self { state, segment, cx, mut out, .. } = self;
        if segment.ack.is_some() {
            out.events.push(Event::Established);
            let state = out.go(On::SynAck, state.established(&segment, cx));
            return Continue(Arrival { state, segment, cx, out, ack_now: true });
        }
        let mut both = Other::from(state.syn_received(&segment, cx));
        out.send.extend(both.parts().syn_ack(cx));
        Break(out.end(On::Syn, both))
    }
}
