//! "An old segment can end TIME-WAIT early; `tcp_rfc1337` = 1 prevents it".

use serde::Serialize;
use timewait_tcp::{
    Segment,
    Side::{Left, Right},
};

use super::waiting_server::WaitingServer;
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::Dial,
    wire::from,
};

pub(super) struct Assassination;

/// What becomes of the RST.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Setup {
    Arrives,
    IsLost,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    by_default: Attack,
    with_rfc1337: Attack,
}

/// One old segment, and what came of it.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Attack {
    /// The client's kernel answered the server's ACK with an RST: the control.
    rst: bool,
    /// The server waited on afterwards.
    survived: bool,
}

impl Claim for Assassination {
    type Setup = Setup;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "assassination",
        says: "an old segment can end TIME-WAIT early, and tcp_rfc1337 = 1 prevents it",
        by: Voice::Standard("RFC 1337"),
        how: "An old segment of the client's reaches the server in TIME-WAIT. It draws an ACK, and to that the client's kernel, which has \
              forgotten the connection, answers with an RST. With tcp_rfc1337 at 0 and at 1. Control: both times that RST was sent. \
              Confirmed if the wait ends at 0 and goes on at 1.",
        if_confirmed: "TIME-WAIT can be assassinated by accident. (The kernel's ip-sysctl.rst describes the setting the other way round; \
                       tcp(7) has it right.)",
        if_refuted: "The wait stands it, or the setting does not do what it says.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Setup = Setup::Arrives;
    const CONTRARY: Option<Contrary<Setup>> =
        Some(Contrary { what: "the wire drops that RST", setup: Setup::IsLost });

    fn experiment(lab: &Lab, setup: Setup) -> Result<Evidence, Trouble> {
        Ok(Evidence { by_default: attack(lab, setup, "0")?, with_rfc1337: attack(lab, setup, "1")? })
    }

    fn judge(Evidence { by_default, with_rfc1337 }: &Evidence) -> Verdict {
        let control = by_default.rst && with_rfc1337.rst;
        Verdict::given(control, "no RST came", !by_default.survived && with_rfc1337.survived)
    }

    fn decided_by(Evidence { by_default, with_rfc1337 }: &Evidence) -> String {
        let told = |attack: &Attack| if attack.survived { "waits on" } else { "gone" };
        format!("tcp_rfc1337 0: {}; 1: {}", told(by_default), told(with_rfc1337))
    }
}

fn attack(lab: &Lab, setup: Setup, rfc1337: &str) -> Result<Attack, Trouble> {
    lab.case(format!("tcp_rfc1337 = {rfc1337}"));
    let it = WaitingServer::new(lab, |wired| {
        wired.server.set("net.ipv4.tcp_rfc1337", rfc1337)?;
        if setup == Setup::IsLost {
            wired.wire.rule(from(Left).rst().drop("the RST"))?;
        }
        Ok(Dial::default())
    })?;
    // Text from before the FIN, as if it had been repeated long ago: outside the window now.
    let old = Segment { text: b"old".to_vec(), ..it.ack.segment.clone() };
    let old = Segment { seq: old.seq - 3, ..old };
    it.receive(&old, "an old segment of the client's")?;
    let rst = it.wired.wire.await_packet("the RST", from(Left).rst()).is_ok();
    let survived = it.left()?.is_some();
    it.wired.note(Right, if survived { "waits on" } else { "waits no more" })?;
    it.wired.wire.look()?;
    it.wired.draw(&format!("tcp_rfc1337 = {rfc1337}"));
    Ok(Attack { rst, survived })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_must_end_without_the_setting_and_go_on_with_it() {
        let attack = |rst, survived| Attack { rst, survived };
        let judge = |by_default, with_rfc1337| Assassination::judge(&Evidence { by_default, with_rfc1337 });
        assert_eq!(judge(attack(true, false), attack(true, true)), Verdict::Confirmed);
        assert_eq!(judge(attack(true, true), attack(true, true)), Verdict::Refuted);
        assert_eq!(judge(attack(true, false), attack(true, false)), Verdict::Refuted);
        assert!(matches!(judge(attack(false, true), attack(true, true)), Verdict::CouldNotTry(_)));
    }
}
