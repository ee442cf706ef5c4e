//! "Ports run out": after as many connections as there are local ports, and to one destination.

use serde::Serialize;

use super::outgoing::{self, FIRST_PORT, Run};
use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Dial, Flags, PORT},
};

pub(super) struct PortsRunOut;

/// Who chooses the local ports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Chooser {
    Kernel,
    /// The client, by bind(2) with SO_REUSEADDR.
    Client,
}

/// Connections that could be opened, of one more than half as many again as there are ports.
#[derive(Serialize)]
pub(super) struct Evidence {
    ports: usize,
    to_one_destination: usize,
    then: Option<Answer>,
    to_a_second: usize,
    from_a_second_address: usize,
    /// Local ports of the first ones, each once: the control.
    ports_used: usize,
}

const PORTS: u16 = 100;
const ASKED: usize = 150;

impl Claim for PortsRunOut {
    type Setup = Chooser;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "ports-run-out",
        says: "ports run out after as many connections to one destination as there are",
        by: Voice::Folklore,
        how: "100 local ports, tcp_tw_reuse 0, connections closed first by the client, to one destination until connect is refused; then \
              to a second, then from a second address with IP_BIND_ADDRESS_NO_PORT. Control: just the 100 ports are in the rows. \
              Confirmed if there are 100 connections, then EADDRNOTAVAIL, and 100 more to a second destination.",
        if_confirmed: "A client that closes first has its range of ports, each minute, for each destination: add addresses or ports on \
                       either side, or keep connections open.",
        if_refuted: "The number of local ports is not what bounds connections here.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Chooser = Chooser::Kernel;
    const CONTRARY: Option<Contrary<Chooser>> = Some(Contrary {
        what: "the client binds each port itself, with SO_REUSEADDR",
        setup: Chooser::Client,
    });

    fn experiment(lab: &Lab, chooser: Chooser) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        lab.set("net.ipv4.tcp_tw_reuse", &0)?;
        outgoing::leave_ports(lab, PORTS)?;
        let one = host.listen(host.any(PORT), Flags::NONE)?;
        let second = host.listen(host.any(PORT + 1), Flags::NONE)?;
        let dial = |made: usize| match chooser {
            Chooser::Kernel => Dial::default(),
            Chooser::Client => {
                let step = u16::try_from(made % usize::from(PORTS)).unwrap_or(0);
                Dial::again_from(host.at(FIRST_PORT + step))
            }
        };
        lab.case("to one destination");
        let Run { made: to_one_destination, refused: then } = outgoing::run(&host, &one, ASKED, dial)?;
        let ports_used = host.settled(PORT)?.iter().filter(|row| row.peer.port() == PORT).count();
        host.look("at the end", PORT)?;
        lab.case("to a second destination");
        let to_a_second = outgoing::run(&host, &second, ASKED, dial)?.made;
        lab.case("from a second address");
        let from = lab.second_address()?;
        let elsewhere = Dial { from: Some((from, 0).into()), no_port: true, ..Dial::default() };
        let from_a_second_address = outgoing::run(&host, &one, ASKED, |_| elsewhere)?.made;
        Ok(Evidence {
            ports: PORTS.into(),
            to_one_destination,
            then,
            to_a_second,
            from_a_second_address,
            ports_used,
        })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let refused = evidence.then == Some(Answer::errno("EADDRNOTAVAIL"));
        let is_so = evidence.to_one_destination == evidence.ports
            && refused
            && evidence.to_a_second == evidence.ports;
        Verdict::given(evidence.ports_used == evidence.ports, "the range of ports took no effect", is_so)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let Evidence { ports, to_one_destination: one, then, to_a_second, from_a_second_address, .. } =
            evidence;
        let then = then.as_ref().map_or_else(|| "no end".to_owned(), Answer::to_string);
        format!("{ports} ports: {one}, {then}; 2nd target {to_a_second}, 2nd source {from_a_second_address}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(to_one_destination: usize, then: Option<&str>, to_a_second: usize) -> Evidence {
        let then = then.map(Answer::errno);
        Evidence {
            ports: 100,
            to_one_destination,
            then,
            to_a_second,
            from_a_second_address: 100,
            ports_used: 100,
        }
    }

    #[test]
    fn as_many_connections_as_ports_and_as_many_again_elsewhere_confirm() {
        assert_eq!(PortsRunOut::judge(&evidence(100, Some("EADDRNOTAVAIL"), 100)), Verdict::Confirmed);
        for contrary in [
            evidence(150, None, 150),
            evidence(50, Some("EADDRNOTAVAIL"), 50),
            evidence(100, Some("EADDRNOTAVAIL"), 0),
            evidence(100, Some("ETIMEDOUT"), 100),
        ] {
            assert_eq!(PortsRunOut::judge(&contrary), Verdict::Refuted);
        }
    }

    #[test]
    fn a_range_that_took_no_effect_decides_nothing() {
        let wide = Evidence { ports_used: 150, ..evidence(150, None, 150) };
        assert!(matches!(PortsRunOut::judge(&wide), Verdict::CouldNotTry(_)));
    }
}
