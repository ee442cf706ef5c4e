//! Sixth, check the URG bit; seventh, process the segment text; eighth, check the FIN bit.

use core::ops::ControlFlow::{Break, Continue};

use super::{Arrival, Verdict};
use crate::{Event, Flags, On, Other};

impl Arrival<'_, Other> {
    /// Urgent data is left out: it is read in its turn, as text.
    pub(super) const fn sixth_check_urg(self) -> Verdict<Self> {
        Continue(self)
    }

    pub(super) fn seventh_process_text(mut self) -> Verdict<Self> {
        match &self.state {
            Other::FinWait1(it) if it.inbox.deaf && self.has_new_text() => Break(self.reset_by_us(On::Text)),
            Other::FinWait2(it) if it.inbox.deaf && self.has_new_text() => Break(self.reset_by_us(On::Text)),
            Other::Established(_) | Other::FinWait1(_) | Other::FinWait2(_) => {
                self.receive();
                Continue(self)
            }
            //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
            //# This should not occur since a FIN has been received from the
            //# remote side.  Ignore the segment text.
            Other::CloseWait(_) | Other::Closing(_) | Other::LastAck(_) | Other::TimeWait(_) => {
                Continue(self)
            }
            // The fifth check left nothing in SYN-RECEIVED.
            Other::SynReceived(_) => Continue(self),
        }
    }

    /// Nobody will read it, and its sender should know.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.6.1
    //# if new data
    //# is received after CLOSE is called, its TCP implementation SHOULD send
    //# a RST to show that data was lost
    fn has_new_text(&self) -> bool {
        let end = self.segment.end() - u32::from(self.segment.has(Flags::FIN));
        !self.segment.text.is_empty() && end.is_after(self.state.numbers().rcv_nxt)
    }

    /// Takes what is in its turn, keeps what is not, and sees to it that the peer hears of it.
    fn receive(&mut self) {
        let parts = self.state.parts();
        let Some(inbox) = parts.inbox else { return };
        let had_gap = inbox.has_gap();
        inbox.hold(&self.segment, parts.numbers);
        let text = inbox.take(parts.numbers);
        //= https://www.rfc-editor.org/rfc/rfc9293#section-3.8.6.3
        //# recommendations to immediately acknowledge out-of-order segments,
        //# segments above a gap in sequence space, or segments that fill all or
        //# part of a gap
        let out_of_order = had_gap || inbox.has_gap();
        //= https://www.rfc-editor.org/rfc/rfc9293#section-3.8.6.3
        //# An ACK SHOULD be generated for at
        //# least every second full-sized segment or 2*RMSS bytes of new data
        let owed = parts.numbers.rcv_nxt.since(parts.numbers.last_ack_sent);
        let full_sized = self.cx.profile.mss.saturating_sub(parts.numbers.options_len());
        let much = owed >= 2 * u32::from(full_sized);
        if !text.is_empty() || !self.segment.text.is_empty() || self.segment.has(Flags::FIN) {
            match self.cx.profile.delayed_ack {
                Some(delay) if !out_of_order && !much && !text.is_empty() => {
                    inbox.ack_due.get_or_insert(self.cx.now + delay);
                }
                Some(_) | None => self.ack_now = true,
            }
        }
        if !text.is_empty() {
            self.out.events.push(Event::Received(text));
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
    //# advance RCV.NXT
    //# over the FIN, and send an acknowledgment for the FIN
    pub(super) fn eighth_check_fin(mut self) -> Verdict<Self> {
        let parts = self.state.parts();
        let Some(true) = parts.inbox.map(|inbox| inbox.fin_is_next(parts.numbers)) else {
            return Continue(self);
        };
        parts.numbers.received(1);
        self.ack_now = true;
        self.out.events.push(Event::PeerClosed);
        self.state = match self.state {
            Other::Established(it) => self.out.go(On::Fin, it.fin()),
            Other::FinWait1(it) => self.out.go(On::Fin, it.fin()),
            Other::FinWait2(it) => self.out.go(On::Fin, it.fin(self.cx)),
            // No FIN can be next: the fifth check left nothing in the first, the others have had theirs.
            same @ (Other::SynReceived(_)
            | Other::CloseWait(_)
            | Other::Closing(_)
            | Other::LastAck(_)
            | Other::TimeWait(_)) => same,
        };
        Continue(self)
    }
}
