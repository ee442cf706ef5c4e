//! ESTABLISHED: text, windows, and what an attacker might send.

use super::{Difference, Scenario, Setting, alike};

const FIRST: &str = "RFC 9293 §3.10.7.4, first";
const FIFTH: &str = "RFC 9293 §3.10.7.4, fifth";
const SEVENTH: &str = "RFC 9293 §3.10.7.4, seventh";

pub(super) const ALL: &[Scenario] = &[
    alike(
        "text",
        "text is acknowledged and read, both ways",
        SEVENTH,
        "opened
         > PSH 1 ack 1 text hello
         read
         read
         write world
         > ACK 6 ack 6
         state",
    ),
    alike(
        "text-ahead-of-its-turn",
        "text that comes ahead of its turn is held, and the gap told",
        SEVENTH,
        "opened
         > PSH 4 ack 1 text def
         read
         > PSH 1 ack 1 text abc
         read",
    ),
    alike(
        "text-again",
        "text that comes again is acknowledged again, what is new of it taken",
        FIRST,
        "opened
         > PSH 1 ack 1 text abc
         > PSH 1 ack 1 text abc
         > PSH 2 ack 1 text bcd
         read",
    ),
    alike(
        "text-at-the-edges",
        "the last octet of the window is held, the one after it is not, nor the one before the first",
        FIRST,
        "opened
         > PSH edge-1 ack 1 text x
         > PSH edge ack 1 text x
         > PSH 0 ack 1 text x
         read",
    ),
    alike(
        "ack-at-the-edges",
        "an ACK without text is read in the window, and at its very end",
        FIRST,
        "opened
         > ACK 0 ack 1
         > ACK 1 ack 1
         > ACK edge-1 ack 1
         > ACK edge ack 1
         > ACK edge+1 ack 1",
    ),
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
        "no-ack",
        "a segment without an ACK is dropped",
        FIFTH,
        "opened
         > PSH 1 text x
         > FIN 1
         read
         state",
    ),
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
    alike(
        "peers-window-closed",
        "into a closed window nothing is sent; when it opens, text is",
        "RFC 9293 §3.8.6",
        "opened
         > ACK 1 ack 1 win 0
         write hello
         > ACK 1 ack 1 win 3
         > ACK 1 ack 4 win 3
         > ACK 1 ack 6",
    ),
    Scenario {
        setting: Setting::Retransmits,
        ..alike(
            "probes",
            "a closed window is probed, ever later, by a segment that needs no room",
            "RFC 9293 §3.8.6.1",
            "opened
             > ACK 1 ack 1 win 0
             write hello
             again 3",
        )
    },
    Scenario {
        setting: Setting::Retransmits,
        ..alike(
            "text-sent-again",
            "text without an ACK is sent again, twice as late each time",
            "RFC 6298 §5.5",
            "opened
             write hello
             again 3",
        )
    },
    Scenario {
        setting: Setting::SmallBuffer,
        ..alike(
            "own-window-closed",
            "at a closed window an RST and an ACK count, text does not",
            FIRST,
            "opened
             fill
             > ACK 0 ack 1
             > PSH 0 ack 1 text x
             > ACK -1 ack 1
             > ACK 1 ack 1
             > RST 1
             > RST 0
             state",
        )
    },
    Scenario {
        setting: Setting::SmallBuffer,
        differs: &[
            Difference {
                at: "> FIN 0 ack 1",
                kernel: "ACK 1 ack 1 win 0",
                machine: "ACK 1 ack 0 win 0",
                because: "The kernel keeps no octet for a FIN and takes it at a closed window (tcp_sequence, tcp_data_queue). By Table 6 nothing that has a length is acceptable there; the peer sends it again.",
            },
            Difference {
                at: "state",
                kernel: "close-wait",
                machine: "established",
                because: "The kernel keeps no octet for a FIN and takes it at a closed window (tcp_sequence, tcp_data_queue). By Table 6 nothing that has a length is acceptable there; the peer sends it again.",
            },
        ],
        ..alike(
            "fin-at-a-closed-window",
            "a FIN has a number, and a closed window has room for none",
            FIRST,
            "opened
             fill
             > FIN 0 ack 1
             state",
        )
    },
    Scenario {
        differs: &[Difference {
            at: "read",
            kernel: "ello",
            machine: "hello",
            because: "Urgent data is left out of the machine: it is read in its turn. The kernel keeps it apart (SO_OOBINLINE).",
        }],
        ..alike(
            "urgent",
            "urgent data",
            "RFC 9293 §3.10.7.4, sixth",
            "opened
         > PSH,URG 1 ack 1 text hello
         read",
        )
    },
];
