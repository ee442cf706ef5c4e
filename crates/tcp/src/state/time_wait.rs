use super::{Numbers, Origin};
use crate::{Context, Flags, Instant, Profile, Segment, Seq, SynReceived, profile::Reopens};

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

    /// The wait starts anew.
    pub(crate) fn restart(&mut self, cx: Context<'_>) {
        self.expires_at = cx.time_wait_ends();
    }

    /// Whether this is the peer's FIN once more.
    pub(crate) fn is_its_fin(&self, segment: &Segment) -> bool {
        segment.has(Flags::FIN) && segment.end() == self.numbers.rcv_nxt
    }

    /// Whether this SYN may open the connection anew, if somebody listens. See [`Profile::reopens`].
    pub fn reopens(&self, segment: &Segment, profile: &Profile) -> bool {
        let bare = segment.has(Flags::SYN) && !segment.has(Flags::RST) && segment.ack.is_none();
        let dropped = segment.has(Flags::FIN) && profile.drops_syn_with_fin;
        // linux v6.12 net/ipv4/tcp_minisocks.c tcp_timewait_state_process: after(seq, rcv_nxt). RCV.NXT itself was
        // never used, but no kernel takes it.
        let higher = segment.seq.is_after(self.numbers.rcv_nxt);
        let stamp = segment.options.timestamps.filter(|_| profile.timestamps).map(|stamp| stamp.value);
        bare && !dropped
            && match (profile.reopens, self.numbers.ts_recent, stamp) {
                (Reopens::Never, _, _) => false,
                (Reopens::OnHigherNumber, _, _) | (Reopens::Linux, None, _) | (Reopens::Linux, _, None) => {
                    higher
                }
                //= https://www.rfc-editor.org/rfc/rfc6191#section-2
                //# honor the connection request
                (Reopens::Rfc6191, Some(recent), Some(stamp)) => {
                    Seq::new(stamp).is_after(Seq::new(recent)) || (stamp == recent && self.is_new(segment))
                }
                (Reopens::Rfc6191, None, Some(_)) => true,
                (Reopens::Rfc6191, _, None) => self.is_new(segment),
                (Reopens::Linux, Some(recent), Some(stamp)) => {
                    let newer = Seq::new(stamp).is_after(Seq::new(recent));
                    newer || (higher && stamp == recent)
                }
            }
    }

    /// Whether its number is above the last one seen.
    fn is_new(&self, segment: &Segment) -> bool {
        !segment.seq.is_before(self.numbers.rcv_nxt)
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
            Origin::Listen(super::Listen { iss })
        };
        SynReceived::new(origin, iss, segment, cx)
    }
}
