//! "Without TIME-WAIT a late segment of the old connection is taken as data by the new one": the article's second reason
//! for the wait.

use serde::Serialize;
use timewait_tcp::Side::Left;

use super::replay::{Plan, Replay, replay};
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
};

pub(super) struct OldDuplicate;

#[derive(Serialize)]
pub(super) struct Evidence {
    /// Nobody waits.
    without: Replay,
    /// The client, which closed first, waits: it cannot even open the second connection.
    with: Replay,
    /// Nobody waits, but there are timestamps.
    with_timestamps: Replay,
}

const WITH: Plan =
    Plan { title: "with the wait, at the client", wait: true, closes_first: Left, ..Plan::NO_WAIT };
const WITH_TIMESTAMPS: Plan =
    Plan { title: "without the wait, with timestamps (PAWS)", timestamps: true, ..Plan::NO_WAIT };

impl Claim for OldDuplicate {
    /// The replay in which nobody waits.
    type Setup = Plan;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "old-duplicate",
        says: "without TIME-WAIT a late segment of the old connection is taken as data by the new one",
        by: Voice::Article(4),
        how: "The wire holds a payment of a first connection and lets it go into a second one between the same addresses and ports, a \
              moment before that one's own. To make the numbers fit in a second, not in hours, the client's first one is chosen \
              (TCP_REPAIR), the server's follows from it (tcp_syncookies = 2), and timestamps are off. Control: both connections begin \
              with the same numbers, and nobody waits (tcp_max_tw_buckets = 0). Confirmed if the server reads what the client did not send.",
        if_confirmed: "Nothing in the segment tells it from one of the new connection: only time does, the wait, or timestamps.",
        if_refuted: "The late segment did no harm.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Plan = Plan::NO_WAIT;
    const CONTRARY: Option<Contrary<Plan>> =
        Some(Contrary { what: "nothing is held on the wire", setup: Plan { held: false, ..Plan::NO_WAIT } });

    fn experiment(lab: &Lab, plan: Plan) -> Result<Evidence, Trouble> {
        let without = replay(lab, plan)?;
        Ok(Evidence { without, with: replay(lab, WITH)?, with_timestamps: replay(lab, WITH_TIMESTAMPS)? })
    }

    fn judge(Evidence { without, .. }: &Evidence) -> Verdict {
        let control = without.waiting == 0 && without.twin == Some(true);
        let otherwise = "somebody waited, or the two connections did not begin with the same numbers";
        Verdict::given(control, otherwise, without.was_corrupted())
    }

    fn decided_by(Evidence { without, with, with_timestamps }: &Evidence) -> String {
        format!(
            "{}, the client had sent \"{}\"; with the wait: {}; with timestamps: {}",
            without.told(),
            without.sent.as_deref().unwrap_or_default(),
            with.told(),
            with_timestamps.told()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::replay::{NEW, OLD},
        *,
    };
    use crate::Answer;

    fn read(text: &str, waiting: usize, twin: bool) -> Replay {
        Replay {
            waiting,
            second: Answer::ok(),
            twin: Some(twin),
            edges: 0,
            sent: Some(NEW.to_owned()),
            read: Some(text.to_owned()),
            paws: 0,
        }
    }

    fn judge(without: Replay) -> Verdict {
        let (with, with_timestamps) = (read(NEW, 1, true), read(NEW, 0, false));
        OldDuplicate::judge(&Evidence { without, with, with_timestamps })
    }

    #[test]
    fn what_the_server_s_application_read_decides() {
        assert_eq!(judge(read(OLD, 0, true)), Verdict::Confirmed);
        assert_eq!(judge(read(NEW, 0, true)), Verdict::Refuted);
    }

    #[test]
    fn if_somebody_waited_or_the_numbers_differ_nothing_is_decided() {
        assert!(matches!(judge(read(OLD, 1, true)), Verdict::CouldNotTry(_)));
        assert!(matches!(judge(read(NEW, 0, false)), Verdict::CouldNotTry(_)));
    }
}
