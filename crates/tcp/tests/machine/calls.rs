//! The user's calls, in the states that serve them and in those that do not.

use timewait_tcp::{
    CallError, Flags, Profile, Segment, State,
    StateName::{
        self, CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived,
        SynSent, TimeWait,
    },
};

use crate::reach::{self, at_s, nxt, only, prompt, text, una};

fn refusals(call: impl Fn(State) -> Option<CallError>) -> Vec<(StateName, CallError)> {
    let refused = |name| call(reach::state(name, at_s(0), &prompt())).map(|error| (name, error));
    StateName::ALL.into_iter().filter_map(refused).collect()
}

/// RFC 9293 §3.10.1 to §3.10.5, state by state.
#[test]
fn each_call_is_refused_where_the_rfc_refuses_it_and_in_its_words() {
    use CallError::{AlreadyExists, Closing as IsClosing, DoesNotExist};
    let profile = &prompt();
    let open = refusals(|state| state.open(reach::ISS, at_s(0), profile).error);
    let others =
        [SynSent, SynReceived, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait];
    assert_eq!(open, others.map(|name| (name, AlreadyExists)));

    let closed = [FinWait1, FinWait2, Closing, LastAck, TimeWait].map(|name| (name, IsClosing));
    let expected: Vec<_> = [(Closed, DoesNotExist)].into_iter().chain(closed).collect();
    assert_eq!(refusals(|state| state.send(b"x", at_s(0), profile).error), expected);
    assert_eq!(refusals(|state| state.close(at_s(0), profile).error), expected);
    assert_eq!(refusals(|state| state.abort().error), [(Closed, DoesNotExist)]);
    assert_eq!(IsClosing.to_string(), "connection closing");
}

#[test]
fn send_takes_all_of_the_text_or_says_that_there_is_no_room() {
    let profile = Profile { send_buffer: 5, ..prompt() };
    let open = reach::state(Established, at_s(0), &profile);
    let refused = open.clone().send(b"sixsix", at_s(0), &profile);
    assert_eq!((refused.error, refused.next), (Some(CallError::InsufficientResources), open.clone()));
    let taken = open.send(b"five!", at_s(0), &profile);
    assert_eq!((only(&taken).text.as_slice(), taken.next.send_room(&profile)), (&b"five!"[..], Some(0)));
    assert!(only(&taken).has(Flags::PSH));
}

#[test]
fn abort_sends_an_rst_that_its_peer_accepts_where_there_is_one_to_tell() {
    for (name, tells) in [
        (Listen, false),
        (SynSent, false),
        (SynReceived, true),
        (Established, true),
        (FinWait1, true),
        (FinWait2, true),
        (CloseWait, true),
        (Closing, false),
        (LastAck, false),
        (TimeWait, false),
    ] {
        let before = reach::state(name, at_s(0), &prompt());
        let rst = tells.then(|| Segment::rst(nxt(&before)));
        let step = before.abort();
        assert_eq!((step.send, step.next), (rst.into_iter().collect(), State::Closed), "{name}");
    }
}

/// RFC 9293 §3.6.1: "if new data is received after CLOSE is called" by one who cannot read it any more.
#[test]
fn text_for_a_user_who_has_gone_is_answered_with_an_rst_and_a_fin_is_not() {
    let profile = prompt();
    for name in [Established, FinWait1, FinWait2] {
        let gone = reach::state(name, at_s(0), &profile).close_both(at_s(0), &profile).next;
        let (next, una) = (reach::expected(&gone), una(&gone));
        let step = gone.clone().on_segment(text(next, una, b"x"), at_s(0), &profile);
        assert_eq!((step.send, step.next), (vec![Segment::rst(una)], State::Closed), "{name}");

        let step = gone.clone().on_segment(reach::fin(next, una), at_s(0), &profile);
        assert_ne!(step.next, State::Closed, "{name}");
        let old = gone.on_segment(text(next - 1, una, b"x"), at_s(0), &profile);
        assert_ne!(old.next, State::Closed, "{name}: what was read before is no news");
    }
}

#[test]
fn who_has_only_closed_for_sending_still_receives() {
    let profile = prompt();
    for name in [FinWait1, FinWait2] {
        let half = reach::state(name, at_s(0), &profile);
        let segment = text(reach::expected(&half), una(&half), b"more");
        let step = half.on_segment(segment, at_s(0), &profile);
        assert_eq!(step.events, [timewait_tcp::Event::Received(b"more".to_vec())]);
    }
}

#[test]
fn the_last_of_the_text_goes_with_the_fin_where_there_is_room() {
    let profile = Profile { send_buffer: 5, ..prompt() };
    for (name, next) in [(Established, FinWait1), (CloseWait, LastAck)] {
        let open = reach::state(name, at_s(0), &profile);
        let seq = nxt(&open);
        let step = open.clone().send_last(b"bye", at_s(0), &profile);
        let sent = only(&step);
        assert_eq!((sent.seq, &sent.text[..], sent.has(Flags::FIN)), (seq, &b"bye"[..], true));
        assert_eq!(step.next.name(), next);
        let step = open.send_last(b"longer", at_s(0), &profile);
        assert!(only(&step).text.is_empty(), "no room for it: only the FIN");
    }
    let gone = reach::state(FinWait2, at_s(0), &profile).send_last(b"bye", at_s(0), &profile);
    assert_eq!(gone.error, Some(CallError::Closing));
}

#[test]
fn what_is_sent_again_is_counted_until_it_is_acknowledged() {
    let profile = prompt();
    let closed = reach::state(Established, at_s(0), &profile).close(at_s(0), &profile).next;
    let times = |state: &State| state.outbox().map(timewait_tcp::Outbox::retransmissions);
    assert_eq!(times(&closed), Some(0));
    let at = closed.next_timer().unwrap();
    assert_eq!(times(&closed.on_timer(at, &profile).next), Some(1));
}

#[test]
fn a_second_close_is_refused_while_the_first_waits_behind_text_for_established() {
    let profile = prompt();
    let queued = reach::state(SynReceived, at_s(0), &profile).send(b"x", at_s(0), &profile).next;
    let closed = queued.close(at_s(0), &profile);
    assert_eq!((closed.next.name(), closed.error), (SynReceived, None));
    let again = closed.next.clone().close(at_s(0), &profile);
    assert_eq!((again.error, &again.next), (Some(CallError::Closing), &closed.next));
    let text = closed.next.clone().send(b"y", at_s(0), &profile);
    assert_eq!((text.error, text.next), (Some(CallError::Closing), closed.next));
}

/// RFC 9293 §3.10.4 and §3.10.5: in SYN-SENT nothing was said that would have to be taken back.
#[test]
fn close_and_abort_in_syn_sent_forget_the_text_and_say_nothing() {
    let profile = prompt();
    let queued = reach::state(SynSent, at_s(0), &profile).send(b"never sent", at_s(0), &profile).next;
    let closed = queued.clone().close(at_s(0), &profile);
    assert_eq!((closed.next, closed.send, closed.error), (State::Closed, vec![], None));
    let aborted = queued.abort();
    assert_eq!((aborted.next, aborted.send, aborted.error), (State::Closed, vec![], None));
}
