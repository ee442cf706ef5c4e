//! Opening: LISTEN, SYN-SENT, SYN-RECEIVED, and what has no connection.

use super::{Difference, Scenario, Setting, alike};

const LISTEN: &str = "RFC 9293 §3.10.7.2";
const SYN_SENT: &str = "RFC 9293 §3.10.7.3";
const OTHER: &str = "RFC 9293 §3.10.7.4";

pub(super) const ALL: &[Scenario] = &[
    alike(
        "passive-open",
        "a connection is opened from the other side",
        LISTEN,
        "listen
         > SYN 0 mss 1460
         state
         accept
         > ACK 1 ack 1
         state
         accept",
    ),
    alike(
        "options-agreed",
        "a SYN,ACK agrees to every option that was offered, and the segments after it have timestamps",
        "RFC 7323 §2, §3",
        "listen
         > SYN 0 mss 1000 wscale 3 sackok ts 0
         > ACK 1 ack 1 ts 1
         accept
         > PSH 1 ack 1 text hello ts 2
         write world",
    ),
    alike(
        "options-not-offered",
        "a SYN,ACK agrees to no option that was not offered",
        "RFC 7323 §2.2",
        "listen
         > SYN 0",
    ),
    Scenario {
        setting: Setting::NoTimestamps,
        ..alike(
            "timestamps-off",
            "timestamps that are offered are not agreed to where they are off",
            "RFC 7323 §3.2",
            "listen
             > SYN 0 mss 1460 ts 0",
        )
    },
    alike(
        "active-open",
        "a connection is opened from this side",
        SYN_SENT,
        "connect
         state
         > SYN 0 ack 1 mss 1460
         state
         error",
    ),
    alike(
        "active-open-refused",
        "an RST refuses only if it acknowledges the SYN",
        SYN_SENT,
        "connect
         > RST 0
         > RST 0 ack 2
         state
         > RST 0 ack 1
         state
         error",
    ),
    alike(
        "wrong-ack-in-syn-sent",
        "an ACK of anything but the SYN is another connection's, and reset",
        SYN_SENT,
        "connect
         > ACK 0 ack 5
         > SYN 0 ack 5
         > ACK 0 ack 0
         > ACK 0 ack 1
         state",
    ),
    alike(
        "fin-in-syn-sent",
        "without a SYN or an RST a segment is dropped in SYN-SENT",
        SYN_SENT,
        "connect
         > FIN 0 ack 1
         > NONE 0
         state",
    ),
    Scenario {
        differs: &[Difference {
            at: "> SYN 0 mss 1460",
            kernel: "SYN 0 ack 1 mss link wscale sackok ts",
            machine: "SYN 0 ack 1 mss link",
            because: "The kernel's SYN,ACK repeats what its own SYN offered (tcp_send_synack), the machine's agrees to what the peer's SYN offered, as it does in LISTEN. What is used on the connection is the same.",
        }],
        ..alike(
            "both-open",
            "both open at once",
            "RFC 9293 §3.5, Figure 7",
            "connect
         > SYN 0 mss 1460
         state
         > SYN 0 ack 1 mss 1460
         state
         error",
        )
    },
    Scenario {
        differs: &[Difference {
            at: "> SYN 0 mss 1460",
            kernel: "SYN 0 ack 1 mss link wscale sackok ts",
            machine: "SYN 0 ack 1 mss link",
            because: "The kernel's SYN,ACK repeats what its own SYN offered (tcp_send_synack), the machine's agrees to what the peer's SYN offered, as it does in LISTEN. What is used on the connection is the same.",
        }],
        ..alike(
            "both-open-plain-ack",
            "both open at once, and the ACK comes without the SYN",
            "RFC 9293 §3.5, Figure 7",
            "connect
         > SYN 0 mss 1460
         > ACK 1 ack 1
         state",
        )
    },
    alike(
        "syn-again",
        "a SYN that comes again draws the SYN,ACK again",
        OTHER,
        "listen
         > SYN 0 mss 1460
         > SYN 0 mss 1460
         state",
    ),
    alike(
        "syn-again-with-text",
        "a SYN that comes again with text draws the SYN,ACK again",
        OTHER,
        "listen
         > SYN 0 mss 1460 text hello
         > SYN 0 mss 1460 text hello
         state",
    ),
    Scenario {
        differs: &[Difference {
            at: "> SYN 100 mss 1460",
            kernel: "RST =0 ack 101",
            machine: "nothing",
            because: "RFC 793 sent an RST here, and the kernel still does (tcp_check_req, embryonic_reset). RFC 9293 returns to LISTEN and says nothing. Either way the half-open connection is gone.",
        }],
        ..alike(
            "another-syn-in-syn-received",
            "another SYN in the window, while a connection is half open",
            OTHER,
            "listen
         > SYN 0 mss 1460
         > SYN 100 mss 1460
         state",
        )
    },
    alike(
        "rst-in-syn-received",
        "an RST ends a half-open connection, and nobody is told",
        OTHER,
        "listen
         > SYN 0 mss 1460
         > RST 1
         state
         accept",
    ),
    alike(
        "rst-in-the-window-in-syn-received",
        "an RST in the window of a half-open connection, but not at its left edge",
        "RFC 5961 §3",
        "listen
         > SYN 0 mss 1460
         > RST 100
         state
         > RST 200000
         state",
    ),
    alike(
        "unsent-ack-in-syn-received",
        "an ACK of what was not sent is reset, and the connection stays half open",
        OTHER,
        "listen
         > SYN 0 mss 1460
         > ACK 1 ack 500
         state",
    ),
    alike(
        "old-ack-in-syn-received",
        "an ACK of nothing new is reset, and the connection stays half open",
        OTHER,
        "listen
         > SYN 0 mss 1460
         > ACK 1 ack 0
         state",
    ),
    alike(
        "outside-in-syn-received",
        "what lies outside the window of a half-open connection draws an ACK",
        OTHER,
        "listen
         > SYN 0 mss 1460
         > ACK 200000 ack 1
         state
         > ACK 1 ack 1
         state",
    ),
    alike(
        "text-with-the-last-ack",
        "text and a FIN can come with the ACK that opens",
        OTHER,
        "listen
         > SYN 0 mss 1460
         > FIN,PSH 1 ack 1 text hello
         accept
         read
         read
         state",
    ),
    Scenario {
        differs: &[
            Difference {
                at: "> ACK 6 ack 1",
                kernel: "nothing",
                machine: "ACK 1 ack 6",
                because: "Without Fast Open the kernel drops what comes with a SYN (tcp_conn_request), and the peer has to send it again. RFC 9293 has it queued.",
            },
            Difference {
                at: "read",
                kernel: "EAGAIN",
                machine: "hello",
                because: "Without Fast Open the kernel drops what comes with a SYN (tcp_conn_request), and the peer has to send it again. RFC 9293 has it queued.",
            },
        ],
        ..alike(
            "text-on-syn",
            "text on a SYN is kept until the connection is open",
            LISTEN,
            "listen
         > SYN 0 mss 1460 text hello
         > ACK 6 ack 1
         accept
         read",
        )
    },
    Scenario {
        differs: &[
            Difference {
                at: "> SYN 0 ack 1 mss 1460 text hello",
                kernel: "ACK 1 ack 1",
                machine: "ACK 1 ack 6",
                because: "Without Fast Open the kernel drops what comes with a SYN,ACK (tcp_rcv_synsent_state_process), and the peer has to send it again. RFC 9293 goes on with the sixth check.",
            },
            Difference {
                at: "read",
                kernel: "EAGAIN",
                machine: "hello",
                because: "Without Fast Open the kernel drops what comes with a SYN,ACK (tcp_rcv_synsent_state_process), and the peer has to send it again. RFC 9293 goes on with the sixth check.",
            },
        ],
        ..alike(
            "text-on-syn-ack",
            "text on a SYN,ACK is taken at once",
            SYN_SENT,
            "connect
         > SYN 0 ack 1 mss 1460 text hello
         read",
        )
    },
    alike(
        "fin-on-syn",
        "a SYN with a FIN opens nothing where somebody listens",
        LISTEN,
        "listen
         > SYN,FIN 0 mss 1460
         state",
    ),
    Scenario {
        differs: &[
            Difference {
                at: "> SYN,FIN 0 ack 1 mss 1460",
                kernel: "ACK 1 ack 1",
                machine: "ACK 1 ack 2",
                because: "Without Fast Open the kernel drops what comes with a SYN,ACK (tcp_rcv_synsent_state_process), and the peer has to send it again. RFC 9293 goes on with the sixth check.",
            },
            Difference {
                at: "state",
                kernel: "established",
                machine: "close-wait",
                because: "Without Fast Open the kernel drops what comes with a SYN,ACK (tcp_rcv_synsent_state_process), and the peer has to send it again. RFC 9293 goes on with the sixth check.",
            },
        ],
        ..alike(
            "fin-on-syn-ack",
            "a SYN,ACK with a FIN opens, and half closes",
            SYN_SENT,
            "connect
         > SYN,FIN 0 ack 1 mss 1460
         state",
        )
    },
    alike(
        "no-syn-in-listen",
        "in LISTEN an ACK is reset, everything else without a SYN dropped",
        LISTEN,
        "listen
         > ACK 1 ack 1
         > SYN 0 ack 1
         > FIN 1 ack 1
         > FIN 1
         > NONE 1 text hello
         > RST 1
         > RST 1 ack 1",
    ),
    alike(
        "nobody-listens",
        "a port without a connection answers everything but an RST with an RST",
        "RFC 9293 §3.10.7.1",
        "> SYN 0 mss 1460
         > SYN,FIN 0
         > SYN 0 text hello
         > ACK 1 ack 1
         > FIN 1 ack 1
         > FIN 1
         > PSH 1 ack 1 text hello
         > NONE 1
         > RST 1
         > RST 1 ack 1",
    ),
    Scenario {
        setting: Setting::Retransmits,
        ..alike(
            "syn-sent-again",
            "a SYN without an answer is sent again, how much later each time",
            "RFC 6298 §5",
            "connect
             again 3",
        )
    },
];
