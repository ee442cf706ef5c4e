//! Timestamps: which is echoed, and what is too old by them (RFC 7323).

use std::time::Duration;

use timewait_tcp::{
    Event, Flags, Instant, Profile, Segment, State,
    StateName::{self, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, SynReceived, TimeWait},
};

use crate::{
    cells::outcome,
    reach::{self, IRS, ISS, ack, at_ms, at_s, expected, nxt, only, prompt, stamped, text, una, with},
};

const SYNCHRONIZED: [StateName; 8] =
    [SynReceived, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait];

/// The timestamp that the state's next ACK would echo.
fn echoed(state: &State, now: Instant, profile: &Profile) -> u32 {
    let old = Segment {
        options: stamped(Segment::default(), u32::MAX / 2).options,
        ..ack(expected(state) - 1, una(state))
    };
    let step = state.clone().on_segment(old, now, profile);
    only(&step).options.timestamps.unwrap().echo
}

#[test]
fn a_segment_with_an_older_timestamp_is_acknowledged_and_dropped() {
    let profile = prompt();
    let open = reach::state_with_timestamps(Established, 500, at_s(0), &profile);
    let old = stamped(text(expected(&open), nxt(&open), b"old"), 499);
    let step = open.clone().on_segment(old, at_s(0), &profile);
    assert_eq!((step.events.len(), only(&step).ack), (0, Some(IRS + 1)));

    let newer = stamped(text(expected(&open), nxt(&open), b"new"), 501);
    let step = open.on_segment(newer, at_s(0), &profile);
    assert_eq!(step.events, [Event::Received(b"new".to_vec())]);
    assert_eq!(only(&step).options.timestamps.unwrap().echo, 501);
}

/// RFC 7323 §4.3: only what reaches down to the last ACK says which timestamp counts.
#[test]
fn a_segment_ahead_of_its_turn_does_not_raise_the_timestamp_that_is_echoed() {
    let profile = prompt();
    let open = reach::state_with_timestamps(Established, 500, at_s(0), &profile);
    let (first, sent) = (expected(&open), nxt(&open));
    let ahead = open.on_segment(stamped(text(first + 1, sent, b"b"), 700), at_s(0), &profile);
    assert_eq!(only(&ahead).options.timestamps.unwrap().echo, 500);
    let gap = ahead.next.on_segment(stamped(text(first, sent, b"a"), 600), at_s(0), &profile);
    assert_eq!(gap.events, [Event::Received(b"ab".to_vec())], "600 is later than what counts");
    assert_eq!(only(&gap).options.timestamps.unwrap().echo, 600);
}

/// RFC 7323 §5.3: what is older than what was heard last is acknowledged, and nothing else comes of it; an RST is not
/// asked for its timestamp.
#[test]
fn an_older_timestamp_is_acknowledged_and_dropped_in_every_synchronized_state() {
    for name in SYNCHRONIZED {
        let before = reach::state_with_timestamps(name, 500, at_s(0), &prompt());
        let (next, sent) = (expected(&before), nxt(&before));
        for segment in [ack(next, sent), text(next, sent, b"old"), reach::fin(next, sent)] {
            let old = stamped(segment, 499);
            let step = before.clone().on_segment(old, at_s(1), &prompt());
            assert_eq!(outcome(&before, &step), "ack", "{name}");
            assert_eq!(step.next, before, "{name}");
        }
        let rst = stamped(Segment::rst(next), 499);
        let step = before.clone().on_segment(rst, at_s(1), &prompt());
        assert_ne!(step.next.name(), name);
    }
}

/// RFC 7323 §5.2: "information from the Timestamps option MUST NOT be used to update connection state information".
#[test]
fn an_rst_teaches_no_timestamp() {
    let profile = Profile { rst_ends_time_wait: false, ..prompt() };
    let waiting = reach::state_with_timestamps(TimeWait, 500, at_s(0), &profile);
    let rst = stamped(Segment::rst(expected(&waiting)), 900);
    assert_eq!(waiting.clone().on_segment(rst, at_s(1), &profile).next, waiting, "RFC 1337's fix");

    // Its text reaches into the window, its number does not.
    let open = reach::state_with_timestamps(Established, 500, at_s(0), &profile);
    let rst = stamped(with(Flags::RST, text(expected(&open) - 1, una(&open), b"ab")), 900);
    assert_eq!(open.clone().on_segment(rst, at_s(1), &profile).next, open);
}

/// RFC 7323 §3.2; an RST need not have one.
#[test]
fn a_segment_without_the_timestamp_that_was_agreed_on_is_dropped_silently_or_taken_as_the_profile_says() {
    for name in SYNCHRONIZED {
        let strict = prompt();
        let before = reach::state_with_timestamps(name, 500, at_s(0), &strict);
        let (next, sent) = (expected(&before), nxt(&before));
        for segment in [
            ack(next, sent),
            text(next, sent, b"x"),
            text(next - 1, sent, b"x"),
            reach::fin(next, sent),
            Segment::syn(next),
            ack(next, sent + 1),
        ] {
            let step = before.clone().on_segment(segment.clone(), at_s(1), &strict);
            assert_eq!(
                (outcome(&before, &step).as_str(), &step.next),
                ("drop", &before),
                "{name}: {segment:?}"
            );
        }
        assert_ne!(before.clone().on_segment(Segment::rst(next), at_s(1), &strict).next.name(), name);

        let lenient = Profile { drops_unstamped: false, ..prompt() };
        let old = before.clone().on_segment(text(next - 1, sent, b"x"), at_s(1), &lenient);
        assert_eq!(outcome(&before, &old), "ack", "{name}");
    }
}

#[test]
fn where_no_timestamps_were_agreed_on_one_that_comes_says_nothing() {
    let profile = prompt();
    let open = reach::state(Established, at_s(0), &profile);
    for stamp in [0, 1, u32::MAX] {
        let segment = stamped(text(expected(&open), una(&open), b"x"), stamp);
        let step = open.clone().on_segment(segment, at_s(1), &profile);
        assert_eq!(outcome(&open, &step), "ack \"x\"");
        assert_eq!(only(&step).options.timestamps, None);
    }
}

/// RFC 7323 §5.5: the peer's clock may have gone round.
#[test]
fn after_24_days_of_silence_an_older_timestamp_is_news() {
    const DAY: u64 = 24 * 60 * 60;
    for (profile, last, first) in [
        (prompt(), 24 * DAY, 24 * DAY + 1),
        (Profile { delayed_ack: None, challenge_ack_every: None, ..Profile::LINUX }, 2147, 2148),
    ] {
        let open = reach::state_with_timestamps(Established, 500, at_s(0), &profile);
        let older = stamped(text(expected(&open), una(&open), b"x"), 499);

        let step = open.clone().on_segment(older.clone(), at_s(last), &profile);
        assert_eq!((outcome(&open, &step).as_str(), &step.next), ("ack", &open));

        let step = open.clone().on_segment(older.clone(), at_s(first), &profile);
        assert_eq!(outcome(&open, &step), "ack \"x\"");
        assert_eq!(only(&step).options.timestamps.unwrap().echo, 499, "and counts from now on");

        let heard = stamped(ack(expected(&open), nxt(&open)), 500);
        let heard = open.on_segment(heard, at_s(last), &profile).next;
        let step = heard.clone().on_segment(older, at_s(first), &profile);
        assert_eq!(step.next, heard, "the same one again, and the days are counted anew");
    }
}

/// The clock goes round, and so does what is older.
#[test]
fn a_timestamp_that_has_gone_round_is_newer() {
    let profile = prompt();
    let open = reach::state_with_timestamps(Established, u32::MAX, at_s(0), &profile);
    let round = stamped(text(expected(&open), una(&open), b"x"), 3);
    let step = open.clone().on_segment(round, at_s(1), &profile);
    assert_eq!(outcome(&open, &step), "ack \"x\"");
    assert_eq!(echoed(&step.next, at_s(1), &profile), 3);
}

/// RFC 9293 §3.8.6.3: a full-sized segment has the less text the more options there are.
#[test]
fn every_second_full_segment_is_acknowledged_at_once_with_timestamps_too() {
    let profile = Profile::RFC_9293;
    let full = usize::from(profile.mss) - 12;
    let open = reach::state_with_timestamps(Established, 500, at_s(0), &profile);
    let (first, sent) = (expected(&open), nxt(&open));
    let one = open.on_segment(stamped(text(first, sent, &vec![b'x'; full]), 500), at_s(0), &profile);
    assert_eq!(one.send, []);
    let next = expected(&one.next);
    let two = one.next.on_segment(stamped(text(next, sent, &vec![b'x'; full]), 500), at_ms(1), &profile);
    assert_eq!(only(&two).ack, Some(next + u32::try_from(full).unwrap()));
}

/// RFC 7323 §3.2: "in every non-<RST> segment for the duration of the connection".
#[test]
fn every_segment_has_a_timestamp_once_they_are_agreed_on_the_syn_ack_sent_again_and_the_probe_too() {
    let profile = prompt();
    let opening = reach::state_with_timestamps(SynReceived, 500, at_s(0), &profile);
    let again = opening.on_timer(at_s(1), &profile);
    let shut = Segment { window: 0, ..stamped(ack(IRS + 1, ISS + 1), 501) };
    let open = again.next.clone().on_segment(shut, at_s(2), &profile).next;
    let waiting = open.send(b"waiting", at_s(2), &profile).next;
    let probe = waiting.on_timer(at_s(2) + Duration::from_secs(1), &profile);
    for (step, now, echo) in [(&again, 1000, 500), (&probe, 3000, 501)] {
        let stamps = only(step).options.timestamps.unwrap();
        assert_eq!((stamps.value, stamps.echo), (now, echo));
    }
}
