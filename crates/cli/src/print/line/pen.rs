#![allow(clippy::inline_always, reason = "so that it stays in registers")]

use std::{
    net::{Ipv6Addr, SocketAddr, SocketAddrV6},
    ops::Range,
};

use timewait_linux::sockets::Ipv4End;

use super::{digits::Digits, piece::Piece};

/// Writes into room that was made for it beforehand. It is handed on by value, so that where it stands stays in a
/// register: blocks of fixed size are stored whole, of which the part that is meant counts, and the next overwrites the rest.
///
/// What finds no room is left out.
#[derive(Debug)]
pub(crate) struct Pen<'a> {
    room: &'a mut [u8; Pen::ROOM],
    at: usize,
}

impl<'a> Pen<'a> {
    /// More than a row ever takes, its owner aside: so much that the compiler sees, by the types of its pieces' lengths alone,
    /// that a row of known pieces fits, and has no look at each.
    pub(super) const ROOM: usize = 4096;

    pub(super) fn new(room: &'a mut [u8; Pen::ROOM]) -> Self {
        Self { room, at: 0 }
    }

    /// How many bytes it has written.
    #[inline(always)]
    pub(crate) fn length(&self) -> usize {
        self.at
    }

    /// The first `used` bytes of a block.
    #[inline(always)]
    fn block<const N: usize>(mut self, block: &[u8; N], used: usize) -> Self {
        if let Some(place) = self.room.get_mut(self.at..).and_then(<[u8]>::first_chunk_mut) {
            *place = *block;
            self.at += used;
        }
        self
    }

    /// Text of which the program knows the length.
    #[inline(always)]
    pub(crate) fn put<const N: usize>(self, text: &[u8; N]) -> Self {
        self.block(text, N)
    }

    #[inline(always)]
    pub(crate) fn piece(self, piece: Piece) -> Self {
        self.block(&piece.block(), piece.length())
    }

    #[inline(always)]
    fn digits(self, digits: Digits) -> Self {
        self.block(&digits.block(), digits.length())
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        if let Some(place) = self.room.get_mut(self.at..self.at + text.len()) {
            place.copy_from_slice(text.as_bytes());
            self.at += text.len();
        }
        self
    }

    #[inline(always)]
    pub(crate) fn spaces(mut self, count: usize) -> Self {
        let mut left = count;
        while left > 16 {
            self = self.put(&[b' '; 16]);
            left -= 16;
        }
        self.block(&[b' '; 16], left)
    }

    /// A number's decimal digits.
    #[inline(always)]
    pub(crate) fn decimal(self, number: u32) -> Self {
        match number / 1_000 {
            0 => self.digits(Digits::up_to_three(number)),
            thousands @ 1..1_000 => self.digits(Digits::up_to_three(thousands)).digits(Digits::three(number)),
            _ => self.piece(Piece::decimal(number)),
        }
    }

    /// A number's hexadecimal digits, in lower case.
    #[inline(always)]
    pub(crate) fn hexadecimal(self, number: u64) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "the two halves of 64 bits")]
        let (high, low) = ((number >> 32) as u32, number as u32);
        if high == 0 { self.nibbles_that_count(low) } else { self.nibbles_that_count(high).nibbles(low) }
    }

    /// Without the zeros before the first that is none; the last always counts.
    #[inline(always)]
    fn nibbles_that_count(self, number: u32) -> Self {
        if self.at + 2 * size_of::<u64>() > Self::ROOM {
            return self;
        }
        let zeros = (number | 1).leading_zeros() / 4;
        let pen = self.nibbles(number << (4 * zeros));
        Self { at: pen.at - zeros as usize, ..pen }
    }

    /// All eight of them.
    #[inline(always)]
    fn nibbles(self, number: u32) -> Self {
        let [a, b, c, d] = number.to_be_bytes().map(Digits::hexadecimal);
        self.digits(a).digits(b).digits(c).digits(d)
    }

    /// `127.0.0.1:9000`, `[::1]:9000`
    #[inline(always)]
    pub(crate) fn endpoint(self, endpoint: impl Endpoint) -> Self {
        endpoint.write(self)
    }

    /// An IPv4 address, of which each octet is read when it is its turn.
    #[inline(always)]
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "by value, all four would be read at once and taken apart again"
    )]
    fn octets(self, [a, b, c, d]: &[u8; 4]) -> Self {
        let pen = self.digits(Digits::dotted(*a)).digits(Digits::dotted(*b)).digits(Digits::dotted(*c));
        pen.digits(Digits::up_to_three((*d).into()))
    }

    /// As RFC 5952 has it: the longest run of zeros, if it is longer than one and the first of its length, is `::`;
    /// an IPv4-mapped address ends as IPv4 does.
    fn ipv6(mut self, address: Ipv6Addr) -> Self {
        if let Some(v4) = address.to_ipv4_mapped() {
            return self.put(b"::ffff:").octets(&v4.octets());
        }
        let groups = address.segments();
        let zeros = longest_zeros(groups);
        for (place, group) in groups.into_iter().enumerate() {
            if place == zeros.start && !zeros.is_empty() {
                self = self.put(b"::");
            }
            if zeros.contains(&place) {
                continue;
            }
            if place > 0 && place != zeros.end {
                self = self.put(b":");
            }
            self = self.hexadecimal(u64::from(group));
        }
        self
    }

    /// `[::1]`, `[fe80::1%2]`
    fn bracketed(self, v6: SocketAddrV6) -> Self {
        let pen = self.put(b"[").ipv6(*v6.ip());
        let pen = if v6.scope_id() == 0 { pen } else { pen.put(b"%").decimal(v6.scope_id()) };
        pen.put(b"]")
    }
}

/// An end of a connection, of any family or of one that is known when the program is compiled.
pub(crate) trait Endpoint: Copy {
    /// `127.0.0.1`, `::1`
    fn write_address(self, pen: Pen<'_>) -> Pen<'_>;

    fn port(self) -> u16;

    /// `127.0.0.1:9000`, `[::1]:9000`
    #[inline(always)]
    fn write(self, pen: Pen<'_>) -> Pen<'_> {
        self.write_address(pen).put(b":").decimal(self.port().into())
    }
}

impl Endpoint for Ipv4End<'_> {
    #[inline(always)]
    fn write_address(self, pen: Pen<'_>) -> Pen<'_> {
        pen.octets(self.octets())
    }

    #[inline(always)]
    fn port(self) -> u16 {
        Self::port(self)
    }
}

impl Endpoint for SocketAddr {
    fn write_address(self, pen: Pen<'_>) -> Pen<'_> {
        match self {
            Self::V4(v4) => pen.octets(&v4.ip().octets()),
            Self::V6(v6) => pen.ipv6(*v6.ip()),
        }
    }

    fn port(self) -> u16 {
        Self::port(&self)
    }

    fn write(self, pen: Pen<'_>) -> Pen<'_> {
        let pen = match self {
            Self::V4(_) => self.write_address(pen),
            Self::V6(v6) => pen.bracketed(v6),
        };
        pen.put(b":").decimal(Self::port(&self).into())
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::Line;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(Pen<'_>) -> Pen<'_>) -> String {
        let mut line = Line::default();
        line.pen(write);
        String::from_utf8(line.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn runs_of_zeros_are_shortened_as_the_rfc_has_it() {
        for text in
            ["::", "::1", "1::", "2001:db8::1:0:0:1", "2001:0:0:1::1", "1:0:1:0:1:0:1:0", "::ffff:1.2.3.4"]
        {
            let address: Ipv6Addr = text.parse().unwrap();
            assert_eq!(written(|pen| pen.ipv6(address)), text);
        }
    }

    #[test]
    fn as_many_spaces_are_written_as_are_asked_for() {
        for count in [0, 1, 15, 16, 17, 32, 100] {
            assert_eq!(written(|pen| pen.spaces(count).put(b"x")), format!("{:count$}x", ""));
        }
    }

    #[test]
    fn hexadecimal_numbers_of_every_length_are_whole() {
        for bits in 0..64 {
            for number in [1_u64 << bits, (1 << bits) - 1, u64::MAX >> bits] {
                assert_eq!(written(|pen| pen.hexadecimal(number)), format!("{number:x}"));
            }
        }
    }

    #[test]
    fn decimal_numbers_of_every_length_and_all_below_a_million_are_whole() {
        for number in (0..1_000_000).chain((0..10).map(|power| 10_u32.pow(power) - 1)).chain([u32::MAX]) {
            let mut line = Line::default();
            line.pen(|pen| pen.decimal(number));
            assert_eq!(line.as_bytes(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn what_finds_no_room_is_left_out() {
        let almost = Pen::ROOM - 10;
        let text = written(|pen| pen.spaces(almost).text("nine, ten").text("eleven").put(b"twelve"));
        assert_eq!(text.trim_start(), "nine, ten");
    }

    proptest! {
        #[test]
        fn addresses_and_numbers_are_written_as_the_standard_library_writes_them(
            octets: [u8; 4], groups in prop::array::uniform8(prop_oneof![Just(0_u16), any::<u16>()]),
            port: u16, scope in 0_u32..3, number: u64,
        ) {
            prop_assert_eq!(written(|pen| pen.hexadecimal(number)), format!("{number:x}"));
            let v4 = SocketAddr::from((octets, port));
            let v6 = SocketAddr::V6(SocketAddrV6::new(groups.into(), port, 0, scope));
            for end in [v4, v6] {
                prop_assert_eq!(written(|pen| pen.endpoint(end)), end.to_string());
                prop_assert_eq!(written(|pen| end.write_address(pen)), end.ip().to_string());
            }
        }
    }
}
