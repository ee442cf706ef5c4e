//! What is sent, in how many segments: MSS, windows, the place of the FIN.

use super::{Difference, Scenario, alike};

const MSS: &str = "RFC 9293 §3.7.1";
const WINDOW: &str = "RFC 9293 §3.8.6";

pub(super) const ALL: &[Scenario] = &[
    alike(
        "long-text",
        "long text goes out in full segments, the last of them pushed",
        MSS,
        "opened
         write x4000
         > ACK 1 ack 4001",
    ),
    alike(
        "peers-mss",
        "no segment has more text than the peer's MSS",
        MSS,
        "listen
         > SYN 0 mss 600
         > ACK 1 ack 1
         accept
         write x1500",
    ),
    alike(
        "no-mss",
        "without an MSS option, 536 octets in IPv4 and 1,220 in IPv6",
        MSS,
        "listen
         > SYN 0
         > ACK 1 ack 1
         accept
         write x1300",
    ),
    alike(
        "mss-and-timestamps",
        "timestamps take their room from the text",
        "RFC 6691",
        "listen
         > SYN 0 mss 600 ts 0
         > ACK 1 ack 1 ts 0
         accept
         write x1500",
    ),
    Scenario {
        differs: &[Difference {
            at: "write x50",
            kernel: "50 taken; ACK 1 ack 1 octets 48; PSH 49 ack 1 text ..",
            machine: "50 taken; ACK 1 ack 1 octets 20; ACK 21 ack 1 octets 20; PSH 41 ack 1 text ..........",
            because: "The kernel sends no less than 48 octets to a segment (tcp_min_snd_mss), lest a peer has it send many small ones. RFC 9293 knows no least MSS.",
        }],
        ..alike(
            "tiny-mss",
            "a peer's MSS may be as small as it likes",
            MSS,
            "listen
         > SYN 0 mss 20
         > ACK 1 ack 1
         accept
         write x50",
        )
    },
    alike(
        "scaled-window",
        "a window is read scaled, but not a SYN's",
        "RFC 7323 §2.3",
        "listen
         > SYN 0 mss 1460 wscale 3 win 100
         > ACK 1 ack 1 win 1
         accept
         write x20
         > ACK 1 ack 1 win 3",
    ),
    alike(
        "fin-behind-text",
        "a FIN waits behind the text that a closed window holds back, and goes with it",
        WINDOW,
        "opened
         > ACK 1 ack 1 win 0
         write hello
         shutdown
         state
         > ACK 1 ack 1 win 100",
    ),
    alike(
        "fin-into-a-closed-window",
        "a FIN without text, and a closed window",
        WINDOW,
        "opened
         > ACK 1 ack 1 win 0
         shutdown
         state
         > ACK 1 ack 1 win 100",
    ),
    Scenario {
        differs: &[
            Difference {
                at: "write hello",
                kernel: "5 taken; PSH 1 ack 1 text hello",
                machine: "5 taken",
                because: "Of two windows with the same numbers the kernel believes the larger one, and a closed one (tcp_may_update_window). By RFC 9293 the later one counts, though no peer should take back what it has announced.",
            },
            Difference {
                at: "> ACK 1 ack 4 win 3",
                kernel: "nothing",
                machine: "ACK 1 ack 1",
                because: "Of two windows with the same numbers the kernel believes the larger one, and a closed one (tcp_may_update_window). By RFC 9293 the later one counts, though no peer should take back what it has announced.",
            },
        ],
        ..alike(
            "window-taken-back",
            "a peer takes its window back",
            WINDOW,
            "opened
         > ACK 1 ack 1 win 1000
         > ACK 1 ack 1 win 3
         write hello
         > ACK 1 ack 4 win 3",
        )
    },
    Scenario {
        differs: &[Difference {
            at: "write hello",
            kernel: "5 taken; PSH 1 ack 3 text hello",
            machine: "5 taken; ACK 1 ack 3 text hel",
            because: "To the kernel a segment that ends just where the window begins is not yet too old (tcp_sequence: end_seq before rcv_wup), and a larger window in it counts. By Table 6 it is not acceptable, and says nothing.",
        }],
        ..alike(
            "old-segments-window",
            "a window that an old segment announces is no news",
            "RFC 9293 §3.10.7.4, fifth",
            "listen
         > SYN 0 mss 1460 win 3
         > ACK 1 ack 1 win 3
         accept
         > PSH 1 ack 1 text ab win 3
         > PSH 1 ack 1 text ab win 1000
         write hello",
        )
    },
    alike(
        "partial-ack",
        "an ACK of a part",
        "RFC 9293 §3.10.7.4, fifth",
        "opened
         write hello
         > ACK 1 ack 3
         write !
         > ACK 1 ack 7
         close",
    ),
];
