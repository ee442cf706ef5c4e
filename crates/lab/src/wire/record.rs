use std::{
    time::UNIX_EPOCH,
    time::{Duration, Instant, SystemTime},
};

use timewait_tcp::{Fate, Row, Seen, Side, StateName, Trace};

use super::{Matcher, Packet};
use crate::capture::{Capture, Captured};

/// Rows of a trace and packets of a capture are kept up to this number each, and bytes of packets up to this size.
/// What is beyond is counted.
const MOST_ROWS: usize = 2_000;
const MOST_BYTES: usize = 16 << 20;

/// What was seen, as far as there is room.
#[derive(Debug)]
pub(super) struct Record {
    began: Instant,
    trace: Trace,
    rows_left_out: u64,
    capture: Capture,
    bytes: usize,
    /// Packets that came faster than they were taken.
    overflowed: u64,
    only: Option<Matcher>,
}

impl Record {
    pub(super) fn new(left: &str, right: &str, interfaces: Vec<String>) -> Self {
        let trace = Trace { left: left.to_owned(), right: right.to_owned(), ..Trace::default() };
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            began: Instant::now(),
            trace,
            rows_left_out: 0,
            capture: Capture { began, interfaces, ..Capture::default() },
            bytes: 0,
            overflowed: 0,
            only: None,
        }
    }

    /// From the beginning until now.
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// From here on, only these packets.
    pub(super) fn only(&mut self, matcher: Option<Matcher>) {
        self.only = matcher;
    }

    /// Whether only some packets matter.
    pub(super) fn is_of_a_bulk(&self) -> bool {
        self.only.is_some()
    }

    pub(super) fn overflowed(&mut self, lost: u32) {
        self.overflowed = self.overflowed.saturating_add(u64::from(lost));
    }

    pub(super) fn wants(&mut self, packet: &Packet) -> bool {
        self.only.as_mut().is_none_or(|only| only.matches(packet))
    }

    pub(super) fn segment(&mut self, packet: &Packet, fate: Fate, note: &str) {
        self.row(Seen::Segment {
            from: packet.from,
            connection: packet.connection,
            segment: packet.segment.clone(),
            fate,
            note: note.to_owned(),
        });
    }

    pub(super) fn state(&mut self, side: Side, connection: u32, state: StateName) {
        self.row(Seen::State { side, connection, state });
    }

    pub(super) fn note(&mut self, side: Option<Side>, text: &str) {
        self.row(Seen::Note { side, text: text.to_owned() });
    }

    fn row(&mut self, seen: Seen) {
        if self.trace.rows.len() < MOST_ROWS {
            self.trace.rows.push(Row { at: self.now(), seen });
        } else {
            self.rows_left_out = self.rows_left_out.saturating_add(1);
        }
    }

    /// A packet as it stood on this interface.
    pub(super) fn bytes(&mut self, interface: u32, raw: &[u8], comment: String) {
        let bytes = self.bytes.saturating_add(raw.len());
        if self.capture.packets.len() >= MOST_ROWS || bytes > MOST_BYTES {
            self.capture.left_out = self.capture.left_out.saturating_add(1);
            return;
        }
        self.bytes = bytes;
        self.capture.packets.push(Captured { at: self.now(), interface, bytes: raw.to_vec(), comment });
    }

    /// All that was seen; the last rows say how much is not there.
    pub(super) fn trace(&self) -> Trace {
        let mut trace = self.trace.clone();
        let missing = [
            (self.rows_left_out, "more rows, for which there was no room"),
            (self.overflowed, "packets lost: they came faster than the wire took them"),
        ];
        for (count, what) in missing.into_iter().filter(|(count, _)| *count > 0) {
            let seen = Seen::Note { side: None, text: format!("{count} {what}") };
            trace.rows.push(Row { at: self.now(), seen });
        }
        trace
    }

    pub(super) fn capture(&self) -> Capture {
        self.capture.clone()
    }
}
