//! "`SO_REUSEPORT` does the same job".

use serde::Serialize;

use super::restart::{Plan, Restart, restart};
use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Flags, PORT},
};

pub(super) struct ReuseportSame;

/// The same three situations for each of the two options.
#[derive(Serialize)]
pub(super) struct Evidence {
    reuseaddr: Deeds,
    reuseport: Deeds,
}

#[derive(Clone, PartialEq, Serialize)]
pub(super) struct Deeds {
    /// Old and new server have it.
    after_itself: Answer,
    /// The old server had SO_REUSEADDR.
    after_reuseaddr: Answer,
    /// A second server beside a live one, both with it.
    beside_itself: Answer,
}

impl Claim for ReuseportSame {
    /// The option that is held against SO_REUSEADDR.
    type Setup = Flags;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "reuseport-same",
        says: "SO_REUSEPORT does the same job as SO_REUSEADDR",
        by: Voice::Folklore,
        how: "Both options in three situations: a server after itself, after one that had SO_REUSEADDR, and beside a live one. Control: \
              SO_REUSEADDR lets a server follow itself. Confirmed if all three answers are alike.",
        if_confirmed: "One may be taken for the other.",
        if_refuted: "SO_REUSEPORT passes only sockets that have SO_REUSEPORT, and it also lets two servers listen at once: it splits \
                     traffic. For a restart, SO_REUSEADDR is the one.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::REFUTED_BY_6_18,
    };
    const AS_SAID: Flags = Flags::REUSEPORT;
    const CONTRARY: Option<Contrary<Flags>> =
        Some(Contrary { what: "SO_REUSEADDR held against itself", setup: Flags::REUSEADDR });

    fn experiment(lab: &Lab, option: Flags) -> Result<Evidence, Trouble> {
        Ok(Evidence {
            reuseaddr: deeds(lab, PORT, Flags::REUSEADDR)?,
            reuseport: deeds(lab, PORT + 10, option)?,
        })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let control = evidence.reuseaddr.after_itself.is_ok();
        let otherwise = "not even SO_REUSEADDR lets a server follow itself";
        Verdict::given(control, otherwise, evidence.reuseaddr == evidence.reuseport)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Evidence { reuseaddr, reuseport } = evidence;
        format!(
            "after an old server with SO_REUSEADDR: {} and {}; beside a live one: {} and {}",
            reuseaddr.after_reuseaddr,
            reuseport.after_reuseaddr,
            reuseaddr.beside_itself,
            reuseport.beside_itself
        )
    }
}

fn deeds(lab: &Lab, port: u16, option: Flags) -> Result<Deeds, Trouble> {
    let answer = |restart: Restart| restart.answer;
    let after_itself = restart(lab, port, Plan::of(option, option)).map(answer)?;
    let after_reuseaddr = restart(lab, port + 1, Plan::of(Flags::REUSEADDR, option)).map(answer)?;
    lab.case(format!("two live servers with {option}"));
    let host = lab.alone()?;
    let _first = host.listen(host.any(port + 2), option)?;
    let beside_itself = host.start(host.any(port + 2), option).answer();
    Ok(Deeds { after_itself, after_reuseaddr, beside_itself })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deeds([itself, reuseaddr, beside]: [bool; 3]) -> Deeds {
        let answer = |ok| if ok { Answer::ok() } else { Answer::errno("EADDRINUSE") };
        Deeds {
            after_itself: answer(itself),
            after_reuseaddr: answer(reuseaddr),
            beside_itself: answer(beside),
        }
    }

    #[test]
    fn one_answer_that_differs_refutes() {
        let reuseaddr = [true, true, false];
        let judge = |reuseaddr, reuseport| {
            ReuseportSame::judge(&Evidence { reuseaddr: deeds(reuseaddr), reuseport: deeds(reuseport) })
        };
        assert_eq!(judge(reuseaddr, reuseaddr), Verdict::Confirmed);
        assert_eq!(judge(reuseaddr, [true, false, true]), Verdict::Refuted);
        assert_eq!(judge(reuseaddr, [true, true, true]), Verdict::Refuted);
        assert!(matches!(judge([false; 3], [false; 3]), Verdict::CouldNotTry(_)));
    }
}
