//! What holds of every step, whatever arrives.

use std::time::Duration;

use proptest::prelude::*;
use timewait_tcp::{Arrow, Event, Flags, Instant, Profile, Segment, Seq, State, StateName, Step};

use crate::reach::{self, WINDOW, at_s};

/// A segment, its numbers told from the connection's own: as far from what is expected, from what was sent.
#[derive(Clone, Debug)]
struct Told {
    seq: i8,
    ack: Option<i8>,
    flags: Flags,
    window: u16,
    text: Vec<u8>,
}

fn told() -> impl Strategy<Value = Told> {
    let near = || prop_oneof![3 => Just(0_i8), 1 => any::<i8>()];
    let flags = prop_oneof![4 => Just(Flags::NONE), 2 => Just(Flags::FIN), 1 => any::<u8>().prop_map(Flags::from_octet)];
    let text = prop::collection::vec(any::<u8>(), 0..5);
    (near(), prop::option::weighted(0.9, near()), flags, prop_oneof![Just(WINDOW), any::<u16>()], text)
        .prop_map(|(seq, ack, flags, window, text)| Told { seq, ack, flags, window, text })
}

fn off(seq: Seq, by: i8) -> Seq {
    if by < 0 { seq - u32::from(by.unsigned_abs()) } else { seq + u32::from(by.unsigned_abs()) }
}

fn meant_for(state: &State, told: Told) -> Segment {
    let expected = state.numbers().map_or(reach::IRS, timewait_tcp::state::Numbers::rcv_nxt);
    let sent = state.snd_nxt().unwrap_or(reach::ISS);
    Segment {
        seq: off(expected, told.seq),
        ack: told.ack.map(|by| off(sent, by)),
        flags: told.flags,
        window: told.window,
        text: told.text,
        ..Segment::default()
    }
}

fn profile() -> impl Strategy<Value = Profile> {
    prop_oneof![Just(Profile::RFC_9293), Just(Profile::LINUX), Just(reach::prompt())]
}

fn holds(before: &State, segment: &Segment, step: &Step) -> Result<(), TestCaseError> {
    // The arrows lead from where it was to where it is, without a gap.
    let mut at = before.name();
    for Arrow { from, to, .. } in &step.arrows {
        prop_assert_eq!(*from, at);
        at = *to;
    }
    prop_assert_eq!(at, step.next.name());

    prop_assert!(!segment.has(Flags::RST) || step.send.iter().all(|sent| !sent.has(Flags::RST)));

    let anew = matches!(before.name(), StateName::Closed | StateName::Listen | StateName::SynSent);
    if let (false, Some(old), Some(new)) = (anew, before.numbers(), step.next.numbers()) {
        prop_assert!(!new.rcv_nxt().is_before(old.rcv_nxt()), "RCV.NXT went back");
        prop_assert!(!new.snd_una().is_before(old.snd_una()), "SND.UNA went back");
        prop_assert!(!new.snd_nxt().is_before(new.snd_una()), "more is acknowledged than was sent");
        let edges = [old, new].map(|numbers| numbers.rcv_nxt() + numbers.rcv_wnd());
        prop_assert!(!edges[1].is_before(edges[0]), "the window's right edge went back");
        let told: usize = step
            .events
            .iter()
            .map(|event| if let Event::Received(text) = event { text.len() } else { 0 })
            .sum();
        let fin = u32::from(step.events.contains(&Event::PeerClosed));
        prop_assert_eq!(
            new.rcv_nxt().since(old.rcv_nxt()),
            u32::try_from(told).unwrap() + fin,
            "each octet is told"
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn numbers_never_go_back_arrows_have_no_gap_and_every_octet_that_counts_is_told(
        start in 0..StateName::ALL.len(),
        told in prop::collection::vec(told(), 1..12),
        profile in profile(),
    ) {
        let mut state = reach::state(StateName::ALL[start], at_s(0), &profile);
        for told in told {
            let segment = meant_for(&state, told);
            let step = state.clone().on_segment(segment.clone(), at_s(1), &profile);
            holds(&state, &segment, &step)?;
            state = step.next;
        }
    }

    /// What a model needs: a connection's future does not depend on when its clock was started.
    #[test]
    fn on_another_clock_the_same_happens(
        start in 0..StateName::ALL.len(),
        told in told(),
        later in 1..100_000_u64,
    ) {
        let profile = Profile { user_timeout: None, ..Profile::RFC_9293 };
        let now = at_s(0) + Duration::from_millis(later);
        let early = reach::state(StateName::ALL[start], Instant::START, &profile);
        let late = reach::state(StateName::ALL[start], now, &profile);
        prop_assert_eq!(&late.clone().rebased(now), &early);

        let segment = meant_for(&early, told);
        let one = early.on_segment(segment.clone(), Instant::START, &profile);
        let other = late.on_segment(segment, now, &profile);
        prop_assert_eq!(one.next, other.next.rebased(now));
        prop_assert_eq!(one.arrows, other.arrows);
    }
}
