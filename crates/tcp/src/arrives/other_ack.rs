//! Fifth, check the ACK field.

use core::ops::ControlFlow::{Break, Continue};

use super::{Arrival, Verdict};
use crate::{Event, On, Other, Segment, Seq, State, state::Acked};

impl Arrival<'_, Other> {
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
    //# if the ACK bit is off, drop the segment and return
    pub(super) fn fifth_check_ack(self) -> Verdict<Self> {
        let Some(ack) = self.segment.ack else { return Break(self.dropped()) };
        let numbers = self.state.numbers();
        let acked = numbers.place(ack);
        if let Other::SynReceived(_) = &self.state {
            return self.fifth_in_syn_received(ack, acked);
        }
        let oldest = if self.cx.profile.refuses_old_acks { numbers.max_snd_wnd } else { u32::MAX };
        match acked {
            //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
            //# If
            //# the ACK acks something not yet sent (SEG.ACK > SND.NXT),
            //# then send an ACK, drop the segment, and return.
            Acked::Unsent => Break(self.challenged()),
            //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
            //# All incoming segments
            //# whose ACK value doesn't satisfy the above condition MUST be
            //# discarded and an ACK sent back.
            Acked::Old(by) if by > oldest => Break(self.challenged()),
            Acked::New(_) | Acked::Old(_) => self.acknowledge(ack).in_its_state(),
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
    //# If the segment acknowledgment is not acceptable, form a
    //# reset segment
    fn fifth_in_syn_received(self, ack: Seq, acked: Acked) -> Verdict<Self> {
        match acked {
            Acked::New(_) => Continue(self.acknowledge(ack).established()),
            Acked::Old(_) | Acked::Unsent => Break(self.answered(Segment::rst(ack))),
        }
    }

    /// SND.UNA and the window move; what is acknowledged need not be sent again.
    fn acknowledge(mut self, ack: Seq) -> Self {
        let parts = self.state.parts();
        let Some(outbox) = parts.outbox else { return self };
        if let Acked::New(count) = parts.numbers.place(ack) {
            outbox.acknowledged(count);
            parts.numbers.snd_una = ack;
        }
        //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
        //# If SND.UNA =< SEG.ACK =< SND.NXT, the send window should
        //# be updated.
        if parts.numbers.snd_una == ack && outbox.is_news(self.segment.seq, ack) {
            outbox.hear_window(&self.segment, parts.numbers);
        }
        outbox.hear_answer(self.cx);
        self
    }

    /// Our SYN is acknowledged; a CLOSE that has waited for this is served.
    fn established(mut self) -> Self {
        let Other::SynReceived(mut it) = self.state else { return self };
        //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
        //# enter ESTABLISHED
        //# state and continue processing with the variables below
        //# set
        it.outbox.hear_window(&self.segment, &mut it.numbers);
        self.out.events.push(Event::Established);
        let close_waits = it.close_waits;
        self.state = match self.out.go(On::AckOfSyn, it.established()) {
            Other::Established(it) if close_waits => self.out.go(On::Close, it.close()),
            established => established,
        };
        self
    }

    /// "In addition to the processing for the ESTABLISHED state": what it means if our FIN is acknowledged now.
    fn in_its_state(mut self) -> Verdict<Self> {
        self.state = match self.state {
            Other::FinWait1(it) if it.outbox.is_empty() => self.out.go(On::AckOfFin, it.fin_acked(self.cx)),
            Other::Closing(it) if it.outbox.is_empty() => self.out.go(On::AckOfFin, it.fin_acked(self.cx)),
            Other::LastAck(it) if it.outbox.is_empty() => {
                return Break(self.out.end(On::AckOfFin, State::Closed));
            }
            // A FIN that comes again lies before the window; what reaches this lies behind it, and is nobody's.
            Other::TimeWait(mut it) => {
                it.hear(&self.segment, false, self.cx);
                self.ack_now |= !it.is_bare_ack(&self.segment);
                it.into()
            }
            same @ (Other::SynReceived(_)
            | Other::Established(_)
            | Other::FinWait1(_)
            | Other::FinWait2(_)
            | Other::CloseWait(_)
            | Other::Closing(_)
            | Other::LastAck(_)) => same,
        };
        Continue(self)
    }
}
