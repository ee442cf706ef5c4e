//! "A server that closed first cannot be started again": the article's third part.

use serde::Serialize;

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT, waiting_at},
};

pub(super) struct RestartRefused;

#[derive(Serialize)]
pub(super) struct Evidence {
    /// bind(2) before anything waited: the control.
    first: Answer,
    waiting: usize,
    /// bind(2) once the server had ended.
    again: Answer,
}

impl Claim for RestartRefused {
    /// Who closes first.
    type Setup = Close;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "restart-refused",
        says: "a server that closed first cannot be started again",
        by: Voice::Article(3),
        how: "The article's first program, without options: one client, closed first by the server; the server ends, and bind(2) is \
              tried again. Control: the first time it passed. Confirmed if it answers EADDRINUSE now.",
        if_confirmed: "Nobody listens any more, and still the port is taken: by the connection that waits.",
        if_refuted: "The connection that waits does not keep the port.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Close = Close::SERVER_FIRST;
    const CONTRARY: Option<Contrary<Close>> =
        Some(Contrary { what: "the client closes first", setup: Close::CLIENT_FIRST });

    fn experiment(lab: &Lab, close: Close) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let address = host.any(PORT);
        let first = host.start(address, Flags::NONE);
        let Some(listener) = first.listener else {
            return Ok(Evidence { first: first.bind.clone(), waiting: 0, again: first.bind });
        };
        host.pair(&listener)?.close(close).map_err(host.failed("the conversation"))?;
        drop(listener);
        host.did("the server ends");
        host.settled(PORT)?;
        let rows = host.look("after its end", PORT)?;
        let again = host.bind(address, Flags::NONE);
        Ok(Evidence { first: first.bind, waiting: waiting_at(&rows, PORT), again })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        Verdict::given(
            evidence.first.is_ok(),
            "the port was taken from the beginning",
            evidence.again.is_in_use(),
        )
    }

    fn decided_by(evidence: &Evidence) -> String {
        format!("bind: {}, then {} ({} waiting)", evidence.first, evidence.again, evidence.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_second_bind_that_finds_the_address_in_use_confirms() {
        let seen =
            |first: Answer, again: Answer| RestartRefused::judge(&Evidence { first, waiting: 1, again });
        let in_use = || Answer::errno("EADDRINUSE");
        assert_eq!(seen(Answer::ok(), in_use()), Verdict::Confirmed);
        assert_eq!(seen(Answer::ok(), Answer::ok()), Verdict::Refuted);
        assert!(matches!(seen(in_use(), in_use()), Verdict::CouldNotTry(_)));
    }
}
