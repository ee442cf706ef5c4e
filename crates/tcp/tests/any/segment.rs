//! Any segment at all: every number, every control bit, options that make no sense.

use proptest::prelude::*;
use timewait_tcp::{Flags, Options, Segment, Seq, Timestamps};

/// With less text than so many octets.
pub(crate) fn any_segment(shorter_than: usize) -> impl Strategy<Value = Segment> {
    let options = (any::<Option<u16>>(), any::<Option<u8>>(), any::<bool>(), any::<Option<(u32, u32)>>());
    let text = prop::collection::vec(any::<u8>(), 0..shorter_than);
    (any::<u32>(), any::<Option<u32>>(), any::<u8>(), any::<u16>(), options, text).prop_map(
        |(seq, ack, flags, window, (mss, window_scale, sack_permitted, stamps), text)| Segment {
            seq: Seq::new(seq),
            ack: ack.map(Seq::new),
            flags: Flags::from_octet(flags),
            window,
            options: Options {
                mss,
                window_scale,
                sack_permitted,
                timestamps: stamps.map(|(value, echo)| Timestamps { value, echo }),
            },
            text,
        },
    )
}
