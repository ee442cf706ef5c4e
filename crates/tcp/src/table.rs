//! [`TABLE`]: every arrow between two states, with the rule that allows it.

use core::fmt;

use crate::StateName::{
    self, CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived, SynSent,
    TimeWait,
};

/// An arrow between two states: what takes a connection from one to the other, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arrow {
    /// Where it starts.
    pub from: StateName,
    /// What happens.
    pub on: On,
    /// Where it ends.
    pub to: StateName,
    /// What is done on the way, as RFC 9293's Figure 5 writes it: `snd SYN,ACK`; empty if nothing.
    pub does: &'static str,
    /// The rule: `RFC 9293 §3.10.7.4, eighth`.
    pub by: &'static str,
    /// Whether RFC 9293's Figure 5 draws it.
    pub in_figure: bool,
}

impl Arrow {
    /// The row of [`TABLE`] with these three; none if there is no such arrow.
    pub fn find(from: StateName, on: On, to: StateName) -> Option<&'static Self> {
        TABLE.iter().find(|arrow| arrow.from == from && arrow.on == on && arrow.to == to)
    }
}

impl fmt::Display for Arrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} --[{}]--> {} ({})", self.from, self.on, self.to, self.by)
    }
}

/// What takes a connection along an arrow: a call, a segment or a timeout (RFC 9293 §3.10).
///
/// A segment can do several of these at once: with `<CTL=SYN,ACK,FIN>` a connection in SYN-SENT takes two arrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum On {
    /// The user calls OPEN, to wait for a peer.
    PassiveOpen,
    /// The user calls OPEN, to reach a peer.
    ActiveOpen,
    /// The user calls SEND.
    Send,
    /// The user calls CLOSE: no more text comes from this side.
    Close,
    /// The user calls ABORT.
    Abort,
    /// A SYN that starts a connection, or does not belong into this one.
    Syn,
    /// A SYN with an acceptable ACK of ours.
    SynAck,
    /// An acceptable ACK of our SYN.
    AckOfSyn,
    /// Text for a user who has closed and will not read it.
    Text,
    /// The peer's FIN, in its turn.
    Fin,
    /// An acceptable ACK of our FIN.
    AckOfFin,
    /// Both in one segment.
    FinAndAckOfFin,
    /// An acceptable RST.
    Rst,
    /// What was sent stayed without an answer for too long.
    UserTimeout,
    /// The peer's FIN does not come, and nobody here waits for it.
    FinWait2Timeout,
    /// Two maximum segment lifetimes have passed in TIME-WAIT.
    TimeWaitTimeout,
}

impl On {
    /// Every one of them: calls, segments, timeouts.
    pub const ALL: [Self; 16] = [
        Self::PassiveOpen,
        Self::ActiveOpen,
        Self::Send,
        Self::Close,
        Self::Abort,
        Self::Syn,
        Self::SynAck,
        Self::AckOfSyn,
        Self::Text,
        Self::Fin,
        Self::AckOfFin,
        Self::FinAndAckOfFin,
        Self::Rst,
        Self::UserTimeout,
        Self::FinWait2Timeout,
        Self::TimeWaitTimeout,
    ];

    /// As RFC 9293's Figure 5 writes it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::PassiveOpen => "passive OPEN",
            Self::ActiveOpen => "active OPEN",
            Self::Send => "SEND",
            Self::Close => "CLOSE",
            Self::Abort => "ABORT",
            Self::Syn => "rcv SYN",
            Self::SynAck => "rcv SYN,ACK",
            Self::AckOfSyn => "rcv ACK of SYN",
            Self::Text => "rcv text after CLOSE",
            Self::Fin => "rcv FIN",
            Self::AckOfFin => "rcv ACK of FIN",
            Self::FinAndAckOfFin => "rcv FIN and ACK of FIN",
            Self::Rst => "rcv RST",
            Self::UserTimeout => "user timeout",
            Self::FinWait2Timeout => "FIN-WAIT-2 timeout",
            Self::TimeWaitTimeout => "Timeout=2MSL",
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// An arrow that Figure 5 draws.
const fn drawn(from: StateName, on: On, to: StateName, does: &'static str, by: &'static str) -> Arrow {
    Arrow { from, on, to, does, by, in_figure: true }
}

/// An arrow that Figure 5 leaves out for legibility, or that another rule has added.
const fn told(from: StateName, on: On, to: StateName, does: &'static str, by: &'static str) -> Arrow {
    Arrow { from, on, to, does, by, in_figure: false }
}

const OPEN: &str = "RFC 9293 §3.10.1";
const SEND: &str = "RFC 9293 §3.10.2";
const CLOSE: &str = "RFC 9293 §3.10.4";
const ABORT: &str = "RFC 9293 §3.10.5";
const LISTEN_THIRD: &str = "RFC 9293 §3.10.7.2, third";
const SYN_SENT_SECOND: &str = "RFC 9293 §3.10.7.3, second";
const SYN_SENT_FOURTH: &str = "RFC 9293 §3.10.7.3, fourth";
const SECOND: &str = "RFC 9293 §3.10.7.4, second";
const FOURTH: &str = "RFC 9293 §3.10.7.4, fourth";
const FIFTH: &str = "RFC 9293 §3.10.7.4, fifth";
const SEVENTH: &str = "RFC 9293 §3.6.1, SHLD-3";
const EIGHTH: &str = "RFC 9293 §3.10.7.4, eighth";
const TIMEOUT: &str = "RFC 9293 §3.10.8";

/// Every arrow of the state-transition diagram: those of RFC 9293's Figure 5 first, then those that only the text has.
///
/// No connection takes a step that is no row of this. The diagram is drawn from it. Left out, because no kernel does
/// it and §3.10.5 says otherwise: Note 3's arrows to TIME-WAIT for who sends an RST.
pub const TABLE: &[Arrow] = &[
    drawn(Closed, On::PassiveOpen, Listen, "create TCB", OPEN),
    drawn(Closed, On::ActiveOpen, SynSent, "create TCB, snd SYN", OPEN),
    drawn(Listen, On::Close, Closed, "delete TCB", CLOSE),
    drawn(Listen, On::Send, SynSent, "snd SYN", SEND),
    drawn(Listen, On::Syn, SynReceived, "snd SYN,ACK", LISTEN_THIRD),
    drawn(SynSent, On::Close, Closed, "delete TCB", CLOSE),
    drawn(SynSent, On::Syn, SynReceived, "snd SYN,ACK", SYN_SENT_FOURTH),
    drawn(SynSent, On::SynAck, Established, "snd ACK", SYN_SENT_FOURTH),
    drawn(SynReceived, On::Rst, Listen, "", SECOND),
    drawn(SynReceived, On::AckOfSyn, Established, "", FIFTH),
    drawn(SynReceived, On::Close, FinWait1, "snd FIN", CLOSE),
    drawn(Established, On::Close, FinWait1, "snd FIN", CLOSE),
    drawn(Established, On::Fin, CloseWait, "snd ACK", EIGHTH),
    drawn(FinWait1, On::Fin, Closing, "snd ACK", EIGHTH),
    drawn(FinWait1, On::AckOfFin, FinWait2, "", FIFTH),
    drawn(FinWait2, On::Fin, TimeWait, "snd ACK", EIGHTH),
    drawn(CloseWait, On::Close, LastAck, "snd FIN", CLOSE),
    drawn(Closing, On::AckOfFin, TimeWait, "", FIFTH),
    drawn(LastAck, On::AckOfFin, Closed, "delete TCB", FIFTH),
    drawn(TimeWait, On::TimeWaitTimeout, Closed, "delete TCB", TIMEOUT),
    // The figure's Note 2.
    told(FinWait1, On::FinAndAckOfFin, TimeWait, "snd ACK", EIGHTH),
    // Opening otherwise.
    told(Listen, On::ActiveOpen, SynSent, "snd SYN", OPEN),
    told(TimeWait, On::Syn, SynReceived, "snd SYN,ACK", "RFC 9293 §3.6.1, MAY-2; RFC 6191 §2"),
    told(SynReceived, On::Rst, TimeWait, "", "RFC 9293 §3.6.1, MAY-2 (2)"),
    // An RST ends it.
    told(SynSent, On::Rst, Closed, "delete TCB", SYN_SENT_SECOND),
    told(SynReceived, On::Rst, Closed, "delete TCB", SECOND),
    told(Established, On::Rst, Closed, "delete TCB", SECOND),
    told(FinWait1, On::Rst, Closed, "delete TCB", SECOND),
    told(FinWait2, On::Rst, Closed, "delete TCB", SECOND),
    told(CloseWait, On::Rst, Closed, "delete TCB", SECOND),
    told(Closing, On::Rst, Closed, "delete TCB", SECOND),
    told(LastAck, On::Rst, Closed, "delete TCB", SECOND),
    told(TimeWait, On::Rst, Closed, "delete TCB", SECOND),
    // A SYN in the window ends it, where RFC 5961 is not followed; a half-open one it ends anyway.
    told(SynReceived, On::Syn, Listen, "", FOURTH),
    told(SynReceived, On::Syn, TimeWait, "", "RFC 9293 §3.6.1, MAY-2 (2)"),
    told(SynReceived, On::Syn, Closed, "snd RST", FOURTH),
    told(Established, On::Syn, Closed, "snd RST", FOURTH),
    told(FinWait1, On::Syn, Closed, "snd RST", FOURTH),
    told(FinWait2, On::Syn, Closed, "snd RST", FOURTH),
    told(CloseWait, On::Syn, Closed, "snd RST", FOURTH),
    told(Closing, On::Syn, Closed, "snd RST", FOURTH),
    told(LastAck, On::Syn, Closed, "snd RST", FOURTH),
    told(TimeWait, On::Syn, Closed, "snd RST", FOURTH),
    // Text that nobody will read ends it.
    told(FinWait1, On::Text, Closed, "snd RST", SEVENTH),
    told(FinWait2, On::Text, Closed, "snd RST", SEVENTH),
    // The user ends it.
    told(Listen, On::Abort, Closed, "delete TCB", ABORT),
    told(SynSent, On::Abort, Closed, "delete TCB", ABORT),
    told(SynReceived, On::Abort, Closed, "snd RST", ABORT),
    told(Established, On::Abort, Closed, "snd RST", ABORT),
    told(FinWait1, On::Abort, Closed, "snd RST", ABORT),
    told(FinWait2, On::Abort, Closed, "snd RST", ABORT),
    told(CloseWait, On::Abort, Closed, "snd RST", ABORT),
    told(Closing, On::Abort, Closed, "delete TCB", ABORT),
    told(LastAck, On::Abort, Closed, "delete TCB", ABORT),
    told(TimeWait, On::Abort, Closed, "delete TCB", ABORT),
    // Silence ends it. In LISTEN and FIN-WAIT-2 nothing of ours waits for an answer.
    told(SynSent, On::UserTimeout, Closed, "delete TCB", TIMEOUT),
    told(SynReceived, On::UserTimeout, Closed, "delete TCB", TIMEOUT),
    told(Established, On::UserTimeout, Closed, "delete TCB", TIMEOUT),
    told(FinWait1, On::UserTimeout, Closed, "delete TCB", TIMEOUT),
    told(CloseWait, On::UserTimeout, Closed, "delete TCB", TIMEOUT),
    told(Closing, On::UserTimeout, Closed, "delete TCB", TIMEOUT),
    told(LastAck, On::UserTimeout, Closed, "delete TCB", TIMEOUT),
    told(FinWait2, On::FinWait2Timeout, Closed, "delete TCB", "linux v6.12 net/ipv4/tcp.c __tcp_close"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_arrow_stands_there_twice() {
        for (index, arrow) in TABLE.iter().enumerate() {
            let first = TABLE
                .iter()
                .position(|other| (other.from, other.on, other.to) == (arrow.from, arrow.on, arrow.to));
            assert_eq!(first, Some(index), "{arrow}");
        }
    }

    #[test]
    fn figure_5_has_twenty_arrows_and_comes_first() {
        assert_eq!(TABLE.iter().filter(|arrow| arrow.in_figure).count(), 20);
        assert!(TABLE.iter().is_sorted_by_key(|arrow| !arrow.in_figure));
    }

    #[test]
    fn every_state_is_reached_from_closed_and_leads_back_to_it() {
        for state in StateName::ALL {
            for (start, goal) in [(Closed, state), (state, Closed)] {
                assert!(leads(start, goal), "from {start} to {goal}");
            }
        }
    }

    fn leads(start: StateName, goal: StateName) -> bool {
        let mut reached = alloc::vec![start];
        for _ in StateName::ALL {
            for arrow in TABLE {
                if reached.contains(&arrow.from) && !reached.contains(&arrow.to) {
                    reached.push(arrow.to);
                }
            }
        }
        reached.contains(&goal)
    }
}
