use super::{Listen, Numbers, Origin};
use crate::{
    Context, Flags, Instant, Profile, Segment, Seq, SynReceived,
    profile::{Reopens, Restarts},
};

/// TIME-WAIT: both have closed. It stays, to acknowledge the peer's FIN again if our last ACK was lost, and to keep old
/// segments out of the next connection between the same two ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TimeWait {
    pub(crate) numbers: Numbers,
    pub(crate) expires_at: Instant,
}

impl TimeWait {
    /// Both FINs are acknowledged, the peer's by us and perhaps in vain.
    pub(crate) fn new(numbers: Numbers, cx: Context<'_>) -> Self {
        Self { numbers, expires_at: cx.time_wait_ends() }
    }

    /// When it ends.
    pub const fn expires_at(&self) -> Instant {
        self.expires_at
    }

    /// A segment has come that is no part of a new connection: the wait may start anew.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
    //# The only thing that can arrive in this state is a
    //# retransmission of the remote FIN.  Acknowledge it, and
    //# restart the 2 MSL timeout.
    pub(crate) fn hear(&mut self, segment: &Segment, outdated: bool, cx: Context<'_>) {
        let is_its_fin = segment.has(Flags::FIN) && segment.end() == self.numbers.rcv_nxt;
        let restarts = match cx.profile.time_wait_restarts {
            Restarts::OnFin => is_its_fin && !outdated,
            Restarts::OnAnyAck => segment.ack.is_some() || outdated,
        };
        if restarts {
            self.expires_at = cx.time_wait_ends();
        }
    }

    /// An ACK and nothing else is not answered: two in TIME-WAIT would never stop.
    pub(crate) fn is_bare_ack(&self, segment: &Segment) -> bool {
        segment.len() == 0 && segment.seq == self.numbers.rcv_nxt
    }

    /// Whether RFC 6191 takes it for an old SYN: no word then that its sender could misunderstand.
    //= https://www.rfc-editor.org/rfc/rfc6191#section-2
    //# silently drop the incoming SYN segment
    pub(crate) fn is_old_syn(&self, segment: &Segment, profile: &Profile) -> bool {
        profile.reopens == Reopens::Rfc6191 && is_bare_syn(segment) && !self.reopens(segment, profile)
    }

    /// Whether this SYN may open the connection anew, if somebody listens: whether it must be later than everything
    /// that was seen of the old one, as [`Profile::reopens`] understands it.
    pub fn reopens(&self, segment: &Segment, profile: &Profile) -> bool {
        if !is_bare_syn(segment) || (segment.has(Flags::FIN) && profile.drops_syn_with_fin) {
            return false;
        }
        let expected = self.numbers.rcv_nxt;
        // The last that was seen is the FIN's.
        let is_above_all_seen = segment.seq.is_after(expected - 1);
        let stamp =
            segment.options.timestamps.filter(|_| profile.timestamps).map(|stamp| Seq::new(stamp.value));
        let recent = self.numbers.ts_recent();
        match (profile.reopens, recent, stamp) {
            (Reopens::Never, _, _) => false,
            //= https://www.rfc-editor.org/rfc/rfc6191#section-2
            //# honor the connection request
            (Reopens::Rfc6191, Some(recent), Some(stamp)) => {
                stamp.is_after(recent) || (stamp == recent && is_above_all_seen)
            }
            (Reopens::Rfc6191, None, Some(_)) => true,
            (Reopens::Rfc6191, _, None) => is_above_all_seen,
            // linux v6.12 net/ipv4/tcp_minisocks.c tcp_timewait_state_process: `after(seq, rcv_nxt)`, and so not RCV.NXT
            // itself, although no octet has had it.
            (Reopens::Linux, Some(recent), Some(stamp)) => {
                stamp.is_after(recent) || (stamp == recent && segment.seq.is_after(expected))
            }
            (Reopens::OnHigherNumber, _, _) | (Reopens::Linux, None, _) | (Reopens::Linux, _, None) => {
                segment.seq.is_after(expected)
            }
        }
    }

    /// That SYN has come, and opens the connection anew.
    //= https://www.rfc-editor.org/rfc/rfc9293#section-3.6.1
    //# assigns its initial sequence number for the new connection to be
    //# larger than the largest sequence number it used on the previous
    //# connection incarnation
    pub(crate) fn syn(self, segment: &Segment, cx: Context<'_>) -> SynReceived {
        let iss = self.numbers.snd_nxt + cx.profile.reopening_isn_step;
        let origin = if cx.profile.returns_to_time_wait {
            Origin::TimeWait(self)
        } else {
            Origin::Listen(Listen { iss })
        };
        SynReceived::new(origin, iss, segment, cx)
    }
}

/// A SYN that could open: no ACK, no RST.
fn is_bare_syn(segment: &Segment) -> bool {
    segment.has(Flags::SYN) && !segment.has(Flags::RST) && segment.ack.is_none()
}
