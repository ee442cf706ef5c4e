//! Streams of one record over and over, as fast as a connection carries them.

use std::{
    io::{self, Read as _, Write as _},
    net::Shutdown,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use socket2::Socket;

/// Octets of a write.
const PIECE: usize = 64 << 10;
/// The most that is kept of what the server read and did not expect.
const KEPT: usize = 1 << 10;

/// How far a stream is, for those who steer it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Octets that were read.
    pub(super) read: AtomicUsize,
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

/// Both sides write until there is enough, or `most` octets are written. In the end the client closes first.
pub(super) fn both_ways(
    client: &Socket,
    server: &Socket,
    (record, most): (&'static str, usize),
    progress: &Progress,
) -> io::Result<()> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let answers = scope.spawn(|| {
            write(server, record, most, &over)?;
            server.shutdown(Shutdown::Write)
        });
        let at_server = scope.spawn(|| {
            let read = read_to_end(server, |_| {});
            // The client wants no more: so its own answers end, and it closes second.
            over.store(true, Ordering::Relaxed);
            read
        });
        let at_client = scope.spawn(|| read_to_end(client, |_| {}));
        let written = write(client, record, most, &progress.enough);
        client.shutdown(Shutdown::Write)?;
        written?;
        join(at_server.join())?;
        join(answers.join())?;
        join(at_client.join())
    })
}

/// The server writes so many octets, and the client reads them.
pub(super) fn download(
    client: &Socket,
    server: &Socket,
    record: &'static str,
    octets: usize,
) -> io::Result<()> {
    thread::scope(|scope| {
        let writer = scope.spawn(|| write(server, record, octets, &AtomicBool::new(false)));
        let mut buffer = vec![0; PIECE];
        let mut left = octets;
        while let Some(room) = buffer.get_mut(..left.min(PIECE)).filter(|room| !room.is_empty()) {
            match (&mut &*client).read(room)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => left -= read,
            }
        }
        join(writer.join())
    })
}

/// The client writes until there is enough, and closes first. What the server read, held against the record.
pub(super) fn upload(
    client: &Socket,
    server: &Socket,
    (record, most): (&'static str, usize),
    progress: &Progress,
) -> io::Result<Strange> {
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut strange, mut position) = (Strange::default(), 0);
            read_to_end(server, |piece| {
                strange.hold_against(record.as_bytes(), position, piece);
                position += piece.len();
                progress.read.store(position, Ordering::Relaxed);
            })?;
            server.shutdown(Shutdown::Write)?;
            Ok(strange)
        });
        let written = write(client, record, most, &progress.enough);
        client.shutdown(Shutdown::Write)?;
        written?;
        let strange = join(reader.join())?;
        read_to_end(client, |_| {})?;
        Ok(strange)
    })
}

fn join<T>(outcome: thread::Result<io::Result<T>>) -> io::Result<T> {
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn write(mut to: &Socket, record: &str, most: usize, enough: &AtomicBool) -> io::Result<()> {
    let record = record.as_bytes();
    let pieces: Vec<u8> = record.iter().copied().cycle().take(PIECE + record.len()).collect();
    let mut written = 0;
    while written < most && !enough.load(Ordering::Relaxed) {
        let offset = written % record.len();
        let piece = pieces.get(offset..offset + PIECE.min(most - written)).unwrap_or_default();
        to.write_all(piece)?;
        written += piece.len();
    }
    Ok(())
}

fn read_to_end(mut from: &Socket, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let read = from.read(&mut buffer)?;
        match buffer.get(..read).filter(|piece| !piece.is_empty()) {
            Some(piece) => each(piece),
            None => return Ok(()),
        }
    }
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
