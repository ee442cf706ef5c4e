//! TIME-WAIT: what it answers, what starts it anew, what ends it.

use timewait_tcp::{
    Flags, Profile, Segment, State,
    StateName::{Closed, FinWait2, SynReceived, TimeWait},
    profile::{Reopens, Restarts},
};

use crate::reach::{
    self, WINDOW, ack, at_s, expected, fin, nxt, only, prompt, stamped, syn_received_anew,
    time_wait_with_timestamps,
};

/// The peer never saw our last ACK, so it sends its FIN once more.
#[test]
fn time_wait_on_a_repeated_fin_acks_again_and_restarts_the_clock() {
    for profile in [Profile::RFC_9293, Profile::LINUX] {
        let waiting = reach::state(TimeWait, at_s(0), &profile);
        let (next, ours) = (expected(&waiting), nxt(&waiting));

        let step = waiting.on_segment(fin(next - 1, ours), at_s(40), &profile);

        assert_eq!((only(&step).seq, only(&step).ack), (ours, Some(next)));
        assert_eq!(
            step.next.time_wait_until(),
            Some(at_s(40) + profile.time_wait),
            "from the FIN, not from entry"
        );
    }
}

#[test]
fn time_wait_ends_after_two_msl_and_not_before() {
    let profile = Profile::RFC_9293;
    let waiting = reach::state(TimeWait, at_s(7), &profile);
    assert_eq!(waiting.next_timer(), Some(at_s(247)));

    let early = waiting.on_timer(reach::at_ms(246_999), &profile);
    assert_eq!(early.next.name(), TimeWait);

    assert_eq!(early.next.on_timer(at_s(247), &profile).next, State::Closed);
}

#[test]
fn time_wait_on_an_old_ack_restarts_the_clock_in_linux_and_not_in_the_rfc() {
    for (restarts, until) in [(Restarts::OnFin, 240), (Restarts::OnAnyAck, 280)] {
        let profile = Profile { time_wait_restarts: restarts, ..prompt() };
        let waiting = reach::state(TimeWait, at_s(0), &profile);
        let old = reach::text(expected(&waiting) - 10, nxt(&waiting), b"old");
        let step = waiting.on_segment(old, at_s(40), &profile);
        assert_eq!(only(&step).len(), 0);
        assert_eq!(step.next.time_wait_until(), Some(at_s(until)));
    }
}

#[test]
fn time_wait_on_a_bare_ack_says_nothing_lest_two_of_them_never_stop() {
    let waiting = reach::state(TimeWait, at_s(0), &prompt());
    let bare = ack(expected(&waiting), nxt(&waiting));
    assert_eq!(waiting.on_segment(bare, at_s(1), &prompt()).send, []);
}

/// RFC 1337: assassination, and the fix.
#[test]
fn time_wait_on_an_rst_ends_or_stays_as_the_profile_says() {
    for (ends, then) in [(true, Closed), (false, TimeWait)] {
        let profile = Profile { rst_ends_time_wait: ends, ..prompt() };
        let waiting = reach::state(TimeWait, at_s(0), &profile);
        let rst = Segment::rst(expected(&waiting));
        let step = waiting.on_segment(rst, at_s(1), &profile);
        assert_eq!(step.next.name(), then);
        assert_eq!((step.send.len(), step.events.len()), (0, 0));
    }
}

/// A SYN, by its number and its timestamp against those heard last, and whether each rule lets it open anew.
#[test]
fn time_wait_on_a_syn_opens_anew_as_the_profile_says() {
    use Reopens::{Linux, Never, OnHigherNumber, Rfc6191};
    let rules = [Never, OnHigherNumber, Rfc6191, Linux];
    for (by_number, stamp, reopened) in [
        (100, None, [false, true, true, true]),
        (0, None, [false, false, true, false]),
        (-100, None, [false, false, false, false]),
        (100, Some(501), [false, true, true, true]),
        (-100, Some(501), [false, false, true, true]),
        (100, Some(500), [false, true, true, true]),
        (-100, Some(500), [false, false, false, false]),
        (100, Some(499), [false, true, false, false]),
    ] {
        for (reopens, reopened) in rules.into_iter().zip(reopened) {
            let profile = Profile { reopens, ..prompt() };
            let waiting = time_wait_with_timestamps(at_s(0), &profile);
            let old = nxt(&waiting);
            let seq =
                if by_number < 0 { expected(&waiting) - 100 } else { expected(&waiting) + by_number as u32 };
            let syn = Segment { window: WINDOW, ..Segment::syn(seq) };
            let syn = stamp.map_or(syn.clone(), |stamp| stamped(syn, stamp));

            let step = waiting.on_segment_with_listener(syn, at_s(1), &profile);

            let case = format!("{reopens:?}: number {by_number:+}, timestamp {stamp:?}");
            assert_eq!(step.next.name() == SynReceived, reopened, "{case}");
            if reopened {
                assert_eq!(only(&step).seq, old + 65_537, "{case}: above all numbers of the old connection");
                assert!(only(&step).has(Flags::SYN), "{case}");
            }
        }
    }
}

/// Of two numbers opposite each other on the circle neither is above the other: then it may be an old one.
#[test]
fn time_wait_takes_no_syn_whose_number_could_as_well_lie_below() {
    for reopens in [Reopens::OnHigherNumber, Reopens::Rfc6191, Reopens::Linux] {
        let profile = Profile { reopens, ..prompt() };
        let waiting = reach::state(TimeWait, at_s(0), &profile);
        for (above, reopened) in [((1 << 31) - 1, reopens != Reopens::Rfc6191), (1 << 31, false)] {
            let syn = Segment::syn(expected(&waiting) + above);
            let step = waiting.clone().on_segment_with_listener(syn, at_s(1), &profile);
            assert_eq!(step.next.name() == SynReceived, reopened, "{reopens:?}, {above} above");
        }
    }
}

#[test]
fn time_wait_without_timestamps_takes_any_syn_that_has_one_by_rfc_6191() {
    let profile = prompt();
    let waiting = reach::state(TimeWait, at_s(0), &profile);
    let low = stamped(Segment::syn(expected(&waiting) - 100), 7);
    assert_eq!(waiting.on_segment_with_listener(low, at_s(1), &profile).next.name(), SynReceived);
}

#[test]
fn time_wait_on_an_old_syn_is_silent_by_rfc_6191_and_acks_otherwise() {
    for (reopens, answers) in [(Reopens::Rfc6191, 0), (Reopens::OnHigherNumber, 1), (Reopens::Linux, 1)] {
        let profile = Profile { reopens, ..prompt() };
        let waiting = reach::state(TimeWait, at_s(0), &profile);
        let old = Segment::syn(expected(&waiting) - 100);
        let step = waiting.clone().on_segment_with_listener(old, at_s(1), &profile);
        assert_eq!(step.send.len(), answers, "{reopens:?}");
        assert_eq!(step.next.time_wait_until(), waiting.time_wait_until(), "an old SYN restarts nothing");
    }
}

/// RFC 9293 §3.6.1, MAY-2: "returns to TIME-WAIT state if the SYN turns out to be an old duplicate".
#[test]
fn an_old_syn_that_reopened_time_wait_is_reset_by_its_sender_and_the_wait_goes_on() {
    let profile = prompt();
    let waiting = reach::state(TimeWait, at_s(0), &profile);
    let reopened = syn_received_anew(at_s(0), &profile);
    let rst = Segment::rst(expected(&reopened));
    assert_eq!(reopened.on_segment(rst, at_s(3), &profile).next, waiting);
}

#[test]
fn time_wait_refuses_what_is_older_than_its_timestamps() {
    let profile = prompt();
    let waiting = time_wait_with_timestamps(at_s(0), &profile);
    let old = stamped(fin(expected(&waiting) - 1, nxt(&waiting)), 499);
    let step = waiting.clone().on_segment(old, at_s(5), &profile);
    assert_eq!(only(&step).ack, Some(expected(&waiting)));
    assert_eq!(step.next.time_wait_until(), waiting.time_wait_until());
}

#[test]
fn fin_wait_2_ends_without_a_fin_only_when_nobody_reads_and_the_profile_says_so() {
    let read = reach::state(FinWait2, at_s(0), &Profile::LINUX);
    assert_eq!(read.next_timer(), None);
    let gone = read.close_both(at_s(1), &Profile::LINUX);
    assert_eq!(gone.error, None, "to go is no error, even after CLOSE");
    assert_eq!(gone.next.next_timer(), Some(at_s(61)));
    assert_eq!(gone.next.on_timer(at_s(61), &Profile::LINUX).next, State::Closed);

    let patient = reach::state(FinWait2, at_s(0), &Profile::RFC_9293).close_both(at_s(1), &Profile::RFC_9293);
    assert_eq!(patient.next.next_timer(), None);
}
