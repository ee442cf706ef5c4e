//! Bytes that no kernel should send, and real answers with damage done to them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod wire;

use std::{net::SocketAddrV4, ops::ControlFlow};

use proptest::prelude::*;
use timewait_facts::{Minisocket, Socket, States};
use timewait_linux::{
    AnswerError,
    sockets::{Ipv4End, Query, ReadError},
};
use wire::{FakeKernel, INTERRUPTED, LEGACY, MULTI, OVERRUN, attribute, done, message, row};

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

fn of_any_family(mini: Minisocket<Ipv4End<'_>>) -> Minisocket {
    let Minisocket { state, local, peer, expires_ms, cookie, interface, mark } = mini;
    let [local, peer] = [local, peer].map(|end| SocketAddrV4::from(end).into());
    Minisocket { state, local, peer, expires_ms, cookie, interface, mark }
}

/// Either nothing is wrong, or the place of what is wrong lies within what was sent.
fn check(datagram: &[u8]) -> Result<(), TestCaseError> {
    if let Err(ReadError::Answer(AnswerError::Malformed(malformed))) = read(datagram) {
        prop_assert!(malformed.offset <= datagram.len(), "{malformed} of {}", datagram.len());
    }
    Ok(())
}

/// Mostly rows of a few shapes, so that many are alike; now and then something else.
fn any_message(kind: usize, byte: u8, attributes: usize) -> Vec<u8> {
    let mut body = row(1 + byte % 14);
    body.extend((0..attributes).flat_map(|_| attribute(15, &[byte; 4])));
    match kind {
        0 => message(1, MULTI, 1, &body),
        1 if byte < 64 => message(LEGACY, MULTI | INTERRUPTED, 1, &body),
        1 if byte < 128 => message(LEGACY, MULTI, 2, &body),
        1 if byte < 192 => message(LEGACY, 0, 1, &body),
        1 => message(OVERRUN, MULTI, 1, &[]),
        _ => message(LEGACY, MULTI, 1, &body),
    }
}

/// What a dump hands out, and how it ends; where in a datagram something is wrong is left out.
fn outcome(datagrams: &[Vec<u8>]) -> (Vec<Socket>, String) {
    let (_kernel, mut table) = FakeKernel::that_says(datagrams);
    let mut rows = Vec::new();
    let ended = table.dump(&Query::in_states(States::all()), |row| {
        rows.push(row.socket());
        ControlFlow::Continue(())
    });
    let ended = match ended {
        Err(ReadError::Answer(AnswerError::Malformed(malformed))) => malformed.fault.to_string(),
        other => format!("{other:?}"),
    };
    (rows, ended)
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

    /// A message that follows one with the same header in a datagram is read as if it came alone.
    #[test]
    fn messages_mean_the_same_together_and_alone(
        kinds in prop::collection::vec((0_usize..8, any::<u8>(), 0_usize..3), 1..12),
    ) {
        let mut apart: Vec<Vec<u8>> = kinds.into_iter().map(|(kind, byte, attributes)| any_message(kind, byte, attributes)).collect();
        apart.push(done(1));
        prop_assert_eq!(outcome(&[apart.concat()]), outcome(&apart));
    }

    /// What nearly all rows of a large table are is read by a shorter way than the others.
    #[test]
    fn a_row_that_waits_is_the_same_by_the_short_way_and_the_long(
        family in prop_oneof![Just(2_u8), Just(10)], state in 5_u8..8, timer in 2_u8..4, retries in 0_u8..2,
        rest: [[u8; 17]; 4], attributes in 0_usize..3,
    ) {
        let mut body = [&[family, state, timer, retries][..], &rest.concat()].concat();
        body.extend((0..attributes).flat_map(|_| attribute(15, &[7; 4])));
        let (_kernel, mut table) = FakeKernel::that_says(&[[message(LEGACY, MULTI, 1, &body), done(1)].concat()]);
        let mut ways = None;
        let dumped = table.dump(&Query::in_states(States::all()), |row| {
            ways = Some((row.ipv4_time_wait().map(of_any_family), row.minisocket()));
            ControlFlow::Continue(())
        });
        prop_assert_eq!(dumped.unwrap().rows, 1);
        let (short, long) = ways.unwrap();
        let taken = (family, state, timer, retries) == (2, 6, 3, 0) && attributes < 2;
        prop_assert_eq!(short, long.filter(|_| taken));
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
