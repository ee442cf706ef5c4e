//! "One kept connection instead of N leaves one TIME-WAIT instead of N": why proxies keep connections.

use std::io::{self, Read as _, Write as _};

use serde::Serialize;

use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT, Pair, waiting_towards},
};

pub(super) struct KeepAlive;

#[derive(Serialize)]
pub(super) struct Evidence {
    kept: Course,
    /// A connection for each request: the control.
    separate: Course,
}

/// Requests that were answered, and what was left of their connections at the client.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Course {
    answered: usize,
    connections: usize,
    waiting: usize,
}

const REQUESTS: usize = 20;

impl Claim for KeepAlive {
    /// Requests for each connection that is kept.
    type Setup = usize;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "keep-alive",
        says: "one kept connection instead of N leaves one TIME-WAIT instead of N",
        by: Voice::People("proxies' documentation"),
        how: "20 requests over one connection, then 20 over one each, all closed first by the client; its rows in TIME-WAIT. Control: all \
              were answered, and the 20 connections left 20 rows. Confirmed if the kept one left one.",
        if_confirmed: "Keep connections open: it is the one remedy without a price, on a proxy's way to its upstreams above all.",
        if_refuted: "The number of connections is not what decides.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: usize = REQUESTS;
    const CONTRARY: Option<Contrary<usize>> =
        Some(Contrary { what: "no more than two requests on a kept connection", setup: 2 });

    fn experiment(lab: &Lab, each: usize) -> Result<Evidence, Trouble> {
        Ok(Evidence { kept: course(lab, PORT, each)?, separate: course(lab, PORT + 1, 1)? })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let Evidence { kept, separate } = evidence;
        let answered = kept.answered == REQUESTS && separate.answered == REQUESTS;
        let control = answered && separate.waiting == REQUESTS;
        Verdict::given(control, "separate connections do not leave a row each", kept.waiting == 1)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Evidence { kept, separate } = evidence;
        format!("rows after {REQUESTS} requests: {} kept, {} apart", kept.waiting, separate.waiting)
    }
}

fn course(lab: &Lab, port: u16, each: usize) -> Result<Course, Trouble> {
    lab.case(format!("{REQUESTS} requests, {each} on a connection"));
    let host = lab.alone()?;
    let listener = host.listen(host.at(port), Flags::NONE)?;
    let (mut answered, mut connections) = (0, 0);
    while answered < REQUESTS {
        let pair = host.pair(&listener)?;
        // Else every other answer waits for a delayed acknowledgement.
        pair.server.set_tcp_nodelay(true).map_err(host.failed("TCP_NODELAY"))?;
        connections += 1;
        for _ in 0..each.max(1).min(REQUESTS - answered) {
            request(&pair).map_err(host.failed("a request"))?;
            answered += 1;
        }
        pair.close(Close::CLIENT_FIRST).map_err(host.failed("the conversation"))?;
    }
    host.settled(port)?;
    let waiting = waiting_towards(&host.look("after all have closed", port)?, port);
    Ok(Course { answered, connections, waiting })
}

/// A request, and its answer.
fn request(pair: &Pair) -> io::Result<()> {
    let mut line = [0; 4];
    (&pair.client).write_all(b"ask\n")?;
    (&pair.server).read_exact(&mut line)?;
    (&pair.server).write_all(&line)?;
    (&pair.client).read_exact(&mut line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(kept: usize, separate: usize) -> Verdict {
        let course = |waiting| Course { answered: REQUESTS, connections: waiting, waiting };
        KeepAlive::judge(&Evidence { kept: course(kept), separate: course(separate) })
    }

    #[test]
    fn just_one_row_confirms() {
        assert_eq!(judge(1, 20), Verdict::Confirmed);
        for rows in [0, 2, 10, 20] {
            assert_eq!(judge(rows, 20), Verdict::Refuted);
        }
        assert!(matches!(judge(1, 1), Verdict::CouldNotTry(_)));
    }
}
