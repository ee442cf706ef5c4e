//! "`tw` in /proc/net/sockstat is the number of sockets in TIME-WAIT": nearly.

use std::net::Shutdown;

use serde::Serialize;
use timewait_facts::{Socket, State};
use timewait_linux::settings;

use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT, Site},
};

pub(super) struct OrphanCounts;

/// What becomes of the connection in FIN-WAIT-2.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FinWait2 {
    Orphaned,
    Held,
}

/// Rows, and what sockstat says.
#[derive(Serialize)]
pub(super) struct Evidence {
    time_wait: u64,
    fin_wait_2: u64,
    sockstat_tw: u64,
}

impl Claim for OrphanCounts {
    type Setup = FinWait2;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "orphan-counts",
        says: "'tw' in /proc/net/sockstat is the number of sockets in TIME-WAIT",
        by: Voice::People("operators"),
        how: "One connection in TIME-WAIT, one in FIN-WAIT-2 whose process has closed it; the rows are counted and sockstat is read. \
              Control: both rows are there. Confirmed if sockstat says as many as there are rows in TIME-WAIT.",
        if_confirmed: "sockstat is the quick way to count what waits.",
        if_refuted: "sockstat counts orphans in FIN-WAIT-2 too, which have not begun to wait: count rows instead (`timewait ls --count`).",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::REFUTED_BY_6_18,
    };
    const AS_SAID: FinWait2 = FinWait2::Orphaned;
    const CONTRARY: Option<Contrary<FinWait2>> =
        Some(Contrary { what: "the process keeps the connection in FIN-WAIT-2", setup: FinWait2::Held });

    fn experiment(lab: &Lab, fin_wait_2: FinWait2) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let listener = host.listen(host.at(PORT), Flags::NONE)?;
        host.pair(&listener)?.close(Close::SERVER_FIRST).map_err(host.failed("the conversation"))?;
        let pair = host.pair(&listener)?;
        pair.server.shutdown(Shutdown::Write).map_err(host.failed("shutdown"))?;
        arrived(&host, |row| row.state == State::FinWait2)?;
        let held = match fin_wait_2 {
            FinWait2::Held => Some(pair.server),
            FinWait2::Orphaned => {
                drop(pair.server);
                arrived(&host, |row| row.state == State::FinWait2 && row.is_minisocket())?;
                None
            }
        };
        let rows = arrived(&host, |row| row.state == State::TimeWait)?;
        host.show("when sockstat is read", &rows);
        let sockstat_tw = settings::sockstat_tw().map_err(host.failed("reading sockstat"))?;
        host.did(format!("sockstat says tw {sockstat_tw}"));
        drop(held);
        let count = |state| {
            let on_server = |row: &&Socket| row.local.port() == PORT && row.state == state;
            u64::try_from(rows.iter().filter(on_server).count()).unwrap_or(u64::MAX)
        };
        Ok(Evidence { time_wait: count(State::TimeWait), fin_wait_2: count(State::FinWait2), sockstat_tw })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let control = evidence.time_wait > 0 && evidence.fin_wait_2 > 0;
        Verdict::given(control, "a row is missing", evidence.sockstat_tw == evidence.time_wait)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Evidence { time_wait, fin_wait_2, sockstat_tw } = evidence;
        format!("{time_wait} time-wait and {fin_wait_2} fin-wait-2: sockstat says tw {sockstat_tw}")
    }
}

/// Waits for such a row on the server's side.
fn arrived(host: &Site, is: impl Fn(&Socket) -> bool) -> Result<Vec<Socket>, Trouble> {
    let there = |rows: &[Socket]| rows.iter().any(|row| row.local.port() == PORT && is(row));
    host.until("the row's state", PORT, there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_more_or_fewer_than_the_rows_refutes() {
        let judge = |time_wait, fin_wait_2, sockstat_tw| {
            OrphanCounts::judge(&Evidence { time_wait, fin_wait_2, sockstat_tw })
        };
        assert_eq!(judge(1, 1, 1), Verdict::Confirmed);
        assert_eq!(judge(1, 1, 2), Verdict::Refuted);
        assert_eq!(judge(1, 1, 0), Verdict::Refuted);
        assert!(matches!(judge(1, 0, 1), Verdict::CouldNotTry(_)));
        assert!(matches!(judge(0, 1, 0), Verdict::CouldNotTry(_)));
    }
}
