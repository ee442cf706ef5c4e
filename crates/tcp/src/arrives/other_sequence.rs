//! First, check sequence number.

use core::ops::ControlFlow::{Break, Continue};

use super::{Arrival, Verdict};
use crate::{Flags, Other, Step, profile::RightEdge, state::Origin};

impl Arrival<'_, Other> {
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
    //# If an incoming segment is not acceptable, an acknowledgment
    //# should be sent in reply (unless the RST bit is set, if so
    //# drop the segment and return)
    pub(super) fn first_check_sequence(mut self) -> Verdict<Self> {
        let rst = self.segment.has(Flags::RST);
        if !rst && self.is_unstamped() {
            return Break(self.dropped());
        }
        //= https://www.rfc-editor.org/rfc/rfc7323#section-5.3
        //# the RST bit is not set
        let outdated = !rst && self.state.numbers().is_outdated(&self.segment, self.cx);
        if outdated || !(self.is_acceptable() || self.is_allowed()) {
            return Break(if rst { self.dropped() } else { self.unacceptable(outdated) });
        }
        //= https://www.rfc-editor.org/rfc/rfc7323#section-5.2
        //# information from the Timestamps option MUST NOT be used to update
        //# connection state information
        if !rst {
            self.state.parts().numbers.hear_timestamp(&self.segment, self.cx);
        }
        Continue(self)
    }

    //= https://www.rfc-editor.org/rfc/rfc7323#section-3.2
    //# If a
    //# non-<RST> segment is received without a TSopt, a TCP SHOULD silently
    //# drop the segment.
    fn is_unstamped(&self) -> bool {
        self.cx.profile.drops_unstamped && self.state.numbers().misses_timestamp(&self.segment)
    }

    fn is_acceptable(&self) -> bool {
        self.state.numbers().accept(self.segment.seq, self.segment.len())
    }

    /// What Table 6 refuses, and is processed all the same; of its text, nothing is taken.
    fn is_allowed(&mut self) -> bool {
        let at_a_closed_window = self.is_at_a_closed_window();
        let ends_a_simultaneous_open = self.ends_a_simultaneous_open();
        self.ack_now |= at_a_closed_window || ends_a_simultaneous_open;
        at_a_closed_window || ends_a_simultaneous_open || self.is_read_at_the_right_edge()
    }

    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
    //# If the RCV.WND is zero, no segments will be acceptable, but
    //# special allowance should be made to accept valid ACKs, URGs,
    //# and RSTs.
    // It is answered, too:
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.8.6.1
    //# it must still send an acknowledgment showing its next expected
    //# sequence number and current window (zero).
    fn is_at_a_closed_window(&self) -> bool {
        let numbers = self.state.numbers();
        numbers.rcv_wnd == 0 && self.segment.seq == numbers.rcv_nxt && !self.segment.has(Flags::SYN)
    }

    fn is_read_at_the_right_edge(&self) -> bool {
        let numbers = self.state.numbers();
        let is_there = self.segment.len() == 0 && self.segment.seq == numbers.rcv_nxt + numbers.rcv_wnd;
        is_there
            && match self.cx.profile.right_edge {
                RightEdge::Outside => false,
                RightEdge::ReadIfFull => self.state.has_filled_the_window() && !self.segment.has(Flags::RST),
                RightEdge::Inside => true,
            }
    }

    /// The SYN is the one that brought us here, and out of the window by now; but its ACK is of our SYN, and
    /// RFC 9293's Figure 7 has it end the handshake (appendix A.2). It is answered like everything that comes again.
    // linux v6.12 net/ipv4/tcp_input.c tcp_validate_incoming does the same (`goto pass`).
    fn ends_a_simultaneous_open(&self) -> bool {
        let Other::SynReceived(it) = &self.state else { return false };
        it.origin == Origin::SynSent
            && self.segment.has(Flags::SYN)
            && self.segment.end() == it.numbers.rcv_nxt
            && self.segment.ack == Some(it.numbers.snd_nxt)
    }

    fn unacceptable(mut self, outdated: bool) -> Step {
        let its_syn_again = self.is_its_syn_again();
        match &mut self.state {
            Other::TimeWait(it) if it.is_old_syn(&self.segment, self.cx.profile) => self.dropped(),
            Other::TimeWait(it) => {
                it.hear(&self.segment, outdated, self.cx);
                self.replied()
            }
            Other::SynReceived(_) if its_syn_again => self.with_the_syn_ack_again(),
            Other::SynReceived(_)
            | Other::Established(_)
            | Other::FinWait1(_)
            | Other::FinWait2(_)
            | Other::CloseWait(_)
            | Other::Closing(_)
            | Other::LastAck(_) => self.replied(),
        }
    }

    /// The answer to what is not acceptable. Text and FIN are always answered: they are no part of a loop of ACKs.
    // linux v6.12 net/ipv4/tcp_input.c tcp_oow_rate_limited
    fn replied(self) -> Step {
        let limited = self.segment.len() == 0 || self.segment.has(Flags::SYN);
        if limited { self.challenged() } else { self.acked() }
    }

    pub(super) fn is_its_syn_again(&self) -> bool {
        self.cx.profile.repeats_syn_ack
            && self.segment.has(Flags::SYN)
            && self.segment.ack.is_none()
            && self.segment.seq + 1 == self.state.numbers().rcv_nxt
    }

    pub(super) fn with_the_syn_ack_again(mut self) -> Step {
        let syn_ack = self.state.parts().syn_ack(self.cx);
        self.out.send.extend(syn_ack);
        self.dropped()
    }
}
