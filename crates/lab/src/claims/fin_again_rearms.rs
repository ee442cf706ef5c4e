//! "A repeated FIN is acknowledged and restarts the clock".

use serde::Serialize;
use timewait_tcp::Side::Right;

use super::waiting_server::{FRESH, WaitingServer};
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    wire::from,
};

pub(super) struct FinAgainRearms;

#[derive(Serialize)]
pub(super) struct Evidence {
    /// What was left before, and after.
    before_ms: u64,
    after_ms: u64,
    acknowledged: bool,
}

impl Claim for FinAgainRearms {
    /// Whether the FIN comes again.
    type Setup = bool;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "fin-again-rearms",
        says: "a FIN that comes again is acknowledged again, and restarts the clock",
        by: Voice::Standard("RFC 9293 §3.10.7.4"),
        how: "When a part of the server's wait has passed, the wire sends the client's FIN once more. Confirmed if an ACK comes back and the \
              whole wait is left again.",
        if_confirmed: "The wait is counted from the last FIN, not from the first: a peer that keeps asking keeps the socket.",
        if_refuted: "The clock runs on, or nobody answers.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: bool = true;
    const CONTRARY: Option<Contrary<bool>> = Some(Contrary { what: "it does not come again", setup: false });

    fn experiment(lab: &Lab, again: bool) -> Result<Evidence, Trouble> {
        let it = WaitingServer::spared(lab)?;
        let before = it.let_time_pass()?;
        let mut acknowledged = false;
        if again {
            it.wired.wire.mark()?;
            it.wired.wire.replay(&it.fin, "the client's FIN")?;
            let answer = it.wired.wire.await_packet("the answer", from(Right))?;
            acknowledged = answer.segment.ack == Some(it.fin.segment.end());
        }
        let after = it.left()?.unwrap_or_default();
        it.wired.server.called("left of the wait", &format!("{before:.1?}, then {after:.1?}"));
        it.wired.draw("a FIN that comes again");
        Ok(Evidence { before_ms: ms(before), after_ms: ms(after), acknowledged })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let worn = evidence.before_ms < ms(FRESH);
        let fresh = evidence.after_ms > ms(FRESH);
        Verdict::given(worn, "no part of the wait had passed", evidence.acknowledged && fresh)
    }

    fn decided_by(Evidence { before_ms, after_ms, acknowledged }: &Evidence) -> String {
        let back = if *acknowledged { "ACK" } else { "no ACK" };
        format!("{before_ms} ms left, then {back} and {after_ms} ms left")
    }
}

pub(super) fn ms(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_both_the_ack_and_a_fresh_clock() {
        let judge = |before_ms, after_ms, acknowledged| {
            FinAgainRearms::judge(&Evidence { before_ms, after_ms, acknowledged })
        };
        assert_eq!(judge(59_000, 60_000, true), Verdict::Confirmed);
        assert_eq!(judge(59_000, 58_990, true), Verdict::Refuted);
        assert_eq!(judge(59_000, 60_000, false), Verdict::Refuted);
        assert!(matches!(judge(60_000, 60_000, true), Verdict::CouldNotTry(_)));
    }
}
