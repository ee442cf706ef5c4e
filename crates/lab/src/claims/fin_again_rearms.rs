//! "A repeated FIN is acknowledged and restarts the clock".

use serde::Serialize;
use timewait_tcp::Side::Right;

use super::waiting_server::{Clock, WaitingServer};
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    wire::from,
};

pub(super) struct FinAgainRearms;

#[derive(Serialize)]
pub(super) struct Evidence {
    clock: Clock,
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
        how: "When a part of the server's wait has passed, the wire sends the client's FIN once more. Control: enough of it \
              had passed. Confirmed if an ACK comes back and the wait ends later, by what had passed.",
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
        let (passed, end) = it.let_time_pass()?;
        let mut acknowledged = false;
        if again {
            it.wired.wire.mark()?;
            it.wired.wire.replay(&it.fin, "the client's FIN")?;
            let answer = it.wired.wire.await_packet("the answer", from(Right))?;
            acknowledged = answer.segment.ack == Some(it.fin.segment.end());
        }
        let clock = Clock::of(&it, passed, end)?;
        it.wired.server.called("the end of the wait moved by", &format!("{} ms", clock.moved_ms));
        it.wired.draw("a FIN that comes again");
        Ok(Evidence { clock, acknowledged })
    }

    fn judge(Evidence { clock, acknowledged }: &Evidence) -> Verdict {
        let otherwise = "no part of the wait had passed";
        Verdict::given(clock.is_worn(), otherwise, *acknowledged && clock.was_started_again())
    }

    fn decided_by(Evidence { clock: Clock { passed_ms, moved_ms }, acknowledged }: &Evidence) -> String {
        let back = if *acknowledged { "ACK" } else { "no ACK" };
        format!("after {passed_ms} ms: {back}, and the wait ends {moved_ms} ms later")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_both_the_ack_and_a_fresh_clock() {
        let judge = |passed_ms, moved_ms, acknowledged| {
            FinAgainRearms::judge(&Evidence { clock: Clock { passed_ms, moved_ms }, acknowledged })
        };
        assert_eq!(judge(700, 701, true), Verdict::Confirmed);
        assert_eq!(judge(700, 60, true), Verdict::Refuted);
        assert_eq!(judge(700, 701, false), Verdict::Refuted);
        assert!(matches!(judge(20, 21, true), Verdict::CouldNotTry(_)));
        assert_eq!(judge(30_000, 30_000, true), Verdict::Confirmed, "however long it took");
    }
}
