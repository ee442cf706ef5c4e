//! "Only a repeated FIN restarts the clock": what the standard's text implies.

use serde::Serialize;

use super::{
    fin_again_rearms::ms,
    waiting_server::{FRESH, WaitingServer},
};
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
};

pub(super) struct OnlyFinRearms;

#[derive(Serialize)]
pub(super) struct Evidence {
    before_ms: u64,
    /// After an old ACK without text, which needs no answer by the standard but an ACK.
    after_ms: u64,
}

impl Claim for OnlyFinRearms {
    /// Whether the old segment comes.
    type Setup = bool;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "only-fin-rearms",
        says: "only a FIN that comes again restarts the clock of TIME-WAIT",
        by: Voice::Standard("RFC 9293 §3.10.7.4"),
        how: "When a part of the server's wait has passed, the wire sends an old ACK of the client's once more, one from before any FIN. \
              Refuted if the whole wait is left again.",
        if_confirmed: "What is no FIN does not prolong the wait.",
        if_refuted: "On Linux any old segment with an ACK restarts the clock (net/ipv4/tcp_minisocks.c, tcp_timewait_state_process): a socket \
                     in TIME-WAIT that hears from the past stays longer.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::REFUTED_BY_6_18,
    };
    const AS_SAID: bool = true;
    const CONTRARY: Option<Contrary<bool>> = Some(Contrary { what: "nothing comes", setup: false });

    fn experiment(lab: &Lab, comes: bool) -> Result<Evidence, Trouble> {
        let it = WaitingServer::spared(lab)?;
        let before = it.let_time_pass()?;
        if comes {
            it.wired.wire.replay(&it.ack, "an old ACK")?;
            it.settle()?;
        }
        let after = it.left()?.unwrap_or_default();
        it.wired.server.called("left of the wait", &format!("{before:.1?}, then {after:.1?}"));
        it.wired.draw("an old ACK that comes again");
        Ok(Evidence { before_ms: ms(before), after_ms: ms(after) })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let worn = evidence.before_ms < ms(FRESH);
        Verdict::given(worn, "no part of the wait had passed", evidence.after_ms < ms(FRESH))
    }

    fn decided_by(Evidence { before_ms, after_ms }: &Evidence) -> String {
        format!("{before_ms} ms left, then an old ACK, and {after_ms} ms left")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_clock_after_something_else_refutes() {
        let judge = |before_ms, after_ms| OnlyFinRearms::judge(&Evidence { before_ms, after_ms });
        assert_eq!(judge(59_000, 58_990), Verdict::Confirmed);
        assert_eq!(judge(59_000, 60_000), Verdict::Refuted);
        assert!(matches!(judge(60_000, 60_000), Verdict::CouldNotTry(_)));
    }
}
