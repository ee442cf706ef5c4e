//! "A TIME-WAIT in another network namespace does not conflict": a container's waits are its own.

use serde::Serialize;

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    actors::Actor,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT},
};

pub(super) struct OtherNamespace;

/// Where the connection waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Elsewhere,
    Here,
}

/// What a plain bind(2) of the same address answered.
#[derive(Serialize)]
pub(super) struct Evidence {
    /// In the namespace where the connection waits: the control.
    there: Answer,
    here: Answer,
}

impl Claim for OtherNamespace {
    type Setup = Where;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "other-namespace",
        says: "a TIME-WAIT in another network namespace does not conflict",
        by: Voice::People("container users"),
        how: "In another network namespace, a connection closed first by its server, and a plain bind of the port there; then a plain bind \
              of the same address and port here. Control: there it is refused. Confirmed if here it succeeds.",
        if_confirmed: "Look for what holds a port in the namespace of the process that binds it, and nowhere else.",
        if_refuted: "Namespaces share their ports here.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Where = Where::Elsewhere;
    const CONTRARY: Option<Contrary<Where>> =
        Some(Contrary { what: "a connection waits in this namespace as well", setup: Where::Here });

    fn experiment(lab: &Lab, place: Where) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let (_elsewhere, there) = Actor::waiting_elsewhere(lab, host.at(PORT))?;
        lab.did(format!("bind {} there: {there}", host.at(PORT)));
        if place == Where::Here {
            let listener = host.listen(host.at(PORT), Flags::NONE)?;
            host.pair(&listener)?.close(Close::SERVER_FIRST).map_err(host.failed("the conversation"))?;
            drop(listener);
            host.settled(PORT)?;
        }
        host.look("here", PORT)?;
        Ok(Evidence { there, here: host.bind(host.at(PORT), Flags::NONE) })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let control = evidence.there.is_in_use();
        Verdict::given(
            control,
            "where the connection waits, bind is not refused either",
            evidence.here.is_ok(),
        )
    }

    fn decided_by(evidence: &Evidence) -> String {
        format!("bind there: {}, here: {}", evidence.there, evidence.here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_that_is_refused_here_too_refutes() {
        let in_use = || Answer::errno("EADDRINUSE");
        let judge = |there, here| OtherNamespace::judge(&Evidence { there, here });
        assert_eq!(judge(in_use(), Answer::ok()), Verdict::Confirmed);
        assert_eq!(judge(in_use(), in_use()), Verdict::Refuted);
        assert!(matches!(judge(Answer::ok(), Answer::ok()), Verdict::CouldNotTry(_)));
    }
}
