//! "An outgoing connection can take a server's port, and no flag helps": the hidden cause of many a failed restart.

use serde::Serialize;
use timewait_facts::Socket;

use super::outgoing::{self, FIRST_PORT};
use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Dial, Flags, PORT, Pair, Site},
};

pub(super) struct StolenPort;

/// Whether the server's port is kept for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reserved {
    No,
    /// `net.ipv4.ip_local_reserved_ports`
    Yes,
}

#[derive(Serialize)]
pub(super) struct Evidence {
    /// Outgoing connections that took a port of the range: the control.
    outgoing: usize,
    /// Whether one of them has the server's.
    taken: bool,
    /// bind(2) of the server while they are open, with no option, SO_REUSEADDR, SO_REUSEPORT, both.
    open: Vec<Answer>,
    /// The same once they wait.
    waiting: Vec<Answer>,
}

/// The server's port: one of the two that connect(2) may choose.
const SERVER_PORT: u16 = FIRST_PORT;
const OPTIONS: [Flags; 4] = [Flags::NONE, Flags::REUSEADDR, Flags::REUSEPORT, Flags::BOTH];

impl Claim for StolenPort {
    type Setup = Reserved;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "stolen-port",
        says: "an outgoing connection can take a server's port, and no flag helps",
        by: Voice::People("users of talos, shadowsocks"),
        how: "Two local ports, one of them a server's that is down; connections to elsewhere until no port is left; then the server's bind \
              with no option, SO_REUSEADDR, SO_REUSEPORT and both, while they are open and while they wait. Control: connections did take \
              a port of the range. Confirmed if every bind answers EADDRINUSE.",
        if_confirmed: "Keep a server's port out of ip_local_port_range, or name it in ip_local_reserved_ports: no option of the server \
                       helps.",
        if_refuted: "The port is not taken, or an option passes who took it.",
        pace: Pace::Fast,
        families: Family::BOTH,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Reserved = Reserved::No;
    const CONTRARY: Option<Contrary<Reserved>> =
        Some(Contrary { what: "the port is in ip_local_reserved_ports", setup: Reserved::Yes });

    fn experiment(lab: &Lab, reserved: Reserved) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        lab.set("net.ipv4.tcp_tw_reuse", &0)?;
        outgoing::leave_ports(lab, 2)?;
        if reserved == Reserved::Yes {
            lab.set("net.ipv4.ip_local_reserved_ports", &SERVER_PORT)?;
        }
        let pairs = connect_all(&host)?;
        let outgoing = pairs.len();
        let rows = host.look("while they are open", SERVER_PORT)?;
        let taken = rows.iter().any(|row: &Socket| row.local.port() == SERVER_PORT);
        let open = binds(&host);
        for pair in pairs {
            pair.close(Close::CLIENT_FIRST).map_err(host.failed("the conversation"))?;
        }
        host.settled(PORT)?;
        host.look("when they have closed", SERVER_PORT)?;
        Ok(Evidence { outgoing, taken, open, waiting: binds(&host) })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let mut answers = evidence.open.iter().chain(&evidence.waiting);
        let is_so = evidence.taken && answers.all(Answer::is_in_use);
        Verdict::given(evidence.outgoing > 0, "no connection took a port of the range", is_so)
    }

    fn decided_by(evidence: &Evidence) -> String {
        let tried = evidence.open.len() + evidence.waiting.len();
        let refused =
            evidence.open.iter().chain(&evidence.waiting).filter(|answer| answer.is_in_use()).count();
        let taken = if evidence.taken { "taken" } else { "not taken" };
        format!("port {taken}; {refused} of {tried} binds EADDRINUSE")
    }
}

/// Connections to another port of this host until no local port is left.
fn connect_all(host: &Site) -> Result<Vec<Pair>, Trouble> {
    /// More than there are ports.
    const MOST: usize = 8;
    let listener = host.listen(host.at(PORT), Flags::NONE)?;
    let mut pairs = Vec::new();
    while pairs.len() < MOST {
        let outcome = host.connect(host.reached_at(&listener), Dial::default());
        host.called("connect, from a port of the kernel's choice", &Answer::of(&outcome));
        let Ok(client) = outcome else { break };
        let server = listener.accept().map_err(host.failed("accept"))?;
        pairs.push(Pair { client, server });
    }
    Ok(pairs)
}

fn binds(host: &Site) -> Vec<Answer> {
    OPTIONS.into_iter().map(|flags| host.bind(host.any(SERVER_PORT), flags)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(open: [bool; 4], waiting: [bool; 4]) -> Evidence {
        let answers = |oks: [bool; 4]| {
            oks.map(|ok| if ok { Answer::ok() } else { Answer::errno("EADDRINUSE") }).to_vec()
        };
        Evidence { outgoing: 2, taken: true, open: answers(open), waiting: answers(waiting) }
    }

    #[test]
    fn one_option_that_helps_refutes() {
        let none = [false; 4];
        assert_eq!(StolenPort::judge(&evidence(none, none)), Verdict::Confirmed);
        assert_eq!(StolenPort::judge(&evidence(none, [false, true, false, true])), Verdict::Refuted);
        assert_eq!(StolenPort::judge(&evidence([true; 4], [true; 4])), Verdict::Refuted);
        let by_another = Evidence { taken: false, ..evidence(none, none) };
        assert_eq!(StolenPort::judge(&by_another), Verdict::Refuted);
    }

    #[test]
    fn without_an_outgoing_connection_nothing_is_decided() {
        let none = Evidence { outgoing: 0, taken: false, ..evidence([true; 4], [true; 4]) };
        assert!(matches!(StolenPort::judge(&none), Verdict::CouldNotTry(_)));
    }
}
