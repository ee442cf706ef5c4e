//! TIME-WAIT: what it answers, what opens it anew, what ends it.

use super::{Difference, Scenario, Setting, alike};

const EIGHTH: &str = "RFC 9293 §3.10.7.4, eighth";
const MAY_2: &str = "RFC 9293 §3.6.1, MAY-2";
const RFC_6191: &str = "RFC 6191 §2";

pub(super) const ALL: &[Scenario] = &[
    alike(
        "lost-last-ack",
        "the last ACK was lost: the FIN comes again, and is acknowledged again",
        EIGHTH,
        "in TIME-WAIT
         > FIN 1 ack 2
         > FIN 1 ack 2
         state",
    ),
    alike(
        "old-text-in-time-wait",
        "old text is acknowledged away",
        "RFC 9293 §3.10.7.4, first",
        "in TIME-WAIT
         > PSH 1 ack 2 text x
         > PSH -10 ack 1 text old
         state",
    ),
    alike(
        "bare-ack-in-time-wait",
        "an ACK that says nothing new is not answered",
        "RFC 9293 §3.10.7.4, fifth",
        "in TIME-WAIT
         > ACK 2 ack 2
         state",
    ),
    alike(
        "new-text-in-time-wait",
        "text after the peer's own FIN is nobody's",
        "RFC 9293 §3.10.7.4, seventh",
        "in TIME-WAIT
         > PSH 2 ack 2 text x
         state",
    ),
    alike(
        "no-ack-in-time-wait",
        "a segment without an ACK",
        "RFC 9293 §3.10.7.4, fifth",
        "in TIME-WAIT
         > FIN 1
         > NONE 2
         state",
    ),
    alike(
        "rst-in-time-wait",
        "an RST at the left edge ends the wait",
        "RFC 9293 §3.10.7.4, second",
        "in TIME-WAIT
         > RST 2
         state",
    ),
    Scenario {
        differs: &[Difference {
            at: "> RST 3",
            kernel: "nothing",
            machine: "ACK 2 ack 2",
            because: "The kernel's timewait socket has no window: an RST that is not at its left edge is dropped (tcp_timewait_state_process). RFC 5961 challenges it.",
        }],
        ..alike(
            "rst-in-the-window-in-time-wait",
            "an RST in the window, but not at its left edge",
            "RFC 5961 §3",
            "in TIME-WAIT
         > RST 1
         state
         > RST 3
         state",
        )
    },
    Scenario {
        setting: Setting::Rfc1337,
        ..alike(
            "rst-in-time-wait-with-rfc-1337",
            "with tcp_rfc1337 an RST does not end the wait",
            "RFC 1337 §3, fix F1",
            "in TIME-WAIT
             > RST 2
             state",
        )
    },
    Scenario {
        setting: Setting::Rfc1337,
        differs: &[
            Difference {
                at: "> SYN -1000 mss 1460 ts 50",
                kernel: "ACK 2 ack 2 ts echo 100",
                machine: "SYN 65539 ack -999 mss link ts echo 50",
                because: "The kernel keeps the timestamp of an RST that is at the left edge, though with tcp_rfc1337 it ignores the RST itself (tcp_timewait_state_process): a forged one may keep a new connection out. RFC 7323 §5.2 has an RST's timestamp say nothing.",
            },
            Difference {
                at: "state",
                kernel: "time-wait",
                machine: "syn-recv",
                because: "The kernel keeps the timestamp of an RST that is at the left edge, though with tcp_rfc1337 it ignores the RST itself (tcp_timewait_state_process): a forged one may keep a new connection out. RFC 7323 §5.2 has an RST's timestamp say nothing.",
            },
        ],
        ..alike(
            "timestamp-of-an-ignored-rst",
            "the timestamp of an RST that is ignored says nothing",
            "RFC 7323 §5.2",
            "in TIME-WAIT with timestamps
             > RST 2 ts 100
             > SYN -1000 mss 1460 ts 50
             state",
        )
    },
    alike(
        "newer-syn",
        "a SYN above all numbers of the old connection opens a new one, which starts above them too",
        MAY_2,
        "in TIME-WAIT
         > SYN 1000 mss 1460
         state
         > ACK 1001 ack 65540
         state
         accept",
    ),
    alike(
        "syn-at-the-left-edge",
        "a SYN with the very number that is expected next",
        MAY_2,
        "in TIME-WAIT
         > SYN 2 mss 1460
         state",
    ),
    alike(
        "older-syn",
        "a SYN below them is no new connection",
        MAY_2,
        "in TIME-WAIT
         > SYN -1000 mss 1460
         state",
    ),
    alike(
        "newer-timestamp",
        "a SYN with a newer timestamp opens a new connection, whatever its number",
        RFC_6191,
        "in TIME-WAIT with timestamps
         > SYN -1000 mss 1460 ts 1
         state",
    ),
    alike(
        "same-timestamp",
        "with the same timestamp the number decides",
        RFC_6191,
        "in TIME-WAIT with timestamps
         > SYN -1000 mss 1460 ts 0
         state
         > SYN 1000 mss 1460 ts 0
         state",
    ),
    alike(
        "older-timestamp",
        "a SYN with an older timestamp is no new connection, whatever its number",
        RFC_6191,
        "in TIME-WAIT with timestamps
         > SYN 1000 mss 1460 ts -1
         state",
    ),
    alike(
        "no-timestamp-on-syn",
        "a SYN without a timestamp, where the old connection had them",
        RFC_6191,
        "in TIME-WAIT with timestamps
         > SYN 1000 mss 1460
         state",
    ),
    alike(
        "old-timestamp-in-time-wait",
        "a FIN with an older timestamp",
        "RFC 7323 §5.3",
        "in TIME-WAIT with timestamps
         > FIN 1 ack 2 ts -1
         state",
    ),
    alike(
        "newer-syn-nobody-listens",
        "a newer SYN opens nothing where nobody listens any more",
        MAY_2,
        "in TIME-WAIT
         unlisten
         > SYN 1000 mss 1460
         state",
    ),
    Scenario {
        differs: &[
            Difference {
                at: "> SYN,FIN 1000 mss 1460",
                kernel: "nothing",
                machine: "ACK 2 ack 2",
                because: "The kernel ends the wait for the new SYN (TCP_TW_SYN), and only then does the listener see the FIN and drop it: the wait is over, and nothing has been opened. The machine asks both questions first.",
            },
            Difference {
                at: "state",
                kernel: "closed",
                machine: "time-wait",
                because: "The kernel ends the wait for the new SYN (TCP_TW_SYN), and only then does the listener see the FIN and drop it: the wait is over, and nothing has been opened. The machine asks both questions first.",
            },
        ],
        ..alike(
            "fin-on-a-newer-syn",
            "a newer SYN with a FIN",
            "RFC 9293 §3.10.7.2",
            "in TIME-WAIT
         > SYN,FIN 1000 mss 1460
         state",
        )
    },
    alike(
        "syn-ack-in-time-wait",
        "a SYN,ACK is no new connection",
        MAY_2,
        "in TIME-WAIT
         > SYN 1000 ack 2 mss 1460
         state",
    ),
    alike(
        "old-syn-after-reopening",
        "the new connection turns out to be an old SYN's, and is reset",
        "RFC 9293 §3.6.1, MAY-2 (2)",
        "in TIME-WAIT
         > SYN 1000 mss 1460
         > RST 1001
         state",
    ),
    alike(
        "waits-with-its-descriptor-open",
        "who has only shut down writing waits as well",
        EIGHTH,
        "opened
         shutdown
         > FIN 1 ack 2
         state
         > FIN 1 ack 2
         read
         close
         state",
    ),
    alike(
        "reopened-and-talks",
        "the new connection out of TIME-WAIT talks and closes like any other",
        MAY_2,
        "in TIME-WAIT
         > SYN 1000 mss 1460
         > ACK 1001 ack 65540
         accept
         > PSH 1001 ack 65540 text hello
         read
         close
         > ACK 1006 ack 65541
         > FIN 1006 ack 65541
         state",
    ),
    alike(
        "older-syn-without-timestamp",
        "a SYN below all numbers and without a timestamp, where the old connection had them",
        RFC_6191,
        "in TIME-WAIT with timestamps
         > SYN -1000 mss 1460
         state",
    ),
    Scenario {
        differs: &[Difference {
            at: "state",
            kernel: "time-wait",
            machine: "closed",
            because: "In TIME-WAIT, and nowhere else, the kernel asks an RST for its timestamp, too (tcp_paws_reject). RFC 7323 §5.3 has an RST count whatever its timestamp.",
        }],
        ..alike(
            "rst-with-an-older-timestamp-in-time-wait",
            "an RST with an older timestamp, at the left edge",
            "RFC 7323 §5.3",
            "in TIME-WAIT with timestamps
         > RST 2 ts -5
         state",
        )
    },
    alike(
        "old-text-without-ack-in-time-wait",
        "old text without an ACK",
        "RFC 9293 §3.10.7.4, first",
        "in TIME-WAIT
         > PSH -10 text old
         state",
    ),
];
