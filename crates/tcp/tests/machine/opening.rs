//! Opening: from both sides, at once, with text, and against old duplicates.

use timewait_tcp::{
    Event, Flags, Options, Profile, Segment, State,
    StateName::{CloseWait, Established, Listen, SynReceived, SynSent},
    Timestamps,
};

use crate::reach::{
    self, IRS, ISS, WINDOW, acknowledged, at_s, expected, nxt, only, prompt, syn, syn_received_actively, with,
};

fn syn_ack() -> Segment {
    Segment { ack: Some(ISS + 1), ..syn() }
}

#[test]
fn syn_sent_on_a_syn_ack_is_established_and_acks() {
    let step = reach::state(SynSent, at_s(0), &prompt()).on_segment(syn_ack(), at_s(1), &prompt());
    assert_eq!(step.next.name(), Established);
    assert_eq!(step.events, [Event::Established]);
    assert_eq!((only(&step).seq, only(&step).ack), (ISS + 1, Some(IRS + 1)));
}

/// RFC 9293 §3.10.7.3, first: `SEG.ACK =< ISS or SEG.ACK > SND.NXT`.
#[test]
fn syn_sent_on_an_ack_of_anything_else_sends_an_rst_with_its_number_and_waits_on() {
    for number in [ISS - 1, ISS, ISS + 2, ISS + (1 << 31)] {
        for segment in [reach::ack(IRS, number), Segment { ack: Some(number), ..syn() }] {
            let before = reach::state(SynSent, at_s(0), &prompt());
            let step = before.clone().on_segment(segment, at_s(1), &prompt());
            assert_eq!(step.send, [Segment::rst(number)]);
            assert_eq!(step.next, before, "not even the timer has moved");
        }
    }
}

#[test]
fn syn_sent_on_an_rst_is_refused_only_if_its_ack_is_of_our_syn() {
    let before = reach::state(SynSent, at_s(0), &prompt());
    let rst = Segment::rst(IRS);
    for harmless in [
        rst.clone(),
        Segment { ack: Some(ISS), ..rst.clone() },
        Segment { ack: Some(ISS + 2), ..rst.clone() },
    ] {
        let step = before.clone().on_segment(harmless, at_s(1), &prompt());
        assert_eq!((step.next, step.send.len(), step.events.len()), (before.clone(), 0, 0));
    }
    let step = before.on_segment(Segment { ack: Some(ISS + 1), ..rst }, at_s(1), &prompt());
    assert_eq!((step.next, step.events), (State::Closed, vec![Event::Refused]));
}

#[test]
fn syn_sent_on_an_ack_without_a_syn_waits_on() {
    let before = reach::state(SynSent, at_s(0), &prompt());
    let step = before.clone().on_segment(reach::ack(IRS, ISS + 1), at_s(1), &prompt());
    assert_eq!((step.next, step.send.len()), (before, 0));
}

/// RFC 9293's Figure 7, both lines that end it.
#[test]
fn both_open_at_once_and_each_syn_ack_ends_the_handshake() {
    let profile = prompt();
    let one = State::Closed.open(ISS, at_s(0), &profile);
    let other = State::Closed.open(IRS, at_s(0), &profile);
    let (syn_of_one, syn_of_other) = (only(&one).clone(), only(&other).clone());
    let one = one.next.on_segment(syn_of_other, at_s(1), &profile);
    let other = other.next.on_segment(syn_of_one, at_s(1), &profile);
    assert_eq!((one.next.name(), other.next.name()), (SynReceived, SynReceived));
    assert!(only(&one).has(Flags::SYN) && only(&one).ack.is_some());

    let (from_one, from_other) = (only(&one).clone(), only(&other).clone());
    let one = one.next.on_segment(from_other, at_s(2), &profile);
    let other = other.next.on_segment(from_one, at_s(2), &profile);
    assert_eq!((one.next.name(), other.next.name()), (Established, Established));
    for step in [&one, &other] {
        assert_eq!(
            only(step).flags,
            Flags::NONE,
            "each answers the SYN, which comes for the second time, with an ACK"
        );
    }
}

#[test]
fn text_and_fin_on_a_syn_wait_for_established() {
    let profile = prompt();
    let all = Segment { text: b"early".to_vec(), ..with(Flags::FIN, syn()) };
    let opening = reach::state(Listen, at_s(0), &profile).on_segment(all, at_s(0), &profile);
    assert_eq!(opening.events, []);
    assert_eq!(only(&opening).ack, Some(IRS + 1), "only the SYN is acknowledged");

    let last = reach::ack(IRS + 1, ISS + 1);
    let open = opening.next.on_segment(last, at_s(1), &profile);
    assert_eq!(open.next.name(), CloseWait);
    assert_eq!(open.events, [Event::Established, Event::Received(b"early".to_vec()), Event::PeerClosed]);
    assert_eq!(only(&open).ack, Some(IRS + 7));
}

/// The ACK that establishes is of the SYN,ACK; the text's own is owed from then on.
#[test]
fn text_on_a_syn_is_acknowledged_once_established() {
    for delayed_ack in [None, Profile::RFC_9293.delayed_ack] {
        let profile = Profile { delayed_ack, ..prompt() };
        let early = Segment { text: b"early".to_vec(), ..syn() };
        let opening = reach::state(Listen, at_s(0), &profile).on_segment(early, at_s(0), &profile);
        let open = opening.next.on_segment(reach::ack(IRS + 1, ISS + 1), at_s(1), &profile);
        let acks = match open.next.next_timer() {
            Some(late) => open.next.on_timer(late, &profile),
            None => open,
        };
        assert_eq!(only(&acks).ack, Some(IRS + 6));
    }
}

#[test]
fn listen_drops_a_syn_with_a_fin_if_the_profile_says_so() {
    let listening = reach::state(Listen, at_s(0), &Profile::LINUX);
    let step = listening.clone().on_segment(with(Flags::FIN, syn()), at_s(0), &Profile::LINUX);
    assert_eq!((step.next, step.send.len()), (listening, 0));
}

#[test]
fn syn_received_on_the_same_syn_says_its_syn_ack_again_or_acks_as_the_profile_says() {
    for (repeats, flags) in [(true, Flags::SYN), (false, Flags::NONE)] {
        let profile = Profile { repeats_syn_ack: repeats, ..prompt() };
        let before = reach::state(SynReceived, at_s(0), &profile);
        let step = before.clone().on_segment(syn(), at_s(1), &profile);
        assert_eq!(only(&step).flags, flags);
        assert_eq!(only(&step).ack, Some(IRS + 1));
        assert_eq!(step.next.next_timer(), before.next_timer(), "and the timer has not moved");
    }
}

/// Its text reaches into the window, and yet it is the SYN whose answer was lost.
#[test]
fn syn_received_on_the_same_syn_with_text_says_its_syn_ack_again() {
    let profile = Profile { repeats_syn_ack: true, ..prompt() };
    let early = Segment { text: b"early".to_vec(), ..syn() };
    let before = reach::state(Listen, at_s(0), &profile).on_segment(early.clone(), at_s(0), &profile).next;
    let step = before.clone().on_segment(early, at_s(1), &profile);
    assert_eq!((only(&step).flags, only(&step).ack), (Flags::SYN, Some(IRS + 1)));
    assert_eq!(step.next, before);
    let open = step.next.on_segment(reach::ack(IRS + 1, ISS + 1), at_s(1), &profile);
    assert_eq!(open.events, [Event::Established, Event::Received(b"early".to_vec())]);
}

#[test]
fn a_syn_ack_agrees_to_no_option_that_was_not_offered() {
    let profile = Profile::LINUX;
    let plain = reach::state(Listen, at_s(0), &profile).on_segment(syn(), at_s(3), &profile);
    let options = only(&plain).options;
    assert_eq!(options, Options { mss: Some(1460), ..Options::default() });

    let offered = Options {
        mss: Some(1000),
        window_scale: Some(3),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 77, echo: 0 }),
    };
    let full = Segment { options: offered, ..syn() };
    let full = reach::state(Listen, at_s(0), &profile).on_segment(full, at_s(3), &profile);
    let timestamps = Some(Timestamps { value: 3000, echo: 77 });
    assert_eq!(
        only(&full).options,
        Options { mss: Some(1460), window_scale: Some(7), sack_permitted: true, timestamps }
    );
}

#[test]
fn a_scaled_window_is_read_and_written_scaled_but_not_on_a_syn() {
    let profile = Profile { window: 1 << 20, delayed_ack: None, ..Profile::LINUX };
    let offered = Options { mss: Some(1460), window_scale: Some(3), ..Options::default() };
    let opening = Segment { options: offered, ..syn() };
    let step = reach::state(Listen, at_s(0), &profile).on_segment(opening, at_s(0), &profile);
    assert_eq!(only(&step).window, u16::MAX);
    assert_eq!(
        step.next.numbers().unwrap().rcv_wnd(),
        u32::from(u16::MAX),
        "no more is taken than was announced"
    );
    assert_eq!(step.next.outbox().unwrap().snd_wnd(), u32::from(WINDOW));

    let open = acknowledged(step.next, at_s(0), &profile);
    assert_eq!(open.outbox().unwrap().snd_wnd(), u32::from(WINDOW) << 3);
    let heard = reach::text(expected(&open), nxt(&open), b"x");
    let step = open.on_segment(heard, at_s(0), &profile);
    assert_eq!(u32::from(only(&step).window) << 7, ((1 << 20) - 1) & !0x7f);
}

#[test]
fn the_text_of_a_segment_leaves_room_for_timestamps_within_the_peers_mss() {
    let profile = prompt();
    for (mss, timestamps, most) in [
        (None, None, 536),
        (Some(900), None, 900),
        (Some(900), Some(Timestamps::default()), 888),
        (Some(9000), None, 1460),
    ] {
        let options = Options { mss, timestamps, ..Options::default() };
        let opening = Segment { options, ..syn() };
        let step = reach::state(Listen, at_s(0), &profile).on_segment(opening, at_s(0), &profile);
        let options = Options { timestamps, ..Options::default() };
        let last = Segment { options, ..reach::ack(IRS + 1, ISS + 1) };
        let open = step.next.on_segment(last, at_s(0), &profile).next;
        let step = open.send(&[b'x'; 2000], at_s(0), &profile);
        assert_eq!(step.send[0].text.len(), most, "{mss:?}");
    }
}

/// Only the other's SYN,ACK is read though it lies before the window, and only its SYN is answered with ours.
#[test]
fn syn_received_after_a_simultaneous_open_acks_what_else_lies_outside_the_window() {
    let profile = Profile { repeats_syn_ack: true, ..prompt() };
    let before = syn_received_actively(at_s(0), &profile);
    for segment in [
        reach::text(IRS, ISS + 1, b"x"),
        reach::ack(IRS, ISS + 1),
        reach::text(IRS + 1 + profile.window, ISS + 1, b"x"),
        Segment { ack: Some(ISS), ..syn() },
        Segment { seq: IRS, text: b"x".to_vec(), ..Segment::default() },
    ] {
        let step = before.clone().on_segment(segment.clone(), at_s(1), &profile);
        assert_eq!((only(&step).flags, only(&step).ack), (Flags::NONE, Some(IRS + 1)), "{segment:?}");
        assert_eq!(step.next, before, "{segment:?}");
    }
}

/// RFC 9293 §3.10.7.4, fifth: on the way to ESTABLISHED the window is set, whatever SND.WL1 says: here the segment starts
/// before the SYN, and its text reaches into the window.
#[test]
fn the_ack_that_establishes_sets_the_window_wherever_it_starts() {
    let profile = prompt();
    let opening = reach::state(SynReceived, at_s(0), &profile);
    let early = Segment { window: 77, ..reach::text(IRS - 5, ISS + 1, b"0123456789") };
    let open = opening.on_segment(early, at_s(1), &profile);
    assert_eq!(open.events, [Event::Established, Event::Received(b"6789".to_vec())]);
    assert_eq!(open.next.outbox().unwrap().snd_wnd(), 77);
}

#[test]
fn an_open_that_nobody_answers_is_sent_again_ever_later_and_given_up() {
    let profile = Profile { user_timeout: None, ..Profile::LINUX };
    let mut state = reach::state(SynSent, at_s(0), &profile);
    let mut sent_at = Vec::new();
    let end = loop {
        let now = state.next_timer().unwrap();
        let step = state.on_timer(now, &profile);
        if step.send.is_empty() {
            assert_eq!((step.next, step.events), (State::Closed, vec![Event::TimedOut]));
            break now;
        }
        assert!(only(&step).has(Flags::SYN));
        sent_at.push(now.since_start().as_secs());
        state = step.next;
    };
    // linux v6.12 Documentation/networking/ip-sysctl.rst, tcp_syn_retries: 67 s until the last, given up after 131 s.
    assert_eq!(sent_at, [1, 2, 3, 4, 5, 7, 11, 19, 35, 67]);
    assert_eq!(end, at_s(131));
}

#[test]
fn an_active_opener_in_syn_received_keeps_the_text_that_it_was_given() {
    let profile = prompt();
    let opening = reach::state(SynSent, at_s(0), &profile).send(b"hello", at_s(0), &profile);
    assert_eq!(opening.send, [], "text waits for ESTABLISHED");
    let both = opening.next.on_segment(syn(), at_s(0), &profile).next;
    let step = both.on_segment(reach::ack(IRS + 1, ISS + 1), at_s(1), &profile);
    assert_eq!(only(&step).text, b"hello");
    assert_eq!(syn_received_actively(at_s(0), &profile).name(), SynReceived);
}
