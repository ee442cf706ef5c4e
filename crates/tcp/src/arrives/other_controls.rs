//! Second, check the RST bit; third, check security; fourth, check the SYN bit.

use core::ops::ControlFlow::{Break, Continue};

use super::{Arrival, Verdict, reset};
use crate::{Event, Flags, On, Other, State, Step, profile::InWindow};

impl Arrival<'_, Other> {
    pub(super) fn second_check_rst(self) -> Verdict<Self> {
        if !self.segment.has(Flags::RST) {
            return Continue(self);
        }
        let (seq, rcv_nxt) = (self.segment.seq, self.state.numbers().rcv_nxt);
        Break(match (&self.state, self.cx.profile.in_window_rst) {
            // RFC 1337 §3, fix F1: "Ignore RST segments in TIME-WAIT state."
            (Other::TimeWait(_), _) if !self.cx.profile.rst_ends_time_wait => self.dropped(),
            (_, InWindow::Resets) => self.reset_by_peer(),
            (_, InWindow::Challenge) if seq == rcv_nxt => self.reset_by_peer(),
            // Its text reaches into the window, and so it has passed the first check.
            //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
            //# If the RST bit is set and the sequence number is outside
            //# the current receive window, silently drop the segment.
            (_, InWindow::Challenge) if seq.is_before(rcv_nxt) => self.dropped(),
            //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
            //# If the RST bit is set and the sequence number does not
            //# exactly match the next expected sequence value, yet is
            //# within the current receive window, TCP endpoints MUST send
            //# an acknowledgment (challenge ACK)
            (_, InWindow::Challenge) => self.challenged(),
        })
    }

    fn reset_by_peer(self) -> Step {
        let Self { state, mut out, .. } = self;
        let event = match &state {
            //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
            //# The user need not
            //# be informed.
            Other::SynReceived(it) => match it.way_back() {
                Some(back) => return out.end(On::Rst, back),
                None => Some(Event::Refused),
            },
            Other::Established(_) | Other::FinWait1(_) | Other::FinWait2(_) | Other::CloseWait(_) => {
                Some(Event::Reset)
            }
            Other::Closing(_) | Other::LastAck(_) | Other::TimeWait(_) => None,
        };
        out.events.extend(event);
        out.end(On::Rst, State::Closed)
    }

    /// Security compartments (RFC 9293 appendix A.1) are left out.
    pub(super) const fn third_check_security(self) -> Verdict<Self> {
        Continue(self)
    }

    pub(super) fn fourth_check_syn(self) -> Verdict<Self> {
        if !self.segment.has(Flags::SYN) {
            return Continue(self);
        }
        // What lies before the window is cut off; then this is no SYN any more, but what stands behind it.
        let cut_off = self.segment.seq.is_before(self.state.numbers().rcv_nxt);
        if let Other::SynReceived(it) = &self.state {
            if cut_off && self.is_its_syn_again() {
                return Break(self.with_the_syn_ack_again());
            }
            if cut_off {
                return Continue(self);
            }
            //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
            //# If the connection was initiated with a passive OPEN, then
            //# return this connection to the LISTEN state and return.
            //# Otherwise, handle per the directions for synchronized states
            if let Some(back) = it.way_back() {
                return Break(self.out.end(On::Syn, back));
            }
        }
        match self.cx.profile.in_window_syn {
            //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
            //# irrespective of the sequence number, TCP endpoints MUST send
            //# a "challenge ACK" to the remote peer
            InWindow::Challenge => Break(self.challenged()),
            InWindow::Resets if cut_off => Continue(self),
            InWindow::Resets => Break(self.reset_by_us(On::Syn)),
        }
    }

    /// An RST in answer to this segment, and the end.
    pub(super) fn reset_by_us(self, on: On) -> Step {
        let Self { segment, mut out, .. } = self;
        out.send.extend(reset(&segment));
        out.events.push(Event::Reset);
        out.end(on, State::Closed)
    }
}
