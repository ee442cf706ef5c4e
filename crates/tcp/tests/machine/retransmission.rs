//! What is lost is sent again; what does not fit waits; what does not move is probed.

use timewait_tcp::{
    Event, Flags, Profile, Segment, State,
    StateName::{CloseWait, Closed, Established, FinWait1, Listen},
};

use crate::reach::{
    self, WINDOW, acknowledged, at_ms, at_s, expected, nxt, only, prompt, syn, text, una, with,
};

fn open(profile: &Profile) -> State {
    reach::state(Established, at_s(0), profile)
}

#[test]
fn text_that_is_not_acknowledged_is_sent_again_ever_later_until_the_user_gives_up() {
    let profile = prompt();
    let mut state = open(&profile).send(b"lost", at_s(0), &profile).next;
    let mut sent_at = Vec::new();
    while let Some(now) = state.next_timer() {
        let step = state.on_timer(now, &profile);
        if step.next == State::Closed {
            assert_eq!((now, step.events), (at_s(300), vec![Event::TimedOut]));
            break;
        }
        assert_eq!((only(&step).seq, only(&step).text.as_slice()), (una(&step.next), &b"lost"[..]));
        sent_at.push(now.since_start().as_secs());
        state = step.next;
    }
    assert_eq!(sent_at, [1, 3, 7, 15, 31, 63, 123, 183, 243]);
}

#[test]
fn a_count_of_retransmissions_ends_it_as_well() {
    let profile = Profile { retries: Some(2), user_timeout: None, ..prompt() };
    let mut state = open(&profile).send(b"lost", at_s(0), &profile).next;
    for now in [1, 3] {
        let step = state.on_timer(at_s(now), &profile);
        assert_eq!(step.send.len(), 1);
        state = step.next;
    }
    assert_eq!(state.on_timer(at_s(7), &profile).next, State::Closed);
}

#[test]
fn a_fin_is_sent_again_and_goes_with_the_text_before_it() {
    let profile = prompt();
    let closing = open(&profile).send(b"bye", at_s(0), &profile).next.close(at_s(0), &profile);
    assert_eq!(closing.next.name(), FinWait1);
    let again = closing.next.on_timer(at_s(1), &profile);
    assert_eq!(only(&again).text, b"bye");
    assert!(only(&again).has(Flags::FIN));
}

/// A SYN,ACK that is lost after CLOSE in SYN-RECEIVED still opens the way for the FIN.
#[test]
fn a_fin_sent_before_the_syn_is_acknowledged_waits_behind_it() {
    let profile = prompt();
    let half_open = reach::state(timewait_tcp::StateName::SynReceived, at_s(0), &profile);
    let closed = half_open.close(at_s(0), &profile);
    assert!(only(&closed).has(Flags::FIN));
    let again = closed.next.on_timer(at_s(1), &profile);
    assert!(only(&again).has(Flags::SYN));

    let both = again.next.clone();
    assert_eq!(acknowledged(both, at_s(1), &profile).name(), timewait_tcp::StateName::FinWait2);
}

#[test]
fn after_a_timeout_what_was_lost_follows_ack_by_ack() {
    let profile = Profile { default_mss: 10, ..prompt() };
    let sent = open(&profile).send(&[b'x'; 30], at_s(0), &profile);
    assert_eq!(sent.send.len(), 3);
    let first = sent.next.on_timer(at_s(1), &profile);
    let start = una(&first.next);
    assert_eq!(only(&first).seq, start);

    let second = first.next.on_segment(reach::ack(reach::IRS + 1, start + 10), at_s(2), &profile);
    assert_eq!(only(&second).seq, start + 10, "at once, not a timeout later");

    let all = acknowledged(second.next, at_s(2), &profile);
    assert_eq!((all.next_timer(), all.outbox().unwrap().unacknowledged()), (None, 0));
}

#[test]
fn no_more_is_sent_than_the_peers_window_holds() {
    let profile = Profile { default_mss: 1000, ..prompt() };
    let step = open(&profile).send(&[b'x'; 6000], at_s(0), &profile);
    let sent: usize = step.send.iter().map(|segment| segment.text.len()).sum();
    assert_eq!(sent, usize::from(WINDOW));

    let half = step.next;
    let ack = reach::ack(expected(&half), una(&half) + 2000);
    let step = half.on_segment(ack, at_s(0), &profile);
    assert_eq!(step.send.len(), 2);
}

#[test]
fn a_closed_window_is_probed_for_as_long_as_the_peer_answers() {
    let profile = Profile { user_timeout: Some(std::time::Duration::from_secs(100)), ..prompt() };
    let shut = Segment { window: 0, ..reach::ack(reach::IRS + 1, reach::ISS + 1) };
    let mut state = reach::state(timewait_tcp::StateName::SynReceived, at_s(0), &profile)
        .on_segment(shut.clone(), at_s(0), &profile)
        .next;
    let step = state.send(b"waiting", at_s(0), &profile);
    assert_eq!(step.send, []);
    state = step.next;
    let mut probes = Vec::new();
    while probes.len() < 12 {
        let now = state.next_timer().unwrap();
        let step = state.on_timer(now, &profile);
        assert_eq!((only(&step).seq, only(&step).len()), (una(&step.next) - 1, 0));
        probes.push(now.since_start().as_secs());
        state = step.next.on_segment(shut.clone(), now, &profile).next;
    }
    assert_eq!(probes, [1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363, 423]);

    let now = at_s(430);
    let opened = state.on_segment(Segment { window: 100, ..shut }, now, &profile);
    assert_eq!(only(&opened).text, b"waiting");
    assert_eq!(opened.next.next_timer(), Some(at_s(431)), "what is sent now waits afresh");
}

#[test]
fn an_answered_probe_does_not_count_as_a_retransmission_in_vain() {
    let profile = Profile { retries: Some(2), user_timeout: None, ..prompt() };
    let shut = Segment { window: 0, ..reach::ack(reach::IRS + 1, reach::ISS + 1) };
    let opening = reach::state(timewait_tcp::StateName::SynReceived, at_s(0), &profile);
    let open = opening.on_segment(shut.clone(), at_s(0), &profile).next;
    let mut state = open.send(b"waiting", at_s(0), &profile).next;
    for _ in 0..9 {
        let now = state.next_timer().unwrap();
        let probed = state.on_timer(now, &profile).next;
        state = probed.on_segment(shut.clone(), now, &profile).next;
    }
    assert_eq!(state.name(), Established);
}

/// A FIN takes a number, and so a place in the window.
#[test]
fn a_fin_waits_until_the_window_has_room_for_it() {
    let profile = prompt();
    let tight = Segment { window: 3, ..reach::ack(reach::IRS + 1, reach::ISS + 1) };
    let opening = reach::state(timewait_tcp::StateName::SynReceived, at_s(0), &profile);
    let open = opening.on_segment(tight, at_s(0), &profile).next;
    let sent = open.send(b"abc", at_s(0), &profile);
    assert_eq!(only(&sent).text, b"abc");
    let closed = sent.next.close(at_s(0), &profile);
    assert_eq!((closed.send.len(), closed.next.name()), (0, FinWait1));
    let again = closed.next.clone().on_timer(at_s(1), &profile);
    assert_eq!(
        (&only(&again).text[..], only(&again).has(Flags::FIN)),
        (&b"abc"[..], false),
        "nor when it comes again"
    );
    let room = reach::ack(expected(&closed.next), nxt(&closed.next));
    let step = closed.next.on_segment(room, at_s(0), &profile);
    assert!(only(&step).has(Flags::FIN));
}

#[test]
fn a_closed_window_that_nobody_answers_for_ends_it() {
    let profile = prompt();
    let shut = Segment { window: 0, ..reach::ack(reach::IRS + 1, reach::ISS + 1) };
    let mut state = reach::state(timewait_tcp::StateName::SynReceived, at_s(0), &profile)
        .on_segment(shut, at_s(0), &profile)
        .next
        .send(b"waiting", at_s(0), &profile)
        .next;
    let mut now = at_s(0);
    while state.name() != Closed {
        now = state.next_timer().unwrap();
        state = state.on_timer(now, &profile).next;
    }
    assert_eq!(now, at_s(300));
}

/// Silly windows: a sliver of room is no reason to send, until it has been one for too long.
#[test]
fn a_sliver_of_window_is_left_alone_until_the_timer_says_otherwise() {
    let profile = prompt();
    let full = open(&profile).send(&[b'x'; 5000], at_s(0), &profile).next;
    let sliver = Segment { window: 3, ..reach::ack(expected(&full), nxt(&full)) };
    let step = full.on_segment(sliver, at_s(0), &profile);
    assert_eq!(step.send, []);
    let step = step.next.on_timer(at_s(1), &profile);
    assert_eq!(only(&step).text.len(), 3);
}

#[test]
fn an_old_segment_does_not_change_the_window_that_a_later_one_announced() {
    let profile = prompt();
    let state = open(&profile);
    let (first, start) = (expected(&state), una(&state));
    let news = text(first, start, b"ab");
    let state = state.on_segment(Segment { window: 50, ..news }, at_s(0), &profile).next;
    assert_eq!(state.outbox().unwrap().snd_wnd(), 50);
    let old = Segment { window: 9, ..text(first + 1, start, b"bc") };
    let state = state.on_segment(old, at_s(0), &profile).next;
    assert_eq!(state.outbox().unwrap().snd_wnd(), 9, "it begins after the other one");
    let older = Segment { window: 7, ..text(first, start, b"abcd") };
    assert_eq!(state.on_segment(older, at_s(0), &profile).next.outbox().unwrap().snd_wnd(), 9);
}

/// RFC 9293 makes SND.WND an offset from SND.UNA: were it left alone, an ACK whose window is no news would open it.
#[test]
fn an_old_segment_that_acknowledges_does_not_move_the_right_edge_of_the_window() {
    let profile = prompt();
    let state = open(&profile).send(&[b'x'; 100], at_s(0), &profile).next;
    let (first, start) = (expected(&state), una(&state));
    let later = text(first + 5, start, b"f");
    let state = state.on_segment(later, at_s(0), &profile).next;
    let earlier = text(first, start + 100, b"a");
    let state = state.on_segment(earlier, at_s(0), &profile).next;
    assert_eq!(una(&state), start + 100);
    assert_eq!(state.outbox().unwrap().snd_wnd(), u32::from(WINDOW) - 100);
}

#[test]
fn text_ahead_of_its_turn_is_held_and_delivered_once_the_gap_is_filled() {
    let profile = prompt();
    let state = open(&profile);
    let (first, start) = (expected(&state), una(&state));
    let state = state.on_segment(text(first + 6, start, b"ghi"), at_s(0), &profile);
    assert_eq!(only(&state).ack, Some(first), "the gap is told at once");
    let state = state.next.on_segment(reach::fin(first + 9, start), at_s(0), &profile).next;
    let state = state.on_segment(text(first, start, b"abcd"), at_s(0), &profile);
    assert_eq!(state.events, [Event::Received(b"abcd".to_vec())]);
    let state = state.next.on_segment(text(first + 2, start, b"CDefGH"), at_s(0), &profile);
    assert_eq!(
        state.events,
        [Event::Received(b"efghi".to_vec()), Event::PeerClosed],
        "each octet once, the first told"
    );
    assert_eq!(state.next.name(), CloseWait);
}

#[test]
fn text_is_acknowledged_late_when_the_profile_allows_and_every_second_full_segment_at_once() {
    let profile = Profile::RFC_9293;
    let state = open(&profile);
    let (first, start) = (expected(&state), una(&state));
    let step = state.on_segment(text(first, start, &[b'x'; 1460]), at_s(0), &profile);
    assert_eq!((step.send.len(), step.next.next_timer()), (0, Some(at_ms(200))));

    let late = step.next.clone().on_timer(at_ms(200), &profile);
    assert_eq!(only(&late).ack, Some(first + 1460));
    assert_eq!(late.next.next_timer(), None);

    let second = step.next.on_segment(text(first + 1460, start, &[b'x'; 1460]), at_ms(1), &profile);
    assert_eq!(only(&second).ack, Some(first + 2920));
    assert_eq!(second.next.next_timer(), None);
}

#[test]
fn the_window_shrinks_with_unread_text_and_its_right_edge_never_moves_back() {
    let profile = Profile { window: 8000, ..prompt() };
    let state = open(&profile);
    let (first, start) = (expected(&state), una(&state));
    let state = state.on_segment(text(first, start, &[b'x'; 5000]), at_s(0), &profile);
    assert_eq!(only(&state).window, 3000);

    let sliver = state.next.read(100, at_s(0), &profile);
    assert_eq!(sliver.send, [], "100 octets are not worth telling");
    let more = sliver.next.clone().on_segment(text(first + 5000, start, b"x"), at_s(0), &profile);
    assert_eq!(only(&more).window, 2999, "nor with what is told anyway: RFC 9293 §3.8.6.2.2");
    let step = sliver.next.read(4900, at_s(0), &profile);
    assert_eq!(only(&step).window, 8000);
}

#[test]
fn nagle_holds_a_short_segment_back_until_all_is_acknowledged() {
    let profile = Profile { nagle: true, ..prompt() };
    let one = open(&profile).send(b"a", at_s(0), &profile);
    assert_eq!(only(&one).text, b"a");
    let two = one.next.send(b"b", at_s(0), &profile);
    assert_eq!(two.send, []);
    let segment = reach::ack(expected(&two.next), nxt(&two.next));
    assert_eq!(only(&two.next.on_segment(segment, at_s(0), &profile)).text, b"b");
}

/// RFC 9293 §3.8.6.2.1, (3), and §3.9.1.2, MUST-61.
#[test]
fn half_the_largest_window_is_worth_a_segment_and_only_the_last_of_the_text_is_pushed() {
    for (window, octets) in [(2000, 2000), (1999, 0)] {
        let profile = Profile { default_mss: 9000, mss: 9000, ..prompt() };
        let opening = reach::state(timewait_tcp::StateName::SynReceived, at_s(0), &profile);
        let half = Segment { window, ..reach::ack(reach::IRS + 1, reach::ISS + 1) };
        let open = opening.on_segment(half, at_s(0), &profile).next;
        let step = open.send(&[b'x'; 2500], at_s(0), &profile);
        assert_eq!(step.send.iter().map(|segment| segment.text.len()).sum::<usize>(), octets, "of {WINDOW}");
        assert!(step.send.iter().all(|segment| !segment.has(Flags::PSH)), "there is more");

        let rest = reach::ack(expected(&step.next), nxt(&step.next));
        let rest = step.next.on_segment(rest, at_s(0), &profile);
        assert!(only(&rest).has(Flags::PSH));
        let fin = acknowledged(rest.next, at_s(0), &profile).close(at_s(0), &profile);
        assert_eq!(only(&fin).flags, Flags::FIN, "nothing to push");
    }
}

/// RFC 9293 §3.8.6, MUST-34, MUST-35, SHLD-15: "the usable window" may become negative, and that is survived.
#[test]
fn a_window_that_is_taken_back_is_filled_no_further_and_probed_for_as_long_as_the_peer_answers() {
    let profile = Profile { user_timeout: Some(std::time::Duration::from_secs(100)), ..prompt() };
    let sent = open(&profile).send(&[b'x'; 3000], at_s(0), &profile).next;
    let taken_back = Segment { window: 0, ..reach::ack(expected(&sent), una(&sent)) };
    let step = sent.on_segment(taken_back.clone(), at_s(0), &profile);
    assert_eq!(step.send, []);
    let more = step.next.send(b"more", at_s(0), &profile);
    assert_eq!(more.send, []);
    let mut state = more.next;
    for _probe in 0..12 {
        let now = state.next_timer().unwrap();
        let step = state.on_timer(now, &profile);
        assert_eq!(
            (only(&step).seq, only(&step).text.len()),
            (una(&step.next), 1),
            "what was sent is sent again"
        );
        state = step.next.on_segment(taken_back.clone(), now, &profile).next;
    }
    assert!(state.next_timer() > Some(at_s(400)), "the peer is there");

    let opened = Segment { window: 4000, ..taken_back };
    let again = state.on_segment(opened, at_s(430), &profile);
    assert_eq!((again.send[0].seq, again.send[0].text.len()), (una(&again.next), 536), "at once");
    assert_eq!(again.next.next_timer(), Some(at_s(431)));
}

/// RFC 9293 §3.8.6.2.1, (4): "the override timeout", which is not the one by which a closed window is probed.
#[test]
fn a_sliver_of_a_window_that_was_closed_for_long_is_used_after_the_first_wait() {
    let profile = prompt();
    let shut = Segment { window: 0, ..reach::ack(reach::IRS + 1, reach::ISS + 1) };
    let opening = reach::state(timewait_tcp::StateName::SynReceived, at_s(0), &profile);
    let open = opening.on_segment(shut.clone(), at_s(0), &profile).next;
    let mut state = open.send(b"waiting", at_s(0), &profile).next;
    let mut now = at_s(0);
    for _probe in 0..8 {
        now = state.next_timer().unwrap();
        let probed = state.on_timer(now, &profile).next;
        state = probed.on_segment(shut.clone(), now, &profile).next;
    }
    assert!(state.next_timer().unwrap().since(now) > profile.retransmission_timeout * 10);

    let sliver = state.on_segment(Segment { window: 1, ..shut }, now, &profile);
    assert_eq!(sliver.send, []);
    assert_eq!(sliver.next.next_timer(), Some(now + profile.retransmission_timeout));
    let used = sliver.next.on_timer(now + profile.retransmission_timeout, &profile);
    assert_eq!(only(&used).text, b"w");
}

/// RFC 9293 §3.8.6.2.1, (3): the bracketed condition is Nagle's.
#[test]
fn nagle_holds_back_half_the_largest_window_too() {
    for (nagle, sent) in [(true, 0), (false, 1)] {
        let profile = Profile { nagle, ..prompt() };
        let tight = Segment { window: 8, ..syn() };
        let opening = reach::state(Listen, at_s(0), &profile).on_segment(tight, at_s(0), &profile).next;
        let tight = Segment { window: 8, ..reach::ack(reach::IRS + 1, reach::ISS + 1) };
        let open = opening.on_segment(tight, at_s(0), &profile).next;
        let one = open.send(b"a", at_s(0), &profile).next;
        assert_eq!(one.send(b"four", at_s(0), &profile).send.len(), sent);
    }
}

#[test]
fn challenges_are_limited_as_the_profile_says_and_answers_to_text_are_not() {
    let profile = Profile { delayed_ack: None, ..Profile::LINUX };
    let mut state = open(&profile);
    let next = expected(&state);
    let mut answers = Vec::new();
    for now in [0, 100, 499, 500, 999, 1000] {
        let step = state.on_segment(Segment::rst(next + 1), at_ms(now), &profile);
        answers.push(step.send.len());
        state = step.next;
    }
    assert_eq!(answers, [1, 0, 0, 1, 0, 1]);
    let (before, sent) = (next - 1, una(&state));
    for (segment, answers) in [
        (text(before, sent, b"x"), 1),
        (reach::fin(before, sent), 1),
        (reach::ack(before, sent), 0),
        (Segment::syn(before), 0),
        (with(Flags::SYN, text(before, sent, b"x")), 0),
        (reach::ack(next, sent + 1), 0),
    ] {
        let step = state.clone().on_segment(segment.clone(), at_ms(1001), &profile);
        assert_eq!(step.send.len(), answers, "{segment:?}");
    }
}
