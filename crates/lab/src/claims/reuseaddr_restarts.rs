//! "`SO_REUSEADDR` between socket() and bind() lets the server restart at once": the article's cure.

use serde::Serialize;

use super::restart::{Plan, Restart, restart};
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Flags, PORT},
};

pub(super) struct ReuseaddrRestarts;

#[derive(Serialize)]
pub(super) struct Evidence {
    /// The article's first program after itself: the control.
    without: Restart,
    /// Its second program after itself.
    with: Restart,
}

impl Claim for ReuseaddrRestarts {
    /// The options of the server that was there before the one with SO_REUSEADDR.
    type Setup = Flags;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "reuseaddr-restarts",
        says: "SO_REUSEADDR between socket() and bind() lets the server restart at once",
        by: Voice::Article(5),
        how: "The article's second program is stopped after a client that it closed first, and started again at once. Control: its first \
              program is refused. Confirmed if bind(2) and listen(2) answer OK while the connection waits.",
        if_confirmed: "The cure works, from its second start on: the sockets that wait must have had the option too.",
        if_refuted: "The option alone does not let the new server pass: the sockets that wait lack it.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Flags = Flags::REUSEADDR;
    const CONTRARY: Option<Contrary<Flags>> =
        Some(Contrary { what: "the old server lacked the option", setup: Flags::NONE });

    fn experiment(lab: &Lab, old: Flags) -> Result<Evidence, Trouble> {
        Ok(Evidence {
            without: restart(lab, PORT, Plan::of(Flags::NONE, Flags::NONE))?,
            with: restart(lab, PORT + 1, Plan::of(old, Flags::REUSEADDR))?,
        })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let control = evidence.without.answer.is_in_use() && evidence.with.had_to_pass();
        Verdict::given(control, "nothing stood in the server's way", evidence.with.answer.is_ok())
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Evidence { without, with } = evidence;
        format!("without it {}, with it {} ({} waiting)", without.answer, with.answer, with.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::restart::seen, *};

    fn judge(without: &str, with: &str, waiting: usize) -> Verdict {
        let with = Restart { waiting, ..seen(Flags::REUSEADDR, Flags::REUSEADDR, with) };
        ReuseaddrRestarts::judge(&Evidence { without: seen(Flags::NONE, Flags::NONE, without), with })
    }

    #[test]
    fn it_must_pass_where_something_waits() {
        assert_eq!(judge("EADDRINUSE", "OK", 1), Verdict::Confirmed);
        assert_eq!(judge("EADDRINUSE", "EADDRINUSE", 1), Verdict::Refuted);
        assert!(matches!(judge("OK", "OK", 1), Verdict::CouldNotTry(_)), "nobody needs the option");
        assert!(matches!(judge("EADDRINUSE", "OK", 0), Verdict::CouldNotTry(_)), "nothing waits");
    }
}
