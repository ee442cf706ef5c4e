//! A conversation in which both directions advance together: the client writes records, the server sends each octet back.

use std::{
    io::{self, Read as _, Write as _},
    net::Shutdown,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use socket2::Socket;

use crate::site::PATIENCE;

/// How far the client writes ahead of what came back.
const AHEAD: usize = 512 << 10;
/// Octets of a write.
const PIECE: usize = 64 << 10;
/// The most that is kept of what the server read and did not expect.
const KEPT: usize = 1 << 10;
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// How far a conversation is, for those who steer it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Octets that have come back to the client.
    pub(super) returned: AtomicUsize,
    /// Nothing more is to be written.
    pub(super) enough: AtomicBool,
}

/// What the server's application read that the client had not sent there.
#[derive(Clone, Debug, Default)]
pub(super) struct Strange {
    /// How many octets differ from the client's.
    pub(super) octets: usize,
    /// The stream around the first of them, as it was read.
    pub(super) around: Vec<u8>,
    /// The end of what was read before.
    before: Vec<u8>,
}

/// One conversation: `record` over and over, until there is enough or `most` octets are written. In the end the client
/// closes first. What the server read, held against the record.
pub(super) fn converse(
    client: &Socket,
    server: &Socket,
    (record, most): (&'static str, usize),
    progress: &Progress,
) -> io::Result<Strange> {
    thread::scope(|scope| {
        let echo = scope.spawn(move || send_back(server, record.as_bytes()));
        let reader = scope.spawn(move || read_back(client, progress));
        let written = write(client, record.as_bytes(), most, progress);
        client.shutdown(Shutdown::Write)?;
        written?;
        join(reader.join())?;
        join(echo.join())
    })
}

fn join<T>(outcome: thread::Result<io::Result<T>>) -> io::Result<T> {
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn write(mut client: &Socket, record: &[u8], most: usize, progress: &Progress) -> io::Result<()> {
    let pieces: Vec<u8> = record.iter().copied().cycle().take(PIECE + record.len()).collect();
    let (mut written, start) = (0, Instant::now());
    while written < most && !progress.enough.load(Ordering::Relaxed) {
        if written > progress.returned.load(Ordering::Relaxed) + AHEAD {
            if start.elapsed() > PATIENCE {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(LOOK_AGAIN);
            continue;
        }
        let offset = written % record.len();
        let piece = pieces.get(offset..offset + PIECE.min(most - written)).unwrap_or_default();
        client.write_all(piece)?;
        written += piece.len();
    }
    Ok(())
}

fn read_back(mut client: &Socket, progress: &Progress) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            read => progress.returned.fetch_add(read, Ordering::Relaxed),
        };
    }
}

fn send_back(mut server: &Socket, record: &[u8]) -> io::Result<Strange> {
    let (mut buffer, mut position, mut strange) = (vec![0; PIECE], 0, Strange::default());
    loop {
        let read = server.read(&mut buffer)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else { break };
        strange.hold_against(record, position, piece);
        position += read;
        server.write_all(piece)?;
    }
    server.shutdown(Shutdown::Write)?;
    Ok(strange)
}

impl Strange {
    /// Looks for octets that are not the record's.
    fn hold_against(&mut self, record: &[u8], position: usize, piece: &[u8]) {
        let expected = record.iter().cycle().skip(position % record.len());
        let differ = |(octet, expected): (&u8, &u8)| octet != expected;
        let first = piece.iter().zip(expected.clone()).position(differ);
        self.octets += piece.iter().zip(expected).filter(|&(octet, expected)| octet != expected).count();
        if let (Some(first), true) = (first, self.around.is_empty()) {
            let from = (self.before.len() + first).saturating_sub(record.len());
            self.around = self.before.iter().chain(piece).skip(from).take(KEPT).copied().collect();
        }
        self.before = piece.iter().skip(piece.len().saturating_sub(record.len())).copied().collect();
    }

    /// Some of the stream, as text.
    pub(super) fn excerpt(&self, octets: usize) -> String {
        String::from_utf8_lossy(self.around.get(..octets.min(self.around.len())).unwrap_or_default())
            .into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_that_are_not_the_record_s_are_counted_and_shown() {
        let mut strange = Strange::default();
        strange.hold_against(b"abc", 0, b"abcab");
        assert_eq!(strange.octets, 0);
        strange.hold_against(b"abc", 5, b"cabXYc");
        assert_eq!(
            (strange.octets, strange.excerpt(4).as_str()),
            (3, "cabX"),
            "what was sent, then what was not"
        );
        let mut at_once = Strange::default();
        at_once.hold_against(b"abc", 0, b"abc");
        at_once.hold_against(b"abc", 3, b"XY");
        assert_eq!((at_once.octets, at_once.excerpt(9).as_str()), (2, "abcXY"));
    }
}
