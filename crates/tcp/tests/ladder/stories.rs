//! Traces that tell something, written down as a story.

use std::time::Duration;

use timewait_tcp::{Fate, Flags, Row, Seen, Segment, Seq, Side, StateName, StateName::*, Trace};

const LEFT: Side = Side::Left;
const RIGHT: Side = Side::Right;
/// Initial sequence numbers.
const CLIENT: u32 = 0x1000_0000;
const SERVER: u32 = 0xffff_fff0;

/// A story in the making: what is said happens at the time of the clock.
struct Story {
    trace: Trace,
    at: Duration,
    connection: u32,
}

impl Story {
    fn new(title: &str) -> Self {
        let trace =
            Trace { title: title.into(), left: "client".into(), right: "server".into(), ..Trace::default() };
        Self { trace, at: Duration::ZERO, connection: 1 }
    }

    fn at_ms(&mut self, ms: f64) -> &mut Self {
        self.at = Duration::from_secs_f64(ms / 1000.0);
        self
    }

    fn connection(&mut self, connection: u32) -> &mut Self {
        self.connection = connection;
        self
    }

    fn push(&mut self, seen: Seen) -> &mut Self {
        self.trace.rows.push(Row { at: self.at, seen });
        self
    }

    fn sends(&mut self, from: Side, segment: Segment) -> &mut Self {
        self.wire(from, segment, Fate::Delivered, "")
    }

    fn wire(&mut self, from: Side, segment: Segment, fate: Fate, note: &str) -> &mut Self {
        self.push(Seen::Segment { from, connection: self.connection, segment, fate, note: note.into() })
    }

    fn is(&mut self, side: Side, state: StateName) -> &mut Self {
        self.push(Seen::State { side, connection: self.connection, state })
    }

    fn note(&mut self, side: impl Into<Option<Side>>, text: &str) -> &mut Self {
        self.push(Seen::Note { side: side.into(), text: text.into() })
    }
}

/// From a side, by the numbers as people count.
fn segment(from: Side, seq: u32, ack: u32, flags: Flags, text: &[u8]) -> Segment {
    let (own, other) = if from == LEFT { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    let ack = Seq::new(other) + ack;
    Segment { flags, window: 502, text: text.to_vec(), ..Segment::ack(Seq::new(own) + seq, ack) }
}

fn ack(from: Side, seq: u32, ack: u32) -> Segment {
    segment(from, seq, ack, Flags::NONE, b"")
}

fn fin(from: Side, seq: u32, ack: u32) -> Segment {
    segment(from, seq, ack, Flags::FIN, b"")
}

fn handshake(story: &mut Story) {
    story.is(LEFT, Closed).is(RIGHT, Listen);
    story.sends(LEFT, Segment { window: 65535, ..Segment::syn(Seq::new(CLIENT)) }).is(LEFT, SynSent);
    story.is(RIGHT, SynReceived);
    story.sends(RIGHT, segment(RIGHT, 0, 1, Flags::SYN, b"")).is(LEFT, Established);
    story.at_ms(0.1).sends(LEFT, ack(LEFT, 1, 1)).is(RIGHT, Established);
}

/// The article's server: it says its line and closes first.
pub(super) fn server_closes_first() -> Trace {
    let mut story = Story::new("The server closes first, and waits");
    handshake(&mut story);
    story.at_ms(0.3).sends(RIGHT, segment(RIGHT, 1, 1, Flags::PSH, b"I sent sth to client!\n"));
    story.sends(LEFT, ack(LEFT, 1, 23));
    story.at_ms(0.4).sends(RIGHT, fin(RIGHT, 23, 1)).is(RIGHT, FinWait1).is(LEFT, CloseWait);
    story.at_ms(0.5).sends(LEFT, ack(LEFT, 1, 24)).is(RIGHT, FinWait2);
    story.at_ms(1204.0).note(LEFT, "reads the end, and closes too");
    story.sends(LEFT, fin(LEFT, 1, 24)).is(LEFT, LastAck).is(RIGHT, TimeWait);
    story.wire(RIGHT, ack(RIGHT, 24, 2), Fate::Delivered, "the last ACK").is(LEFT, Closed);
    story.at_ms(61204.0).is(RIGHT, Closed).note(RIGHT, "60 s are over: the port is free");
    story.trace
}

/// The article's first reason, with the wait and without it.
pub(super) fn lost_last_ack(wait: bool) -> Trace {
    let how = if wait { "with the wait" } else { "without the wait (tcp_max_tw_buckets = 0)" };
    let mut story = Story::new(&format!("lost-last-ack, {how}"));
    story.is(LEFT, Established).is(RIGHT, Established);
    let bye = segment(LEFT, 1, 24, Flags::FIN | Flags::PSH, b"thank you, and goodbye\r\n");
    story.sends(RIGHT, segment(RIGHT, 1, 1, Flags::PSH, b"I sent sth to client!\n"));
    story.sends(RIGHT, fin(RIGHT, 23, 1)).is(RIGHT, FinWait1).is(LEFT, CloseWait);
    story.at_ms(0.1).sends(LEFT, bye.clone()).is(LEFT, LastAck);
    if wait {
        story.is(RIGHT, TimeWait).wire(RIGHT, ack(RIGHT, 24, 26), Fate::Lost, "the last ACK");
        story.at_ms(205.3).sends(LEFT, bye);
        story.at_ms(205.4).sends(RIGHT, ack(RIGHT, 24, 26)).is(LEFT, Closed);
        story.note(LEFT, "closed in order, 0 bytes unacknowledged");
    } else {
        story.is(RIGHT, Closed).wire(RIGHT, ack(RIGHT, 24, 26), Fate::Lost, "the last ACK");
        story.note(RIGHT, "no time-wait: the connection is forgotten");
        story.at_ms(205.3).sends(LEFT, bye);
        story.at_ms(205.4).sends(RIGHT, Segment { window: 0, ..Segment::rst(Seq::new(SERVER) + 24) });
        story.is(LEFT, Closed).note(LEFT, "ECONNRESET, 24 bytes never acknowledged");
    }
    story.trace
}

/// The wire holds both FINs until both are sent, then both ACKs.
pub(super) fn simultaneous_close() -> Trace {
    let mut story = Story::new("simultaneous-close: the wire holds both FINs, so that they cross");
    story.is(LEFT, Established).is(RIGHT, Established);
    story.wire(LEFT, fin(LEFT, 1, 1), Fate::Held, "").is(LEFT, FinWait1);
    story.at_ms(0.2).wire(RIGHT, fin(RIGHT, 1, 1), Fate::Held, "").is(RIGHT, FinWait1);
    story.at_ms(5.0).wire(LEFT, fin(LEFT, 1, 1), Fate::Released, "").is(RIGHT, Closing);
    story.wire(RIGHT, ack(RIGHT, 2, 2), Fate::Held, "");
    story.at_ms(5.1).wire(RIGHT, fin(RIGHT, 1, 1), Fate::Released, "").is(LEFT, Closing);
    story.wire(LEFT, ack(LEFT, 2, 2), Fate::Held, "");
    story.at_ms(10.0).wire(RIGHT, ack(RIGHT, 2, 2), Fate::Released, "").is(LEFT, TimeWait);
    story.at_ms(10.1).wire(LEFT, ack(LEFT, 2, 2), Fate::Released, "").is(RIGHT, TimeWait);
    story.note(None, "both closed first, and both wait");
    story.trace
}

/// The article's second reason: an octet of the first connection is taken by the second.
pub(super) fn old_duplicate() -> Trace {
    let mut story = Story::new("old-duplicate, without the wait");
    let old = segment(LEFT, 1, 1, Flags::PSH, b"OLD: pay 1000 to Mallory\n");
    let new = segment(LEFT, 1, 1, Flags::PSH, b"NEW: pay 1 to Alice\n");
    handshake(&mut story);
    story.at_ms(0.2).wire(LEFT, old.clone(), Fate::Held, "on a slow way");
    story.at_ms(201.0).sends(LEFT, old.clone()).sends(RIGHT, ack(RIGHT, 1, 26));
    story.at_ms(201.2).sends(LEFT, fin(LEFT, 26, 1)).is(LEFT, FinWait1);
    story.sends(RIGHT, fin(RIGHT, 1, 27)).is(RIGHT, LastAck);
    story.at_ms(201.3).sends(LEFT, ack(LEFT, 27, 2)).is(RIGHT, Closed).is(LEFT, Closed);
    story.note(LEFT, "no time-wait here (tcp_max_tw_buckets = 0)");
    story.at_ms(210.0).connection(2);
    story.sends(LEFT, Segment { window: 65535, ..Segment::syn(Seq::new(CLIENT)) }).is(LEFT, SynSent);
    story.is(RIGHT, SynReceived);
    // The client's numbers begin where they did, the server's do not.
    let to_new = |segment: Segment| Segment { ack: segment.ack.map(|ack| ack + 900), ..segment };
    let from_new = |segment: Segment| Segment { seq: segment.seq + 900, ..segment };
    story.sends(RIGHT, from_new(segment(RIGHT, 0, 1, Flags::SYN, b""))).is(LEFT, Established);
    story.at_ms(210.1).sends(LEFT, to_new(ack(LEFT, 1, 1))).is(RIGHT, Established);
    story.at_ms(210.4).connection(1).wire(LEFT, old, Fate::Released, "the old duplicate");
    story.connection(2).sends(RIGHT, from_new(ack(RIGHT, 1, 26)));
    story.at_ms(210.5).sends(LEFT, to_new(new));
    story.note(RIGHT, r#"reads "OLD: pay 1000 to Mallory\n""#);
    story.trace
}

/// A counterexample of a model.
pub(super) fn ticks() -> Trace {
    let mut story = Story::new("wait 1: a FIN sent again meets nobody");
    story.trace.tick = Some("tick".into());
    (story.trace.left, story.trace.right) = ("left".into(), "right".into());
    let plain = |segment: Segment| Segment { window: 0, ..segment };
    story.is(LEFT, Established).is(RIGHT, Established);
    story.sends(LEFT, plain(fin(LEFT, 1, 1))).is(LEFT, FinWait1).is(RIGHT, CloseWait);
    story.sends(RIGHT, plain(fin(RIGHT, 1, 2))).is(RIGHT, LastAck).is(LEFT, TimeWait);
    story.at_ms(1000.0).wire(LEFT, plain(ack(LEFT, 2, 2)), Fate::Lost, "").is(LEFT, Closed);
    story.at_ms(9000.0).sends(RIGHT, plain(fin(RIGHT, 1, 2)));
    story.sends(LEFT, Segment::rst(Seq::new(CLIENT) + 2)).is(RIGHT, Closed);
    story.trace
}

/// Escape sequences, quotation marks, markup and marks that reverse the writing direction, wherever text may be.
pub(super) fn hostile() -> Trace {
    let mut story = Story::new("\x1b]0;owned\x07<script>alert(1)</script>");
    (story.trace.left, story.trace.right) = ("\u{202e}tneilc\u{200b}".into(), "<b>\"server\"</b>".into());
    let evil = b"\x1b[31m\"</text><script>alert('1')</script>\" & \xff\n";
    story.wire(LEFT, segment(LEFT, 1, 1, Flags::NONE, evil), Fate::Delivered, "<i>a & b</i>\x1b[0m");
    story.wire(
        LEFT,
        segment(LEFT, 60, 1, Flags::NONE, &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]),
        Fate::Altered,
        "",
    );
    story.note(RIGHT, "reads \u{1f608}]]>--> and\r\nmore");
    story.trace
}

/// Every fate on both sides, numbers that go round, and bits that are rarely seen.
pub(super) fn every_fate() -> Trace {
    let mut story = Story::new("every fate, and numbers that go round");
    let fates = [
        Fate::Delivered,
        Fate::Lost,
        Fate::Held,
        Fate::Released,
        Fate::Repeated,
        Fate::Injected,
        Fate::Altered,
    ];
    story.sends(RIGHT, segment(RIGHT, 0, 1, Flags::SYN, b""));
    for fate in fates {
        story.wire(RIGHT, segment(RIGHT, 1, 1, Flags::NONE, &[b'x'; 40]), fate, "");
        story.wire(LEFT, ack(LEFT, 1, 41), fate, "");
    }
    let odd = Flags::SYN | Flags::FIN | Flags::RST | Flags::URG | Flags::ECE | Flags::CWR | Flags::PSH;
    story.at_ms(3.0).sends(LEFT, Segment { ack: None, ..segment(LEFT, 1, 0, odd, b"odd") });
    story.sends(LEFT, Segment { ack: None, ..ack(LEFT, 5, 0) });
    story.sends(LEFT, Segment { window: 0, ..ack(LEFT, 5, 41) });
    story.sends(RIGHT, segment(RIGHT, 41, 1, Flags::PSH, b""));
    story.sends(LEFT, ack(LEFT, 0, 41)).note(None, "a keep-alive's number is one too low");
    story.trace
}
