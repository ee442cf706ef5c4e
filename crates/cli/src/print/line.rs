//! Text on its way out, written piece by piece: at a million rows, machinery that finds out how to format costs more
//! than the kernel's part.
//!
//! - [`Line`]: the bytes that wait to be written
//! - [`Pen`]: writes a row into them
//! - [`Piece`]: a word or number as text, made in registers, of which the length is known before it is written
//! - `Digits`: those of small numbers, looked up

mod digits;
mod pen;
mod piece;

use std::{
    fmt,
    io::{self, Write},
};

pub(crate) use pen::{Endpoint, Pen};
pub(crate) use piece::Piece;

/// What is written at once: each time, a reader that waits is woken.
const FULL: usize = 256 * 1024;

/// Bytes of UTF-8 that grow at their end. Once it has its size, writing allocates nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// The text, and room behind it.
    bytes: Vec<u8>,
    length: usize,
}

impl Line {
    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Appends what a pen writes.
    pub(crate) fn pen(&mut self, write: impl FnOnce(Pen<'_>) -> Pen<'_>) {
        if let Some(pen) = self.open() {
            let written = write(pen).length();
            self.keep(written);
        }
    }

    /// A pen behind what is there already; what it writes is to be [kept](Self::keep). This is [`pen`](Self::pen) for
    /// whom a call is too much.
    #[inline]
    pub(crate) fn open(&mut self) -> Option<Pen<'_>> {
        if self.bytes.get(self.length..).is_none_or(|room| room.len() < Pen::ROOM) {
            self.grow(Pen::ROOM);
        }
        self.bytes.get_mut(self.length..).and_then(<[u8]>::first_chunk_mut).map(Pen::new)
    }

    /// How many bytes more there is room for.
    #[inline]
    fn room(&self) -> usize {
        self.bytes.len().saturating_sub(self.length)
    }

    /// Takes in what a pen wrote.
    #[inline]
    pub(crate) fn keep(&mut self, written: usize) {
        self.length += written;
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.append(text.as_bytes());
    }

    fn append(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        if let Some(place) = self.bytes.get_mut(self.length..self.length + bytes.len()) {
            place.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }

    /// Makes room for so many more bytes.
    #[inline]
    fn make_room(&mut self, more: usize) {
        if self.room() < more {
            self.grow(more);
        }
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        self.bytes.resize((self.length + more).max(2 * self.bytes.len()), 0);
    }

    /// Makes room for as much as is ever kept before it [spills](Self::spill).
    pub(crate) fn make_room_for_many(&mut self) {
        self.make_room(FULL + 2 * Pen::ROOM);
    }

    /// Hands over what is full, and keeps the rest.
    ///
    /// # Errors
    /// The writer's.
    #[inline]
    pub(crate) fn spill(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.length < FULL { Ok(()) } else { self.spill_full(out) }
    }

    #[cold]
    fn spill_full(&mut self, out: &mut impl Write) -> io::Result<()> {
        let whole = self.length - self.length % FULL;
        out.write_all(self.bytes.get(..whole).unwrap_or_default())?;
        self.bytes.copy_within(whole..self.length, 0);
        self.length -= whole;
        Ok(())
    }

    /// Hands over all.
    ///
    /// # Errors
    /// The writer's.
    pub(crate) fn hand_over(&mut self, out: &mut impl Write) -> io::Result<()> {
        let written = out.write_all(self.as_bytes());
        self.clear();
        written
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spills_is_whole_pieces_and_nothing_is_lost() {
        #[derive(Default)]
        struct Pieces(Vec<Vec<u8>>);
        impl Write for Pieces {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(bytes.to_vec());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (mut line, mut out, mut expected) = (Line::default(), Pieces::default(), String::new());
        for number in 0..95_000_u32 {
            line.pen(|pen| pen.decimal(number).put(b" "));
            line.spill(&mut out).unwrap();
            expected.extend([number.to_string(), " ".to_owned()]);
        }
        line.text(&"x".repeat(2 * FULL));
        expected += &"x".repeat(2 * FULL);
        line.spill(&mut out).unwrap();
        line.hand_over(&mut out).unwrap();
        let lengths: Vec<usize> = out.0.iter().map(Vec::len).collect();
        assert_eq!(lengths, [FULL, FULL, 2 * FULL, expected.len() - 4 * FULL]);
        assert_eq!(String::from_utf8(out.0.concat()).unwrap(), expected);
    }
}
