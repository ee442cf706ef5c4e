//! "A newer SYN reopens a waiting connection at once".

use serde::Serialize;
use timewait_tcp::{
    Flags as Control,
    Side::{Left, Right},
};

use super::waiting_server::WaitingServer;
use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Dial, PORT},
    wire::from,
};

pub(super) struct SynReopens;

/// The number before the client's first, in its first connection.
const ISS: u32 = 3_000_000_000;
const CLIENT: u16 = 40_000;

/// A second connection between the same addresses and ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    /// Its first number, less one.
    iss: u32,
    timestamps: bool,
}

const NEWER: Again = Again { iss: ISS + 1_000_000, timestamps: false };
const OLDER: Again = Again { iss: ISS - 1_000_000, timestamps: false };
const OLDER_WITH_TIMESTAMPS: Again = Again { timestamps: true, ..OLDER };

#[derive(Serialize)]
pub(super) struct Evidence {
    newer: Reopening,
    older: Reopening,
    older_with_timestamps: Reopening,
}

#[derive(Clone, Serialize)]
pub(super) struct Reopening {
    /// What came back to the SYN: `SYN-ACK` or `ACK`.
    first_answer: &'static str,
    /// What connect(2) answered in the end.
    connect: Answer,
}

impl Claim for SynReopens {
    /// The connection of which the sentence speaks.
    type Setup = Again;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "syn-reopens",
        says: "a newer SYN reopens a connection in TIME-WAIT at once",
        by: Voice::Standard("RFC 1122 §4.2.2.13, RFC 6191"),
        how: "The server waits; the client connects again from the same port. Its first number is newer than all of the old connection's, \
              or older; the latter also with timestamps, which are newer. Control: the older SYN draws an ACK, \
              so it is the wait that answers. Confirmed if the newer one is answered by a SYN-ACK at once.",
        if_confirmed: "A server's TIME-WAIT does not keep its clients out: newer numbers, or newer timestamps, prove that a SYN is not old.",
        if_refuted: "The SYN is not accepted at once.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Again = NEWER;
    const CONTRARY: Option<Contrary<Again>> =
        Some(Contrary { what: "its first number is older", setup: OLDER });

    fn experiment(lab: &Lab, again: Again) -> Result<Evidence, Trouble> {
        Ok(Evidence {
            newer: reopen(lab, "as said", again)?,
            older: reopen(lab, "an older number", OLDER)?,
            older_with_timestamps: reopen(lab, "an older number, newer timestamps", OLDER_WITH_TIMESTAMPS)?,
        })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        // An older SYN shows that the socket in TIME-WAIT is the one that answers.
        let control = evidence.older.first_answer == "ACK";
        Verdict::given(control, "an older SYN was accepted too", evidence.newer.first_answer == "SYN-ACK")
    }

    fn decided_by(Evidence { newer, older, older_with_timestamps }: &Evidence) -> String {
        format!(
            "newer: {}; older: {}; older, newer timestamp: {}",
            newer.first_answer, older.first_answer, older_with_timestamps.first_answer
        )
    }
}

fn reopen(lab: &Lab, case: &str, again: Again) -> Result<Reopening, Trouble> {
    lab.case(case);
    let it = WaitingServer::new(lab, |wired| {
        wired.set("net.ipv4.tcp_timestamps", if again.timestamps { "1" } else { "0" })?;
        Ok(Dial { iss: Some(ISS), ..Dial::again_from(wired.client.at(CLIENT)) })
    })?;
    let dial = Dial { iss: Some(again.iss), ..Dial::again_from(it.wired.client.at(CLIENT)) };
    it.let_timestamps_advance()?;
    it.wired.wire.mark()?;
    let outcome = it.wired.client.connect(it.wired.server.reached_at(&it.listener), dial);
    let connect = Answer::of(&outcome);
    it.wired.client.called(format!("connect from port {CLIENT} to {PORT} again"), &connect);
    it.wired.wire.await_packet("the second SYN", from(Left).syn())?;
    let answer = it.wired.wire.await_packet("the answer to it", from(Right))?;
    it.wired.draw(case);
    let first_answer = if answer.segment.has(Control::SYN) { "SYN-ACK" } else { "ACK" };
    Ok(Reopening { first_answer, connect })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_to_the_newer_syn_decides() {
        let reopening = |first_answer| Reopening { first_answer, connect: Answer::ok() };
        let judge = |newer, older| {
            SynReopens::judge(&Evidence {
                newer: reopening(newer),
                older: reopening(older),
                older_with_timestamps: reopening("SYN-ACK"),
            })
        };
        assert_eq!(judge("SYN-ACK", "ACK"), Verdict::Confirmed);
        assert_eq!(judge("ACK", "ACK"), Verdict::Refuted);
        assert!(matches!(judge("SYN-ACK", "SYN-ACK"), Verdict::CouldNotTry(_)));
    }
}
