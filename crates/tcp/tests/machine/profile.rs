//! Every field of a profile changes something that can be seen from outside.

use std::{fmt::Debug, time::Duration};

use timewait_tcp::{
    Flags, Options, Profile, Segment, State,
    StateName::{Established, FinWait2, Listen, SynReceived, SynSent, TimeWait},
    endpoint::Endpoint,
    profile::{InWindow, Reopens, Restarts, RightEdge},
};

use crate::{
    cells::outcome,
    reach::{self, WINDOW, ack, at_ms, at_s, expected, nxt, stamped, syn, text, una, with},
};

/// Two profiles that differ in one field, and what is looked at.
struct Case {
    field: &'static str,
    one: Profile,
    other: Profile,
    seen: fn(&Profile) -> String,
}

/// Everything at once, nothing for ever.
fn base() -> Profile {
    Profile { delayed_ack: None, user_timeout: None, retries: Some(3), ..Profile::RFC_9293 }
}

macro_rules! case {
    ($field:ident: $one:expr, $other:expr, $seen:expr) => {
        Case {
            field: stringify!($field),
            one: Profile { $field: $one, ..base() },
            other: Profile { $field: $other, ..base() },
            seen: $seen,
        }
    };
}

/// When it does something by itself, in ms, until it is gone or nobody waits any more.
fn waits(mut state: State, profile: &Profile) -> String {
    let mut at = Vec::new();
    while let Some(now) = state.next_timer().filter(|_| at.len() < 20) {
        at.push(now.since_start().as_millis());
        state = state.on_timer(now, profile).next;
    }
    format!("{at:?}")
}

fn what<T: Debug>(seen: T) -> String {
    format!("{seen:?}")
}

fn opens(profile: &Profile) -> String {
    what(State::Closed.open(reach::ISS, at_ms(1500), profile).send)
}

fn open(profile: &Profile) -> State {
    reach::state(Established, at_s(0), profile)
}

/// What comes of a segment in a state.
fn hears(state: &State, segment: Segment, profile: &Profile) -> String {
    outcome(state, &state.clone().on_segment(segment, at_s(1), profile))
}

fn text_waits(profile: &Profile) -> String {
    waits(open(profile).send(b"x", at_s(0), profile).next, profile)
}

fn sent_at_once(state: State, profile: &Profile) -> String {
    what(state.send(&[b'x'; 2000], at_s(0), profile).send.first().map(|segment| segment.text.len()))
}

fn sent_over_ipv6(profile: &Profile) -> String {
    let (here, there) = ("[::1]:80".parse().unwrap(), "[::2]:9".parse().unwrap());
    let mut host = Endpoint::new(profile.clone(), |_| reach::ISS);
    let listener = host.listen(here, 1).unwrap();
    host.segment(at_s(0), there, here, syn());
    host.segment(at_s(0), there, here, ack(reach::IRS + 1, reach::ISS + 1));
    let handle = host.accept(listener).unwrap().unwrap().handle;
    host.write(at_s(0), handle, &[b'x'; 2000]).unwrap();
    what(
        host.poll_transmit()
            .and_then(|_syn_ack| host.poll_transmit())
            .map(|packet| packet.segment.text.len()),
    )
}

/// TIME-WAIT, and what becomes of it.
fn waiting_cases() -> Vec<Case> {
    let s = Duration::from_secs;
    vec![
        case!(time_wait: s(1), s(2), |p| waits(reach::state(TimeWait, at_s(0), p), p)),
        case!(time_wait_restarts: Restarts::OnFin, Restarts::OnAnyAck, |p| {
            let waiting = reach::state(TimeWait, at_s(0), p);
            let old = text(expected(&waiting) - 5, nxt(&waiting), b"old");
            what(waiting.on_segment(old, at_s(1), p).next.time_wait_until())
        }),
        case!(rst_ends_time_wait: true, false, |p| {
            let waiting = reach::state(TimeWait, at_s(0), p);
            hears(&waiting, Segment::rst(expected(&waiting)), p)
        }),
        case!(reopens: Reopens::Never, Reopens::Rfc6191, |p| what(reach::syn_received_anew(at_s(0), p).name())),
        case!(returns_to_time_wait: true, false, |p| {
            let anew = reach::syn_received_anew(at_s(0), p);
            hears(&anew, Segment::rst(expected(&anew)), p)
        }),
        case!(reopening_isn_step: 1, 1000, |p| what(reach::syn_received_anew(at_s(0), p).snd_nxt())),
        case!(fin_wait_2_timeout: None, Some(s(5)), |p| {
            waits(reach::state(FinWait2, at_s(0), p).close_both(at_s(0), p).next, p)
        }),
    ]
}

/// What comes from others, and how much of it is believed.
fn guarding_cases() -> Vec<Case> {
    vec![
        case!(in_window_rst: InWindow::Resets, InWindow::Challenge, |p| {
            hears(&open(p), Segment::rst(expected(&open(p)) + 1), p)
        }),
        case!(in_window_syn: InWindow::Resets, InWindow::Challenge, |p| {
            hears(&open(p), Segment::syn(expected(&open(p))), p)
        }),
        case!(right_edge: RightEdge::Outside, RightEdge::Inside, |p| {
            hears(&open(p), ack(expected(&open(p)) + p.window, una(&open(p))), p)
        }),
        case!(refuses_old_acks: true, false, |p| {
            hears(&open(p), text(expected(&open(p)), una(&open(p)) - 100_000, b"x"), p)
        }),
        case!(challenge_ack_every: None, Some(Duration::from_secs(5)), |p| {
            let rst = Segment::rst(expected(&open(p)) + 1);
            let once = open(p).on_segment(rst.clone(), at_s(1), p).next;
            hears(&once, rst, p)
        }),
        case!(drops_syn_with_fin: true, false, |p| {
            let step = reach::state(Listen, at_s(0), p).on_segment(with(Flags::FIN, syn()), at_s(0), p);
            what(step.next.name())
        }),
        case!(repeats_syn_ack: true, false, |p| {
            what(reach::state(SynReceived, at_s(0), p).on_segment(syn(), at_s(0), p).send)
        }),
        case!(drops_unstamped: true, false, |p| {
            let open = reach::state_with_timestamps(Established, 500, at_s(0), p);
            hears(&open, text(expected(&open), una(&open), b"x"), p)
        }),
        case!(ts_recent_valid: Duration::from_millis(500), Duration::from_secs(9), |p| {
            let open = reach::state_with_timestamps(Established, 500, at_s(0), p);
            hears(&open, stamped(text(expected(&open), una(&open), b"x"), 499), p)
        }),
    ]
}

/// What is offered to the peer, and how much is sent.
fn talking_cases() -> Vec<Case> {
    vec![
        case!(mss: 1000, 1001, opens),
        case!(default_mss: 500, 501, |p| sent_at_once(open(p), p)),
        case!(default_mss_v6: 500, 501, sent_over_ipv6),
        case!(window: 1000, 1001, opens),
        case!(send_buffer: 10, 11, |p| what(open(p).send_room(p))),
        case!(window_scale: None, Some(3), opens),
        case!(sack_permitted: true, false, opens),
        case!(timestamps: true, false, opens),
        case!(timestamp_unit: Duration::from_millis(1), Duration::from_millis(2), opens),
        case!(delayed_ack: None, Some(Duration::from_millis(40)), |p| {
            hears(&open(p), text(expected(&open(p)), una(&open(p)), b"x"), p)
        }),
        case!(nagle: true, false, |p| {
            what(open(p).send(b"a", at_s(0), p).next.send(b"b", at_s(0), p).send.len())
        }),
    ]
}

/// What is done when nothing comes.
fn patience_cases() -> Vec<Case> {
    let ms = Duration::from_millis;
    vec![
        case!(syn_timeout: ms(500), ms(501), |p| waits(reach::state(SynSent, at_s(0), p), p)),
        case!(syn_linear_retries: 0, 2, |p| waits(reach::state(SynSent, at_s(0), p), p)),
        case!(syn_retries: Some(1), Some(2), |p| waits(reach::state(SynSent, at_s(0), p), p)),
        case!(syn_ack_retries: Some(1), Some(2), |p| waits(reach::state(SynReceived, at_s(0), p), p)),
        case!(retransmission_timeout: ms(500), ms(501), text_waits),
        case!(max_timeout: ms(1500), ms(2500), text_waits),
        case!(retries: Some(1), Some(2), text_waits),
        case!(user_timeout: None, Some(ms(2500)), text_waits),
    ]
}

fn cases() -> impl Iterator<Item = Case> {
    waiting_cases().into_iter().chain(guarding_cases()).chain(talking_cases()).chain(patience_cases())
}

/// The fields' names and values are those that `Debug` prints.
fn fields(profile: &Profile) -> Vec<String> {
    let printed = format!("{profile:#?}").replace("(\n        ", "(").replace(",\n    )", ")");
    let lines = printed.lines().filter_map(|line| line.strip_prefix("    "));
    lines.filter(|line| !line.starts_with(' ') && line.contains(": ")).map(str::to_owned).collect()
}

#[test]
fn each_field_changes_what_is_seen_and_no_field_is_left_out() {
    let mut shown = Vec::new();
    for Case { field, one, other, seen } in cases() {
        let differs = fields(&one).into_iter().zip(fields(&other)).filter(|(one, other)| one != other);
        let differs: Vec<_> = differs.map(|(one, _)| one).collect();
        assert!(differs.len() == 1 && differs[0].starts_with(&format!("{field}: ")), "{field}: {differs:?}");
        assert_ne!(seen(&one), seen(&other), "{field}");
        shown.push(field);
    }
    let names: Vec<String> =
        fields(&base()).iter().filter_map(|line| Some(line.split_once(": ")?.0.into())).collect();
    assert!(names.len() > 30, "is this test blind? {names:?}");
    for name in names {
        assert_eq!(shown.iter().filter(|shown| **shown == name).count(), 1, "{name}");
    }
}

/// The peer's window is no field of ours, and neither is what it agrees to.
#[test]
fn what_the_peer_offers_bounds_what_a_profile_offers() {
    let eager = Profile { window_scale: Some(255), sack_permitted: true, ..base() };
    let all = Options { window_scale: Some(255), sack_permitted: true, ..Options::default() };
    let opening = Segment { options: all, window: WINDOW, ..syn() };
    let step = reach::state(Listen, at_s(0), &eager).on_segment(opening, at_s(0), &eager);
    assert_eq!(step.send[0].options.window_scale, Some(14), "RFC 7323 §2.3: no larger shift is meant");
    let heard = reach::acknowledged(step.next, at_s(0), &eager);
    assert_eq!(heard.outbox().unwrap().snd_wnd(), u32::from(WINDOW) << 14);
}
