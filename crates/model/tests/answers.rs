//! What the full machine says, and that it could say otherwise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use timewait_model::{
    Bounds, BoundsError, Explored,
    Question::{self, BothEnd, EndsReliably, NotEvenAnRst, NothingOldAccepted, TextIsKept},
    Rules, explore,
};
use timewait_tcp::draw::{Ladder, Page};

const MEMORY: usize = 1 << 30;

fn explored(bounds: Bounds, wait: u8) -> Explored {
    explore(&Rules::new(bounds, wait), MEMORY, |_| ()).unwrap()
}

/// The first wait from which each of the three holds; none that is enough.
fn first(bounds: Bounds) -> [Option<usize>; 3] {
    bounds.check().unwrap();
    let rows: Vec<Explored> = (0..=bounds.enough()).map(|wait| explored(bounds, wait)).collect();
    for (wait, row) in rows.iter().enumerate() {
        assert!(row.holds(TextIsKept), "{:?}", row.rules);
        assert!(row.holds(BothEnd) || wait < usize::from(bounds.msl), "{:?}", row.rules);
    }
    [EndsReliably, NothingOldAccepted, NotEvenAnRst].map(|question| {
        let holds: Vec<bool> = rows.iter().map(|row| row.holds(question)).collect();
        let first = holds.iter().position(|holds| *holds)?;
        assert!(holds[first..].iter().all(|holds| *holds), "a longer wait is no worse: {holds:?}");
        Some(first)
    })
}

/// A changed number has to be explained: by a rule of the machine, of the network, or of what counts as the same.
#[test]
fn with_the_default_bounds_there_are_exactly_so_many_states() {
    let states = (0..=6).map(|wait| explored(Bounds::default(), wait).states);
    assert_eq!(states.collect::<Vec<_>>(), [32_661, 29_992, 21_649, 18_936, 18_799, 18_801, 18_800]);
}

#[test]
fn a_close_ends_reliably_from_one_msl_and_an_interval_for_each_loss_on() {
    for (msl, losses, every) in [(1, 1, 1), (2, 0, 1), (2, 1, 1), (2, 2, 1), (2, 1, 2), (1, 2, 2)] {
        let bounds = Bounds { msl, losses, every, ..Bounds::default() };
        assert_eq!(first(bounds)[0], Some(usize::from(msl + losses * every)), "{bounds:?}");
    }
}

/// Whatever may be lost and however patient they are: unless the close itself fails, for then nobody waits.
#[test]
fn nothing_old_is_accepted_from_two_msl_on_if_the_close_is_reliable() {
    for (msl, losses, every) in [(1, 1, 1), (1, 2, 1), (2, 0, 1), (2, 1, 1), (2, 2, 1), (2, 1, 2), (2, 1, 3)]
    {
        let bounds = Bounds { msl, losses, every, ..Bounds::default() };
        let [reliably, old, _] = first(bounds);
        assert_eq!(old, reliably.max(Some(usize::from(2 * msl))), "{bounds:?}");
    }
}

/// TIME-WAIT answers an old ACK without starting anew; nobody is there to hear, and that RST lives a third MSL.
#[test]
fn an_rst_of_a_closed_end_needs_a_third_msl_unless_any_ack_restarts_the_wait() {
    for msl in [1, 2] {
        let to_the_letter = Bounds { msl, ..Bounds::default() };
        assert_eq!(first(to_the_letter)[2], Some(usize::from(3 * msl)));
        let as_linux = Bounds { any_ack_restarts: true, ..to_the_letter };
        assert_eq!(first(as_linux)[2], Some(usize::from(2 * msl)));
    }
}

#[test]
fn if_an_rst_ends_time_wait_no_wait_keeps_old_segments_out() {
    let bounds = Bounds { msl: 1, rst_kills_time_wait: true, ..Bounds::default() };
    assert_eq!(first(bounds), [Some(2), None, None]);
}

/// RFC 6191, by numbers: what is newer than all that is old is not mistaken for it. By timestamps any number may come, and
/// an RST has no timestamp that counts (RFC 7323 §5.2): one of a closed end gets in, however long the wait.
#[test]
fn an_early_reopening_by_numbers_is_as_safe_as_the_wait_and_by_timestamps_but_for_an_rst() {
    let by_numbers = Bounds { msl: 1, retransmissions: 1, reopen_on_newer_syn: true, ..Bounds::default() };
    assert_eq!(first(by_numbers), [Some(2), Some(2), Some(3)]);
    let by_timestamps = Bounds { timestamps: true, ..by_numbers };
    assert_eq!(first(by_timestamps), [Some(2), Some(2), None]);
}

#[test]
fn a_simultaneous_close_needs_no_longer_wait() {
    let bounds = Bounds { both_close: true, ..Bounds::default() };
    let [reliably, old, rst] = first(bounds);
    assert!(reliably <= Some(3) && old <= Some(4) && rst <= Some(4), "{reliably:?} {old:?} {rst:?}");
}

#[test]
fn a_segment_that_arrives_twice_moves_no_first_wait() {
    let once = Bounds { msl: 1, ..Bounds::default() };
    assert_eq!(first(Bounds { repeats: 1, ..once }), first(once));
}

#[test]
fn a_handshake_that_goes_wrong_moves_no_first_wait() {
    let undisturbed = Bounds { msl: 1, retransmissions: 1, ..Bounds::default() };
    assert_eq!(first(Bounds { handshake: true, ..undisturbed }), first(undisturbed));
    assert_eq!(first(undisturbed), [Some(2), Some(2), Some(3)]);
}

#[test]
fn text_in_segments_of_its_own_moves_no_first_wait() {
    let bounds = Bounds { msl: 1, retransmissions: 1, text_apart: true, ..Bounds::default() };
    let answers = [1, 2, 3].map(|wait| {
        let row = explored(bounds, wait);
        assert!(row.holds(TextIsKept) && row.holds(BothEnd), "{wait}");
        [EndsReliably, NothingOldAccepted, NotEvenAnRst].map(|question| row.holds(question))
    });
    assert_eq!(answers, [[false, false, false], [true, true, false], [true, true, true]]);
}

/// The handshake is really disturbed, and the text really goes alone: where it is not the FIN's, there are more states.
#[test]
fn more_that_can_go_wrong_is_more_states() {
    let msl_1 = Bounds { msl: 1, retransmissions: 1, ..Bounds::default() };
    let with = |bounds| explored(bounds, 2).states;
    let states =
        [with(msl_1), with(Bounds { handshake: true, ..msl_1 }), with(Bounds { text_apart: true, ..msl_1 })];
    assert_eq!(states, [597, 14_884, 73_361]);
}

/// The properties can fail: without enough retransmissions somebody waits for ever, and that is found.
#[test]
fn what_is_lost_for_ever_is_noticed() {
    let bounds = Bounds { msl: 1, retransmissions: 0, ..Bounds::default() };
    assert_eq!(bounds.check(), Err(BoundsError::LostForEver { losses: 1, retransmissions: 0 }));
    let row = explored(bounds, 2);
    assert!(!row.holds(BothEnd));
    let trace = row.counterexample(BothEnd).unwrap();
    assert!(Ladder::of(&trace).text(Page::default()).to_string().contains("lost"));
}

/// The model can be wrong and would be found out: if segments lived longer than the wait reckons with, two MSL would
/// not do.
#[test]
fn two_msl_of_a_network_that_forgets_sooner_do_not_do() {
    let forgets_later = Bounds { msl: 3, ..Bounds::default() };
    assert!(!explored(forgets_later, 2 * 2).holds(NothingOldAccepted));
}

#[test]
fn a_search_that_does_not_fit_says_so_and_stops() {
    let error = explore(&Rules::new(Bounds::default(), 4), 1 << 16, |_| ()).unwrap_err();
    assert!(error.states < 18_799 && error.to_string().contains("65536 bytes"), "{error}");
}

#[test]
fn bounds_that_nothing_can_come_of_are_refused() {
    let of = |bounds: Bounds| bounds.check().unwrap_err();
    assert_eq!(of(Bounds { msl: 0, ..Bounds::default() }), BoundsError::Msl(0));
    assert_eq!(of(Bounds { every: 21, ..Bounds::default() }), BoundsError::Every(21));
    assert_eq!(of(Bounds { repeats: 21, ..Bounds::default() }), BoundsError::TooMany);
}

fn ladder(wait: u8, question: Question) -> String {
    let trace = explored(Bounds::default(), wait).counterexample(question).expect("it does not hold");
    Ladder::of(&trace).text(Page::default()).to_string()
}

#[test]
fn a_tick_too_short_an_orderly_close_ends_by_an_rst() {
    insta::assert_snapshot!("ends-reliably-2", ladder(2, EndsReliably));
}

#[test]
fn a_tick_too_short_the_next_connection_reads_what_was_said_in_this_one() {
    let drawn = ladder(3, NothingOldAccepted);
    assert!(drawn.contains("reads \"c\""), "{drawn}");
    insta::assert_snapshot!("nothing-old-3", drawn);
}

#[test]
fn a_tick_too_short_an_old_rst_ends_the_next_connection() {
    insta::assert_snapshot!("not-even-an-rst-5", ladder(5, NotEvenAnRst));
}
