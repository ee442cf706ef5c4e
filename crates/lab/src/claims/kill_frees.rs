//! "Ending the TIME-WAIT sockets frees the port": what `ss -K` and `timewait free` do.

use serde::Serialize;
use timewait_facts::{Socket, State};

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT, waiting_at},
};

pub(super) struct KillFrees;

/// Which of the sockets that wait are ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    All,
    AllButOne,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    waiting: usize,
    /// bind(2) while they wait: the control.
    before: Answer,
    ended: usize,
    left: usize,
    after: Answer,
}

const CONNECTIONS: usize = 3;

impl Claim for KillFrees {
    type Setup = Ends;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "kill-frees",
        says: "ending the sockets in TIME-WAIT frees the port",
        by: Voice::People("ss -K users"),
        how: "Three connections closed first by the server, the server's end, and a plain bind; each row is ended by SOCK_DESTROY; a plain \
              bind again. Control: the first bind answers EADDRINUSE. Confirmed if the second succeeds.",
        if_confirmed: "`timewait free` gives the port back at once, at the price of what TIME-WAIT protects.",
        if_refuted: "Ending the sockets does not help here: wait, or set SO_REUSEADDR.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Ends = Ends::All;
    const CONTRARY: Option<Contrary<Ends>> =
        Some(Contrary { what: "one of them is left", setup: Ends::AllButOne });

    fn experiment(lab: &Lab, ends: Ends) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let listener = host.listen(host.any(PORT), Flags::NONE)?;
        for _ in 0..CONNECTIONS {
            host.pair(&listener)?.close(Close::SERVER_FIRST).map_err(host.failed("the conversation"))?;
        }
        drop(listener);
        host.settled(PORT)?;
        let rows = host.look("after the server's end", PORT)?;
        let before = host.bind(host.any(PORT), Flags::NONE);
        let spared = usize::from(ends == Ends::AllButOne);
        let waits = |row: &&Socket| row.state == State::TimeWait && row.local.port() == PORT;
        let mut ended = 0;
        for row in rows.iter().filter(waits).skip(spared) {
            host.end(row)?;
            ended += 1;
        }
        let left = waiting_at(&host.look("when they were ended", PORT)?, PORT);
        let after = host.bind(host.any(PORT), Flags::NONE);
        Ok(Evidence { waiting: waiting_at(&rows, PORT), before, ended, left, after })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let control = evidence.before.is_in_use() && evidence.ended > 0;
        Verdict::given(control, "the port was free before, or none could be ended", evidence.after.is_ok())
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Evidence { waiting, before, ended, left, after } = evidence;
        format!("{waiting} waiting: {before}; {ended} ended, {left} left: {after}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(before: Answer, ended: usize, after: Answer) -> Evidence {
        Evidence { waiting: 3, before, ended, left: 3 - ended, after }
    }

    #[test]
    fn a_bind_that_succeeds_afterwards_confirms_and_one_that_does_not_refutes() {
        let in_use = || Answer::errno("EADDRINUSE");
        assert_eq!(KillFrees::judge(&evidence(in_use(), 3, Answer::ok())), Verdict::Confirmed);
        assert_eq!(KillFrees::judge(&evidence(in_use(), 3, in_use())), Verdict::Refuted);
        assert!(matches!(
            KillFrees::judge(&evidence(Answer::ok(), 3, Answer::ok())),
            Verdict::CouldNotTry(_)
        ));
        assert!(matches!(KillFrees::judge(&evidence(in_use(), 0, in_use())), Verdict::CouldNotTry(_)));
    }
}
