use std::collections::HashMap;

use timewait_tcp::{Flags, Segment, Seq, Side};

use super::Flow;

/// Flows that are told apart at most. Of one more, every connection counts as its first, and no ACK as its last.
const MOST: usize = 1 << 16;

/// Which incarnation of a connection a segment belongs to, and how far the close of that one is.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    connections: HashMap<Flow, Connection>,
}

#[derive(Debug)]
struct Connection {
    number: u32,
    /// The first sequence number of each side's last SYN.
    isn: Sides<Seq>,
    /// The number after each side's first FIN.
    fin: Sides<Seq>,
    first_fin: Option<Side>,
}

/// One for each side, where it is known.
#[derive(Debug)]
struct Sides<T> {
    left: Option<T>,
    right: Option<T>,
}

impl<T: Copy> Sides<T> {
    const NONE: Self = Self { left: None, right: None };

    fn of(&self, side: Side) -> Option<T> {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }

    fn set(&mut self, side: Side, value: T) {
        match side {
            Side::Left => self.left = Some(value),
            Side::Right => self.right = Some(value),
        }
    }
}

/// What is known of a segment when it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) connection: u32,
    pub(super) last_ack: bool,
}

impl Tracker {
    /// Takes note of a segment that this side sent.
    pub(super) fn place(&mut self, from: Side, flow: Flow, segment: &Segment) -> Place {
        if self.connections.len() >= MOST && !self.connections.contains_key(&flow) {
            return Place { connection: 1, last_ack: false };
        }
        let connection = self.connections.entry(flow).or_insert(Connection::numbered(1));
        if segment.has(Flags::SYN) {
            connection.synchronize(from, segment);
        }
        if segment.has(Flags::FIN) && connection.fin.of(from).is_none() {
            connection.fin.set(from, segment.end());
            connection.first_fin.get_or_insert(from);
        }
        Place { connection: connection.number, last_ack: connection.is_last_ack(from, segment) }
    }

    /// The number of the present connection between these ends.
    pub(super) fn present(&self, flow: Flow) -> u32 {
        self.connections.get(&flow).map_or(1, |connection| connection.number)
    }
}

impl Connection {
    const fn numbered(number: u32) -> Self {
        Self { number, isn: Sides::NONE, fin: Sides::NONE, first_fin: None }
    }

    /// A SYN without ACK begins another connection if it has another number than the last, or if both sides had closed the
    /// last; but not the second SYN of a simultaneous open, whose side has sent none yet.
    fn synchronize(&mut self, from: Side, segment: &Segment) {
        let last = self.isn.of(from);
        let closed = self.fin.left.is_some() && self.fin.right.is_some();
        if segment.ack.is_none() && last.is_some_and(|last| closed || last != segment.seq) {
            *self = Self::numbered(self.number.saturating_add(1));
        }
        self.isn.set(from, segment.seq);
    }

    /// Whether it acknowledges the other side's FIN, which came after this side's own, and does nothing else.
    fn is_last_ack(&self, from: Side, segment: &Segment) -> bool {
        let nothing_else = segment.len() == 0 && !segment.has(Flags::RST);
        let acknowledged = || segment.ack.is_some() && segment.ack == self.fin.of(!from);
        nothing_else && self.first_fin == Some(from) && acknowledged()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        Flow { left: "10.9.0.1:40000".parse().unwrap(), right: "10.9.0.2:80".parse().unwrap() }
    }

    fn fin(seq: u32, ack: u32) -> Segment {
        Segment { flags: Flags::FIN, ..Segment::ack(Seq::new(seq), Seq::new(ack)) }
    }

    fn ack(seq: u32, ack: u32) -> Segment {
        Segment::ack(Seq::new(seq), Seq::new(ack))
    }

    #[test]
    fn only_a_syn_with_another_number_begins_another_connection() {
        let mut tracker = Tracker::default();
        let mut place = |segment| tracker.place(Side::Left, flow(), &segment).connection;
        assert_eq!(place(Segment::syn(Seq::new(7))), 1);
        assert_eq!(place(Segment::syn(Seq::new(7))), 1, "sent again");
        assert_eq!(place(fin(8, 1)), 1);
        assert_eq!(place(Segment::syn(Seq::new(9))), 2);
        assert_eq!(tracker.present(flow()), 2);
    }

    #[test]
    fn a_syn_ack_belongs_to_the_connection_of_its_syn() {
        let mut tracker = Tracker::default();
        for (number, isn) in [(1, 7), (2, 90)] {
            let syn = Segment::syn(Seq::new(isn));
            let syn_ack = Segment { flags: Flags::SYN, ..ack(isn + 1000, isn + 1) };
            assert_eq!(tracker.place(Side::Left, flow(), &syn).connection, number);
            assert_eq!(tracker.place(Side::Right, flow(), &syn_ack).connection, number);
        }
    }

    #[test]
    fn the_last_ack_is_the_one_for_the_second_fin() {
        let mut tracker = Tracker::default();
        let mut is_last = |from, segment: &Segment| tracker.place(from, flow(), segment).last_ack;
        assert!(!is_last(Side::Right, &fin(500, 100)), "the first FIN");
        assert!(!is_last(Side::Left, &ack(100, 501)), "its ACK");
        assert!(!is_last(Side::Right, &ack(501, 101)), "nothing to acknowledge yet");
        assert!(!is_last(Side::Left, &fin(100, 501)), "the second FIN");
        assert!(is_last(Side::Right, &ack(501, 101)), "the last ACK");
        assert!(is_last(Side::Right, &ack(501, 101)), "the same, once more");
        assert!(!is_last(Side::Left, &ack(101, 501)), "from the wrong side");
        let reset = Segment { flags: Flags::RST, ..ack(501, 101) };
        assert!(!is_last(Side::Right, &reset));
    }

    #[test]
    fn more_flows_than_there_is_room_for_are_not_told_apart() {
        let mut tracker = Tracker::default();
        for left in 0..u32::try_from(MOST).unwrap() {
            let left = std::net::SocketAddr::from((left.to_be_bytes(), 1));
            tracker.place(Side::Left, Flow { left, ..flow() }, &Segment::syn(Seq::new(1)));
        }
        let mut place = |isn| tracker.place(Side::Left, flow(), &Segment::syn(Seq::new(isn))).connection;
        assert_eq!([place(1), place(2)], [1, 1]);
    }
}
