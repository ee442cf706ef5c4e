//! One test a reason, and what helps against it. That the rules are the kernel's is tried elsewhere, on the kernel.

use core::num::NonZeroU32;

use super::*;
use crate::Note;

/// A socket that was found with these flags.
fn there((socket, owner): (Socket, Option<Owner>), reuseaddr: bool, reuseport: bool) -> Occupant {
    Occupant::of(socket, owner).with_flags(Some(reuseaddr), Some(reuseport))
}

fn of_user(occupant: Occupant, uid: u32) -> Occupant {
    Occupant { socket: Socket { uid: Some(uid), ..occupant.socket }, ..occupant }
}

fn listener() -> (Socket, Option<Owner>) {
    owned(socket(State::Listen, "0.0.0.0:9000", None))
}

fn facts(occupants: Vec<Occupant>) -> Facts {
    Facts { occupants, bound_listed: true, ..Facts::default() }
}

fn refused(request: &Request, facts: &Facts) -> (Reason, Finding) {
    let Verdict::Fails(failure) = predict(request, facts).bind else { panic!("it is not refused") };
    (failure.reason, finding(request, Call::Bind, &failure, facts))
}

fn passes(request: &Request, facts: &Facts) -> bool {
    let prediction = predict(request, facts);
    (prediction.bind, prediction.listen) == (Verdict::Succeeds, Some(Verdict::Succeeds))
}

#[test]
fn a_free_port_is_free() {
    assert!(passes(&PLAIN, &facts(vec![])));
}

#[test]
fn a_live_listener_shares_with_nobody_but_its_own_kind() {
    let held = facts(vec![of_user(there(listener(), true, true), 1000)]);
    let (reason, finding) = refused(&REUSEADDR, &held);
    assert_eq!(reason, Reason::Held { by: Role::Listener, clash: Clash::Listens, across: false });
    assert_eq!(finding.until, Until::Released);
    assert_eq!(finding.remedies[0], Remedy::SetReuseport, "it has that, and is the same user's");
    assert!(passes(&Request { reuseport: true, ..PLAIN }, &held));
}

#[test]
fn a_listener_of_another_user_does_not_share_by_reuseport() {
    let held = facts(vec![of_user(there(listener(), false, true), 33)]);
    let request = Request { reuseport: true, ..PLAIN };
    let (reason, finding) = refused(&request, &held);
    assert!(matches!(reason, Reason::Held { clash: Clash::OtherUser { uid: 33 }, .. }));
    assert_eq!(finding.because, Because::OtherUser { uid: 33 });
    assert_eq!(finding.remedies[0], Remedy::AsUser { uid: 33 });
}

#[test]
fn what_waits_has_no_user_any_more() {
    let held = facts(vec![there(waiting(1), false, true)]);
    assert!(passes(&Request { reuseport: true, ..PLAIN }, &held));
}

#[test]
fn a_flag_that_comes_too_late_is_not_advised_and_waiting_is() {
    let held = facts(vec![there(waiting(57_400), false, false)]);
    let left = Duration::from_millis(57_400);
    let (_, finding) = refused(&REUSEADDR, &held);
    assert_eq!(finding.because, Because::OldLacksReuseaddr);
    assert_eq!(finding.until, Until::Expires(left));
    let expected = [Remedy::Wait(left), Remedy::EndWaiting { port: 9000 }, Remedy::ReuseaddrFromNextRestart];
    assert_eq!(finding.remedies, expected);
    let (_, finding) = refused(&PLAIN, &held);
    assert!(!finding.remedies.contains(&Remedy::SetReuseaddr), "the old one is known to lack it");
}

#[test]
fn flags_that_cannot_be_read_leave_the_answer_open_where_they_decide() {
    let (minisocket, owner) = waiting(1);
    let held = facts(vec![Occupant::of(minisocket, owner)]);
    let on = On::Flags(Flags { reuseaddr: true, ..Flags::default() });
    let prediction = predict(&REUSEADDR, &held);
    assert!(matches!(prediction.bind, Verdict::Depends { on: found, .. } if found == on));
    assert_eq!(prediction.listen, Some(Verdict::Succeeds), "if bind(2) passes, listen(2) does");
    assert!(matches!(predict(&PLAIN, &held).bind, Verdict::Fails(_)), "a plain socket never passes");
}

#[test]
fn an_outgoing_connection_that_took_the_port_is_told_from_a_server_s() {
    let (mut connection, _) = socket(State::Established, "10.0.0.5:40000", None);
    connection.peer = "10.0.0.9:5432".parse().unwrap();
    let request = Request { address: "0.0.0.0:40000".parse().unwrap(), ..REUSEADDR };
    let ports = LocalPorts { range: Some(32768..=60999), reserved: vec![] };
    let held = Facts { ports, ..facts(vec![there((connection, None), false, false)]) };
    let (reason, finding) = refused(&request, &held);
    assert!(matches!(reason, Reason::Held { by: Role::Outgoing, .. }));
    assert_eq!(finding.code, Code::HeldByOutgoing);
    assert_eq!(finding.remedies, [Remedy::ReservePort { port: 40000 }]);
    connection.state = State::TimeWait;
    connection.timer = Timer { kind: TimerKind::TimeWait, expires_ms: 9, retries: 0 };
    let held = Facts { occupants: vec![there((connection, None), false, false)], ..held };
    let (reason, finding) = refused(&request, &held);
    assert!(matches!(reason, Reason::Held { by: Role::OutgoingWaiting, .. }));
    assert_eq!(finding.until, Until::Expires(Duration::from_millis(9)));
}

#[test]
fn a_dual_stack_socket_is_in_the_way_of_ipv4_and_v6only_avoids_it() {
    let held = facts(vec![there(listener(), true, false)]);
    let request = Request { address: "[::]:9000".parse().unwrap(), ..REUSEADDR };
    let (reason, finding) = refused(&request, &held);
    assert!(matches!(reason, Reason::Held { across: true, .. }));
    assert_eq!(finding.notes, [Note::DualStack]);
    assert_eq!(finding.remedies[0], Remedy::SetV6only);
}

#[test]
fn of_two_that_are_bound_by_reuseaddr_the_other_is_a_rival_for_listen() {
    let bound = socket(State::BoundInactive, "0.0.0.0:9000", None);
    let prediction = predict(&REUSEADDR, &facts(vec![there(bound, true, false)]));
    assert_eq!((prediction.bind, prediction.rivals), (Verdict::Succeeds, vec![0]));
}

#[test]
fn another_namespace_does_not_matter_and_a_refusal_says_so() {
    let here = Facts { elsewhere: 2, ..facts(vec![]) };
    assert!(passes(&PLAIN, &here));
    let held = Facts { elsewhere: 2, ..facts(vec![there(waiting(1), false, false)]) };
    assert_eq!(refused(&PLAIN, &held).1.notes, [Note::OtherNamespace { sockets: 2 }]);
}

#[test]
fn sockets_on_different_devices_do_not_meet() {
    let on = |index| NonZeroU32::new(index);
    let mut old = there(listener(), false, false);
    old.socket.interface = on(2);
    let held = facts(vec![old]);
    assert!(passes(&Request { device: on(3), ..PLAIN }, &held));
    assert!(!passes(&Request { device: on(2), ..PLAIN }, &held));
    assert!(!passes(&PLAIN, &held));
}

#[test]
fn a_process_that_ends_leaves_its_connections_waiting_and_the_advice_knows() {
    let open = owned(socket(State::Established, "127.0.0.1:9000", None));
    let held = facts(vec![there(listener(), false, false), there(open, false, false)]);
    let (_, finding) = refused(&REUSEADDR, &held);
    let [Remedy::EndOwner(owner), Remedy::Wait(left), ..] = &finding.remedies[..] else {
        panic!("{:?}", finding.remedies)
    };
    assert_eq!((owner.pid, left.as_secs()), (7, 60));
}

#[test]
fn what_is_wrong_with_the_request_itself_is_named_before_any_socket() {
    let local = Some(vec!["127.0.0.0/8".parse().unwrap()]);
    let facts = Facts { local, ..facts(vec![there(listener(), false, false)]) };
    let asked = |address: &str| {
        let request = Request { v6only: true, ..Request::plain(address.parse().unwrap(), 1000) };
        predict(&request, &facts).bind.failure().map(|failure| (failure.answer, failure.reason))
    };
    let privileged = Reason::PrivilegedPort { unprivileged_from: 1024 };
    assert_eq!(asked("0.0.0.0:80"), Some((Answer::NotPermitted, privileged)));
    assert_eq!(asked("192.0.2.1:80"), Some((Answer::NotAvailable, Reason::AddressNotHere)), "IPv4: first");
    assert_eq!(asked("[2001:db8::1]:80"), Some((Answer::NotPermitted, privileged)), "IPv6: second");
    assert_eq!(asked("[2001:db8::1]:9000"), Some((Answer::NotAvailable, Reason::AddressNotHere)));
    assert_eq!(asked("[::ffff:127.0.0.1]:9000"), Some((Answer::Invalid, Reason::MappedButV6only)));
    assert_eq!(asked("[fe80::1]:9000"), Some((Answer::Invalid, Reason::NoInterface)));
    assert_eq!(asked("[ff02::1]:9000"), Some((Answer::Invalid, Reason::Multicast)));
    assert_eq!(asked("0.0.0.0:0"), None, "port 0 is nobody's");
}

#[test]
fn a_crowd_that_waits_alike_takes_one_place_and_is_counted() {
    let mut census = Census::new(LocalPorts::default());
    for ms in [12_400, 57_400, 3_000] {
        census.add(there(waiting(ms), true, false));
    }
    census.add(there(waiting(9), false, false));
    let crowd = facts(census.into_occupants());
    assert_eq!(crowd.occupants.iter().map(|old| old.count).collect::<Vec<_>>(), [3, 1]);
    let (_, finding) = refused(&PLAIN, &crowd);
    assert_eq!(finding.holders[0].count, 4);
    assert_eq!(finding.until, Until::Expires(Duration::from_millis(57_400)));
}

#[test]
fn only_those_that_refuse_are_waited_for() {
    let elsewhere = socket(State::TimeWait, "127.0.0.2:9000", Some(50_000));
    let held = facts(vec![there(elsewhere, false, false), there(waiting(9), false, false)]);
    let request = Request { address: "127.0.0.1:9000".parse().unwrap(), ..PLAIN };
    let (_, finding) = refused(&request, &held);
    assert_eq!(finding.until, Until::Expires(Duration::from_millis(9)));
    assert_eq!(finding.remedies[0], Remedy::Wait(Duration::from_millis(9)));
}

#[test]
fn the_order_of_binds_may_have_left_a_mark_that_admits_reuseport_alone() {
    let bound = || socket(State::BoundInactive, "0.0.0.0:9000", None);
    let (without, with) =
        (of_user(there(bound(), true, false), 1000), of_user(there(bound(), true, true), 1000));
    let request = Request { reuseport: true, ..PLAIN };
    let prediction = predict(&request, &facts(vec![without.clone(), with.clone()]));
    assert!(matches!(prediction.bind, Verdict::Depends { on: On::History, .. }), "{prediction:?}");
    assert!(
        matches!(predict(&request, &facts(vec![without.clone()])).bind, Verdict::Fails(_)),
        "nobody left one"
    );
    let others = facts(vec![without, of_user(with, 33)]);
    assert!(matches!(predict(&request, &others).bind, Verdict::Fails(_)), "a mark is its user's alone");
}
