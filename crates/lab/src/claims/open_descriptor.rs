//! "A TIME-WAIT can exist while the descriptor is still open": found on the way.

use std::net::Shutdown;

use serde::Serialize;
use timewait_facts::{Socket, State};
use timewait_linux::options;

use crate::{
    About, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Flags, PORT, Pair, Site, read_to_end},
};

pub(super) struct OpenDescriptor;

/// Which side ends its half of the connection first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Server,
    Client,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    /// The state of the server's row while it has the descriptor.
    row: Option<&'static str>,
    /// What TCP_INFO says of the descriptor: that it says anything is the control.
    descriptor: Option<&'static str>,
    /// The state of the row once the descriptor is closed.
    row_later: Option<&'static str>,
}

impl Claim for OpenDescriptor {
    type Setup = First;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "open-descriptor",
        says: "a TIME-WAIT can exist while the descriptor is still open",
        by: Voice::Nobody,
        how: "A server calls shutdown(SHUT_WR), reads to the end, and keeps the descriptor; then its row. Control: TCP_INFO still answers \
              for the descriptor. Confirmed if the row is in TIME-WAIT.",
        if_confirmed: "A process can still hold what waits; TCP_INFO says CLOSE then, and the row has no inode. Closing changes nothing.",
        if_refuted: "The wait begins with the descriptor's close.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: First = First::Server;
    const CONTRARY: Option<Contrary<First>> =
        Some(Contrary { what: "the client ends its half first", setup: First::Client });

    fn experiment(lab: &Lab, first: First) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let listener = host.listen(host.at(PORT), Flags::NONE)?;
        let pair = host.pair(&listener)?;
        drop(listener);
        let client = pair.client_address().map_err(host.failed("getsockname"))?;
        let Pair { client: client_socket, server } = pair;
        if first == First::Server {
            server.shutdown(Shutdown::Write).map_err(host.failed("shutdown"))?;
            read_to_end(&client_socket).map_err(host.failed("read"))?;
        }
        drop(client_socket);
        read_to_end(&server).map_err(host.failed("read"))?;
        let state =
            |site: &Site| Ok::<_, Trouble>(site.find(site.at(PORT), client)?.map(|row: Socket| row.state));
        let resting = [State::TimeWait, State::CloseWait];
        host.until("both halves are closed", PORT, |rows| {
            rows.iter().any(|row| row.local.port() == PORT && resting.contains(&row.state))
        })?;
        let row = state(&host)?;
        let descriptor = options::tcp_state(&server).ok();
        host.look("while the server has the descriptor", PORT)?;
        host.called("getsockopt TCP_INFO", &descriptor.map_or("nothing", State::name));
        drop(server);
        host.did("the server closes it");
        host.settled(PORT)?;
        host.look("after that", PORT)?;
        let row_later = state(&host)?;
        let name = |state: Option<State>| state.map(State::name);
        Ok(Evidence { row: name(row), descriptor: name(descriptor), row_later: name(row_later) })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let is_so = evidence.row == Some(State::TimeWait.name());
        Verdict::given(evidence.descriptor.is_some(), "the descriptor was not open", is_so)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let told = |state: Option<&'static str>| state.unwrap_or("none");
        format!("row: {}; TCP_INFO of the descriptor: {}", told(evidence.row), told(evidence.descriptor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_other_state_of_the_row_refutes() {
        let judge = |row, descriptor| OpenDescriptor::judge(&Evidence { row, descriptor, row_later: None });
        assert_eq!(judge(Some("time-wait"), Some("closed")), Verdict::Confirmed);
        for row in [None, Some("close-wait"), Some("fin-wait-2")] {
            assert_eq!(judge(row, Some("closed")), Verdict::Refuted);
        }
        assert!(matches!(judge(Some("time-wait"), None), Verdict::CouldNotTry(_)));
    }
}
