//! "Both sides wait after a simultaneous close".

use serde::Serialize;
use timewait_facts::State;
use timewait_tcp::Side::{Left, Right};

use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Dial, Flags, PORT, Site},
    wire::{both_ways, from},
    wired::Wired,
};

pub(super) struct SimultaneousClose;

/// How the two sides close.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Setup {
    Together,
    ServerFirst,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    /// Sides seen in CLOSING: the control.
    closing: usize,
    client_waits: bool,
    server_waits: bool,
}

impl Claim for SimultaneousClose {
    type Setup = Setup;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "simultaneous-close",
        says: "after a simultaneous close both sides wait",
        by: Voice::Standard("RFC 9293 §3.6"),
        how: "Both sides close, and the wire holds both FINs until each has sent its own; then it holds both ACKs of them while the \
              states are read. Confirmed if in the end both sides are in TIME-WAIT.",
        if_confirmed: "Neither side knows who was first, so both keep the connection in mind.",
        if_refuted: "Only one of the two waits.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Setup = Setup::Together;
    const CONTRARY: Option<Contrary<Setup>> =
        Some(Contrary { what: "nothing is held, and the server closes first", setup: Setup::ServerFirst });

    fn experiment(lab: &Lab, setup: Setup) -> Result<Evidence, Trouble> {
        let wired = lab.wired()?;
        let listener = wired.server.listen(wired.server.any(PORT), Flags::REUSEADDR)?;
        let pair = wired.client.pair_with(&wired.server, &listener, Dial::default())?;
        drop(listener);
        let closing = match setup {
            Setup::Together => {
                wired.wire.rule(both_ways().fin().hold("the FINs"))?;
                wired.note(Left, "closes")?;
                wired.note(Right, "closes")?;
                drop(pair);
                closing(&wired)?
            }
            Setup::ServerFirst => {
                pair.close(Close::SERVER_FIRST).map_err(wired.server.failed("the conversation"))?;
                0
            }
        };
        let client_waits = waits(&wired.client)?;
        let server_waits = waits(&wired.server)?;
        wired.wire.look()?;
        wired.draw(if setup == Setup::Together { "both close at once" } else { "the server closes first" });
        Ok(Evidence { closing, client_waits, server_waits })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let somebody = evidence.client_waits || evidence.server_waits;
        let both = evidence.client_waits && evidence.server_waits;
        Verdict::given(somebody, "nobody waited", both)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Evidence { closing, client_waits, server_waits } = evidence;
        let side = |waits: &bool| if *waits { "time-wait" } else { "nothing" };
        format!("{closing} in closing, then client: {}, server: {}", side(client_waits), side(server_waits))
    }
}

/// Lets the FINs go while their ACKs are held, and those afterwards. How many sides were in CLOSING between.
fn closing(wired: &Wired) -> Result<usize, Trouble> {
    wired.wire.await_packet("the client's FIN", from(Left).fin())?;
    wired.wire.await_packet("the server's FIN", from(Right).fin())?;
    wired.wire.clear_rules()?;
    wired.wire.rule(both_ways().bare_ack().hold("the ACKs"))?;
    wired.wire.mark()?;
    wired.wire.release("the FINs")?;
    wired.wire.await_packet("the client's ACK", from(Left).bare_ack())?;
    wired.wire.await_packet("the server's ACK", from(Right).bare_ack())?;
    let mut closing = 0;
    for site in [&wired.client, &wired.server] {
        let rows = site.until("its peer's FIN has come", PORT, |rows| {
            rows.iter().all(|row| row.state != State::FinWait1)
        })?;
        site.show("both FINs have crossed", &rows);
        closing += rows.iter().filter(|row| row.state == State::Closing).count();
    }
    wired.wire.look()?;
    wired.wire.clear_rules()?;
    wired.wire.release("the ACKs")?;
    Ok(closing)
}

fn waits(site: &Site) -> Result<bool, Trouble> {
    site.settled(PORT)?;
    let rows = site.look("in the end", PORT)?;
    Ok(rows.iter().any(|row| row.state == State::TimeWait))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_does_not_wait_refutes() {
        let judge = |client_waits, server_waits| {
            SimultaneousClose::judge(&Evidence { closing: 2, client_waits, server_waits })
        };
        assert_eq!(judge(true, true), Verdict::Confirmed);
        assert_eq!(judge(true, false), Verdict::Refuted);
        assert_eq!(judge(false, true), Verdict::Refuted);
        assert!(matches!(judge(false, false), Verdict::CouldNotTry(_)));
    }
}
