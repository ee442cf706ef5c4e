//! "`SO_REUSEADDR` avoids TIME-WAIT": the article's words, taken at face value.

use serde::Serialize;

use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT, waiting_at},
};

pub(super) struct ReuseaddrPrevents;

/// Rows in TIME-WAIT on the server's side, after as many connections.
#[derive(Serialize)]
pub(super) struct Evidence {
    connections: usize,
    without: usize,
    with: usize,
}

const CONNECTIONS: usize = 4;

impl Claim for ReuseaddrPrevents {
    /// How the connections of the server with the option are closed.
    type Setup = Close;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "reuseaddr-prevents",
        says: "SO_REUSEADDR avoids TIME-WAIT",
        by: Voice::Article(5),
        how: "As many connections to a server without the option and to one with it, all closed first by the server; then the rows in \
              TIME-WAIT are counted. Control: without it there are as many rows as connections. Confirmed if with it there are fewer.",
        if_confirmed: "With the option there is less TIME-WAIT.",
        if_refuted: "There is as much TIME-WAIT as before; the option only lets a bind pass it.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::REFUTED_BY_6_18,
    };
    const AS_SAID: Close = Close::SERVER_FIRST;
    const CONTRARY: Option<Contrary<Close>> = Some(Contrary {
        what: "the clients of the server with the option close first",
        setup: Close::CLIENT_FIRST,
    });

    fn experiment(lab: &Lab, close: Close) -> Result<Evidence, Trouble> {
        Ok(Evidence {
            connections: CONNECTIONS,
            without: waiting(lab, PORT, Flags::NONE, Close::SERVER_FIRST)?,
            with: waiting(lab, PORT + 1, Flags::REUSEADDR, close)?,
        })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let control = evidence.without == evidence.connections;
        Verdict::given(control, "not every connection left a row", evidence.with < evidence.without)
    }

    fn decided_by(evidence: &Evidence) -> String {
        format!(
            "{} connections: {} rows without it, {} with it",
            evidence.connections, evidence.without, evidence.with
        )
    }
}

fn waiting(lab: &Lab, port: u16, flags: Flags, close: Close) -> Result<usize, Trouble> {
    lab.case(format!("server with {flags}"));
    let host = lab.alone()?;
    let listener = host.listen(host.any(port), flags)?;
    for _ in 0..CONNECTIONS {
        host.pair(&listener)?.close(close).map_err(host.failed("the conversation"))?;
    }
    host.settled(port)?;
    Ok(waiting_at(&host.look("after all have closed", port)?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_rows_with_it_confirm_and_as_many_refute() {
        let judge = |without, with| ReuseaddrPrevents::judge(&Evidence { connections: 4, without, with });
        assert_eq!(judge(4, 0), Verdict::Confirmed);
        assert_eq!(judge(4, 3), Verdict::Confirmed);
        assert_eq!(judge(4, 4), Verdict::Refuted);
        assert!(matches!(judge(0, 0), Verdict::CouldNotTry(_)));
    }
}
