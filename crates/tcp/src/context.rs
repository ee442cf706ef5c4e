use core::time::Duration;

use crate::{Instant, Options, Profile, Timestamps};

/// What a step is told besides what happens: when, and by which profile.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) profile: &'a Profile,
}

impl Context<'_> {
    /// TSval: our clock, in the profile's unit, going round.
    #[allow(clippy::cast_possible_truncation, reason = "a timestamp's clock goes round (RFC 7323 §3.1)")]
    pub(crate) fn timestamp(self) -> u32 {
        let unit = self.profile.timestamp_unit.as_nanos();
        self.now.since_start().as_nanos().checked_div(unit).unwrap_or(0) as u32
    }

    /// The options of a SYN that opens.
    pub(crate) fn offer(self) -> Options {
        Options {
            mss: Some(self.profile.mss),
            window_scale: self.profile.window_scale.map(|shift| shift.min(MAX_SHIFT)),
            sack_permitted: self.profile.sack_permitted,
            timestamps: self.profile.timestamps.then(|| Timestamps { value: self.timestamp(), echo: 0 }),
        }
    }

    /// The options of a SYN that answers one with these: what was not offered is not agreed to.
    //= https://www.rfc-editor.org/rfc/rfc7323#section-2.2
    //# If a Window Scale option was received in the initial <SYN>
    //# segment, then this option MAY be sent in the <SYN,ACK> segment.
    pub(crate) fn answer(self, offered: &Options) -> Options {
        let ours = self.offer();
        Options {
            mss: ours.mss,
            window_scale: offered.window_scale.and(ours.window_scale),
            sack_permitted: offered.sack_permitted && ours.sack_permitted,
            timestamps: offered.timestamps.and(ours.timestamps),
        }
    }

    /// The window of a SYN, which is never scaled.
    pub(crate) fn syn_window(self) -> u16 {
        u16::try_from(self.profile.window).unwrap_or(u16::MAX)
    }

    /// When a TIME-WAIT that starts now ends.
    pub(crate) fn time_wait_ends(self) -> Instant {
        self.now + self.profile.time_wait
    }

    /// When a FIN-WAIT-2 that nobody waits in from now on ends, if at all.
    pub(crate) fn fin_wait_2_ends(self) -> Option<Instant> {
        self.profile.fin_wait_2_timeout.map(|wait| self.now + wait)
    }

    /// When the user gives up on what is sent now, if at all.
    pub(crate) fn user_gives_up(self) -> Option<Instant> {
        self.profile.user_timeout.map(|wait| self.now + wait)
    }

    /// When a limited answer may be sent again after one at `last`.
    pub(crate) fn may_challenge(self, last: Option<Instant>) -> bool {
        match (self.profile.challenge_ack_every, last) {
            (Some(interval), Some(last)) => self.now.since(last) >= interval,
            (None, _) | (_, None) => true,
        }
    }

    /// A wait that has been doubled so many times, up to the profile's longest.
    pub(crate) fn doubled(self, wait: Duration, times: u8) -> Duration {
        let factor = 1_u32.checked_shl(u32::from(times)).unwrap_or(u32::MAX);
        wait.saturating_mul(factor).min(self.profile.max_timeout)
    }
}

/// The timestamps option and its padding (RFC 7323 appendix A).
pub(crate) const TIMESTAMPS_LEN: u16 = 12;
/// RFC 7323 §2.3: no larger shift is sent, and a larger one that comes is taken for this.
pub(crate) const MAX_SHIFT: u8 = 14;
