//! Closing, from either side, at once, halfway, and with an RST.

use super::{Difference, Scenario, Setting, alike};

const FIFTH: &str = "RFC 9293 §3.10.7.4, fifth";
const EIGHTH: &str = "RFC 9293 §3.10.7.4, eighth";

pub(super) const ALL: &[Scenario] = &[
    alike(
        "closes-first",
        "this side closes first, and waits",
        "RFC 9293 §3.6, Figure 12",
        "opened
         close
         state
         > ACK 1 ack 2
         state
         > FIN 1 ack 2
         state",
    ),
    alike(
        "closes-second",
        "this side closes second, and has its last ACK",
        "RFC 9293 §3.6, Figure 12",
        "opened
         > FIN 1 ack 1
         state
         read
         close
         state
         > ACK 2 ack 2
         state",
    ),
    alike(
        "both-close",
        "both close at once",
        "RFC 9293 §3.6, Figure 13",
        "opened
         close
         > FIN 1 ack 1
         state
         > ACK 2 ack 2
         state",
    ),
    alike(
        "fin-with-the-ack",
        "the peer's FIN comes with the ACK of ours",
        "RFC 9293 §3.3.2, Note 2",
        "opened
         close
         > FIN 1 ack 2
         state",
    ),
    alike(
        "fin-with-text",
        "a FIN has text with it",
        EIGHTH,
        "opened
         > FIN,PSH 1 ack 1 text bye
         read
         read
         state",
    ),
    alike(
        "fin-ahead-of-its-turn",
        "a FIN that comes ahead of its turn counts when the gap is filled",
        EIGHTH,
        "opened
         > FIN 4 ack 1
         state
         > PSH 1 ack 1 text abc
         state
         read
         read",
    ),
    alike(
        "fin-again",
        "a FIN that comes again is acknowledged again, in every state after it",
        EIGHTH,
        "opened
         > FIN 1 ack 1
         > FIN 1 ack 1
         close
         > FIN 1 ack 1
         state",
    ),
    Scenario {
        differs: &[
            Difference {
                at: "> FIN 1 ack 2",
                kernel: "nothing",
                machine: "ACK 2 ack 2",
                because: "The kernel asks whether a segment ends before the window (tcp_sequence: end_seq before rcv_wup); one that ends just where it begins is read, and its ACK counts. By Table 6 it is old, and answered with an ACK; the peer's ACK comes again with that.",
            },
            Difference {
                at: "state",
                kernel: "closed",
                machine: "last-ack",
                because: "The kernel asks whether a segment ends before the window (tcp_sequence: end_seq before rcv_wup); one that ends just where it begins is read, and its ACK counts. By Table 6 it is old, and answered with an ACK; the peer's ACK comes again with that.",
            },
        ],
        ..alike(
            "fin-again-with-the-last-ack",
            "a FIN that comes again brings the ACK of ours",
            "RFC 9293 §3.10.7.4, first",
            "opened
         > FIN 1 ack 1
         close
         > FIN 1 ack 2
         state",
        )
    },
    alike(
        "fin-again-in-closing",
        "a FIN that comes again in CLOSING is acknowledged again",
        EIGHTH,
        "opened
         close
         > FIN 1 ack 1
         > FIN 1 ack 1
         state",
    ),
    alike(
        "half-close",
        "who has shut down writing still reads, and waits when the peer has closed too",
        "RFC 9293 §3.6",
        "opened
         shutdown
         write x
         > ACK 1 ack 2
         > PSH 1 ack 2 text late
         read
         state
         > FIN 5 ack 2
         read
         state",
    ),
    alike(
        "writes-after-the-peers-close",
        "who has heard a FIN can still write",
        "RFC 9293 §3.6",
        "opened
         > FIN 1 ack 1
         write more
         > ACK 2 ack 5
         close
         > ACK 2 ack 6
         state",
    ),
    alike(
        "text-after-the-peers-fin",
        "text after the peer's own FIN is nobody's",
        "RFC 9293 §3.10.7.4, seventh",
        "opened
         > FIN 1 ack 1
         > PSH 2 ack 1 text x
         state
         read",
    ),
    alike(
        "text-after-close",
        "text for a user who has gone is reset",
        "RFC 9293 §3.6.1, SHLD-3",
        "opened
         close
         > ACK 1 ack 2
         > PSH 1 ack 2 text late
         state",
    ),
    alike(
        "text-after-close-before-the-ack",
        "the same while the FIN is not acknowledged",
        "RFC 9293 §3.6.1, SHLD-3",
        "opened
         close
         > PSH 1 ack 1 text late
         state",
    ),
    Scenario {
        differs: &[Difference {
            at: "close",
            kernel: "ok; RST 1 ack 7",
            machine: "ok; RST 1",
            because: "The kernel sets the ACK bit on an RST that no segment has asked for (tcp_send_active_reset). RFC 9293 §3.10.5 has <SEQ=SND.NXT><CTL=RST>. No receiver looks at it.",
        }],
        ..alike(
            "unread-at-close",
            "a close with text unread is a reset",
            "RFC 9293 §3.6.1, SHLD-3",
            "opened
         > PSH 1 ack 1 text unread
         close
         state",
        )
    },
    Scenario {
        differs: &[Difference {
            at: "reset",
            kernel: "ok; RST 1 ack 1",
            machine: "ok; RST 1",
            because: "The kernel sets the ACK bit on an RST that no segment has asked for (tcp_send_active_reset). RFC 9293 §3.10.5 has <SEQ=SND.NXT><CTL=RST>. No receiver looks at it.",
        }],
        ..alike(
            "reset-by-the-user",
            "a user aborts",
            "RFC 9293 §3.10.5",
            "opened
         reset
         state",
        )
    },
    alike(
        "reset-of-who-closed-first",
        "an RST ends a connection that is being closed",
        "RFC 9293 §3.10.7.4, second",
        "opened
         shutdown
         > RST 1
         state
         read",
    ),
    alike(
        "reset-in-last-ack",
        "an RST in LAST-ACK ends it",
        "RFC 9293 §3.10.7.4, second",
        "opened
         > FIN 1 ack 1
         close
         > RST 2
         state",
    ),
    alike(
        "unsent-ack-in-fin-wait",
        "an ACK of what was not sent, while closing",
        FIFTH,
        "opened
         close
         > ACK 1 ack 3
         state
         > ACK 1 ack 2
         > ACK 1 ack 3
         state",
    ),
    alike(
        "syn-in-fin-wait",
        "a SYN is challenged while closing, too",
        "RFC 5961 §4",
        "opened
         close
         > SYN 1
         > ACK 1 ack 2
         > SYN 1
         state",
    ),
    Scenario {
        setting: Setting::Retransmits,
        ..alike(
            "fin-sent-again",
            "a FIN without an ACK is sent again, twice as late each time",
            "RFC 6298 §5.5",
            "opened with timestamps
             close
             again 3",
        )
    },
    alike(
        "fin-with-text-after-close",
        "text with a FIN, for a user who has gone",
        "RFC 9293 §3.6.1, SHLD-3",
        "opened
         close
         > ACK 1 ack 2
         > FIN,PSH 1 ack 2 text late
         state",
    ),
    alike(
        "old-text-after-close",
        "old text, for a user who has gone",
        "RFC 9293 §3.10.7.4, first",
        "opened
         > PSH 1 ack 1 text old
         read
         close
         > PSH 1 ack 1 text old
         > ACK 4 ack 2
         > PSH 1 ack 2 text old
         state",
    ),
    alike(
        "rst-in-fin-wait-2",
        "an RST in FIN-WAIT-2, in the window and at its left edge",
        "RFC 5961 §3",
        "opened
         close
         > ACK 1 ack 2
         > RST 2
         state
         > RST 1
         state",
    ),
    alike(
        "rst-in-closing",
        "an RST in CLOSING",
        "RFC 9293 §3.10.7.4, second",
        "opened
         close
         > FIN 1 ack 1
         > RST 3
         > RST 2
         state",
    ),
    alike(
        "old-timestamp-in-fin-wait-2",
        "a FIN with an older timestamp does not close",
        "RFC 7323 §5.3",
        "opened with timestamps
         shutdown
         > ACK 1 ack 2 ts 5
         > FIN 1 ack 2 ts 0
         state
         > FIN 1 ack 2 ts 6
         state",
    ),
    alike(
        "user-of-a-closed-connection",
        "what calls answer when both have closed",
        "RFC 9293 §3.10",
        "opened
         shutdown
         > FIN 1 ack 2
         read
         write x
         shutdown
         error",
    ),
];
