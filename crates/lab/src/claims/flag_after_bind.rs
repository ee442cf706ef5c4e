//! "The flag must be set before bind".

use serde::Serialize;

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, Listener, PORT, Site, waiting_at},
};

pub(super) struct FlagAfterBind;

#[derive(Serialize)]
pub(super) struct Evidence {
    /// The new server sets it before bind(2): the control.
    new_before: Answer,
    /// The new server would set it after bind(2), which must pass without.
    new_after: Answer,
    /// The old server set it after listen(2); the new one before bind(2).
    old_after: Answer,
    waiting: usize,
}

/// When the old server got its option, if ever.
#[derive(Clone, Copy, PartialEq)]
enum Old {
    BeforeBind,
    AfterListen,
}

impl Claim for FlagAfterBind {
    /// Who closed the old server's connections first.
    type Setup = Close;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "flag-after-bind",
        says: "SO_REUSEADDR must be set before bind(2)",
        by: Voice::Article(5),
        how: "A new server on a port with a connection in TIME-WAIT whose old server had the option: set before bind(2), and not yet set \
              at bind(2). Control: set before, it passes. Confirmed if it is refused when it is not yet set. Beside it: an old server that \
              got it only after listen(2).",
        if_confirmed: "In the new server it must come first. (In the old one it counts for every connection accepted after it was set, \
                       however late.)",
        if_refuted: "A bind passes without the option: nothing it must pass is there.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Close = Close::SERVER_FIRST;
    const CONTRARY: Option<Contrary<Close>> =
        Some(Contrary { what: "the clients closed first", setup: Close::CLIENT_FIRST });

    fn experiment(lab: &Lab, close: Close) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        lab.case("the new server sets it before bind");
        leave(&host, PORT, Old::BeforeBind, close)?;
        let new_before = host.bind(host.any(PORT), Flags::REUSEADDR);
        lab.case("the new server has not set it yet at bind");
        let waiting = leave(&host, PORT + 1, Old::BeforeBind, close)?;
        let new_after = host.bind(host.any(PORT + 1), Flags::NONE);
        lab.case("the old server set it after listen");
        leave(&host, PORT + 2, Old::AfterListen, close)?;
        let old_after = host.bind(host.any(PORT + 2), Flags::REUSEADDR);
        Ok(Evidence { new_before, new_after, old_after, waiting })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let control = evidence.new_before.is_ok();
        Verdict::given(control, "set in time, it does not pass either", evidence.new_after.is_in_use())
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Evidence { new_before, new_after, old_after, .. } = evidence;
        format!(
            "set before bind: {new_before}; not yet set: {new_after}; old server, after listen: {old_after}"
        )
    }
}

/// An old server with one client, and its end. How many rows wait.
fn leave(host: &Site, port: u16, old: Old, close: Close) -> Result<usize, Trouble> {
    let at_bind = if old == Old::BeforeBind { Flags::REUSEADDR } else { Flags::NONE };
    let listener: Listener = host.listen(host.any(port), at_bind)?;
    if old == Old::AfterListen {
        listener.socket().set_reuse_address(true).map_err(host.failed("setsockopt SO_REUSEADDR"))?;
        host.did("the old server sets SO_REUSEADDR, after listen(2)");
    }
    host.pair(&listener)?.close(close).map_err(host.failed("the conversation"))?;
    drop(listener);
    host.settled(port)?;
    Ok(waiting_at(&host.look("after the old server's end", port)?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_that_passes_before_the_option_is_set_refutes() {
        let answer = |ok| if ok { Answer::ok() } else { Answer::errno("EADDRINUSE") };
        let judge = |before, after| {
            FlagAfterBind::judge(&Evidence {
                new_before: answer(before),
                new_after: answer(after),
                old_after: Answer::ok(),
                waiting: 1,
            })
        };
        assert_eq!(judge(true, false), Verdict::Confirmed);
        assert_eq!(judge(true, true), Verdict::Refuted);
        assert!(matches!(judge(false, false), Verdict::CouldNotTry(_)));
    }
}
