//! "The last ACK itself can harm a new connection": what the article's fourth part leaves open.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use timewait_linux::options;
use timewait_tcp::Side::{Left, Right};

use super::replay::{Plan, dial, first_connection, in_one_minute, prepare};
use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Dial, Flags, Listener, PATIENCE, PORT, Pair},
    wire::from,
    wired::Wired,
};

pub(super) struct LateLastAck;

/// What the server's octet in the second connection came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Evidence {
    /// Whether both connections began with the same numbers: the control.
    twin: Option<bool>,
    /// What the server wrote.
    sent: &'static str,
    /// What of it the server's kernel still holds to be unacknowledged.
    unacknowledged: u32,
    /// What the client could read once the server's kernel held nothing any more; `None`: nothing.
    read: Option<String>,
}

const OCTET: &str = "!";
/// What the server writes at the beginning of both: so its kernel has measured a round trip, and retransmits after 200 ms.
const GREETING: &[u8] = b".";
const LOOK_AGAIN: Duration = Duration::from_micros(500);

impl Claim for LateLastAck {
    /// Whether the last ACK of the first connection comes late.
    type Setup = bool;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "late-last-ack",
        says: "without TIME-WAIT even the last ACK of the old connection can harm a new one",
        by: Voice::Article(4),
        how: "As old-duplicate, but what the wire holds is the last ACK of the first connection. In the second the server writes an octet that \
              the wire loses; then the old ACK arrives. Control: both connections begin with the same numbers. Confirmed if the \
              server's kernel takes the octet for delivered and the client never gets it.",
        if_confirmed: "An old ACK can acknowledge what was lost: the server forgets an octet that nobody has, and the stream stands still \
                       for ever.",
        if_refuted: "What was lost is sent again; the old ACK does nothing.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: bool = true;
    const CONTRARY: Option<Contrary<bool>> =
        Some(Contrary { what: "the old ACK does not arrive", setup: false });

    fn experiment(lab: &Lab, comes: bool) -> Result<Evidence, Trouble> {
        let (begun, (unacknowledged, read)) =
            in_one_minute(lab, "the last ACK comes late", || two_connections(lab, comes))?;
        Ok(Evidence { twin: begun.twin(), sent: OCTET, unacknowledged, read })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let forgotten = evidence.unacknowledged == 0 && evidence.read.is_none();
        let otherwise = "the two connections did not begin with the same numbers";
        Verdict::given(evidence.twin == Some(true), otherwise, forgotten)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let read =
            evidence.read.as_deref().map_or_else(|| "nothing".to_owned(), |read| format!("\"{read}\""));
        format!("server wrote \"{OCTET}\", {} unacknowledged; client read {read}", evidence.unacknowledged)
    }
}

/// What of the server's octet is unacknowledged in the end, and what the client read.
type Fate = (u32, Option<String>);

fn two_connections(lab: &Lab, comes: bool) -> Result<(Wired, Fate), Trouble> {
    let (wired, plan) = (lab.wired()?, Plan::NO_WAIT);
    prepare(&wired, plan)?;
    wired.wire.rule(from(Left).last_ack_of_the_close().in_connection(1).first().hold("the last ACK"))?;
    let listener = wired.server.listen(wired.server.any(PORT), Flags::REUSEADDR)?;
    let first = wired.client.pair_with(&wired.server, &listener, dial(&wired, plan))?;
    greet(&wired, &first)?;
    first_connection(&wired, plan, first)?;
    let fate = second_connection(&wired, &listener, comes)?;
    Ok((wired, fate))
}

/// The server's first octet, which arrives.
fn greet(wired: &Wired, pair: &Pair) -> Result<(), Trouble> {
    (&pair.server).write_all(GREETING).map_err(wired.server.failed("write"))?;
    (&pair.client).read_exact(&mut [0; GREETING.len()]).map_err(wired.client.failed("read"))
}

fn second_connection(wired: &Wired, listener: &Listener, comes: bool) -> Result<Fate, Trouble> {
    let pair = wired.client.pair_with(&wired.server, listener, dial(wired, Plan::NO_WAIT))?;
    greet(wired, &pair)?;
    wired.wire.mark()?;
    wired.wire.rule(from(Right).with_text().in_connection(2).drop("the server's octet"))?;
    (&pair.server).write_all(OCTET.as_bytes()).map_err(wired.server.failed("write"))?;
    wired.note(Right, &format!("sends \"{OCTET}\""))?;
    wired.wire.await_packet("the server's octet", from(Right).with_text().in_connection(2))?;
    if comes {
        wired.wire.release("the last ACK")?;
        // Answered behind it, so it has been processed before the octet may be sent again.
        drop(wired.client.pair_with(&wired.server, listener, Dial::default())?);
    }
    wired.wire.clear_rules()?;
    // It is sent again until it is acknowledged; what the kernel has let go of is never sent again.
    let held = unacknowledged(wired, &pair)?;
    pair.client.set_nonblocking(true).map_err(wired.client.failed("O_NONBLOCK"))?;
    let mut octet = [0; OCTET.len()];
    let read = match (&pair.client).read_exact(&mut octet) {
        Ok(()) => Some(String::from_utf8_lossy(&octet).into_owned()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => return Err(wired.client.failed("read")(error)),
    };
    let told = read.as_deref().map_or_else(|| "reads nothing".to_owned(), |read| format!("reads \"{read}\""));
    wired.note(Left, &told)?;
    wired.note(Right, &format!("{held} unacknowledged"))?;
    Ok((held, read))
}

/// What the server's kernel holds, as soon as that is nothing; or in the end.
fn unacknowledged(wired: &Wired, pair: &Pair) -> Result<u32, Trouble> {
    let start = Instant::now();
    loop {
        let held = options::unacknowledged(&pair.server).map_err(wired.server.failed("SIOCOUTQ"))?;
        if held == 0 || start.elapsed() > PATIENCE {
            return Ok(held);
        }
        thread::sleep(LOOK_AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(twin: bool, unacknowledged: u32, read: Option<&str>) -> Verdict {
        let read = read.map(str::to_owned);
        LateLastAck::judge(&Evidence { twin: Some(twin), sent: OCTET, unacknowledged, read })
    }

    #[test]
    fn only_an_octet_that_nobody_has_confirms() {
        assert_eq!(judge(true, 0, None), Verdict::Confirmed);
        assert_eq!(judge(true, 0, Some(OCTET)), Verdict::Refuted, "it was sent again");
        assert_eq!(judge(true, 1, None), Verdict::Refuted, "it is still being sent");
        assert!(matches!(judge(false, 0, None), Verdict::CouldNotTry(_)));
    }
}
