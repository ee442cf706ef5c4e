//! "The side that closes first enters TIME-WAIT": the article's first sentence.

use serde::Serialize;
use timewait_facts::Socket;

use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT, waiting_at, waiting_towards},
};

pub(super) struct FirstCloserWaits;

#[derive(Serialize)]
pub(super) struct Evidence {
    server_first: Waits,
    client_first: Waits,
}

/// Rows in TIME-WAIT after both have closed.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Waits {
    on_server: usize,
    on_client: usize,
    left_ms: Option<u64>,
}

impl Claim for FirstCloserWaits {
    /// How the server closes when it closes first.
    type Setup = Close;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "first-closer-waits",
        says: "the side that closes first enters TIME-WAIT",
        by: Voice::Article(1),
        how: "Two connections on one port, one closed first by the server, one by the client; then the rows in TIME-WAIT, each side's \
              counted. Confirmed if both times the one that closed first has one and the other none.",
        if_confirmed: "Whoever sends the first FIN pays: that is the one thing to change, if the wait is in the wrong place.",
        if_refuted: "Something else than the order of closing decides here.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Close = Close::SERVER_FIRST;
    const CONTRARY: Option<Contrary<Close>> =
        Some(Contrary { what: "the server closes by an RST (SO_LINGER 0)", setup: Close::ServerResets });

    fn experiment(lab: &Lab, setup: Close) -> Result<Evidence, Trouble> {
        let server_first = waits(lab, PORT, "the server closes first", setup)?;
        let client_first = waits(lab, PORT + 1, "the client closes first", Close::CLIENT_FIRST)?;
        Ok(Evidence { server_first, client_first })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let Evidence { server_first: server, client_first: client } = evidence;
        Verdict::of(
            (server.on_server, server.on_client) == (1, 0) && (client.on_server, client.on_client) == (0, 1),
        )
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Waits { on_server, on_client, left_ms } = evidence.server_first;
        let left = left_ms.map_or_else(String::new, |ms| format!(", {ms} ms left"));
        let other = evidence.client_first;
        format!(
            "server first: {on_server} row there{left}, {on_client} at the client; client first: {} and {}",
            other.on_server, other.on_client
        )
    }
}

fn waits(lab: &Lab, port: u16, case: &str, close: Close) -> Result<Waits, Trouble> {
    lab.case(case);
    let host = lab.alone()?;
    let listener = host.listen(host.any(port), Flags::NONE)?;
    host.pair(&listener)?.close(close).map_err(host.failed("the conversation"))?;
    host.settled(port)?;
    let rows = host.look("after both have closed", port)?;
    let left = rows.iter().find_map(Socket::expires_in);
    Ok(Waits {
        on_server: waiting_at(&rows, port),
        on_client: waiting_towards(&rows, port),
        left_ms: left.and_then(|left| u64::try_from(left.as_millis()).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(server_first: (usize, usize), client_first: (usize, usize)) -> Evidence {
        let waits = |(on_server, on_client)| Waits { on_server, on_client, left_ms: None };
        Evidence { server_first: waits(server_first), client_first: waits(client_first) }
    }

    #[test]
    fn only_a_row_on_the_side_that_closed_first_confirms() {
        assert_eq!(FirstCloserWaits::judge(&rows((1, 0), (0, 1))), Verdict::Confirmed);
        for contrary in
            [rows((0, 1), (1, 0)), rows((1, 1), (0, 1)), rows((1, 0), (0, 0)), rows((0, 0), (0, 1))]
        {
            assert_eq!(FirstCloserWaits::judge(&contrary), Verdict::Refuted);
        }
    }
}
