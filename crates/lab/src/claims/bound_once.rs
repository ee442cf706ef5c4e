//! "One address and port can be bound only once at a time": the article, in passing.

use serde::Serialize;

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Flags, PORT},
};

pub(super) struct BoundOnce;

#[derive(Serialize)]
pub(super) struct Evidence {
    seconds: Vec<Second>,
}

/// A second server, started while the first, with the same options, listens.
#[derive(Serialize)]
pub(super) struct Second {
    options: Flags,
    first: Answer,
    second: Answer,
}

impl Claim for BoundOnce {
    /// The options that both servers have, one try each.
    type Setup = &'static [Flags];
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "bound-once",
        says: "one address and port can be bound only once at a time",
        by: Voice::Article(3),
        how: "Two live listeners on one address and port: both without options, both with SO_REUSEADDR, both with SO_REUSEPORT. \
              Control: the first one listens. Confirmed if the second is refused each time.",
        if_confirmed: "No option lets two servers listen on one address and port.",
        if_refuted: "With SO_REUSEPORT on both, and the same user, two servers listen side by side, and the kernel splits the \
                     connections between them.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::REFUTED_BY_6_18,
    };
    const AS_SAID: Self::Setup = &[Flags::NONE, Flags::REUSEADDR, Flags::REUSEPORT];
    const CONTRARY: Option<Contrary<Self::Setup>> =
        Some(Contrary { what: "SO_REUSEPORT left out", setup: &[Flags::NONE, Flags::REUSEADDR] });

    fn experiment(lab: &Lab, options: Self::Setup) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let seconds = (PORT..).zip(options).map(|(port, &options)| {
            lab.case(format!("both with {options}"));
            let first = host.start(host.any(port), options);
            let second = host.start(host.any(port), options);
            Second { options, first: first.answer(), second: second.answer() }
        });
        Ok(Evidence { seconds: seconds.collect() })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let control = !evidence.seconds.is_empty() && evidence.seconds.iter().all(|try_| try_.first.is_ok());
        let only_once = evidence.seconds.iter().all(|try_| !try_.second.is_ok());
        Verdict::given(control, "not even the first server could be started", only_once)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let told =
            evidence.seconds.iter().map(|Second { options, second, .. }| format!("{options}: {second}"));
        told.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(seconds: [Answer; 2]) -> Verdict {
        let second = |second| Second { options: Flags::NONE, first: Answer::ok(), second };
        BoundOnce::judge(&Evidence { seconds: seconds.map(second).into() })
    }

    #[test]
    fn one_second_listener_is_enough_to_refute() {
        let in_use = || Answer::errno("EADDRINUSE");
        assert_eq!(judge([in_use(), in_use()]), Verdict::Confirmed);
        assert_eq!(judge([in_use(), Answer::ok()]), Verdict::Refuted);
        assert!(matches!(BoundOnce::judge(&Evidence { seconds: vec![] }), Verdict::CouldNotTry(_)));
    }
}
