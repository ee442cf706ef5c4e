//! ESTABLISHED: text, its window, and the peer's.

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
        "text-that-hangs-over-the-right-edge",
        "of text that hangs over the right edge, what lies in the window is held",
        FIRST,
        "opened
         > PSH edge-2 ack 1 text abcd
         > ACK 1 ack 1",
    ),
    alike(
        "fin-at-the-edges",
        "a FIN at the last number of the window is held, one after it is not",
        FIRST,
        "opened
         > FIN edge-1 ack 1
         > FIN edge ack 1
         state",
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
            "opened with timestamps
             > ACK 1 ack 1 win 0 ts 0
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
            "opened with timestamps
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
