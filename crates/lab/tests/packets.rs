//! Any bytes, and every segment.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

use std::net::SocketAddr;

use proptest::prelude::*;
use timewait_lab::wire::{BuildError, build, parse};
use timewait_tcp::{Flags, Options, Segment, Seq, Timestamps};

prop_compose! {
    fn segment()(
        seq: u32,
        ack: Option<u32>,
        octet: u8,
        window: u16,
        mss: Option<u16>,
        shift: Option<u8>,
        sack_permitted: bool,
        clocks: Option<(u32, u32)>,
        text in proptest::collection::vec(any::<u8>(), 0..100),
    ) -> Segment {
        let timestamps = clocks.map(|(value, echo)| Timestamps { value, echo });
        let options = Options { mss, window_scale: shift, sack_permitted, timestamps };
        let flags = Flags::from_octet(octet);
        Segment { seq: Seq::new(seq), ack: ack.map(Seq::new), flags, window, options, text }
    }
}

fn ends(v6: bool) -> (SocketAddr, SocketAddr) {
    let [from, to] = if v6 { ["[fd09::1]:1", "[fd09::2]:65535"] } else { ["10.9.0.1:1", "10.9.0.2:65535"] };
    (from.parse().unwrap(), to.parse().unwrap())
}

proptest! {
    #[test]
    fn a_segment_is_read_as_it_was_built(segment in segment(), v6: bool) {
        let (from, to) = ends(v6);
        let packet = build(from, to, &segment).unwrap();
        prop_assert_eq!(parse(&packet), Some((from, to, segment)));
    }

    #[test]
    fn any_bytes_are_a_packet_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn a_packet_with_any_byte_changed_is_a_packet_or_none(
        segment in segment(),
        v6: bool,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        length: proptest::sample::Index,
    ) {
        let (from, to) = ends(v6);
        let mut packet = build(from, to, &segment).unwrap();
        for (place, byte) in changes {
            let place = place.index(packet.len());
            packet[place] = byte;
        }
        let _ = parse(&packet);
        packet.truncate(length.index(packet.len()));
        let _ = parse(&packet);
    }
}

#[test]
fn a_fragment_and_another_protocol_are_no_segments() {
    let (from, to) = ends(false);
    let packet = build(from, to, &Segment::syn(Seq::new(1))).unwrap();
    let mut fragment = packet.clone();
    fragment[6] = 0x20;
    assert_eq!(parse(&fragment), None, "more fragments follow");
    let mut udp = packet;
    udp[9] = 17;
    assert_eq!(parse(&udp), None);
    assert_eq!(parse(&[]), None);
}

#[test]
fn a_segment_that_no_packet_carries_is_refused() {
    let (v4, _) = ends(false);
    let (v6, _) = ends(true);
    let syn = Segment::syn(Seq::new(1));
    assert_eq!(build(v4, v6, &syn), Err(BuildError::Families(v4, v6)));
    let long = Segment { text: vec![0; 70_000], ..syn };
    for v6 in [false, true] {
        let (from, to) = ends(v6);
        assert_eq!(build(from, to, &long), Err(BuildError::TooLong(70_000)));
    }
}
