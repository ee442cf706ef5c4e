//! Every row of TABLE is taken, by the event that it names.

use std::time::Duration;

use timewait_tcp::{
    Arrow, Instant, On, Profile, Segment, State,
    StateName::{self, Closed, FinWait1, Listen, SynReceived, SynSent, TimeWait},
    Step, TABLE,
    profile::InWindow,
    state::Numbers,
};

use crate::reach::{
    self, WINDOW, ack, at_s, expected, fin, nxt, syn_received_actively, syn_received_anew, text, una,
};

/// Everything may end a connection here.
fn harsh() -> Profile {
    Profile {
        in_window_syn: InWindow::Resets,
        delayed_ack: None,
        fin_wait_2_timeout: Some(Duration::from_secs(60)),
        ..Profile::RFC_9293
    }
}

/// The state in which the arrow starts, made so that the event finds what it needs.
fn start(arrow: &Arrow) -> State {
    let profile = &harsh();
    let now = at_s(0);
    match (arrow.from, arrow.on, arrow.to) {
        (SynReceived, On::Rst | On::Syn, Closed) => syn_received_actively(now, profile),
        (SynReceived, On::Rst | On::Syn, TimeWait) => syn_received_anew(now, profile),
        (_, On::Text | On::FinWait2Timeout, _) => {
            reach::state(arrow.from, now, profile).close_both(now, profile).next
        }
        (StateName::Established | StateName::CloseWait, On::UserTimeout, _) => {
            reach::state(arrow.from, now, profile).send(b"x", now, profile).next
        }
        _ => reach::state(arrow.from, now, profile),
    }
}

fn happens(on: On, state: State) -> Step {
    let profile = &harsh();
    let now = at_s(1);
    let next = state.numbers().map(Numbers::rcv_nxt).unwrap_or_default();
    let segment = match on {
        On::PassiveOpen => return state.listen(reach::ISS),
        On::ActiveOpen => return state.open(reach::ISS, now, profile),
        On::Send => return state.send(b"x", now, profile),
        On::Close => return state.close(now, profile),
        On::Abort => return state.abort(),
        On::UserTimeout => return state.on_timer(at_s(301), profile),
        On::FinWait2Timeout | On::TimeWaitTimeout => return state.on_timer(at_s(240), profile),
        On::Syn if state.name() == TimeWait => Segment::syn(next + 1),
        On::Syn if state.numbers().is_none() => reach::syn(),
        On::Syn => Segment::syn(next),
        On::SynAck => Segment { ack: Some(nxt(&state)), ..reach::syn() },
        On::AckOfSyn | On::AckOfFin => ack(next, nxt(&state)),
        On::Text => text(next, una(&state), b"x"),
        On::Fin => fin(next, una(&state)),
        On::FinAndAckOfFin => fin(next, nxt(&state)),
        On::Rst if state.name() == SynSent => Segment { ack: state.snd_nxt(), ..Segment::rst(next) },
        On::Rst => Segment::rst(next),
    };
    state.on_segment(segment, now, profile)
}

fn taken(arrow: &Arrow) -> Step {
    let state = start(arrow);
    assert_eq!(state.name(), arrow.from);
    if (arrow.on, arrow.to) == (On::Syn, SynReceived) && arrow.from == TimeWait {
        let segment = Segment { window: WINDOW, ..Segment::syn(expected(&state) + 1) };
        return state.on_segment_with_listener(segment, at_s(1), &harsh());
    }
    happens(arrow.on, state)
}

#[test]
fn every_row_is_taken_by_the_event_that_it_names_and_ends_where_it_says() {
    for arrow in TABLE {
        let step = taken(arrow);
        assert_eq!(step.arrows, [arrow], "{arrow}");
        assert_eq!(step.next.name(), arrow.to, "{arrow}");
        assert_eq!(step.error, None, "{arrow}");
    }
}

/// What Figure 5 writes under the line is what is sent.
#[test]
fn on_every_row_what_is_said_to_be_sent_is_sent() {
    for arrow in TABLE {
        let sent: Vec<String> = taken(arrow).send.iter().map(label).collect();
        let said: Vec<&str> = arrow.does.split(", ").filter_map(|does| does.strip_prefix("snd ")).collect();
        let said = if (arrow.from, arrow.on) == (SynSent, On::SynAck) { vec!["ACK"] } else { said };
        assert_eq!(sent, said, "{arrow}");
    }
}

fn label(segment: &Segment) -> String {
    let names: Vec<&str> = segment.flags.names().filter(|name| *name != "PSH").collect();
    match names.as_slice() {
        [] => "ACK".to_owned(),
        ["SYN"] if segment.ack.is_some() => "SYN,ACK".to_owned(),
        [name] => (*name).to_owned(),
        more => more.join(","),
    }
}

/// RFC 9293's Figure 5 and its text agree on where one can come from CLOSED.
#[test]
fn a_call_or_a_segment_that_has_no_row_leaves_the_state_as_it_is() {
    let profile = &harsh();
    for name in StateName::ALL {
        for on in [On::PassiveOpen, On::ActiveOpen, On::Send, On::Close] {
            if TABLE.iter().any(|arrow| arrow.from == name && arrow.on == on) {
                continue;
            }
            let before = reach::state(name, at_s(0), profile);
            let step = happens(on, before.clone());
            assert_eq!(step.next.name(), name, "{on} in {name}");
            let serves = on == On::Send && step.error.is_none();
            assert!(serves || step.next == before, "{on} in {name}: refused, and nothing has changed");
        }
    }
}

#[test]
fn one_segment_can_take_two_arrows() {
    let profile = &harsh();
    let opening = reach::state(SynSent, Instant::START, profile);
    let syn_ack_fin =
        Segment { ack: opening.snd_nxt(), ..reach::with(timewait_tcp::Flags::FIN, reach::syn()) };
    let step = opening.on_segment(syn_ack_fin, at_s(0), profile);
    let way: Vec<On> = step.arrows.iter().map(|arrow| arrow.on).collect();
    assert_eq!(way, [On::SynAck, On::Fin]);
    assert_eq!(step.next.name(), StateName::CloseWait);

    let queued = reach::state(SynReceived, at_s(0), profile).send(b"last words", at_s(0), profile).next;
    let queued = queued.close(at_s(0), profile).next;
    assert_eq!(queued.name(), SynReceived, "CLOSE waits for ESTABLISHED behind the text");
    let step = happens(On::AckOfSyn, queued);
    let way: Vec<On> = step.arrows.iter().map(|arrow| arrow.on).collect();
    assert_eq!(way, [On::AckOfSyn, On::Close]);
    assert_eq!(step.next.name(), FinWait1);
    assert_eq!(step.send.len(), 1, "text and FIN go together");
    assert!(step.send[0].has(timewait_tcp::Flags::FIN));
}

#[test]
fn a_segment_for_listen_that_opens_nothing_leaves_it() {
    let listening = reach::state(Listen, at_s(0), &harsh());
    for (segment, answer) in [
        (Segment::rst(reach::IRS), None),
        (ack(reach::IRS, reach::ISS), Some(Segment::rst(reach::ISS))),
        (Segment { ack: Some(reach::ISS), ..reach::syn() }, Some(Segment::rst(reach::ISS))),
        (Segment { text: b"x".to_vec(), ..Segment::default() }, None),
    ] {
        let step = listening.clone().on_segment(segment, at_s(0), &harsh());
        assert_eq!(step.next, listening);
        assert_eq!(step.send.first(), answer.as_ref());
    }
}
