//! The digits of small numbers, looked up: what most numbers of a row are, or are made of.
//!
//! The tables are small on purpose: between two parts of a dump the walk of a million sockets leaves little in the caches.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "as many as there are such numbers"
)]
#![allow(clippy::inline_always, reason = "so that they stay in registers")]

/// Up to four characters, the first in the lowest byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits {
    pub(super) text: u32,
    length: u8,
}

static THREE: [u32; 1_000] = three_digits();
static UP_TO_THREE: [Digits; 1_000] = without_zeros();
static DOTTED: [Digits; 256] = dotted();
static HEXADECIMAL: [u16; 256] = hexadecimal();

impl Digits {
    /// The last three digits of a number.
    #[inline(always)]
    pub(super) fn three(number: u32) -> Self {
        Self { text: THREE[(number % 1_000) as usize], length: 3 }
    }

    /// Those of the last three digits of a number that count; of 0, one.
    #[inline(always)]
    pub(super) fn up_to_three(number: u32) -> Self {
        UP_TO_THREE[(number % 1_000) as usize]
    }

    /// An octet of an address with the dot behind it.
    #[inline(always)]
    pub(super) fn dotted(octet: u8) -> Self {
        DOTTED[usize::from(octet)]
    }

    /// The two hexadecimal digits of a byte, in lower case.
    #[inline(always)]
    pub(super) fn hexadecimal(byte: u8) -> Self {
        Self { text: HEXADECIMAL[usize::from(byte)].into(), length: 2 }
    }

    #[inline(always)]
    pub(super) fn length(self) -> usize {
        self.length.into()
    }

    /// Its characters, and what follows them in the block.
    #[inline(always)]
    pub(super) fn block(self) -> [u8; 4] {
        self.text.to_le_bytes()
    }
}

const fn three_digits() -> [u32; 1_000] {
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

const fn without_zeros() -> [Digits; 1_000] {
    let mut table = [Digits { text: 0, length: 0 }; 1_000];
    let mut number = 0_usize;
    while number < table.len() {
        let length = match number {
            0..10 => 1,
            10..100 => 2,
            _ => 3,
        };
        table[number] = Digits { text: THREE[number] >> (8 * (3 - length)), length };
        number += 1;
    }
    table
}

const fn dotted() -> [Digits; 256] {
    let mut table = [Digits { text: 0, length: 0 }; 256];
    let mut octet = 0;
    while octet < table.len() {
        let Digits { text, length } = UP_TO_THREE[octet];
        table[octet] = Digits { text: text | (b'.' as u32) << (8 * length), length: length + 1 };
        octet += 1;
    }
    table
}

const fn hexadecimal() -> [u16; 256] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = u16::from_le_bytes([DIGITS[byte / 16], DIGITS[byte % 16]]);
        byte += 1;
    }
    table
}
