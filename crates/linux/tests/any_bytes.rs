//! Bytes that no kernel should send, and real answers with damage done to them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod wire;

use proptest::prelude::*;
use timewait_facts::{Socket, States};
use timewait_linux::{
    AnswerError,
    sockets::{Query, ReadError},
};
use wire::{FakeKernel, LEGACY, MULTI, attribute, done, message, row};

fn read(datagram: &[u8]) -> Result<Vec<Socket>, ReadError> {
    let (_kernel, mut table) = FakeKernel::that_says(&[datagram.to_vec()]);
    table.collect(&Query::in_states(States::all()))
}

/// An answer of some rows, some with attributes, and its end mark, in one datagram.
fn answer(rows: usize) -> Vec<u8> {
    let body = |number: usize| [row(1), attribute(8, &[3]), attribute(22, &vec![7; number])].concat();
    let parts: Vec<u8> = (0..rows).flat_map(|number| message(LEGACY, MULTI, 1, &body(number))).collect();
    [parts, done(1)].concat()
}

/// Either nothing is wrong, or the place of what is wrong lies within what was sent.
fn check(datagram: &[u8]) -> Result<(), TestCaseError> {
    if let Err(ReadError::Answer(AnswerError::Malformed(malformed))) = read(datagram) {
        prop_assert!(malformed.offset <= datagram.len(), "{malformed} of {}", datagram.len());
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_rows_or_an_error_with_its_place(bytes in prop::collection::vec(any::<u8>(), 1..400)) {
        check(&bytes)?;
    }

    #[test]
    fn a_damaged_answer_is_rows_or_an_error_with_its_place(
        rows in 0_usize..6,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = answer(rows);
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        check(&bytes)?;
    }

    #[test]
    fn a_shortened_answer_is_never_taken_for_a_short_one(rows in 0_usize..6, cut: prop::sample::Index) {
        let whole = answer(rows);
        prop_assert_eq!(read(&whole).unwrap().len(), rows);
        let cut = &whole[..cut.index(whole.len())];
        prop_assume!(!cut.is_empty());
        prop_assert!(matches!(read(cut), Err(ReadError::Answer(AnswerError::Malformed(_) | AnswerError::Unfinished))));
    }

    #[test]
    fn bytes_put_in_between_never_lose_a_row_silently(
        rows in 1_usize..6,
        place: prop::sample::Index,
        extra in 1_usize..40,
    ) {
        let mut bytes = answer(rows);
        let place = place.index(bytes.len());
        bytes.splice(place..place, std::iter::repeat_n(0xa5, extra));
        if let Ok(read) = read(&bytes) {
            prop_assert_eq!(read.len(), rows);
        }
    }
}
