//! "After one client netstat shows two rows": the article's second part, seen as it was seen there.

use serde::Serialize;
use timewait_facts::State;

use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT, waiting_at, waiting_towards},
};

pub(super) struct TwoRows;

/// Rows with the server's port while the server goes on listening.
#[derive(Serialize)]
pub(super) struct Evidence {
    /// Before any client: the control.
    before: usize,
    /// After one.
    after: usize,
    listen: usize,
    time_wait_at_server: usize,
    time_wait_at_client: usize,
}

impl Claim for TwoRows {
    /// Who closes first.
    type Setup = Close;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "two-rows",
        says: "after one client there are two rows: the server's in LISTEN, and one in TIME-WAIT",
        by: Voice::Article(2),
        how: "The article's first program serves one client: it writes its 22 bytes and closes first; then the rows with its port. Control: \
              before, its row in LISTEN was the only one. Confirmed if there are two, that and one of the server's in TIME-WAIT.",
        if_confirmed: "The client has no row any more: who connected and read to the end is done with it.",
        if_refuted: "Other rows than these are left of one connection.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Close = Close::SERVER_FIRST;
    const CONTRARY: Option<Contrary<Close>> =
        Some(Contrary { what: "the client closes first", setup: Close::CLIENT_FIRST });

    fn experiment(lab: &Lab, close: Close) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let listener = host.listen(host.any(PORT), Flags::NONE)?;
        let before = host.look("before any client", PORT)?.len();
        host.pair(&listener)?.close(close).map_err(host.failed("the conversation"))?;
        host.settled(PORT)?;
        let rows = host.look("after one client", PORT)?;
        Ok(Evidence {
            before,
            after: rows.len(),
            listen: rows.iter().filter(|row| row.state == State::Listen).count(),
            time_wait_at_server: waiting_at(&rows, PORT),
            time_wait_at_client: waiting_towards(&rows, PORT),
        })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let these = (evidence.after, evidence.listen, evidence.time_wait_at_server) == (2, 1, 1);
        Verdict::given(evidence.before == 1, "the server's row was not the only one before", these)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Evidence { after, listen, time_wait_at_server: server, time_wait_at_client: client, .. } =
            evidence;
        format!("{after} rows: {listen} listens, {server} waits at the server, {client} at the client")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(
        before: usize,
        listen: usize,
        time_wait_at_server: usize,
        time_wait_at_client: usize,
    ) -> Verdict {
        let after = listen + time_wait_at_server + time_wait_at_client;
        TwoRows::judge(&Evidence { before, after, listen, time_wait_at_server, time_wait_at_client })
    }

    #[test]
    fn just_the_two_rows_confirm() {
        assert_eq!(judge(1, 1, 1, 0), Verdict::Confirmed);
        for (listen, server, client) in [(1, 0, 1), (1, 1, 1), (1, 0, 0), (0, 1, 0), (1, 2, 0)] {
            assert_eq!(judge(1, listen, server, client), Verdict::Refuted);
        }
    }

    #[test]
    fn rows_that_were_there_before_decide_nothing() {
        assert!(matches!(judge(0, 1, 1, 0), Verdict::CouldNotTry(_)));
        assert!(matches!(judge(2, 1, 1, 0), Verdict::CouldNotTry(_)));
    }
}
