//! Who may do what with a handle, and by which profile its connection goes.

use std::time::Duration;

use timewait_tcp::{
    CallError, Flags, Profile, Segment,
    StateName::{Closed, Established, Listen, SynReceived},
    endpoint::{Handle, Read, UserError},
    profile::InWindow,
};

use crate::host::{
    Host, IRS, ISS, ack, at_s, client, fin, hear, host, prompt, sent, server, serving, states, syn, text,
};

/// Every call on a connection.
fn calls(host: &mut Host, handle: Handle) -> [Result<(), UserError>; 6] {
    [
        host.read(at_s(0), handle, 9).map(drop),
        host.write(at_s(0), handle, b"x").map(drop),
        host.shut_down(at_s(0), handle),
        host.set_profile(handle, prompt()).map_err(Into::into),
        host.abort(handle).map_err(Into::into),
        host.close(at_s(0), handle).map_err(Into::into),
    ]
}

const NOBODYS: [Result<(), UserError>; 6] = [Err(UserError::Call(CallError::DoesNotExist)); 6];

#[test]
fn a_handle_that_was_given_back_or_never_given_is_nobodys() {
    let (mut host, _, handle) = serving(prompt());
    host.close(at_s(0), handle).unwrap();
    for number in [0, handle.number(), handle.number() + 1, u64::MAX] {
        let handle = Handle::from_number(number);
        assert_eq!(calls(&mut host, handle), NOBODYS, "{number}");
        assert_eq!((host.state(handle), host.take_error(handle)), (None, None));
        assert_eq!(host.accept(handle), Err(CallError::DoesNotExist));
    }
}

#[test]
fn nobody_has_the_handle_of_a_child_before_it_is_accepted_even_who_guesses_its_number() {
    for established in [false, true] {
        let mut host = host(prompt());
        let listener = host.listen(server(), 1).unwrap();
        hear(&mut host, syn());
        if established {
            hear(&mut host, ack(IRS + 1, ISS + 1));
        }
        let guessed = Handle::from_number(listener.number() + 1);
        assert_eq!(calls(&mut host, guessed), NOBODYS);
        assert_eq!((host.state(guessed), host.inspect(guessed)), (None, None));
        assert_eq!(states(&host), [Listen, if established { Established } else { SynReceived }]);
        assert_eq!(sent(&mut host), []);
    }
}

#[test]
fn a_listeners_handle_is_no_connections() {
    let mut host = host(prompt());
    let listener = host.listen(server(), 1).unwrap();
    let nobodys = Err(UserError::Call(CallError::DoesNotExist));
    assert_eq!(host.read(at_s(0), listener, 9).map(drop), nobodys);
    assert_eq!(host.write(at_s(0), listener, b"x").map(drop), nobodys);
    assert_eq!(host.shut_down(at_s(0), listener), nobodys);
    let (mut host, _, connection) = serving(prompt());
    assert_eq!(host.accept(connection), Err(CallError::DoesNotExist));
}

/// "Reading clears it": once, whoever asks first.
#[test]
fn each_error_is_told_by_the_first_call_of_any_kind_and_then_the_connection_is_gone() {
    let asks: [fn(&mut Host, Handle) -> Option<UserError>; 4] = [
        |host, handle| host.read(at_s(0), handle, 9).err(),
        |host, handle| host.write(at_s(0), handle, b"x").err(),
        |host, handle| host.shut_down(at_s(0), handle).err(),
        Host::take_error,
    ];
    for ask in asks {
        let (mut host, _, handle) = serving(prompt());
        hear(&mut host, Segment::rst(IRS + 1));
        assert_eq!(ask(&mut host, handle), Some(UserError::Reset));
        assert_eq!((host.take_error(handle), host.state(handle)), (None, Some(Closed)));
        assert_eq!(host.read(at_s(0), handle, 9), Ok(Read::End));
        assert_eq!(host.write(at_s(0), handle, b"x"), Err(CallError::DoesNotExist.into()));
        assert_eq!(host.close(at_s(0), handle), Ok(()));
    }
}

#[test]
fn who_accepts_from_a_listener_on_all_addresses_is_told_which_one_was_chosen() {
    let mut host = host(prompt());
    let listener = host.listen("0.0.0.0:80".parse().unwrap(), 1).unwrap();
    hear(&mut host, syn());
    hear(&mut host, ack(IRS + 1, ISS + 1));
    let accepted = host.accept(listener).unwrap().unwrap();
    assert_eq!((accepted.local, accepted.remote), (server(), client()));
}

/// RFC 9293 §3.8.3, MUST-21: R2 for a particular connection.
#[test]
fn one_connection_gives_up_sooner_than_another() {
    let patient = Profile { user_timeout: Some(Duration::from_secs(300)), retries: None, ..prompt() };
    let hasty = Profile { user_timeout: Some(Duration::from_secs(7)), ..patient.clone() };
    for (chosen, until) in [(None, 300), (Some(hasty), 7)] {
        let (mut host, _, handle) = serving(patient.clone());
        if let Some(profile) = chosen {
            host.set_profile(handle, profile).unwrap();
        }
        host.write(at_s(0), handle, b"x").unwrap();
        let mut now = at_s(0);
        while host.state(handle) == Some(Established) {
            now = host.next_timer().unwrap();
            host.on_timer(now);
        }
        assert_eq!((now, host.take_error(handle)), (at_s(until), Some(UserError::TimedOut)));
    }
}

/// RFC 9293 §3.7.4, MUST-17: Nagle's algorithm, on an individual connection.
#[test]
fn one_connection_waits_to_fill_segments_and_another_does_not() {
    for (nagle, segments) in [(true, 1), (false, 2)] {
        let (mut host, _, handle) = serving(Profile { nagle: !nagle, ..prompt() });
        host.set_profile(handle, Profile { nagle, ..prompt() }).unwrap();
        for _ in 0..2 {
            host.write(at_s(0), handle, b"x").unwrap();
        }
        assert_eq!(sent(&mut host).len(), segments);
    }
}

#[test]
fn a_listeners_profile_is_its_childrens_and_nobody_elses() {
    let mut host = host(prompt());
    let strict = host.listen(server(), 5).unwrap();
    let other = "10.0.0.1:81".parse().unwrap();
    host.listen(other, 5).unwrap();
    host.set_profile(strict, Profile { in_window_rst: InWindow::Resets, mss: 500, ..prompt() }).unwrap();
    for (local, mss, answers) in [(server(), 500, 0), (other, 1460, 1)] {
        host.segment(at_s(0), client(), local, syn());
        assert_eq!(host.poll_transmit().unwrap().segment.options.mss, Some(mss));
        host.segment(at_s(0), client(), local, ack(IRS + 1, ISS + 1));
        host.segment(at_s(0), client(), local, Segment::rst(IRS + 2));
        assert_eq!(sent(&mut host).len(), answers, "a challenge, or none");
    }
}

/// The new connection out of TIME-WAIT is the listener's.
#[test]
fn a_reopened_connection_goes_by_the_profile_of_who_listens_now() {
    let (mut host, listener, handle) = serving(prompt());
    host.close(at_s(0), handle).unwrap();
    hear(&mut host, ack(IRS + 1, ISS + 2));
    hear(&mut host, fin(IRS + 1, ISS + 2));
    host.set_profile(listener, Profile { reopening_isn_step: 5, mss: 500, ..prompt() }).unwrap();
    let answer = hear(&mut host, Segment::syn(IRS + 1000));
    assert!(answer[0].has(Flags::SYN));
    assert_eq!((answer[0].seq, answer[0].options.mss), (ISS + 2 + 5, Some(500)));
}

/// Stale handles must not reach a later connection between the same two ends.
#[test]
fn who_holds_a_connection_that_has_ended_reads_what_it_had_and_touches_no_other() {
    let (mut host, listener, old) = serving(prompt());
    hear(&mut host, text(IRS + 1, ISS + 1, b"old"));
    hear(&mut host, Segment::rst(IRS + 4));
    hear(&mut host, syn());
    hear(&mut host, ack(IRS + 1, ISS + 1));
    let new = host.accept(listener).unwrap().unwrap().handle;
    assert_eq!(host.read(at_s(0), old, 9), Ok(Read::Text(b"old".to_vec())));
    assert_eq!(host.set_profile(old, prompt()), Err(CallError::DoesNotExist));
    assert_eq!(host.abort(old), Ok(()));
    assert_eq!((host.state(new), sent(&mut host)), (Some(Established), vec![]));
}
