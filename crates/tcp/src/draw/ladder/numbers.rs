//! Sequence numbers as people count: the SYN is 0, the first octet 1.

use alloc::collections::BTreeMap;

use crate::{Fate, Flags, Seen, Segment, Seq, Side, Trace};

/// Where the numbers of each side begin, connection by connection.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    starts: BTreeMap<(u32, Side), Start>,
}

#[derive(Clone, Copy, Debug)]
struct Start {
    known: Known,
    first: Seq,
}

/// How well a beginning is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// From an RST, whose number may be 0, or from what nobody sent.
    Hardly,
    /// From what the other side acknowledged.
    Acknowledged,
    /// From the first that was seen: taken as the first octet.
    FirstSeen,
    /// From the SYN.
    Syn,
}

impl Numbers {
    pub(super) fn of(trace: &Trace) -> Self {
        let mut numbers = Self::default();
        for row in &trace.rows {
            if let Seen::Segment { from, connection, segment, fate, .. } = &row.seen {
                numbers.learn((*connection, *from), segment, *fate);
            }
        }
        numbers
    }

    fn learn(&mut self, (connection, from): (u32, Side), segment: &Segment, fate: Fate) {
        let hardly = fate == Fate::Injected || segment.has(Flags::RST);
        let (known, first) = match segment.has(Flags::SYN) {
            true if !hardly => (Known::Syn, segment.seq),
            _ if hardly => (Known::Hardly, segment.seq - 1),
            _ => (Known::FirstSeen, segment.seq - 1),
        };
        self.start((connection, from), Start { known, first });
        if let Some(ack) = segment.ack.filter(|_| fate != Fate::Injected) {
            self.start((connection, !from), Start { known: Known::Acknowledged, first: ack - 1 });
        }
    }

    /// What is known better counts; of what is known alike the earlier number, for what comes first may be held back.
    fn start(&mut self, whose: (u32, Side), new: Start) {
        let start = self.starts.entry(whose).or_insert(new);
        let earlier = new.known == start.known && new.known != Known::Syn && new.first.is_before(start.first);
        if new.known > start.known || earlier {
            *start = new;
        }
    }

    /// Whether something of this side is known in this connection.
    pub(super) fn know(&self, connection: u32, side: Side) -> bool {
        self.starts.get(&(connection, side)).is_some_and(|start| start.known > Known::Hardly)
    }

    /// How far a number is from the beginning of this side's numbers; negative before it.
    pub(super) fn relative(&self, connection: u32, side: Side, number: Seq) -> i64 {
        let first = self.starts.get(&(connection, side)).map_or(Seq::default(), |start| start.first);
        number.since(first).cast_signed().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Row, draw::ladder::tests::sent};

    fn numbers(rows: impl IntoIterator<Item = Row>) -> Numbers {
        Numbers::of(&Trace { rows: rows.into_iter().collect(), ..Trace::default() })
    }

    #[test]
    fn the_syn_is_0_and_the_first_octet_1_also_where_numbers_go_round() {
        let syn = Seq::new(u32::MAX);
        let numbers = numbers([sent(Side::Left, Segment::syn(syn))]);
        assert_eq!(numbers.relative(1, Side::Left, syn), 0);
        assert_eq!(numbers.relative(1, Side::Left, syn + 1), 1);
        assert_eq!(numbers.relative(1, Side::Left, syn - 5), -5);
    }

    #[test]
    fn without_a_syn_the_earliest_that_was_seen_is_the_first_octet() {
        let (a, b) = (Seq::new(5000), Seq::new(70));
        let numbers =
            numbers([sent(Side::Left, Segment::ack(a + 9, b + 3)), sent(Side::Left, Segment::ack(a, b))]);
        assert_eq!(numbers.relative(1, Side::Left, a), 1);
        assert_eq!(numbers.relative(1, Side::Right, b), 1, "known from its acknowledgement alone");
    }

    #[test]
    fn an_rst_with_the_number_0_says_nothing_about_where_numbers_begin() {
        let refusal = Segment { ack: Some(Seq::new(101)), ..Segment::rst(Seq::new(0)) };
        let numbers = numbers([sent(Side::Left, Segment::syn(Seq::new(100))), sent(Side::Right, refusal)]);
        assert!(numbers.know(1, Side::Left));
        assert!(!numbers.know(1, Side::Right));
        assert_eq!(numbers.relative(1, Side::Left, Seq::new(101)), 1);
    }
}
