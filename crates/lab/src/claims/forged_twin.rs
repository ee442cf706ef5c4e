//! "With TIME-WAIT nothing old ever reaches a new connection": what one believes who has read why it exists.

use serde::Serialize;
use timewait_tcp::Side::Right;

use super::replay::{Plan, Replay, replay};
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
};

pub(super) struct ForgedTwin;

#[derive(Serialize)]
pub(super) struct Evidence {
    /// The server waits, by default settings but for the timestamps, which are off.
    waiting: Replay,
    /// The same with timestamps, as they are by default.
    with_timestamps: Replay,
}

const AT_SERVER: Plan =
    Plan { title: "with the wait, at the server", wait: true, closes_first: Right, ..Plan::NO_WAIT };

const WITH_TIMESTAMPS: Plan =
    Plan { title: "with the wait, at the server, with timestamps", timestamps: true, ..AT_SERVER };

impl Claim for ForgedTwin {
    type Setup = Plan;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "forged-twin",
        says: "with TIME-WAIT nothing old ever reaches a new connection",
        by: Voice::Article(4),
        how: "As old-duplicate, but the server closes first and waits. The client's SYN, with a number that is not newer, draws an ACK; to \
              that the client answers with an RST; that ends the wait, and the SYN that comes again is accepted. Beside it, the same with \
              timestamps. Control: the server did wait. Refuted if, without them, the server reads what the client did not send.",
        if_confirmed: "The wait holds: the old segment found no new connection.",
        if_refuted: "By default an RST ends TIME-WAIT, so without timestamps the wait of a server protects nobody who wants to come back. \
                     tcp_rfc1337 = 1 or timestamps (the default) do.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::REFUTED_BY_6_18,
    };
    const AS_SAID: Plan = AT_SERVER;
    const CONTRARY: Option<Contrary<Plan>> = Some(Contrary {
        what: "tcp_rfc1337 = 1",
        setup: Plan { title: "with the wait, at the server, tcp_rfc1337 = 1", rfc1337: true, ..AT_SERVER },
    });

    fn experiment(lab: &Lab, plan: Plan) -> Result<Evidence, Trouble> {
        Ok(Evidence { waiting: replay(lab, plan)?, with_timestamps: replay(lab, WITH_TIMESTAMPS)? })
    }

    fn judge(Evidence { waiting, .. }: &Evidence) -> Verdict {
        let control = waiting.waiting == 1 && waiting.twin != Some(false);
        let otherwise = "the server did not wait, or the two connections did not begin with the same numbers";
        Verdict::given(control, otherwise, !waiting.was_corrupted())
    }

    fn decided_by(Evidence { waiting, with_timestamps }: &Evidence) -> String {
        format!("{}; with timestamps: {}", waiting.told(), with_timestamps.told())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::replay::{NEW, OLD},
        *,
    };
    use crate::Answer;

    fn judge(read: Option<&str>, waiting: usize, twin: Option<bool>) -> Verdict {
        let second = if read.is_some() { Answer::ok() } else { Answer::errno("EINPROGRESS") };
        let (sent, read) = (read.map(|_| NEW.to_owned()), read.map(str::to_owned));
        let waiting = Replay { waiting, second, twin, edges: 0, sent, read, paws: 0 };
        let with_timestamps = Replay { read: Some(NEW.to_owned()), paws: 1, ..waiting.clone() };
        ForgedTwin::judge(&Evidence { waiting, with_timestamps })
    }

    #[test]
    fn a_connection_that_never_came_to_be_confirms_and_one_that_was_corrupted_refutes() {
        assert_eq!(judge(None, 1, None), Verdict::Confirmed);
        assert_eq!(judge(Some(NEW), 1, Some(true)), Verdict::Confirmed);
        assert_eq!(judge(Some(OLD), 1, Some(true)), Verdict::Refuted);
        assert!(matches!(judge(Some(OLD), 0, Some(true)), Verdict::CouldNotTry(_)));
    }
}
