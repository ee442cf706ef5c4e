//! "Only a repeated FIN restarts the clock": what the standard's text implies.

use serde::Serialize;

use super::waiting_server::{Clock, WaitingServer};
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
};

pub(super) struct OnlyFinRearms;

#[derive(Serialize)]
pub(super) struct Evidence {
    /// What an old ACK without text did to it, which needs no answer by the standard but an ACK.
    clock: Clock,
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
              Control: enough of it had passed. Refuted if the wait ends later, by what had passed.",
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
        let (passed, end) = it.let_time_pass()?;
        if comes {
            it.wired.wire.replay(&it.ack, "an old ACK")?;
            it.settle()?;
        }
        let clock = Clock::of(&it, passed, end)?;
        it.wired.server.called("the end of the wait moved by", &format!("{} ms", clock.moved_ms));
        it.wired.draw("an old ACK that comes again");
        Ok(Evidence { clock })
    }

    fn judge(Evidence { clock }: &Evidence) -> Verdict {
        Verdict::given(clock.is_worn(), "no part of the wait had passed", !clock.was_started_again())
    }

    fn decided_by(Evidence { clock: Clock { passed_ms, moved_ms } }: &Evidence) -> String {
        format!("after {passed_ms} ms an old ACK, and the wait ends {moved_ms} ms later")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_clock_after_something_else_refutes() {
        let judge =
            |passed_ms, moved_ms| OnlyFinRearms::judge(&Evidence { clock: Clock { passed_ms, moved_ms } });
        assert_eq!(judge(700, 12), Verdict::Confirmed);
        assert_eq!(judge(700, 703), Verdict::Refuted);
        assert!(matches!(judge(20, 20), Verdict::CouldNotTry(_)));
    }
}
