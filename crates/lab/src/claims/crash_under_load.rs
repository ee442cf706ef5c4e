//! "After a crash under load the service stays down": the article's third part, by SIGKILL.

use serde::Serialize;
use timewait_facts::{Socket, State};

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    actors::Actor,
    claim::{Claim, Contrary},
    site::{Dial, Flags, PORT, Site, waiting_at},
};

pub(super) struct CrashUnderLoad;

#[derive(Serialize)]
pub(super) struct Evidence {
    connections: usize,
    /// Connections that the server had accepted when it was killed: the control.
    accepted: usize,
    /// Whether anything still listened then.
    listens: bool,
    /// The server's connections right after: FIN-WAIT-2, since nobody closes on the other side.
    fin_wait_2: usize,
    bind: Answer,
    /// And once the clients have closed.
    time_wait: usize,
    bind_later: Answer,
}

const CONNECTIONS: usize = 200;

impl Claim for CrashUnderLoad {
    /// The options of the server that is killed, and of the one that follows it.
    type Setup = Flags;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "crash-under-load",
        says: "a server that crashes under load cannot be started again",
        by: Voice::Article(3),
        how: "Another process holds 200 connections and is ended by SIGKILL; bind(2) is tried while its connections are in FIN-WAIT-2, and \
              again when the clients have closed and they are in TIME-WAIT. Control: all were accepted, and nobody listens any more. \
              Confirmed if both answer EADDRINUSE.",
        if_confirmed: "The kernel closes for the dead server, and first: without SO_REUSEADDR it stays down for a minute or more.",
        if_refuted: "A crash does not keep the port from the next server.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Flags = Flags::NONE;
    const CONTRARY: Option<Contrary<Flags>> =
        Some(Contrary { what: "both servers set SO_REUSEADDR", setup: Flags::REUSEADDR });

    fn experiment(lab: &Lab, flags: Flags) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let mut server = Actor::server(lab, host.any(PORT), flags)?;
        let connect = |_| host.connect(host.at(PORT), Dial::default()).map_err(host.failed("connect"));
        let clients: Vec<_> = (0..CONNECTIONS).map(connect).collect::<Result<_, _>>()?;
        let rows = host.until("all connections accepted", PORT, |rows| accepted(rows) == CONNECTIONS)?;
        host.show("under load", &rows);
        let accepted = accepted(&rows);
        server.kill().map_err(host.failed("SIGKILL"))?;
        host.did("SIGKILL");
        let rows = host.until("the server's FINs acknowledged", PORT, |rows| {
            count(rows, State::Established) + count(rows, State::FinWait1) == 0
        })?;
        host.show("after it", &rows);
        let bind = host.bind(host.any(PORT), flags);
        drop(clients);
        host.did("the clients close");
        let later = settled(&host)?;
        Ok(Evidence {
            connections: CONNECTIONS,
            accepted,
            listens: count(&rows, State::Listen) > 0,
            fin_wait_2: count(&rows, State::FinWait2),
            bind,
            time_wait: waiting_at(&later, PORT),
            bind_later: host.bind(host.any(PORT), flags),
        })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let control = evidence.accepted == evidence.connections && !evidence.listens;
        let down = evidence.bind.is_in_use() && evidence.bind_later.is_in_use();
        Verdict::given(control, "the server was not under load, or did not end", down)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Evidence { fin_wait_2, bind, time_wait, bind_later, .. } = evidence;
        format!("{fin_wait_2} fin-wait-2: {bind}; {time_wait} time-wait: {bind_later}")
    }
}

fn settled(host: &Site) -> Result<Vec<Socket>, Trouble> {
    let rows = host.settled(PORT)?;
    host.show("when all have closed", &rows);
    Ok(rows)
}

/// Sockets on the server's side in this state.
fn count(rows: &[Socket], state: State) -> usize {
    rows.iter().filter(|row| row.local.port() == PORT && row.state == state).count()
}

/// Connections that the server has taken: before accept(2) there is no file behind them.
fn accepted(rows: &[Socket]) -> usize {
    let is_accepted =
        |row: &&Socket| row.local.port() == PORT && row.state == State::Established && row.inode.is_some();
    rows.iter().filter(is_accepted).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(bind: bool, bind_later: bool) -> Evidence {
        let answer = |ok| if ok { Answer::ok() } else { Answer::errno("EADDRINUSE") };
        Evidence {
            connections: 200,
            accepted: 200,
            listens: false,
            fin_wait_2: 200,
            bind: answer(bind),
            time_wait: 200,
            bind_later: answer(bind_later),
        }
    }

    #[test]
    fn a_bind_that_is_refused_both_times_confirms() {
        assert_eq!(CrashUnderLoad::judge(&evidence(false, false)), Verdict::Confirmed);
        for contrary in [evidence(true, false), evidence(false, true), evidence(true, true)] {
            assert_eq!(CrashUnderLoad::judge(&contrary), Verdict::Refuted);
        }
    }

    #[test]
    fn a_server_that_was_not_under_load_or_lives_decides_nothing() {
        for idle in [
            Evidence { accepted: 150, ..evidence(false, false) },
            Evidence { listens: true, ..evidence(false, false) },
        ] {
            assert!(matches!(CrashUnderLoad::judge(&idle), Verdict::CouldNotTry(_)));
        }
    }
}
