//! "Over `tcp_max_tw_buckets` sockets skip TIME-WAIT".

use serde::Serialize;
use timewait_linux::settings;

use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT, Site, waiting_at},
};

pub(super) struct BucketLimit;

#[derive(Serialize)]
pub(super) struct Evidence {
    limit: usize,
    limited: Closed,
    /// With room for all: the control.
    with_room: Closed,
}

/// Connections that were closed, and what became of them.
#[derive(Serialize)]
pub(super) struct Closed {
    connections: usize,
    waiting: usize,
    /// By how much the kernel's count of those that skipped the wait rose (TCPTimeWaitOverflow).
    counted: u64,
}

const CONNECTIONS: usize = 4;
const ROOM: usize = 100;

impl Claim for BucketLimit {
    /// The limit.
    type Setup = usize;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "bucket-limit",
        says: "over tcp_max_tw_buckets, sockets skip TIME-WAIT",
        by: Voice::KernelDocs,
        how: "With the limit at 2, four connections are closed first by the server; its rows in TIME-WAIT are counted, and by how much \
              TCPTimeWaitOverflow rises. Control: with room for 100 all four wait. Confirmed if as many rows as the limit are there, and \
              the others were counted.",
        if_confirmed: "Connections over the limit lose what TIME-WAIT is for, with no more than a count to show it: look at \
                       TCPTimeWaitOverflow.",
        if_refuted: "The limit does not make sockets skip the wait.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: usize = 2;
    const CONTRARY: Option<Contrary<usize>> =
        Some(Contrary { what: "the limit is the number of connections", setup: CONNECTIONS });

    fn experiment(lab: &Lab, limit: usize) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        // The limit counts every wait of this host, so the smaller one comes first.
        let limited = closed(lab, &host, PORT, limit)?;
        let with_room = closed(lab, &host, PORT + 1, ROOM)?;
        Ok(Evidence { limit, limited, with_room })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let Closed { connections, waiting, counted } = evidence.limited;
        let skipped = connections.saturating_sub(waiting);
        let is_so = skipped > 0 && waiting == evidence.limit && u64::try_from(skipped) == Ok(counted);
        let control = evidence.with_room.waiting == evidence.with_room.connections;
        Verdict::given(control, "with room for them, not all wait either", is_so)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Closed { connections, waiting, counted } = evidence.limited;
        format!(
            "limit {}, {connections} closed: {waiting} wait, {counted} counted as skipped",
            evidence.limit
        )
    }
}

fn closed(lab: &Lab, host: &Site, port: u16, limit: usize) -> Result<Closed, Trouble> {
    lab.case(format!("tcp_max_tw_buckets = {limit}"));
    lab.set("net.ipv4.tcp_max_tw_buckets", &limit)?;
    let before = overflows(host)?;
    let listener = host.listen(host.at(port), Flags::NONE)?;
    for _ in 0..CONNECTIONS {
        // Closed for good once the client's FIN is there: an orphan in FIN-WAIT-2 would count for the limit as well.
        host.pair(&listener)?.close(Close::ServerShutsWriting).map_err(host.failed("the conversation"))?;
    }
    host.settled(port)?;
    let rows = host.look("after all have closed", port)?;
    let counted = overflows(host)?.saturating_sub(before);
    Ok(Closed { connections: CONNECTIONS, waiting: waiting_at(&rows, port), counted })
}

fn overflows(host: &Site) -> Result<u64, Trouble> {
    let counters = settings::tcp_counters().map_err(host.failed("the kernel's counters"))?;
    Ok(counters.get("TCPTimeWaitOverflow").copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(waiting: usize, counted: u64) -> Evidence {
        let with_room = Closed { connections: 4, waiting: 4, counted: 0 };
        Evidence { limit: 2, limited: Closed { connections: 4, waiting, counted }, with_room }
    }

    #[test]
    fn rows_up_to_the_limit_and_the_others_counted_confirm() {
        assert_eq!(BucketLimit::judge(&evidence(2, 2)), Verdict::Confirmed);
        for contrary in [evidence(4, 0), evidence(3, 1), evidence(0, 4), evidence(2, 0)] {
            assert_eq!(BucketLimit::judge(&contrary), Verdict::Refuted);
        }
    }

    #[test]
    fn connections_that_never_wait_decide_nothing() {
        let with_room = Closed { connections: 4, waiting: 0, counted: 4 };
        let none = Evidence { with_room, ..evidence(2, 2) };
        assert!(matches!(BucketLimit::judge(&none), Verdict::CouldNotTry(_)));
    }
}
