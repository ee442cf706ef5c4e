use core::ops::ControlFlow::{Break, Continue};

use super::{Arrival, Verdict};
use crate::{Flags, Listen, On, Other, Segment, Step};

impl Arrival<'_, Listen> {
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.2
    //# An incoming RST should be ignored.
    pub(super) fn first_check_rst(self) -> Verdict<Self> {
        if self.segment.has(Flags::RST) { Break(self.dropped()) } else { Continue(self) }
    }

    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.2
    //# Any acknowledgment is bad if it arrives on a connection still
    //# in the LISTEN state.
    pub(super) fn second_check_ack(self) -> Verdict<Self> {
        match self.segment.ack {
            Some(ack) => Break(self.answered(Segment::rst(ack))),
            None => Continue(self),
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.2
    //# Set RCV.NXT to SEG.SEQ+1, IRS is set to SEG.SEQ
    pub(super) fn third_check_syn(self) -> Verdict<Self> {
        if !self.segment.has(Flags::SYN) {
            return Continue(self);
        }
        if self.segment.has(Flags::FIN) && self.cx.profile.drops_syn_with_fin {
            return Break(self.dropped());
        }
        let Self { state, segment, cx, mut out, .. } = self;
        let mut child = Other::from(state.syn(&segment, cx));
        out.send.extend(child.parts().syn_ack(cx));
        Break(out.end(On::Syn, child))
    }

    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.2
    //# This should not be reached.  Drop the segment and return.
    pub(super) fn fourth_drop(self) -> Step {
        self.dropped()
    }
}
