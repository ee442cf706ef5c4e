//! "A TIME-WAIT lasts 1 to 4 minutes": one is timed to its end.

use std::{
    net::{Shutdown, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use timewait_facts::{Socket, State};

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT, Site},
};

pub(super) struct Lasts1To4Minutes;

/// What is timed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Setup {
    TimeWait,
    /// A wait of the kernel's that can be short.
    OrphanedFinWait2,
}

/// Since just before the last close; looked at every 20 ms.
#[derive(Serialize)]
pub(super) struct Evidence {
    /// bind(2) while it waits: the control.
    bind: Answer,
    /// When its row was gone; `None` if that was not waited for.
    row_gone_ms: Option<u64>,
    /// When a plain bind(2) of its port first succeeded.
    bind_succeeded_ms: Option<u64>,
}

/// The longest that is waited. It is shorter than the four minutes, and a wait that outlasts it decides nothing.
const LIMIT: Duration = Duration::from_secs(180);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const MINUTE_MS: u64 = 60_000;

impl Claim for Lasts1To4Minutes {
    type Setup = Setup;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "lasts-1-to-4-minutes",
        says: "a TIME-WAIT lasts 1 to 4 minutes",
        by: Voice::Article(4),
        how: "A connection closed first by the server; its row, and a plain bind of its port, are tried every 20 ms until the row is gone \
              and bind succeeds. Control: bind is refused at first. Confirmed if the row is gone after 60 s at least, and 240 s at most.",
        if_confirmed: "A minute on Linux, which is the least that the sentence allows: waiting that long is the remedy that always works.",
        if_refuted: "This kernel was built with another TCP_TIMEWAIT_LEN.",
        pace: Pace::Slow,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Setup = Setup::TimeWait;
    const CONTRARY: Option<Contrary<Setup>> = Some(Contrary {
        what: "an orphan in FIN-WAIT-2 is timed, with tcp_fin_timeout 1",
        setup: Setup::OrphanedFinWait2,
    });

    fn experiment(lab: &Lab, setup: Setup) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        lab.set("net.ipv4.tcp_fin_timeout", &1)?;
        let listener = host.listen(host.at(PORT), Flags::NONE)?;
        let pair = host.pair(&listener)?;
        let client = pair.client_address().map_err(host.failed("getsockname"))?;
        drop(listener);
        let (start, state, _peer) = match setup {
            Setup::TimeWait => {
                let start = Instant::now();
                pair.close(Close::SERVER_FIRST).map_err(host.failed("the conversation"))?;
                (start, State::TimeWait, None)
            }
            Setup::OrphanedFinWait2 => {
                pair.server.shutdown(Shutdown::Write).map_err(host.failed("shutdown"))?;
                host.until("the FIN is acknowledged", PORT, |rows| waits(rows, State::FinWait2))?;
                let start = Instant::now();
                drop(pair.server);
                (start, State::FinWait2, Some(pair.client))
            }
        };
        let rows = host.until("it waits", PORT, |rows| waits(rows, state))?;
        host.show("at its beginning", &rows);
        let bind = host.bind(host.at(PORT), Flags::NONE);
        let (row_gone_ms, bind_succeeded_ms) = watch(&host, start, client)?;
        host.look("at its end", PORT)?;
        Ok(Evidence { bind, row_gone_ms, bind_succeeded_ms })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let Some(lasted) = evidence.row_gone_ms else {
            return Verdict::CouldNotTry(format!("it was not over after {} s", LIMIT.as_secs()));
        };
        let is_so = (MINUTE_MS..=4 * MINUTE_MS).contains(&lasted);
        Verdict::given(evidence.bind.is_in_use(), "what was timed did not hold the port", is_so)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let seconds = |ms: Option<u64>| {
            ms.map_or("never".to_owned(), |ms| format!("{:.1} s", Duration::from_millis(ms).as_secs_f64()))
        };
        format!(
            "gone after {}, bind after {}",
            seconds(evidence.row_gone_ms),
            seconds(evidence.bind_succeeded_ms)
        )
    }
}

fn waits(rows: &[Socket], state: State) -> bool {
    rows.iter().any(|row| row.local.port() == PORT && row.state == state)
}

/// When the row was gone, and when bind(2) succeeded.
fn watch(host: &Site, start: Instant, client: SocketAddr) -> Result<(Option<u64>, Option<u64>), Trouble> {
    let (mut gone, mut bound) = (None, None);
    let now = || u64::try_from(start.elapsed().as_millis()).ok();
    while (gone.is_none() || bound.is_none()) && start.elapsed() < LIMIT {
        thread::sleep(LOOK_AGAIN);
        if gone.is_none() && host.find(host.at(PORT), client)?.is_none() {
            gone = now();
        }
        if bound.is_none() && host.bound(host.at(PORT), Flags::NONE).is_ok() {
            bound = now();
            host.did(format!("bind {} succeeds", host.at(PORT)));
        }
    }
    Ok((gone, bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasted(row_gone_ms: Option<u64>) -> Evidence {
        Evidence { bind: Answer::errno("EADDRINUSE"), row_gone_ms, bind_succeeded_ms: row_gone_ms }
    }

    #[test]
    fn both_edges_of_the_minutes_are_inside_and_what_is_beyond_refutes() {
        for inside in [60_000, 61_500, 240_000] {
            assert_eq!(Lasts1To4Minutes::judge(&lasted(Some(inside))), Verdict::Confirmed);
        }
        for outside in [0, 1_040, 59_999, 240_001] {
            assert_eq!(Lasts1To4Minutes::judge(&lasted(Some(outside))), Verdict::Refuted);
        }
    }

    #[test]
    fn what_was_not_seen_to_end_or_held_nothing_decides_nothing() {
        assert!(matches!(Lasts1To4Minutes::judge(&lasted(None)), Verdict::CouldNotTry(_)));
        let free = Evidence { bind: Answer::ok(), ..lasted(Some(61_000)) };
        assert!(matches!(Lasts1To4Minutes::judge(&free), Verdict::CouldNotTry(_)));
    }
}
