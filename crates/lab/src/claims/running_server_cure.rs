//! "The flag can be given to a running server from outside": found on the way.

use serde::Serialize;
use timewait_facts::{Socket, State};
use timewait_linux::{flags, owners::Owners};

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    actors::Actor,
    claim::{Claim, Contrary},
    site::{Dial, Flags, PORT, Site, waiting_at},
};

pub(super) struct RunningServerCure;

/// When the connection was accepted that waits in the end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepted {
    BeforeTheFlag,
    AfterIt,
}

/// Restarts with SO_REUSEADDR of servers that were started without it.
#[derive(Serialize)]
pub(super) struct Evidence {
    cured: Restart,
    /// One that was left as it was: the control.
    untouched: Restart,
}

#[derive(Serialize)]
pub(super) struct Restart {
    waiting: usize,
    bind: Answer,
}

impl Claim for RunningServerCure {
    type Setup = Accepted;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "running-server-cure",
        says: "SO_REUSEADDR can be given to a running server from outside",
        by: Voice::Nobody,
        how: "A server without the option, in another process; it is set on its listener from here (pidfd_getfd, setsockopt); then a \
              connection, the server's end, and a bind with the option while the connection waits. Control: a server that was left as it \
              was cannot be restarted so. Confirmed if the bind succeeds.",
        if_confirmed: "A server that lacks the option can be given it before its restart; what it accepted before must be waited for.",
        if_refuted: "What a listener is given from outside does not reach the connections that it accepts.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Accepted = Accepted::AfterIt;
    const CONTRARY: Option<Contrary<Accepted>> =
        Some(Contrary { what: "the connection was accepted before", setup: Accepted::BeforeTheFlag });

    fn experiment(lab: &Lab, accepted: Accepted) -> Result<Evidence, Trouble> {
        Ok(Evidence { cured: restart(lab, PORT, Some(accepted))?, untouched: restart(lab, PORT + 1, None)? })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let Evidence { cured, untouched } = evidence;
        let control = untouched.bind.is_in_use() && untouched.waiting == 1 && cured.waiting == 1;
        Verdict::given(control, "nothing waits, or a bind passes it anyway", cured.bind.is_ok())
    }

    fn decided_by(evidence: &Evidence) -> String {
        format!("bind with it: {}, of an untouched one: {}", evidence.cured.bind, evidence.untouched.bind)
    }
}

/// The restart of a server that is given the flag, or not.
fn restart(lab: &Lab, port: u16, cure: Option<Accepted>) -> Result<Restart, Trouble> {
    lab.case(if cure.is_some() {
        "a server that is given the option"
    } else {
        "a server that is left as it is"
    });
    let host = lab.alone()?;
    let mut server = Actor::server(lab, host.any(port), Flags::NONE)?;
    if cure == Some(Accepted::AfterIt) {
        give(&host, port)?;
    }
    let client = host.connect(host.at(port), Dial::default()).map_err(host.failed("connect"))?;
    host.until("it is accepted", port, |rows| rows.iter().any(|row| is_accepted(row, port)))?;
    host.did("a connection, which it accepts");
    if cure == Some(Accepted::BeforeTheFlag) {
        give(&host, port)?;
    }
    server.kill().map_err(host.failed("SIGKILL"))?;
    host.did("the server ends");
    drop(client);
    host.settled(port)?;
    let waiting = waiting_at(&host.look("after both have ended", port)?, port);
    Ok(Restart { waiting, bind: host.bind(host.any(port), Flags::REUSEADDR) })
}

fn is_accepted(row: &Socket, port: u16) -> bool {
    row.local.port() == port && row.state == State::Established && row.inode.is_some()
}

/// Sets the option on the listener that another process has at this port.
fn give(host: &Site, port: u16) -> Result<(), Trouble> {
    let rows = host.rows(port)?;
    let listener = rows.iter().find(|row| row.state == State::Listen && row.local.port() == port);
    let unseen = || Trouble::Otherwise("the listener of the other process cannot be found".to_owned());
    let listener = listener.ok_or_else(unseen)?;
    let owners = Owners::read().map_err(host.failed("reading /proc"))?;
    let owner = listener.inode.and_then(|inode| owners.of(inode)).ok_or_else(unseen)?;
    flags::give_reuseaddr(listener, owner.pid)?;
    host.called("pidfd_getfd, setsockopt SO_REUSEADDR on its listener", &Answer::ok());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restart(bind: &str) -> Restart {
        Restart { waiting: 1, bind: if bind == "OK" { Answer::ok() } else { Answer::errno(bind) } }
    }

    fn judge(cured: Restart, untouched: Restart) -> Verdict {
        RunningServerCure::judge(&Evidence { cured, untouched })
    }

    #[test]
    fn a_restart_that_succeeds_only_where_the_flag_was_given_confirms() {
        assert_eq!(judge(restart("OK"), restart("EADDRINUSE")), Verdict::Confirmed);
        assert_eq!(judge(restart("EADDRINUSE"), restart("EADDRINUSE")), Verdict::Refuted);
    }

    #[test]
    fn a_restart_that_succeeds_without_it_or_where_nothing_waits_decides_nothing() {
        assert!(matches!(judge(restart("OK"), restart("OK")), Verdict::CouldNotTry(_)));
        let idle = Restart { waiting: 0, ..restart("OK") };
        assert!(matches!(judge(idle, restart("EADDRINUSE")), Verdict::CouldNotTry(_)));
    }
}
