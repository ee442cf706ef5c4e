//! What holds of every step, whatever arrives.

use std::time::Duration;

use proptest::prelude::*;
use timewait_tcp::{Arrow, Event, Flags, Instant, Profile, Segment, Seq, State, StateName, Step};

use crate::{
    any_profile,
    any_segment::any_segment,
    reach::{self, WINDOW, at_s, stamped},
};

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

/// What happens to a connection.
#[derive(Clone, Debug)]
enum Happens {
    /// A segment that was meant for it, more or less, with a timestamp or without.
    Told(Told, Option<u32>),
    Segment(Segment),
    Listen(u32),
    Open(u32),
    Send(usize),
    SendLast(usize),
    Read(u32),
    Close,
    CloseBoth,
    Abort,
    Timer,
    /// So many ms pass, and then its timer is looked at.
    Later(u64),
    /// The clock of the caller goes back, which it should not.
    Earlier(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    use Happens::{
        Abort, Close, CloseBoth, Earlier, Later, Listen, Open, Read, Send, SendLast, Timer, Told as IsTold,
    };
    prop_oneof![
        20 => (told(), any::<Option<u32>>()).prop_map(|(told, stamp)| IsTold(told, stamp)),
        4 => any_segment(40).prop_map(Happens::Segment),
        3 => prop_oneof![any::<u32>().prop_map(Listen), any::<u32>().prop_map(Open)],
        6 => prop_oneof![(0..50_usize).prop_map(Send), (0..50_usize).prop_map(SendLast)],
        3 => any::<u32>().prop_map(Read),
        2 => prop_oneof![Just(Close), Just(CloseBoth)],
        1 => Just(Abort),
        6 => prop_oneof![Just(Timer), any::<u64>().prop_map(Later), (0..5000_u64).prop_map(Later)],
        1 => any::<u64>().prop_map(Earlier),
    ]
}

/// Does it, as of a time that it may change; the segment that was heard, if it is one.
fn happen(it: Happens, state: State, now: &mut Instant, profile: &Profile) -> (Option<Segment>, Step) {
    let step = match it {
        Happens::Told(told, stamp) => {
            let segment = meant_for(&state, told);
            let segment = stamp.map_or(segment.clone(), |stamp| stamped(segment, stamp));
            return (Some(segment.clone()), state.on_segment_with_listener(segment, *now, profile));
        }
        Happens::Segment(segment) => {
            return (Some(segment.clone()), state.on_segment_with_listener(segment, *now, profile));
        }
        Happens::Listen(iss) => state.listen(Seq::new(iss)),
        Happens::Open(iss) => state.open(Seq::new(iss), *now, profile),
        Happens::Send(len) => state.send(&vec![b's'; len], *now, profile),
        Happens::SendLast(len) => state.send_last(&vec![b'l'; len], *now, profile),
        Happens::Read(count) => state.read(count, *now, profile),
        Happens::Close => state.close(*now, profile),
        Happens::CloseBoth => state.close_both(*now, profile),
        Happens::Abort => state.abort(),
        Happens::Timer => {
            *now = state.next_timer().unwrap_or_default().max(*now);
            state.on_timer(*now, profile)
        }
        Happens::Later(ms) => {
            *now = *now + Duration::from_millis(ms);
            state.on_timer(*now, profile)
        }
        Happens::Earlier(ms) => {
            *now = Instant::after_start(now.since(Instant::after_start(Duration::from_millis(ms))));
            state.on_timer(*now, profile)
        }
    };
    (None, step)
}

fn holds(before: &State, segment: Option<&Segment>, step: &Step) -> Result<(), TestCaseError> {
    // The arrows lead from where it was to where it is, without a gap.
    let mut at = before.name();
    for Arrow { from, to, .. } in &step.arrows {
        prop_assert_eq!(*from, at);
        at = *to;
    }
    prop_assert_eq!(at, step.next.name());
    prop_assert!(
        step.error.is_none() || (&step.next, step.send.len()) == (before, 0),
        "refused, and yet served"
    );

    let was_rst = segment.is_some_and(|segment| segment.has(Flags::RST));
    prop_assert!(!was_rst || step.send.iter().all(|sent| !sent.has(Flags::RST)));
    if segment.is_none() && step.next.name() == StateName::TimeWait {
        prop_assert_eq!(&step.send, &[], "nothing but a segment makes TIME-WAIT speak");
    }

    let other_numbers = [StateName::SynReceived, StateName::TimeWait];
    let reopened =
        step.arrows.iter().any(|it| other_numbers.contains(&it.from) && other_numbers.contains(&it.to));
    let anew = matches!(before.name(), StateName::Closed | StateName::Listen | StateName::SynSent);
    if let (false, Some(old), Some(new)) = (anew || reopened, before.numbers(), step.next.numbers()) {
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
            holds(&state, Some(&segment), &step)?;
            state = step.next;
        }
    }

    /// No profile, however odd, and nothing that is done or heard in whatever order leads to a panic, nor off the TABLE.
    #[test]
    fn whatever_happens_by_whatever_profile_the_numbers_keep_their_order(
        start in 0..StateName::ALL.len(),
        things in prop::collection::vec(happens(), 1..24),
        profile in any_profile::profile(),
    ) {
        let mut now = at_s(0);
        // Without a window no FIN is taken: then the way ends earlier.
        let mut state = reach::state(StateName::ALL[start], now, &profile);
        for it in things {
            let before = state.clone();
            let (heard, step) = happen(it, state, &mut now, &profile);
            holds(&before, heard.as_ref(), &step)?;
            state = step.next;
            let rebased = state.clone().rebased(now);
            prop_assert_eq!(rebased.name(), state.name());
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

    /// The same for the peer's clock of timestamps, which starts where it likes.
    #[test]
    fn by_another_start_of_the_peers_clock_the_same_happens(
        start in 0..StateName::ALL.len(),
        told in told(),
        first: u32,
        newer: i8,
        by: u32,
        later in 0..100_000_u64,
    ) {
        let profile = Profile { user_timeout: None, ..Profile::RFC_9293 };
        let now = at_s(0) + Duration::from_millis(later);
        let name = StateName::ALL[start];
        let early = reach::state_with_timestamps(name, first, Instant::START, &profile);
        let late = reach::state_with_timestamps(name, first.wrapping_add(by), now, &profile);
        let told_early = |state: State| state.rebased(now).with_stamps_earlier(by);
        prop_assert_eq!(&told_early(late.clone()), &early);

        let stamp = first.wrapping_add_signed(newer.into());
        let segment = meant_for(&early, told);
        let one = early.on_segment(stamped(segment.clone(), stamp), Instant::START, &profile);
        let other = late.on_segment(stamped(segment, stamp.wrapping_add(by)), now, &profile);
        prop_assert_eq!(one.next, told_early(other.next));
        prop_assert_eq!(one.arrows, other.arrows);
        let echoes = |sent: &[Segment]| -> Vec<_> {
            sent.iter().filter_map(|it| it.options.timestamps).map(|stamps| stamps.echo).collect()
        };
        let told_early: Vec<u32> = echoes(&other.send).iter().map(|echo| echo.wrapping_sub(by)).collect();
        prop_assert_eq!(echoes(&one.send), told_early);
    }
}

/// The connection in TIME-WAIT to which a reopened one may go back is told from that start, too.
#[test]
fn a_reopened_connection_takes_the_old_ones_timestamps_along_to_another_start() {
    let profile = reach::prompt();
    let reopened = |last: u32| {
        let waiting = reach::state_with_timestamps(StateName::TimeWait, last, at_s(0), &profile);
        let anew = stamped(Segment::syn(reach::expected(&waiting) + 1), last + 1);
        waiting.on_segment_with_listener(anew, at_s(0), &profile).next
    };
    assert_eq!(reopened(700).name(), StateName::SynReceived);
    assert_eq!(reopened(700).with_stamps_earlier(200), reopened(500));
    assert_ne!(reopened(700), reopened(500));
}

/// And when they were heard is told from now, as everything is.
#[test]
fn a_reopened_connection_takes_the_old_one_along_to_another_clock() {
    let profile = reach::prompt();
    let reopened = |now: Instant| {
        let waiting = reach::state_with_timestamps(StateName::TimeWait, 500, now, &profile);
        let anew = stamped(Segment::syn(reach::expected(&waiting) + 1), 501);
        waiting.on_segment_with_listener(anew, now, &profile).next
    };
    assert_eq!(reopened(at_s(9)).name(), StateName::SynReceived);
    assert_eq!(reopened(at_s(9)).rebased(at_s(9)), reopened(Instant::START));
}
