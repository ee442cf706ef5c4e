//! "A `[::]` listener's IPv4 clients block a later 0.0.0.0": what people meet who run node.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Serialize;

use crate::{
    About, Answer, Family, Lab, Pace, Record, Trouble, Verdict, Voice,
    claim::{Claim, Contrary},
    site::{Close, Flags, PORT, waiting_at},
};

pub(super) struct DualStack;

/// What may be bound after a server on every IPv6 address had an IPv4 client.
#[derive(Serialize)]
pub(super) struct Evidence {
    /// The row that its connection left: an IPv4 address in IPv6's clothes.
    left: Option<SocketAddr>,
    waiting: usize,
    any_ipv4: Answer,
    any_ipv6: Answer,
    any_ipv6_only: Answer,
    another_ipv4: Answer,
}

const DUAL: Flags = Flags { v6only: Some(false), ..Flags::NONE };
const ONLY: Flags = Flags { v6only: Some(true), ..Flags::NONE };

impl Claim for DualStack {
    /// Who closes first.
    type Setup = Close;
    type Evidence = Evidence;

    const ABOUT: About = About {
        id: "dual-stack",
        says: "a [::] listener's IPv4 clients block a later 0.0.0.0",
        by: Voice::People("node users"),
        how: "A server on [::], IPV6_V6ONLY off, closes an IPv4 client first and ends; then bind(2) of 0.0.0.0, of [::], of [::] for IPv6 \
              alone, and of another IPv4 address. Control: [::] for IPv6 alone passes. Confirmed if 0.0.0.0 is refused.",
        if_confirmed: "The connection that waits holds ::ffff:127.0.0.1, which is an IPv4 address for every bind.",
        if_refuted: "An IPv4 client of an IPv6 server does not hold the IPv4 port.",
        pace: Pace::Fast,
        families: Family::V4,
        recorded: Record::CONFIRMED_BY_6_18,
    };
    const AS_SAID: Close = Close::SERVER_FIRST;
    const CONTRARY: Option<Contrary<Close>> =
        Some(Contrary { what: "the client closes first", setup: Close::CLIENT_FIRST });

    fn experiment(lab: &Lab, close: Close) -> Result<Evidence, Trouble> {
        let host = lab.alone()?;
        let any_ipv6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT));
        let listener = host.listen(any_ipv6, DUAL)?;
        let client =
            host.connect(host.at(PORT), crate::site::Dial::default()).map_err(host.failed("connect"))?;
        let server = listener.accept().map_err(host.failed("accept"))?;
        crate::site::Pair { client, server }.close(close).map_err(host.failed("the conversation"))?;
        drop(listener);
        host.settled(PORT)?;
        let rows = host.look("after the server's end", PORT)?;
        Ok(Evidence {
            left: rows.iter().find(|row| row.local.port() == PORT).map(|row| row.local),
            waiting: waiting_at(&rows, PORT),
            any_ipv4: host.bind(host.any(PORT), Flags::NONE),
            any_ipv6: host.bind(any_ipv6, DUAL),
            any_ipv6_only: host.bind(any_ipv6, ONLY),
            another_ipv4: host.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), PORT)), Flags::NONE),
        })
    }

    fn judge(evidence: &Evidence) -> Verdict {
        let control = evidence.any_ipv6_only.is_ok() && evidence.another_ipv4.is_ok();
        Verdict::given(
            control,
            "what has nothing to do with it is refused too",
            evidence.any_ipv4.is_in_use(),
        )
    }

    fn decided_by(evidence: &Evidence) -> String {
        let left = evidence.left.map_or_else(|| "nothing".to_owned(), |left| left.to_string());
        format!("{left} waits; 0.0.0.0: {}, [::] v6only: {}", evidence.any_ipv4, evidence.any_ipv6_only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_for_every_ipv4_address_decides() {
        let answer = |ok| if ok { Answer::ok() } else { Answer::errno("EADDRINUSE") };
        let judge = |ipv4, only| {
            DualStack::judge(&Evidence {
                left: None,
                waiting: 1,
                any_ipv4: answer(ipv4),
                any_ipv6: answer(false),
                any_ipv6_only: answer(only),
                another_ipv4: Answer::ok(),
            })
        };
        assert_eq!(judge(false, true), Verdict::Confirmed);
        assert_eq!(judge(true, true), Verdict::Refuted);
        assert!(matches!(judge(false, false), Verdict::CouldNotTry(_)));
    }
}
