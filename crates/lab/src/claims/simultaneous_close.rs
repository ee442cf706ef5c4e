//! "Both sides wait after a simultaneous close".

use serde::Serialize;
use timewait_facts::State;
use timewait_tcp::Side::{Left, Right};

use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Dial, Flags, PORT, Site},
    wire::{both_ways, from},
    wired::Wired,
};

pub(super) struct SimultaneousClose;

/// Who has room for a connection that waits.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Room {
    Both,
    ServerAlone,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    /// Sides seen in CLOSING: the control.
    closing: usize,
    client_waits: bool,
    server_waits: bool,
}

impl Claim for SimultaneousClose {
    type Setup = Room;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "simultaneous-close",
        says: "after a simultaneous close both sides wait",
        by: Voice::Standard("RFC 9293 §3.6"),
        how: "Both sides close, and the wire holds both FINs until each has sent its own; then it holds both ACKs of them while the \
              states are read. Control: both sides were in CLOSING. Confirmed if in the end both are in TIME-WAIT.",
        if_confirmed: "Neither side knows who was first, so both keep the connection in mind.",
        if_refuted: "Not both of the two wait.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Room = Room::Both;
    const CONTRARY: Option<Contrary<Room>> =
        Some(Contrary { what: "the client has tcp_max_tw_buckets = 0", setup: Room::ServerAlone });

    fn experiment(lab: &Lab, room: Room) -> Result<Evidence, Trouble> {
        let wired = lab.wired()?;
        if room == Room::ServerAlone {
            wired.client.set("net.ipv4.tcp_max_tw_buckets", "0")?;
        }
        let listener = wired.server.listen(wired.server.any(PORT), Flags::REUSEADDR)?;
        let pair = wired.client.pair_with(&wired.server, &listener, Dial::default())?;
        drop(listener);
        wired.wire.rule(both_ways().fin().hold("the FINs"))?;
        wired.note(Left, "closes")?;
        wired.note(Right, "closes")?;
        drop(pair);
        let closing = closing(&wired)?;
        let client_waits = waits(&wired.client)?;
        let server_waits = waits(&wired.server)?;
        wired.wire.look()?;
        wired.draw("both close at once");
        Ok(Evidence { closing, client_waits, server_waits })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let both = evidence.client_waits && evidence.server_waits;
        Verdict::given(evidence.closing == 2, "the two FINs did not cross", both)
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

    fn judge(closing: usize, client_waits: bool, server_waits: bool) -> Verdict {
        SimultaneousClose::judge(&Evidence { closing, client_waits, server_waits })
    }

    #[test]
    fn one_that_does_not_wait_refutes() {
        assert_eq!(judge(2, true, true), Verdict::Confirmed);
        for (client_waits, server_waits) in [(true, false), (false, true), (false, false)] {
            assert_eq!(judge(2, client_waits, server_waits), Verdict::Refuted);
        }
    }

    #[test]
    fn fins_that_did_not_cross_decide_nothing() {
        for closing in [0, 1] {
            assert!(matches!(judge(closing, true, true), Verdict::CouldNotTry(_)));
            assert!(matches!(judge(closing, false, true), Verdict::CouldNotTry(_)));
        }
    }
}
