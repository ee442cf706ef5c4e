//! The records in a ring: which is next, and where it ends.
//!
//! Format: linux v6.12 `kernel/bpf/ringbuf.c`. A record has a header of eight bytes, the first four of which are its
//! length and two flags, and is filled up to a multiple of eight.

/// `BPF_RINGBUF_BUSY_BIT`: being written.
const BUSY: u32 = 1 << 31;
/// `BPF_RINGBUF_DISCARD_BIT`: given up by who began it.
const DISCARDED: u32 = 1 << 30;
/// `BPF_RINGBUF_HDR_SZ`
pub(super) const HEADER: usize = 8;

/// What is at the consumer's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing yet, or something that is being written.
    Nothing,
    /// A record of so many bytes after its header; the next header is `step` bytes from this one.
    Record { length: usize, step: usize },
    /// Something to be passed over.
    Skip { step: usize },
    /// A length that cannot be: nothing after it can be found.
    Broken { length: usize },
}

/// What a header says, where so many bytes have been produced and not consumed.
pub(super) fn next(header: u32, available: usize) -> Next {
    if available == 0 || header & BUSY != 0 {
        return Next::Nothing;
    }
    let length = usize::try_from(header & !(BUSY | DISCARDED)).unwrap_or(usize::MAX);
    match length.checked_next_multiple_of(8).and_then(|length| length.checked_add(HEADER)) {
        Some(step) if step <= available && header & DISCARDED != 0 => Next::Skip { step },
        Some(step) if step <= available => Next::Record { length, step },
        _ => Next::Broken { length },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_header_tells_where_the_next_one_is() {
        assert_eq!(next(20, 100), Next::Record { length: 20, step: 32 });
        assert_eq!(next(DISCARDED + 20, 100), Next::Skip { step: 32 });
        assert_eq!(next(BUSY + 20, 100), Next::Nothing);
        assert_eq!(next(20, 0), Next::Nothing);
        assert_eq!(next(20, 24), Next::Broken { length: 20 });
    }

    proptest! {
        #[test]
        fn any_header_steps_forward_and_never_beyond_what_there_is(header: u32, available in 0_usize..1 << 20) {
            match next(header, available) {
                Next::Record { length, step } => prop_assert!(length + HEADER <= step && step <= available),
                Next::Skip { step } => prop_assert!((HEADER..=available).contains(&step)),
                Next::Nothing | Next::Broken { .. } => {}
            }
        }
    }
}
