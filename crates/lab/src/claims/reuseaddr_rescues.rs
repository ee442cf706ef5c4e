//! "Adding the flag in the new release cures its first restart": what is tried first, in the middle of the night.

use serde::Serialize;

use super::restart::{Plan, Restart, restart};
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Flags, PORT},
};

pub(super) struct ReuseaddrRescues;

#[derive(Serialize)]
pub(super) struct Evidence {
    first_restart: Restart,
}

impl Claim for ReuseaddrRescues {
    /// The options of the old release.
    type Setup = Flags;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "reuseaddr-rescues",
        says: "adding SO_REUSEADDR in the new release cures its first restart",
        by: Voice::Folklore,
        how: "An old server without the option closes a client first and ends; the new one, with the option, is started. Control: \
              a connection waits. Confirmed if it may, refuted if bind(2) answers EADDRINUSE.",
        if_confirmed: "The new server's option is enough.",
        if_refuted: "The sockets that wait have the options of the server that made them. The option helps from the second restart on; \
                     for this one: wait, or end them (timewait free).",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::REFUTED_BY_6_18,
    };
    const AS_SAID: Flags = Flags::NONE;
    const CONTRARY: Option<Contrary<Flags>> =
        Some(Contrary { what: "the old release had it too", setup: Flags::REUSEADDR });

    fn experiment(lab: &Lab, old: Flags) -> Result<Evidence, Trouble> {
        Ok(Evidence { first_restart: restart(lab, PORT, Plan::of(old, Flags::REUSEADDR))? })
    }

    fn judge(Evidence { first_restart }: &Evidence) -> Verdict {
        Verdict::given(
            first_restart.had_to_pass(),
            "no connection of the old server waited",
            first_restart.answer.is_ok(),
        )
    }

    fn decided_by(Evidence { first_restart }: &Evidence) -> String {
        format!("old: {}, new: {}: {}", first_restart.old, first_restart.new, first_restart.answer)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::restart::seen, *};

    #[test]
    fn what_the_new_server_s_bind_answers_decides_if_something_waited() {
        let judge = |answer, waiting| {
            let first_restart = Restart { waiting, ..seen(Flags::NONE, Flags::REUSEADDR, answer) };
            ReuseaddrRescues::judge(&Evidence { first_restart })
        };
        assert_eq!(judge("OK", 1), Verdict::Confirmed);
        assert_eq!(judge("EADDRINUSE", 1), Verdict::Refuted);
        assert!(matches!(judge("OK", 0), Verdict::CouldNotTry(_)));
    }
}
