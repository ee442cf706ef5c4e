//! "Let the client close first, and the wait moves to it": the remedy that changes a protocol and no option.

use serde::Serialize;

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT, waiting_at, waiting_towards},
};

pub(super) struct LetClientClose;

#[derive(Serialize)]
pub(super) struct Evidence {
    /// The control.
    server_first: Course,
    client_first: Course,
}

/// Rows in TIME-WAIT after both have closed, and what a plain bind(2) of the server's port answers then.
#[derive(Serialize)]
pub(super) struct Course {
    on_server: usize,
    on_client: usize,
    restart: Answer,
}

impl Claim for LetClientClose {
    /// How the connection is closed when the client is to close first.
    type Setup = Close;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "let-client-close",
        says: "if the client closes first, the wait moves to it",
        by: Voice::People("Stevens, Bernat"),
        how: "One connection closed first by the server, one by the client; each side's rows in TIME-WAIT, and a plain bind of the server's \
              port. Control: closed first by the server, the row is there and bind is refused. Confirmed if closed first by the client \
              the row is at the client and bind succeeds.",
        if_confirmed: "Let the client say the last word, and no server needs an option. A server that calls shutdown(SHUT_WR) before has \
                       closed first all the same.",
        if_refuted: "The order of closing does not move the wait here.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Close = Close::CLIENT_FIRST;
    const CONTRARY: Option<Contrary<Close>> = Some(Contrary {
        what: "the server calls shutdown(SHUT_WR) before the client closes",
        setup: Close::ServerShutsWriting,
    });

    fn experiment(lab: &Lab, close: Close) -> Result<Evidence, Trouble> {
        Ok(Evidence {
            server_first: course(lab, PORT, "the server closes first", Close::SERVER_FIRST)?,
            client_first: course(lab, PORT + 1, "the client is to close first", close)?,
        })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let Evidence { server_first: server, client_first: client } = evidence;
        let control = (server.on_server, server.on_client) == (1, 0) && server.restart.is_in_use();
        let moves = (client.on_server, client.on_client) == (0, 1) && client.restart.is_ok();
        Verdict::given(control, "closed first by the server, the wait is not the server's", moves)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Course { on_server, on_client, restart } = &evidence.client_first;
        format!("{on_server} row at the server, {on_client} at the client; bind: {restart}")
    }
}

fn course(lab: &Lab, port: u16, case: &str, close: Close) -> Result<Course, Trouble> {
    lab.case(case);
    let host = lab.alone()?;
    let listener = host.listen(host.any(port), Flags::NONE)?;
    host.pair(&listener)?.close(close).map_err(host.failed("the conversation"))?;
    drop(listener);
    host.settled(port)?;
    let rows = host.look("after both have closed", port)?;
    Ok(Course {
        on_server: waiting_at(&rows, port),
        on_client: waiting_towards(&rows, port),
        restart: host.bind(host.any(port), Flags::NONE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(on_server: usize, on_client: usize) -> Course {
        let restart = if on_server == 0 { Answer::ok() } else { Answer::errno("EADDRINUSE") };
        Course { on_server, on_client, restart }
    }

    fn judge(server_first: Course, client_first: Course) -> Verdict {
        LetClientClose::judge(&Evidence { server_first, client_first })
    }

    #[test]
    fn a_row_at_the_client_alone_and_a_port_that_is_free_confirm() {
        assert_eq!(judge(course(1, 0), course(0, 1)), Verdict::Confirmed);
        for stays in [course(1, 0), course(1, 1), course(0, 0)] {
            assert_eq!(judge(course(1, 0), stays), Verdict::Refuted);
        }
        let refused = Course { restart: Answer::errno("EADDRINUSE"), ..course(0, 1) };
        assert_eq!(judge(course(1, 0), refused), Verdict::Refuted);
    }

    #[test]
    fn a_server_that_closed_first_and_does_not_wait_decides_nothing() {
        assert!(matches!(judge(course(0, 1), course(0, 1)), Verdict::CouldNotTry(_)));
    }
}
