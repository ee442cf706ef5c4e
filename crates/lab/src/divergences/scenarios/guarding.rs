//! ESTABLISHED: what an attacker might send, or an old connection: RST, SYN, odd ACKs, old timestamps.

use super::{Difference, Scenario, Setting, alike};

const FIRST: &str = "RFC 9293 §3.10.7.4, first";
const FIFTH: &str = "RFC 9293 §3.10.7.4, fifth";

pub(super) const ALL: &[Scenario] = &[
    alike(
        "ack-of-unsent",
        "an ACK of what was not sent draws an ACK",
        FIFTH,
        "opened
         > ACK 1 ack 100
         > PSH 1 ack 100 text x
         read",
    ),
    Scenario {
        differs: &[
            Difference {
                at: "> PSH 2 ack -100000 text b",
                kernel: "ACK 6 ack 3",
                machine: "ACK 6 ack 2",
                because: "On its fast path the kernel takes the text before it looks at the ACK, and what tcp_ack then says of it is lost (tcp_rcv_established). RFC 5961 has the segment discarded.",
            },
            Difference {
                at: "read",
                kernel: "ab",
                machine: "a",
                because: "On its fast path the kernel takes the text before it looks at the ACK, and what tcp_ack then says of it is lost (tcp_rcv_established). RFC 5961 has the segment discarded.",
            },
        ],
        ..alike(
            "old-ack",
            "text with an old ACK is taken, unless the ACK is older than the largest window",
            "RFC 5961 §5",
            "opened
         write hello
         > ACK 1 ack 6
         > PSH 1 ack 1 text a
         > PSH 2 ack -100000 text b
         read",
        )
    },
    Scenario {
        differs: &[
            Difference {
                at: "> PSH 1 ack -5 text a",
                kernel: "ACK 1 ack 1",
                machine: "ACK 1 ack 2",
                because: "The kernel counts what was ever acknowledged (bytes_acked) and believes no ACK from before that, since 6.7 (tcp_ack). RFC 5961 allows the whole largest window.",
            },
            Difference {
                at: "read",
                kernel: "EAGAIN",
                machine: "a",
                because: "The kernel counts what was ever acknowledged (bytes_acked) and believes no ACK from before that, since 6.7 (tcp_ack). RFC 5961 allows the whole largest window.",
            },
        ],
        ..alike(
            "ack-from-before-the-beginning",
            "an ACK of what was never sent, though it is not older than the largest window",
            "RFC 5961 §5",
            "opened
         > PSH 1 ack -5 text a
         read",
        )
    },
    alike(
        "rst-at-the-edges",
        "an RST counts at the left edge, is challenged in the window, and dropped outside",
        "RFC 5961 §3",
        "opened
         > RST 0
         > RST edge
         > RST edge-1
         > RST 2
         state
         > RST 1
         state
         read",
    ),
    alike(
        "rst-with-text",
        "an RST may have text and an ACK",
        "RFC 9293 §3.10.7.4, second",
        "opened
         > RST 1 ack 1 text why
         state
         read",
    ),
    Scenario {
        differs: &[Difference {
            at: "> RST 0 text abc",
            kernel: "ACK 1 ack 1",
            machine: "nothing",
            because: "The kernel challenges every RST that is not at the left edge and not outside (tcp_validate_incoming). RFC 9293 drops one whose number lies outside the window, and asks for nothing else.",
        }],
        ..alike(
            "rst-that-hangs-over",
            "an RST whose number lies before the window, its text in it",
            "RFC 5961 §3",
            "opened
         > RST 0 text abc
         state",
        )
    },
    alike(
        "rst-twice-told",
        "a reset is told once",
        "RFC 9293 §3.10.7.4, second",
        "opened
         > RST 1
         write x
         write x
         read",
    ),
    alike(
        "reset-and-read",
        "text that came before a reset",
        "RFC 9293 §3.10.7.4, second",
        "opened
         > PSH 1 ack 1 text hello
         > RST 6
         read
         read
         read",
    ),
    alike(
        "syn-at-the-edges",
        "a SYN is challenged wherever it lies",
        "RFC 5961 §4",
        "opened
         > SYN 0
         > SYN -100
         > SYN 1
         > SYN edge
         > SYN 100 ack 1
         state",
    ),
    alike(
        "syn-ack-again",
        "a SYN,ACK that comes again draws an ACK: the one of before was lost",
        FIRST,
        "connected
         > SYN 0 ack 1 mss 1460
         state",
    ),
    Scenario {
        setting: Setting::Limited,
        ..alike(
            "challenges-are-limited",
            "challenges are limited, answers to text are not",
            "RFC 5961 §7",
            "opened
             > RST 2
             > RST 2
             > SYN 1
             > PSH 0 ack 1 text x
             > PSH 0 ack 1 text x",
        )
    },
    alike(
        "old-timestamp",
        "a segment with an older timestamp is acknowledged and dropped",
        "RFC 7323 §5.3",
        "opened with timestamps
         > PSH 1 ack 1 text old ts -2
         read
         > PSH 1 ack 1 text new ts 1
         read",
    ),
    Scenario {
        differs: &[
            Difference {
                at: "> PSH 1 ack 1 text old ts -1",
                kernel: "ACK 1 ack 4 ts echo 0",
                machine: "ACK 1 ack 1 ts echo 0",
                because: "The kernel lets a timestamp be older by one tick in an open connection (TCP_PAWS_WINDOW, tcp_paws_discard). RFC 7323 does not.",
            },
            Difference {
                at: "read",
                kernel: "old",
                machine: "EAGAIN",
                because: "The kernel lets a timestamp be older by one tick in an open connection (TCP_PAWS_WINDOW, tcp_paws_discard). RFC 7323 does not.",
            },
        ],
        ..alike(
            "timestamp-a-tick-older",
            "a timestamp that is older by one tick",
            "RFC 7323 §5.3",
            "opened with timestamps
         > PSH 1 ack 1 text old ts -1
         read",
        )
    },
    alike(
        "old-timestamp-on-rst",
        "an RST counts whatever its timestamp",
        "RFC 7323 §5.3",
        "opened with timestamps
         > RST 1 ts -1
         state",
    ),
    alike(
        "no-timestamp",
        "a segment without the timestamp that was agreed on",
        "RFC 7323 §3.2",
        "opened with timestamps
         > PSH 1 ack 1 text hello
         read",
    ),
    alike(
        "timestamp-of-a-gap",
        "a segment ahead of its turn does not raise the timestamp that is echoed",
        "RFC 7323 §4.3",
        "opened with timestamps
         > PSH 4 ack 1 text def ts 9
         > PSH 1 ack 1 text abc ts 5
         read",
    ),
];
