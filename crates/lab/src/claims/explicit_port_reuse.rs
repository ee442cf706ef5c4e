//! "An explicit bind and connect reuse a waiting port at once": found on the way.

use serde::Serialize;
use timewait_facts::{Socket, State};

use super::outgoing;
use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Dial, Flags, PORT, Site},
};

pub(super) struct ExplicitPortReuse;

/// Whether connections have timestamps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Timestamps {
    On,
    Off,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    /// connect(2) with ports of the kernel's choice, all of which wait, and tcp_tw_reuse 0: the control.
    chosen: Answer,
    explicit: Vec<Explicit>,
}

/// A second connection from a port that waits.
#[derive(Serialize)]
pub(super) struct Explicit {
    tw_reuse: u8,
    /// What was left of the wait just before.
    left_ms: Option<u64>,
    connect: Answer,
}

/// A port that connect(2) does not choose here.
const OWN_PORT: u16 = 30_000;

impl Claim for ExplicitPortReuse {
    type Setup = Timestamps;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "explicit-port-reuse",
        says: "bind to a port that waits, then connect, reuses it at once, whatever tcp_tw_reuse says",
        by: Voice::Nobody,
        how: "With tcp_tw_reuse 0, 1 and 2: a client with SO_REUSEADDR binds a port, connects, closes first, and does the same once more. \
              Control: with 0, connect without a bind is refused when all its ports wait. Confirmed if the second connect succeeds with \
              each value.",
        if_confirmed: "A client that chooses its local ports itself, with SO_REUSEADDR and timestamps, is not held up by its own waits.",
        if_refuted: "Choosing the port does not help: the same two ends must wait.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Timestamps = Timestamps::On;
    const CONTRARY: Option<Contrary<Timestamps>> =
        Some(Contrary { what: "timestamps are off", setup: Timestamps::Off });

    fn experiment(lab: &Lab, timestamps: Timestamps) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        lab.set("net.ipv4.tcp_timestamps", &u8::from(timestamps == Timestamps::On))?;
        let mut explicit = Vec::new();
        for value in 0..=2 {
            lab.case(format!("tcp_tw_reuse = {value}"));
            lab.set("net.ipv4.tcp_tw_reuse", &value)?;
            explicit.push(twice(&host, value)?);
        }
        lab.case("ports of the kernel's choice, tcp_tw_reuse = 0");
        lab.set("net.ipv4.tcp_tw_reuse", &0)?;
        let listener = host.listen(host.at(PORT + 10), Flags::NONE)?;
        let chosen = outgoing::once_all_wait(lab, &host, &listener, core::time::Duration::ZERO)?;
        Ok(Evidence { chosen, explicit })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let all = evidence.explicit.iter().all(|once| once.connect.is_ok()) && !evidence.explicit.is_empty();
        Verdict::given(!evidence.chosen.is_ok(), "tcp_tw_reuse 0 does not keep ports from being reused", all)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Some(first) = evidence.explicit.first() else { return String::new() };
        let left = first.left_ms.map_or_else(String::new, |ms| format!(" ({ms} ms left)"));
        format!("bound: {}{left}; chosen: {}", first.connect, evidence.chosen)
    }
}

/// Connects twice from one port; the first connection waits there in between.
fn twice(host: &Site, tw_reuse: u8) -> Result<Explicit, Trouble> {
    let port = OWN_PORT + u16::from(tw_reuse);
    let dial = Dial::again_from(host.at(port));
    let listener = host.listen(host.at(PORT + u16::from(tw_reuse)), Flags::NONE)?;
    let pair = host.pair_from(&listener, dial)?;
    pair.close(Close::CLIENT_FIRST).map_err(host.failed("the conversation"))?;
    let waits = |row: &Socket| row.state == State::TimeWait && row.local.port() == port;
    let rows = host.until("the client's port waits", port, |rows| rows.iter().any(waits))?;
    host.show("before the second connection", &rows);
    let left = rows.iter().find(|row| waits(row)).and_then(Socket::expires_in);
    let connect = Answer::of(&host.connect(host.reached_at(&listener), dial));
    host.called(format!("bind {} with SO_REUSEADDR, connect", host.at(port)), &connect);
    Ok(Explicit { tw_reuse, left_ms: left.and_then(|left| u64::try_from(left.as_millis()).ok()), connect })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(connects: [bool; 3], chosen: bool) -> Evidence {
        let answer = |ok| if ok { Answer::ok() } else { Answer::errno("EADDRNOTAVAIL") };
        let once = |(tw_reuse, ok)| Explicit { tw_reuse, left_ms: Some(59_996), connect: answer(ok) };
        Evidence { chosen: answer(chosen), explicit: (0..=2).zip(connects).map(once).collect() }
    }

    #[test]
    fn one_value_with_which_it_is_refused_refutes() {
        assert_eq!(ExplicitPortReuse::judge(&evidence([true; 3], false)), Verdict::Confirmed);
        for contrary in [[false, true, true], [true, true, false], [false; 3]] {
            assert_eq!(ExplicitPortReuse::judge(&evidence(contrary, false)), Verdict::Refuted);
        }
    }

    #[test]
    fn a_kernel_that_reuses_every_port_decides_nothing() {
        assert!(matches!(ExplicitPortReuse::judge(&evidence([true; 3], true)), Verdict::CouldNotTry(_)));
    }
}
