//! "A restart passes if old and new server share an option": all sixteen pairs of old and new options, tried.

use serde::Serialize;

use super::restart::{Plan, Restart, restart};
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Flags, PORT},
};

pub(super) struct SharedOption;

/// The options by which a port is shared, and both, and none.
const OPTIONS: [Flags; 4] = [Flags::NONE, Flags::REUSEADDR, Flags::REUSEPORT, Flags::BOTH];

#[derive(Serialize)]
pub(super) struct Evidence {
    /// The restart of each by each.
    restarts: Vec<Restart>,
}

impl Claim for SharedOption {
    /// Whether the old server goes on listening.
    type Setup = bool;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "shared-option",
        says: "a restart passes what waits if, and only if, the old and the new server share an option",
        by: Voice::Nobody,
        how: "An old server closes a client first and ends; a new one is started. Each with no option, SO_REUSEADDR, SO_REUSEPORT, and both: \
              sixteen pairs. Control: each time a connection waits. Confirmed if those pairs pass that have an option in common, and no \
              other.",
        if_confirmed: "It takes two: the option must be on what waits and on what binds. Set it in every server, before it is needed.",
        if_refuted: "More than what waits stands in the way, or another rule decides here.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: bool = false;
    const CONTRARY: Option<Contrary<bool>> =
        Some(Contrary { what: "the old server goes on listening", setup: true });

    fn experiment(lab: &Lab, stays: bool) -> Result<Evidence, Trouble> {
        let pairs = OPTIONS.into_iter().flat_map(|old| OPTIONS.map(|new| Plan { old, new, stays }));
        let restarts = (PORT..).zip(pairs).map(|(port, plan)| restart(lab, port, plan));
        Ok(Evidence { restarts: restarts.collect::<Result<_, _>>()? })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let by_the_rule = |restart: &Restart| restart.answer.is_ok() == share(restart.old, restart.new);
        let every_pair = evidence.restarts.len() == OPTIONS.len() * OPTIONS.len();
        let control = every_pair && evidence.restarts.iter().all(Restart::had_to_pass);
        let otherwise = "not every pair was tried where a connection waits";
        Verdict::given(control, otherwise, evidence.restarts.iter().all(by_the_rule))
    }

    fn decided_by(evidence: &Evidence) -> String {
        let passed = |shared| {
            let these = evidence.restarts.iter().filter(move |it| share(it.old, it.new) == shared);
            (these.clone().filter(|it| it.answer.is_ok()).count(), these.count())
        };
        let ((with, of_with), (without, of_without)) = (passed(true), passed(false));
        format!("{with} of {of_with} that share one pass, {without} of the other {of_without}")
    }
}

/// Whether the two have an option in common.
const fn share(old: Flags, new: Flags) -> bool {
    (old.reuseaddr && new.reuseaddr) || (old.reuseport && new.reuseport)
}

#[cfg(test)]
mod tests {
    use super::{super::restart::seen, *};

    /// What each pair answered, by this.
    fn evidence(passes: impl Fn(Flags, Flags) -> bool) -> Evidence {
        let cell = |old, new| seen(old, new, if passes(old, new) { "OK" } else { "EADDRINUSE" });
        Evidence { restarts: OPTIONS.iter().flat_map(|&old| OPTIONS.map(|new| cell(old, new))).collect() }
    }

    #[test]
    fn one_pair_that_answers_otherwise_refutes() {
        assert_eq!(SharedOption::judge(&evidence(share)), Verdict::Confirmed);
        for odd in 0..16 {
            let mut restarts = evidence(share).restarts;
            let now = if restarts[odd].answer.is_ok() { "EADDRINUSE" } else { "OK" };
            restarts[odd] = seen(restarts[odd].old, restarts[odd].new, now);
            assert_eq!(SharedOption::judge(&Evidence { restarts }), Verdict::Refuted);
        }
        assert_eq!(SharedOption::judge(&evidence(|_, new| new.reuseaddr)), Verdict::Refuted);
        assert_eq!(SharedOption::judge(&evidence(|_, _| true)), Verdict::Refuted);
    }

    #[test]
    fn a_pair_that_was_not_tried_or_had_nothing_to_pass_decides_nothing() {
        let mut restarts = evidence(share).restarts;
        restarts[7].waiting = 0;
        assert!(matches!(SharedOption::judge(&Evidence { restarts }), Verdict::CouldNotTry(_)));
        let mut restarts = evidence(share).restarts;
        restarts.pop();
        assert!(matches!(SharedOption::judge(&Evidence { restarts }), Verdict::CouldNotTry(_)));
    }
}
