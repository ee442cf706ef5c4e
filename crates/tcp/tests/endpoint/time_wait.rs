//! TIME-WAIT on a host: who may open anew out of it.

use timewait_tcp::{
    CallError, Flags, Profile, Segment,
    StateName::{Closed, Established, Listen, SynReceived, TimeWait},
    profile::Reopens,
};

use crate::host::{Host, IRS, ISS, ack, at_s, client, fin, hear, prompt, sent, server, serving, states};

/// The listener, and a connection that its user has closed first.
fn waiting(profile: Profile) -> Host {
    let (mut host, _, handle) = serving(profile);
    host.close(at_s(0), handle).unwrap();
    hear(&mut host, ack(IRS + 1, ISS + 2));
    hear(&mut host, fin(IRS + 1, ISS + 2));
    assert_eq!(states(&host), [Listen, TimeWait]);
    host
}

#[test]
fn a_higher_syn_opens_anew_for_the_listener_and_starts_above_the_old_numbers() {
    let mut host = waiting(prompt());
    let answer = hear(&mut host, Segment::syn(IRS + 1000));
    assert!(answer[0].has(Flags::SYN));
    assert_eq!((answer[0].seq, answer[0].ack), (ISS + 2 + 65_537, Some(IRS + 1001)));
    assert_eq!(states(&host), [Listen, SynReceived]);
}

#[test]
fn a_syn_that_may_not_open_anew_or_finds_nobody_is_acknowledged_and_the_wait_goes_on() {
    let mut old = waiting(prompt());
    let mut strict = waiting(Profile { reopens: Reopens::Never, ..prompt() });
    let mut alone = waiting(prompt());
    alone.delete(server(), None);
    for (host, number) in [(&mut old, IRS), (&mut strict, IRS + 1000), (&mut alone, IRS + 1000)] {
        let answer = hear(host, Segment::syn(number));
        assert_eq!(answer.len(), 1);
        assert_eq!((answer[0].flags, answer[0].ack), (Flags::NONE, Some(IRS + 2)));
        assert_eq!(host.blocks().last().unwrap().state, TimeWait);
    }
}

#[test]
fn a_full_backlog_keeps_time_wait_as_it_is() {
    let mut host = waiting(prompt());
    for port in 1..=2 {
        host.segment(at_s(0), (client().ip(), port).into(), server(), crate::host::syn());
    }
    sent(&mut host);
    assert_eq!(hear(&mut host, Segment::syn(IRS + 1000))[0].flags, Flags::NONE);
    assert!(states(&host).contains(&TimeWait));
}

#[test]
fn an_old_syn_that_opened_anew_is_taken_back_by_its_rst_as_the_profile_says() {
    for (returns, then) in [(true, vec![Listen, TimeWait]), (false, vec![Listen])] {
        let mut host = waiting(Profile { returns_to_time_wait: returns, ..prompt() });
        hear(&mut host, Segment::syn(IRS + 1000));
        assert_eq!(hear(&mut host, Segment::rst(IRS + 1001)), []);
        assert_eq!(states(&host), then);
    }
}

#[test]
fn whoever_holds_the_old_connection_does_not_get_the_new_one() {
    let (mut host, listener, old) = serving(prompt());
    host.shut_down(at_s(0), old).unwrap();
    hear(&mut host, ack(IRS + 1, ISS + 2));
    hear(&mut host, fin(IRS + 1, ISS + 2));
    assert_eq!(host.state(old), Some(TimeWait));

    let answer = hear(&mut host, Segment::syn(IRS + 1000));
    hear(&mut host, ack(IRS + 1001, answer[0].seq + 1));
    let new = host.accept(listener).unwrap().unwrap().handle;
    assert_eq!((host.state(old), host.state(new)), (Some(Closed), Some(Established)));
    host.close(at_s(0), old).unwrap();
    assert_eq!(host.state(new), Some(Established));
}

#[test]
fn an_rst_ends_time_wait_or_not_as_the_profile_says() {
    for (ends, then) in [(true, vec![Listen]), (false, vec![Listen, TimeWait])] {
        let mut host = waiting(Profile { rst_ends_time_wait: ends, ..prompt() });
        assert_eq!(hear(&mut host, Segment::rst(IRS + 2)), []);
        assert_eq!(states(&host), then);
    }
}

#[test]
fn the_pair_cannot_be_opened_from_here_until_the_wait_is_over() {
    let mut host = waiting(prompt());
    assert_eq!(host.open(at_s(1), server(), client()), Err(CallError::AlreadyExists));
    assert_eq!(host.next_timer(), Some(at_s(60)));
    host.on_timer(at_s(60));
    assert!(host.open(at_s(60), server(), client()).is_ok());
}
