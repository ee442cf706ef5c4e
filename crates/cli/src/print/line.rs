//! A line of text on its way out, written digit by digit: at a million rows, machinery that finds out how to format
//! costs more than the kernel's part.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    ops::Range,
};

/// Pieces are copied in blocks of this size, of which the part that is meant then counts: that is a few instructions,
/// where a copy of a length that is not known beforehand is a call.
const BLOCK: usize = 64;

/// The decimal digits of each octet with a dot behind them, and how many bytes that is.
const OCTETS: [([u8; 4], u8); 256] = octets();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn octets() -> [([u8; 4], u8); 256] {
    let mut table = [([0; 4], 0); 256];
    let mut octet = 0_u8;
    loop {
        let [hundreds, tens, ones] = [b'0' + octet / 100, b'0' + octet / 10 % 10, b'0' + octet % 10];
        table[octet as usize] = match octet {
            0..10 => ([ones, b'.', 0, 0], 2),
            10..100 => ([tens, ones, b'.', 0], 3),
            _ => ([hundreds, tens, ones, b'.'], 4),
        };
        if octet == 255 {
            return table;
        }
        octet += 1;
    }
}

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = pairs();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn pairs() -> [[u8; 2]; 100] {
    let mut table = [[0; 2]; 100];
    let mut number = 0_u8;
    while number < 100 {
        table[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    table
}

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

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// A part of it, by bytes.
    pub(crate) fn part(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// Text of which the program knows the length.
    #[inline]
    pub(crate) fn put<const N: usize>(&mut self, text: &[u8; N]) {
        self.block(text, N);
    }

    /// The first `used` bytes of a block.
    #[inline]
    fn block<const N: usize>(&mut self, block: &[u8; N], used: usize) {
        self.make_room(N);
        if let Some(place) = self.bytes.get_mut(self.length..).and_then(<[u8]>::first_chunk_mut) {
            *place = *block;
            self.length += used;
        }
    }

    /// Makes room for so many more bytes, so that none has to be made while they are written.
    #[inline]
    pub(crate) fn make_room(&mut self, more: usize) {
        if self.bytes.len() < self.length + more {
            self.grow(more);
        }
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        self.bytes.resize((self.length + more).max(2 * self.bytes.len()).max(4 * BLOCK), 0);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        if let Some(place) = self.bytes.get_mut(self.length..self.length + bytes.len()) {
            place.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// A part of another line.
    #[inline]
    pub(crate) fn copy(&mut self, from: &Self, range: Range<usize>) {
        let block = from.bytes.get(range.start..).and_then(<[u8]>::first_chunk::<BLOCK>);
        match block {
            Some(block) if range.len() <= BLOCK => self.block(block, range.len()),
            _ => self.bytes(from.part(range)),
        }
    }

    #[inline]
    pub(crate) fn spaces(&mut self, count: usize) {
        let mut left = count;
        while left > BLOCK {
            self.put(&[b' '; BLOCK]);
            left -= BLOCK;
        }
        self.block(&[b' '; BLOCK], left);
    }

    /// A number's decimal digits.
    #[inline]
    pub(crate) fn decimal(&mut self, number: u32) {
        if number < 100_000 {
            return self.five_digits(number);
        }
        self.decimal(number / 100_000);
        let rest = number % 100_000;
        self.put(&[10_000, 1_000, 100, 10, 1].map(|unit| digit(rest / unit)));
    }

    /// A number of at most five digits: all five are made, and those counted that are not zeros at its beginning.
    #[inline]
    fn five_digits(&mut self, number: u32) {
        let used = 1
            + usize::from(number >= 10)
            + usize::from(number >= 100)
            + usize::from(number >= 1_000)
            + usize::from(number >= 10_000);
        let (first, rest) = (number / 10_000, number % 10_000);
        let [[thousands, hundreds], [tens, ones]] = [pair(rest / 100), pair(rest % 100)];
        let digits = u64::from_be_bytes([digit(first), thousands, hundreds, tens, ones, 0, 0, 0]);
        let from_the_first = digits << (8 * (5 - used));
        self.block(&from_the_first.to_be_bytes(), used);
    }

    /// A number's hexadecimal digits, in lower case.
    pub(crate) fn hexadecimal(&mut self, number: u64) {
        let digits = number.checked_ilog2().unwrap_or(0) as usize / 4 + 1;
        for place in (0..digits).rev() {
            let digit = u8::try_from(number >> (4 * place) & 0xf).unwrap_or(0);
            self.put(&[if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }]);
        }
    }

    /// Milliseconds as seconds to a tenth: `59.8 s`.
    #[inline]
    pub(crate) fn seconds(&mut self, milliseconds: u32) {
        let tenths = milliseconds / 100 + u32::from(milliseconds % 100 >= 50);
        self.decimal(tenths / 10);
        self.put(&[b'.', digit(tenths), b' ', b's']);
    }

    /// `127.0.0.1:9000`, `[::1]:9000`
    #[inline]
    pub(crate) fn endpoint(&mut self, endpoint: SocketAddr) {
        match endpoint {
            SocketAddr::V4(v4) => self.ipv4_and(*v4.ip(), b':'),
            SocketAddr::V6(v6) => {
                self.put(b"[");
                self.ipv6(*v6.ip());
                if v6.scope_id() != 0 {
                    self.put(b"%");
                    self.decimal(v6.scope_id());
                }
                self.put(b"]:");
            }
        }
        self.decimal(u32::from(endpoint.port()));
    }

    #[inline]
    pub(crate) fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.ipv4(v4),
            IpAddr::V6(v6) => self.ipv6(v6),
        }
    }

    #[inline]
    fn ipv4(&mut self, address: Ipv4Addr) {
        self.ipv4_and(address, 0);
        self.length -= 1;
    }

    /// An address and the byte behind it.
    #[inline]
    fn ipv4_and(&mut self, address: Ipv4Addr, behind: u8) {
        self.make_room(4 * 4);
        for octet in address.octets() {
            #[allow(clippy::indexing_slicing, reason = "as many as there are octets")]
            let (text, used) = &OCTETS[usize::from(octet)];
            if let Some(place) = self.bytes.get_mut(self.length..).and_then(<[u8]>::first_chunk_mut) {
                *place = *text;
                self.length += usize::from(*used);
            }
        }
        if let Some(dot) = self.bytes.get_mut(self.length - 1) {
            *dot = behind;
        }
    }

    /// As RFC 5952 has it: the longest run of zeros, if it is longer than one and the first of its length, is `::`;
    /// an IPv4-mapped address ends as IPv4 does.
    fn ipv6(&mut self, address: Ipv6Addr) {
        if let Some(v4) = address.to_ipv4_mapped() {
            self.put(b"::ffff:");
            return self.ipv4(v4);
        }
        let groups = address.segments();
        let zeros = longest_zeros(groups);
        for (place, group) in groups.into_iter().enumerate() {
            if place == zeros.start && !zeros.is_empty() {
                self.put(b"::");
            }
            if zeros.contains(&place) {
                continue;
            }
            if place > 0 && place != zeros.end {
                self.put(b":");
            }
            self.hexadecimal(u64::from(group));
        }
    }
}

/// The last two decimal digits.
#[inline]
fn pair(number: u32) -> [u8; 2] {
    PAIRS.get(number as usize % 100).copied().unwrap_or_default()
}

/// The last decimal digit.
#[inline]
fn digit(number: u32) -> u8 {
    #[allow(clippy::cast_possible_truncation, reason = "less than ten")]
    let digit = (number % 10) as u8;
    b'0' + digit
}

/// Where the groups are that `::` stands for; empty, and beyond the last, if there are none.
fn longest_zeros(groups: [u16; 8]) -> Range<usize> {
    let (mut longest, mut start) = (9..9, 0);
    for (place, group) in groups.into_iter().enumerate() {
        if group != 0 {
            start = place + 1;
        } else if place + 1 - start > longest.len().max(1) {
            longest = start..place + 1;
        }
    }
    longest
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Line)) -> String {
        let mut line = Line::default();
        write(&mut line);
        String::from_utf8(line.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn runs_of_zeros_are_shortened_as_the_rfc_has_it() {
        for text in
            ["::", "::1", "1::", "2001:db8::1:0:0:1", "2001:0:0:1::1", "1:0:1:0:1:0:1:0", "::ffff:1.2.3.4"]
        {
            let address: Ipv6Addr = text.parse().unwrap();
            assert_eq!(written(|line| line.address(address.into())), text);
        }
    }

    #[test]
    fn seconds_are_rounded_to_a_tenth() {
        for (milliseconds, text) in
            [(0, "0.0 s"), (49, "0.0 s"), (50, "0.1 s"), (59_949, "59.9 s"), (59_950, "60.0 s")]
        {
            assert_eq!(written(|line| line.seconds(milliseconds)), text);
        }
    }

    #[test]
    fn a_piece_longer_than_a_block_is_whole() {
        let long = "x".repeat(3 * BLOCK + 1);
        let mut from = Line::default();
        from.text(&long);
        assert_eq!(written(|line| line.copy(&from, 0..long.len())), long);
        assert_eq!(written(|line| line.spaces(long.len())).len(), long.len());
    }

    proptest! {
        #[test]
        fn numbers_and_addresses_are_written_as_the_standard_library_writes_them(
            number: u32, wide: u64, octets: [u8; 4], groups in prop::array::uniform8(prop_oneof![Just(0_u16), any::<u16>()]),
            port: u16, scope in 0_u32..3,
        ) {
            prop_assert_eq!(written(|line| line.decimal(number)), number.to_string());
            prop_assert_eq!(written(|line| line.hexadecimal(wide)), format!("{wide:x}"));
            let v4 = SocketAddr::from((octets, port));
            let v6 = SocketAddr::V6(std::net::SocketAddrV6::new(groups.into(), port, 0, scope));
            for end in [v4, v6] {
                prop_assert_eq!(written(|line| line.endpoint(end)), end.to_string());
                prop_assert_eq!(written(|line| line.address(end.ip())), end.ip().to_string());
            }
        }
    }
}
