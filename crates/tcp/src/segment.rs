use alloc::vec::Vec;
use core::{fmt, ops::BitOr};

use crate::Seq;

/// A segment: the header's fields that a connection reads (RFC 9293 §3.1), and the text.
///
/// Ports and addresses are not here: they say *which* connection it is for. Neither is the checksum: what is wrong is
/// no segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Segment {
    /// SEG.SEQ: the number of its first octet, or of its SYN.
    pub seq: Seq,
    /// SEG.ACK: the next number that its sender expects. `None`: the ACK bit is off, and the field says nothing.
    pub ack: Option<Seq>,
    /// The other control bits.
    pub flags: Flags,
    /// SEG.WND as it stands in the header: not yet scaled.
    pub window: u16,
    /// The options that are understood here.
    pub options: Options,
    /// The text.
    pub text: Vec<u8>,
}

impl Segment {
    /// `<SEQ=seq><ACK=ack><CTL=ACK>`
    pub fn ack(seq: Seq, ack: Seq) -> Self {
        Self { seq, ack: Some(ack), ..Self::default() }
    }

    /// `<SEQ=seq><CTL=SYN>`
    pub fn syn(seq: Seq) -> Self {
        Self { seq, flags: Flags::SYN, ..Self::default() }
    }

    /// `<SEQ=seq><CTL=RST>`
    pub fn rst(seq: Seq) -> Self {
        Self { seq, flags: Flags::RST, ..Self::default() }
    }

    /// SEG.LEN: how many numbers it takes, the SYN's and the FIN's among them.
    #[allow(clippy::len_without_is_empty, reason = "SEG.LEN is the RFC's word; a container this is not")]
    pub fn len(&self) -> u32 {
        // No IP packet holds more than 2^32 octets (RFC 2675); if it did, the numbers would go round as well.
        #[allow(clippy::cast_possible_truncation)]
        let text = self.text.len() as u32;
        text.wrapping_add(u32::from(self.flags.has(Flags::SYN)))
            .wrapping_add(u32::from(self.flags.has(Flags::FIN)))
    }

    /// The number after its last: SEG.SEQ + SEG.LEN.
    pub fn end(&self) -> Seq {
        self.seq + self.len()
    }

    /// Whether this control bit is on. ACK is not among them: ask for [`ack`](Self::ack).
    pub const fn has(&self, flag: Flags) -> bool {
        self.flags.has(flag)
    }
}

/// Control bits but for ACK, which is there when [`Segment::ack`] is: at their places in the header (RFC 9293 §3.1).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Flags(u8);

impl Flags {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// No more text comes from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push: hand it to the user now.
    pub const PSH: Self = Self(0x08);
    /// The urgent pointer is meant (not acted upon here).
    pub const URG: Self = Self(0x20);
    /// ECN-Echo (RFC 3168; not acted upon here).
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced (RFC 3168; not acted upon here).
    pub const CWR: Self = Self(0x80);

    const ACK: u8 = 0x10;
    const NAMES: [(Self, &'static str); 7] = [
        (Self::SYN, "SYN"),
        (Self::FIN, "FIN"),
        (Self::RST, "RST"),
        (Self::PSH, "PSH"),
        (Self::URG, "URG"),
        (Self::ECE, "ECE"),
        (Self::CWR, "CWR"),
    ];

    /// The bits of the header's octet. ACK's is left out.
    pub const fn from_octet(octet: u8) -> Self {
        Self(octet & !Self::ACK)
    }

    /// The header's octet, ACK's bit off.
    pub const fn octet(self) -> u8 {
        self.0
    }

    /// Whether all of these are on.
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These without those.
    #[must_use]
    pub const fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }

    /// The bit with this name (`SYN`). ACK is not among them.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|&(_, known)| known == name).map(|(flag, _)| flag)
    }

    /// The names of those that are on, SYN and FIN first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |&(flag, _)| self.has(flag)).map(|(_, name)| name)
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// Options of a segment, as far as they are understood here. Others are passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Options {
    /// Maximum segment size, in octets of text (RFC 9293 §3.7.1). On a SYN only.
    pub mss: Option<u16>,
    /// Window scale: the shift that its sender's windows take (RFC 7323 §2). On a SYN only.
    pub window_scale: Option<u8>,
    /// SACK permitted (RFC 2018 §2). On a SYN only.
    pub sack_permitted: bool,
    /// Timestamps (RFC 7323 §3).
    pub timestamps: Option<Timestamps>,
}

/// The timestamps option (RFC 7323 §3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Timestamps {
    /// TSval: the sender's clock, whose unit is its own.
    pub value: u32,
    /// TSecr: the peer's clock as the sender last heard it; says nothing without an ACK.
    pub echo: u32,
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn syn_and_fin_take_a_number_each_and_an_ack_none() {
        let seq = Seq::new(7);
        assert_eq!(Segment::ack(seq, seq).len(), 0);
        assert_eq!(Segment::syn(seq).end(), Seq::new(8));
        let all = Segment { flags: Flags::SYN | Flags::FIN, text: b"abc".to_vec(), ..Segment::ack(seq, seq) };
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn the_octet_of_the_header_is_read_and_written_without_ack() {
        for octet in 0..=u8::MAX {
            assert_eq!(Flags::from_octet(octet).octet(), octet & !0x10);
        }
        assert_eq!(format!("{:?}", Flags::from_octet(0x13)), r#"{"SYN", "FIN"}"#);
    }

    #[test]
    fn each_bit_is_found_by_the_name_that_it_says() {
        for bit in (0..8).map(|place| 1 << place).filter(|&bit| bit != Flags::ACK) {
            let flag = Flags::from_octet(bit);
            let named: Vec<_> = flag.names().map(Flags::from_name).collect();
            assert_eq!(named, [Some(flag)]);
        }
        assert_eq!((Flags::from_name("ACK"), Flags::from_name("syn")), (None, None));
    }
}
