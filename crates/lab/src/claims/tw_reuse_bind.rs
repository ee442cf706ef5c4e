//! "`tcp_tw_reuse` lets a server bind again": advice for the wrong side.

use std::time::Duration;

use serde::Serialize;

use super::outgoing;
use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PATIENCE, PORT, Site},
};

pub(super) struct TwReuseBind;

/// Whose way past the wait is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Setup {
    ServersBind,
    /// As if the setting were about servers.
    ClientsConnect,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    tries: Vec<Try>,
}

/// What was answered with one value of the setting.
#[derive(Clone, Serialize)]
pub(super) struct Try {
    tw_reuse: u8,
    again: Answer,
    /// The control: connect(2) where every local port waits.
    outgoing: Answer,
}

const VALUES: [u8; 3] = [0, 1, 2];
/// tcp_tw_reuse_delay, where this kernel has it.
const DELAY_MS: u64 = 20;

impl Claim for TwReuseBind {
    type Setup = Setup;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "tw-reuse-bind",
        says: "tcp_tw_reuse lets a server bind again",
        by: Voice::Folklore,
        how: "With the setting at 0, 1 and 2: a connection closed by the server, the server's end, and a plain bind of its port. \
              Control: with 1 an outgoing connection takes a port that waits, with 0 none does. Confirmed if bind is refused with 0 \
              and succeeds with 1 or 2.",
        if_confirmed: "On this kernel the setting helps servers to restart.",
        if_refuted: "The setting is about outgoing connections; a server that restarts needs SO_REUSEADDR.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::REFUTED_BY_6_18,
    };
    const AS_SAID: Setup = Setup::ServersBind;
    const CONTRARY: Option<Contrary<Setup>> = Some(Contrary {
        what: "a client's connect in place of a server's bind",
        setup: Setup::ClientsConnect,
    });

    fn experiment(lab: &Lab, setup: Setup) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let delay = outgoing::reuse_delay(lab, DELAY_MS)?;
        let mut tries = Vec::new();
        for value in VALUES {
            lab.case(format!("tcp_tw_reuse = {value}"));
            lab.set("net.ipv4.tcp_tw_reuse", &value)?;
            let port = PORT + u16::from(value);
            let outgoing = outgoing(lab, &host, value, delay)?;
            let again = if setup == Setup::ServersBind { restart(&host, port)? } else { outgoing.clone() };
            tries.push(Try { tw_reuse: value, again, outgoing });
        }
        Ok(Evidence { tries })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let answered = |value, which: fn(&Try) -> &Answer| {
            evidence.tries.iter().any(|tried| tried.tw_reuse == value && which(tried).is_ok())
        };
        let control = !answered(0, |tried| &tried.outgoing) && answered(1, |tried| &tried.outgoing);
        let helps =
            !answered(0, |tried| &tried.again) && [1, 2].iter().any(|&on| answered(on, |tried| &tried.again));
        Verdict::given(control, "the setting makes no difference to outgoing connections either", helps)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let tries = evidence.tries.iter().map(|tried| format!("{}: {}", tried.tw_reuse, tried.again));
        tries.collect::<Vec<_>>().join(", ")
    }
}

fn restart(host: &Site, port: u16) -> Result<Answer, Trouble> {
    let listener = host.listen(host.any(port), Flags::NONE)?;
    host.pair(&listener)?.close(Close::SERVER_FIRST).map_err(host.failed("the conversation"))?;
    drop(listener);
    host.settled(port)?;
    Ok(host.bind(host.any(port), Flags::NONE))
}

fn outgoing(lab: &Lab, host: &Site, value: u8, delay: Duration) -> Result<Answer, Trouble> {
    let listener = host.listen(host.at(PORT + 10 + u16::from(value)), Flags::NONE)?;
    // Where nothing is expected, the delay must pass more than once; where something is, it may take its time.
    let limit = if value == 0 { delay * 2 } else { PATIENCE };
    let answer = outgoing::once_all_wait(lab, host, &listener, limit)?;
    // Ports for the conversation with the server.
    outgoing::leave_ports(lab, 100)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What bind and connect answered with 0, 1 and 2.
    fn with(binds: [bool; 3], connects: [bool; 3]) -> Evidence {
        let answer = |ok| if ok { Answer::ok() } else { Answer::errno("EADDRINUSE") };
        let tries = VALUES.into_iter().zip(binds).zip(connects).map(|((tw_reuse, bind), connect)| Try {
            tw_reuse,
            again: answer(bind),
            outgoing: answer(connect),
        });
        Evidence { tries: tries.collect() }
    }

    #[test]
    fn a_bind_that_succeeds_because_of_the_setting_confirms_and_any_other_outcome_refutes() {
        let works = [false, true, true];
        assert_eq!(TwReuseBind::judge(&with([false, true, false], works)), Verdict::Confirmed);
        assert_eq!(TwReuseBind::judge(&with([false, false, true], works)), Verdict::Confirmed);
        assert_eq!(TwReuseBind::judge(&with([false; 3], works)), Verdict::Refuted);
        assert_eq!(TwReuseBind::judge(&with([true; 3], works)), Verdict::Refuted, "whatever the setting");
    }

    #[test]
    fn a_setting_that_takes_no_effect_decides_nothing() {
        for dead in [[false; 3], [true; 3]] {
            assert!(matches!(TwReuseBind::judge(&with([false; 3], dead)), Verdict::CouldNotTry(_)));
        }
    }
}
