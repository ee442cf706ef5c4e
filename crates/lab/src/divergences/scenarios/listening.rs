//! Around a listener: children that nobody has accepted yet, and its end.

use super::{Difference, Scenario, alike};

const LISTEN: &str = "RFC 9293 §3.10.7.2";

pub(super) const ALL: &[Scenario] = &[
    alike(
        "reset-before-accept",
        "a connection that is reset before it is accepted is accepted all the same, and says so",
        "RFC 9293 §3.10.7.4, second",
        "listen
         > SYN 0 mss 1460
         > ACK 1 ack 1
         > RST 1
         accept
         read
         read",
    ),
    alike(
        "closed-before-accept",
        "text and a FIN that came before accept are read after it",
        LISTEN,
        "listen
         > SYN 0 mss 1460
         > ACK 1 ack 1
         > FIN,PSH 1 ack 1 text hello
         accept
         read
         read
         state",
    ),
    Scenario {
        differs: &[Difference {
            at: "state",
            kernel: "syn-recv",
            machine: "closed",
            because: "The kernel leaves a half-open connection in its table and finds out that nobody listens when something comes for it, or its timer goes off (inet_csk_listen_stop, reqsk_timer_handler). What the peer then hears is the same.",
        }],
        ..alike(
            "unlisten-half-open",
            "a listener closes while a connection is half open",
            "RFC 9293 §3.10.4",
            "listen
         > SYN 0 mss 1460
         unlisten
         state
         > ACK 1 ack 1",
        )
    },
    Scenario {
        differs: &[Difference {
            at: "unlisten",
            kernel: "ok; RST 1 ack 1",
            machine: "ok; RST 1",
            because: "The kernel sets the ACK bit on an RST that no segment has asked for (tcp_send_active_reset). RFC 9293 §3.10.5 has <SEQ=SND.NXT><CTL=RST>. No receiver looks at it.",
        }],
        ..alike(
            "unlisten-before-accept",
            "a listener closes before a connection was accepted",
            "RFC 9293 §3.10.4",
            "listen
         > SYN 0 mss 1460
         > ACK 1 ack 1
         unlisten
         state",
        )
    },
    alike(
        "accepted-outlives-listener",
        "what was accepted lives on when the listener closes",
        "RFC 9293 §3.10.4",
        "opened
         unlisten
         > PSH 1 ack 1 text hello
         read
         state",
    ),
];
