//! Words and numbers as text of which the length is known before they are written, made in registers, the first character
//! in the lowest byte, where it is stored first.
//!
//! A number of eight digits is computed as eight numbers side by side in 64 bits. The zeros before the number are shifted
//! out, so no loop tells how long it is.

use timewait_facts::State;

use super::digits::Digits;

/// Up to sixteen ASCII characters, the first in the lowest byte.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Piece {
    text: u128,
    length: u8,
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
        while (length as usize) < word.len() && length < 16 {
            text |= (word[length as usize] as u128) << (8 * length);
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
    pub(crate) fn decimal(number: u32) -> Self {
        if number < EIGHT_DIGITS {
            return Self::without_zeros(eight_digits(number));
        }
        let last = eight_digits(number % EIGHT_DIGITS) | ZEROS;
        Self::without_zeros(eight_digits(number / EIGHT_DIGITS)).before(last, 8)
    }

    /// Milliseconds as seconds to a tenth: `59.8 s`.
    #[inline]
    pub(crate) fn seconds(milliseconds: u32) -> Self {
        let tenths = milliseconds / 100 + u32::from(milliseconds % 100 >= 50);
        if tenths >= 1_000 {
            return Self::long_seconds(tenths);
        }
        let digits = u64::from(Digits::three(tenths).text);
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

    /// Eight digits as numbers, without the zeros before the first that is none; the last always counts.
    #[inline]
    fn without_zeros(digits: u64) -> Self {
        let zeros = (digits | 1 << 56).trailing_zeros() / 8;
        #[allow(clippy::cast_possible_truncation, reason = "at most seven")]
        let length = 8 - zeros as u8;
        Self { text: u128::from((digits | ZEROS) >> (8 * zeros)), length }
    }

    /// With so many characters behind it.
    #[inline]
    fn before(self, text: u64, length: u8) -> Self {
        let (bits, length) = (8 * self.length, self.length + length);
        let text = if length <= 8 { u128::from(text << bits) } else { u128::from(text) << bits };
        Self { text: self.text | text, length }
    }

    #[inline]
    pub(crate) fn length(self) -> usize {
        self.length.into()
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
        fn numbers_are_written_as_the_standard_library_writes_them(number: u32) {
            prop_assert_eq!(shown(Piece::decimal(number)), number.to_string());
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
