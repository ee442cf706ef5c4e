//! Numbers and short words as text, made in registers, the first character in the lowest byte, where it is stored first.
//!
//! What is small, and most numbers of a row are, is looked up three digits at once. A number of eight digits is computed as eight
//! numbers side by side in 64 bits. The zeros before the number are shifted out, so no loop tells how long it is.

use std::net::Ipv4Addr;

use timewait_facts::State;

/// Up to sixteen ASCII characters, the first in the lowest byte.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Piece {
    text: u128,
    length: usize,
}

/// `'0'` in each byte.
const ZEROS: u64 = 0x3030_3030_3030_3030;
/// One more than eight digits can say.
const EIGHT_DIGITS: u32 = 100_000_000;

impl Piece {
    pub(crate) const DASH: Self = Self::word("-");
    pub(crate) const NULL: Self = Self::word("null");

    /// A word; of a longer one than there is room for, its beginning.
    #[allow(clippy::indexing_slicing, reason = "below its length")]
    pub(crate) const fn word(word: &str) -> Self {
        let (word, mut text, mut length) = (word.as_bytes(), 0, 0);
        while length < word.len() && length < 16 {
            text |= (word[length] as u128) << (8 * length);
            length += 1;
        }
        Self { text, length }
    }

    /// A state's name.
    #[inline]
    pub(crate) fn state(state: State) -> Self {
        STATES.get(state as usize).copied().unwrap_or_default()
    }

    /// A number's decimal digits.
    #[inline]
    pub(crate) fn decimal(number: u32) -> Self {
        let thousands = number / 1_000;
        if thousands == 0 {
            let Digits { text, bits } = up_to_three(number);
            return Self { text: text.into(), length: bits as usize / 8 };
        }
        if thousands >= 1_000 {
            return Self::long_decimal(number);
        }
        let first = up_to_three(thousands);
        let text = u64::from(first.text) | u64::from(three(number)) << first.bits;
        Self { text: text.into(), length: 3 + first.bits as usize / 8 }
    }

    #[cold]
    fn long_decimal(number: u32) -> Self {
        if number < EIGHT_DIGITS {
            return Self::without_zeros(eight_digits(number));
        }
        let last = eight_digits(number % EIGHT_DIGITS) | ZEROS;
        Self::without_zeros(eight_digits(number / EIGHT_DIGITS)).before(last, 8)
    }

    /// A number's hexadecimal digits, in lower case.
    #[inline]
    pub(crate) fn short_hexadecimal(number: u32) -> Self {
        let nibbles = eight_nibbles(number);
        let Self { text, length } = Self::without_zeros(nibbles);
        // What was shifted out of the digits is shifted out of their letters.
        let letters = letters(nibbles) >> (8 * (8 - length));
        Self { text: text + u128::from(letters), length }
    }

    /// The same of a number that needs more than 32 bits.
    #[cold]
    pub(crate) fn long_hexadecimal(number: u64) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "the two halves of 64 bits")]
        let (high, low) = ((number >> 32) as u32, number as u32);
        let nibbles = eight_nibbles(low);
        Self::short_hexadecimal(high).before((nibbles | ZEROS) + letters(nibbles), 8)
    }

    /// Milliseconds as seconds to a tenth: `59.8 s`.
    #[inline]
    pub(crate) fn seconds(milliseconds: u32) -> Self {
        let tenths = milliseconds / 100 + u32::from(milliseconds % 100 >= 50);
        if tenths >= 1_000 {
            return Self::long_seconds(tenths);
        }
        let digits = u64::from(three(tenths));
        let text = digits & 0xffff | (digits >> 16) << 24 | u64::from_le_bytes(*b"\0\0.\0 s\0\0");
        // The digit before the point stays, zero or not.
        let zeros = if tenths < 100 { 8 } else { 0 };
        Self { text: (text >> zeros).into(), length: 6 - zeros / 8 }
    }

    #[cold]
    fn long_seconds(tenths: u32) -> Self {
        let digits = eight_digits(tenths);
        // The last place holds the tenths; the places before it are the seconds.
        let [.., tenths] = digits.to_le_bytes();
        let fraction = u32::from_le_bytes([b'.', b'0' + tenths, b' ', b's']);
        Self::without_zeros(digits << 8).before(fraction.into(), 4)
    }

    /// Two octets of an address.
    #[inline]
    fn octets(first: Digits, second: Digits) -> Self {
        let text = u64::from(first.text) | u64::from(second.text) << first.bits;
        Self { text: u128::from(text), length: (first.bits + second.bits) as usize / 8 }
    }

    /// An address, in two pieces, with a colon behind it.
    #[inline]
    #[allow(clippy::indexing_slicing, reason = "as many as there are octets")]
    pub(crate) fn ipv4_and_colon(address: Ipv4Addr) -> [Self; 2] {
        let [a, b, c, d] = address.octets().map(usize::from);
        [Self::octets(DOTTED[a], DOTTED[b]), Self::octets(DOTTED[c], LAST[d])]
    }

    /// An address, in two pieces.
    #[inline]
    pub(crate) fn ipv4(address: Ipv4Addr) -> [Self; 2] {
        let [front, rear] = Self::ipv4_and_colon(address);
        [front, Self { length: rear.length - 1, ..rear }]
    }

    /// Eight digits as numbers, without the zeros before the first that is none; the last always counts.
    #[inline]
    fn without_zeros(digits: u64) -> Self {
        let zeros = (digits | 1 << 56).trailing_zeros() / 8;
        Self { text: u128::from((digits | ZEROS) >> (8 * zeros)), length: 8 - zeros as usize }
    }

    /// With so many characters behind it.
    #[inline]
    fn before(self, text: u64, length: usize) -> Self {
        let (bits, length) = (8 * self.length, self.length + length);
        let text = if length <= 8 { u128::from(text << bits) } else { u128::from(text) << bits };
        Self { text: self.text | text, length }
    }

    #[inline]
    pub(crate) const fn length(self) -> usize {
        self.length
    }

    /// The first eight of its characters.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "that is what is asked for")]
    pub(crate) fn short_block(self) -> [u8; 8] {
        (self.text as u64).to_le_bytes()
    }

    /// Its characters, and what follows them in the block.
    #[inline]
    pub(crate) fn block(self) -> [u8; 16] {
        self.text.to_le_bytes()
    }
}

/// The states' names by the states' numbers.
const STATES: [Piece; 1 + State::BoundInactive as usize] = states();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn states() -> [Piece; 1 + State::BoundInactive as usize] {
    let mut names = [Piece::word(""); 1 + State::BoundInactive as usize];
    let mut place = 0;
    while place < State::ALL.len() {
        names[State::ALL[place] as usize] = Piece::word(State::ALL[place].name());
        place += 1;
    }
    names
}

/// The digits of a number below [`EIGHT_DIGITS`], each in a byte: two numbers of four digits, then four of two, then
/// eight of one. A multiplication and a shift stand for each division, exact for numbers as small as these.
#[inline]
fn eight_digits(number: u32) -> u64 {
    let fours = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - 100 * hundreds) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (twos - 10 * tens) << 8
}

/// The hexadecimal digits of a number, each in a byte.
#[inline]
fn eight_nibbles(number: u32) -> u64 {
    let halves = u64::from(number);
    let halves = (halves | halves << 16) & 0x0000_ffff_0000_ffff;
    let bytes = (halves | halves << 8) & 0x00ff_00ff_00ff_00ff;
    ((bytes | bytes << 4) & 0x0f0f_0f0f_0f0f_0f0f).swap_bytes()
}

/// What each digit from ten on lacks to be a letter.
#[inline]
fn letters(nibbles: u64) -> u64 {
    const EACH: u64 = u64::MAX / 0xff;
    // Of numbers below sixteen, those from ten on reach it when six is added.
    (((nibbles + 6 * EACH) >> 4) & EACH) * u64::from(b'a' - b'0' - 10)
}

/// The last three digits of a number, each a character.
#[inline]
#[allow(clippy::indexing_slicing, reason = "as many as there are such numbers")]
fn three(number: u32) -> u32 {
    THREES[(number % 1_000) as usize]
}

static THREES: [u32; 1_000] = threes();

#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated by the compiler")]
const fn threes() -> [u32; 1_000] {
    let mut table = [0; 1_000];
    let mut number = 0_usize;
    while number < table.len() {
        let digits = [number / 100, number / 10 % 10, number % 10];
        let [hundreds, tens, ones] = [b'0' + digits[0] as u8, b'0' + digits[1] as u8, b'0' + digits[2] as u8];
        table[number] = u32::from_le_bytes([hundreds, tens, ones, 0]);
        number += 1;
    }
    table
}

/// The digits of a number, each a character, perhaps with a mark behind them, and how many bits that is.
#[derive(Clone, Copy)]
struct Digits {
    text: u32,
    bits: u32,
}

/// Those of the last three digits of a number that count; of 0, one.
#[inline]
#[allow(clippy::indexing_slicing, reason = "as many as there are such numbers")]
fn up_to_three(number: u32) -> Digits {
    UP_TO_THREE[(number % 1_000) as usize]
}

static UP_TO_THREE: [Digits; 1_000] = without_zeros_before();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn without_zeros_before() -> [Digits; 1_000] {
    let mut table = [Digits { text: 0, bits: 0 }; 1_000];
    let mut number = 0_usize;
    while number < table.len() {
        let bits = match number {
            0..10 => 8,
            10..100 => 16,
            _ => 24,
        };
        table[number] = Digits { text: THREES[number] >> (24 - bits), bits };
        number += 1;
    }
    table
}

/// The octets with a mark behind each.
static DOTTED: [Digits; 256] = octets(b'.');
static LAST: [Digits; 256] = octets(b':');

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn octets(mark: u8) -> [Digits; 256] {
    let mut table = [Digits { text: 0, bits: 0 }; 256];
    let mut octet = 0;
    while octet < table.len() {
        let Digits { text, bits } = UP_TO_THREE[octet];
        table[octet] = Digits { text: text | (mark as u32) << bits, bits: bits + 8 };
        octet += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(piece: Piece) -> String {
        String::from_utf8(piece.block()[..piece.length()].to_vec()).unwrap()
    }

    #[test]
    fn seconds_are_rounded_to_a_tenth() {
        for (milliseconds, text) in
            [(0, "0.0 s"), (49, "0.0 s"), (50, "0.1 s"), (59_949, "59.9 s"), (59_950, "60.0 s")]
        {
            assert_eq!(shown(Piece::seconds(milliseconds)), text);
        }
        assert_eq!(shown(Piece::seconds(u32::MAX)), "4294967.3 s");
    }

    #[test]
    fn numbers_of_every_length_and_their_neighbours_are_whole() {
        for power in 0..10 {
            let ten = 10_u32.pow(power);
            for number in [ten - 1, ten, ten + 1, 7 * (ten / 2)] {
                assert_eq!(shown(Piece::decimal(number)), number.to_string());
            }
        }
    }

    #[test]
    fn all_numbers_of_four_digits_are_right_in_both_halves() {
        for number in 0..10_000 {
            assert_eq!(shown(Piece::decimal(number)), number.to_string());
            let high = number * 10_000 + 9_999 - number;
            assert_eq!(shown(Piece::decimal(high)), high.to_string());
        }
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_the_standard_library_writes_them(number: u32, octets: [u8; 4]) {
            prop_assert_eq!(shown(Piece::decimal(number)), number.to_string());
            let address = Ipv4Addr::from(octets);
            prop_assert_eq!(Piece::ipv4(address).map(shown).concat(), address.to_string());
        }
    }

    #[test]
    fn states_have_their_names() {
        for state in State::ALL {
            assert_eq!(shown(Piece::state(state)), state.name());
        }
    }

    #[test]
    fn a_word_too_long_is_cut() {
        assert_eq!(shown(Piece::word("time-wait")), "time-wait");
        assert_eq!(shown(Piece::word("0123456789abcdefg")), "0123456789abcdef");
    }
}
