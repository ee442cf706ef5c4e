use std::{fmt, time::Duration};

use timewait_tcp::{Flags, Segment, Side};

use super::Packet;

type Test = Box<dyn Fn(&Packet) -> bool + Send>;
type Alteration = Box<dyn FnMut(&mut Segment) + Send>;

/// Which packets are meant: every condition must hold.
///
/// It ends in a [`Rule`] by the word for what is done with them, or goes to
/// [`Wire::await_packet`](super::Wire::await_packet) as it is.
pub struct Matcher {
    tests: Vec<Test>,
    /// The first and the last that are meant, of those for which every condition holds.
    from_nth: u64,
    to_nth: u64,
    met: u64,
}

/// Packets that this side sends.
pub fn from(side: Side) -> Matcher {
    both_ways().when(move |packet| packet.from == side)
}

/// Packets that either side sends.
pub fn both_ways() -> Matcher {
    Matcher { tests: Vec::new(), from_nth: 1, to_nth: u64::MAX, met: 0 }
}

impl Matcher {
    /// For which this holds, too. It is asked while the wire stands still: it must not ask the wire for anything.
    #[must_use]
    pub fn when(mut self, test: impl Fn(&Packet) -> bool + Send + 'static) -> Self {
        self.tests.push(Box::new(test));
        self
    }

    /// With SYN.
    #[must_use]
    pub fn syn(self) -> Self {
        self.when(|packet| packet.segment.has(Flags::SYN))
    }

    /// With FIN.
    #[must_use]
    pub fn fin(self) -> Self {
        self.when(|packet| packet.segment.has(Flags::FIN))
    }

    /// With RST.
    #[must_use]
    pub fn rst(self) -> Self {
        self.when(|packet| packet.segment.has(Flags::RST))
    }

    /// With text.
    #[must_use]
    pub fn with_text(self) -> Self {
        self.when(|packet| !packet.segment.text.is_empty())
    }

    /// With ACK, and nothing else: no text, no SYN, FIN or RST.
    #[must_use]
    pub fn bare_ack(self) -> Self {
        self.when(|packet| {
            let segment = &packet.segment;
            segment.ack.is_some() && segment.len() == 0 && !segment.has(Flags::RST)
        })
    }

    /// Which acknowledge the second of the two FINs and do nothing else; sent again, it is one as well.
    #[must_use]
    pub fn last_ack_of_the_close(self) -> Self {
        self.when(|packet| packet.last_ack)
    }

    /// In this connection between two ends: 1 for the first, 2 for the next with the same ends.
    #[must_use]
    pub fn in_connection(self, number: u32) -> Self {
        self.when(move |packet| packet.connection == number)
    }

    /// To or from this port.
    #[must_use]
    pub fn of_port(self, port: u16) -> Self {
        self.when(move |packet| [packet.flow.left.port(), packet.flow.right.port()].contains(&port))
    }

    /// Only the first of them.
    #[must_use]
    pub fn first(self) -> Self {
        self.nth(1)
    }

    /// Only this one of them, counted from 1.
    #[must_use]
    pub fn nth(self, nth: u64) -> Self {
        Self { from_nth: nth, to_nth: nth, ..self }
    }

    /// Only so many of them, from the first on.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self { from_nth: 1, to_nth: count, ..self }
    }

    /// They are lost.
    pub fn drop(self, note: &str) -> Rule {
        self.rule(Deed::Drop, note)
    }

    /// They are taken off the wire, until they are released or forgotten by this name.
    pub fn hold(self, name: &str) -> Rule {
        self.rule(Deed::Hold, name)
    }

    /// They arrive, and then so many times once more.
    pub fn repeat(self, times: u32, note: &str) -> Rule {
        self.rule(Deed::Repeat(times), note)
    }

    /// They arrive so much later, whatever has overtaken them.
    pub fn delay(self, time: Duration, note: &str) -> Rule {
        self.rule(Deed::Delay(time), note)
    }

    /// They arrive as this leaves them. Options that [`Segment`] does not know are lost. It is called while the wire
    /// stands still: it must not ask the wire for anything.
    pub fn alter(self, note: &str, alteration: impl FnMut(&mut Segment) + Send + 'static) -> Rule {
        self.rule(Deed::Alter(Box::new(alteration)), note)
    }

    /// They arrive; no later rule decides about them, and the trace says what they are.
    pub fn pass(self, note: &str) -> Rule {
        self.rule(Deed::Pass, note)
    }

    fn rule(self, deed: Deed, note: &str) -> Rule {
        Rule { matcher: self, deed, note: note.to_owned() }
    }

    pub(super) fn matches(&mut self, packet: &Packet) -> bool {
        if !self.tests.iter().all(|test| test(packet)) {
            return false;
        }
        self.met = self.met.saturating_add(1);
        (self.from_nth..=self.to_nth).contains(&self.met)
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher").field("met", &self.met).finish_non_exhaustive()
    }
}

/// What is done with which packets.
#[derive(Debug)]
pub struct Rule {
    pub(super) matcher: Matcher,
    pub(super) deed: Deed,
    pub(super) note: String,
}

pub(super) enum Deed {
    Pass,
    Drop,
    Hold,
    Repeat(u32),
    Delay(Duration),
    Alter(Alteration),
}

impl fmt::Debug for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "Pass",
            Self::Drop => "Drop",
            Self::Hold => "Hold",
            Self::Repeat(_) => "Repeat",
            Self::Delay(_) => "Delay",
            Self::Alter(_) => "Alter",
        })
    }
}
