//! Rehearsals, compared with the table that was measured on real servers (and is the kernel's rule).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

use std::{env, io, process::Command};

use timewait_linux::{
    Errno,
    hosts::{Refusal, Step},
    rehearsal::{self, Answer, Endpoint, Flags, Holder, NotRebuilt, RehearsalError, Role, Trial},
};
use timewait_trial::{Need, forbid, in_own_host, skip};

const CHILD: &str = "TIMEWAIT_TEST_PERFORMS";
const IN_USE: Answer = Answer::BindRefused(Errno::ADDRESS_IN_USE);
const FOUR: [Flags; 4] = [Flags::NONE, Flags::REUSEADDR, Flags::REUSEPORT, Flags::BOTH];

/// The child's part: this program, asked to run this test alone.
#[test]
fn a_child_of_this_program_performs() {
    if env::var_os(CHILD).is_some() {
        rehearsal::perform(io::stdin().lock(), io::stdout()).unwrap();
    }
}

fn rehearse(trials: &[Trial]) -> Option<Vec<Answer>> {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "a_child_of_this_program_performs", "--nocapture"]).env(CHILD, "1");
    match rehearsal::rehearse(&mut command, trials) {
        Ok(answers) => Some(answers),
        Err(RehearsalError::NoHost(refusal @ Refusal::NotPermitted { .. })) => {
            skip(Need::Kernel, &refusal.to_string());
            None
        }
        Err(error) => panic!("{error}: {error:?}"),
    }
}

fn at(address: &str, flags: Flags) -> Endpoint {
    Endpoint::new(address.parse().unwrap(), flags)
}

fn one(role: Role, address: &str, old: Flags, request: Endpoint) -> Trial {
    Trial { holders: vec![Holder { role, at: at(address, old) }], request }
}

/// Tries each old with each new set of options, on these addresses, and compares with what the rule says.
fn matrix(role: Role, (held, asked): (&str, &str), shares: fn(Flags, Flags) -> bool) {
    let pairs: Vec<(Flags, Flags)> = FOUR.into_iter().flat_map(|old| FOUR.map(|new| (old, new))).collect();
    let trials: Vec<Trial> = pairs.iter().map(|&(old, new)| one(role, held, old, at(asked, new))).collect();
    let Some(answers) = rehearse(&trials) else { return };
    for ((old, new), answer) in pairs.into_iter().zip(answers) {
        let expected = if shares(old, new) { Answer::Listens } else { IN_USE };
        assert_eq!(answer, expected, "{role:?} on {held} with {old:?}, asked {asked} with {new:?}");
    }
}

fn both_have_one(old: Flags, new: Flags) -> bool {
    old.reuseaddr && new.reuseaddr || old.reuseport && new.reuseport
}

fn both_have_reuseport(old: Flags, new: Flags) -> bool {
    old.reuseport && new.reuseport
}

const OVERLAPPING: [(&str, &str); 6] = [
    ("127.0.0.1", "127.0.0.1"),
    ("127.0.0.1", "0.0.0.0"),
    ("192.0.2.7", "::"),
    ("::1", "::1"),
    ("2001:db8::7", "::"),
    ("::ffff:127.0.0.1", "0.0.0.0"),
];

#[test]
fn a_time_wait_shares_if_both_sides_have_the_same_option() {
    for pair in OVERLAPPING {
        matrix(Role::TimeWait, pair, both_have_one);
    }
}

#[test]
fn an_orphaned_fin_wait_2_shares_if_both_sides_have_the_same_option() {
    for pair in OVERLAPPING {
        matrix(Role::OrphanedFinWait2, pair, both_have_one);
    }
}

#[test]
fn an_accepted_connection_shares_if_both_sides_have_the_same_option() {
    for pair in OVERLAPPING {
        matrix(Role::Accepted, pair, both_have_one);
    }
}

#[test]
fn an_outgoing_connection_shares_as_any_other_and_the_kernel_s_choice_has_no_option() {
    for pair in OVERLAPPING {
        matrix(Role::Outgoing, pair, both_have_one);
        matrix(Role::OutgoingTimeWait, pair, both_have_one);
    }
}

#[test]
fn a_bound_socket_shares_if_both_sides_have_the_same_option() {
    for pair in OVERLAPPING {
        matrix(Role::Bound, pair, both_have_one);
    }
    matrix(Role::Bound, ("0.0.0.0", "0.0.0.0"), both_have_one);
}

#[test]
fn a_listener_shares_by_reuseport_alone() {
    for pair in OVERLAPPING {
        matrix(Role::Listener, pair, both_have_reuseport);
    }
    matrix(Role::Listener, ("0.0.0.0", "127.0.0.1"), both_have_reuseport);
    matrix(Role::Listener, ("::", "0.0.0.0"), both_have_reuseport);
}

#[test]
fn other_addresses_do_not_matter() {
    for (held, asked) in
        [("127.0.0.1", "127.0.0.2"), ("127.0.0.1", "::1"), ("::1", "0.0.0.0"), ("192.0.2.7", "127.0.0.1")]
    {
        for role in [Role::TimeWait, Role::Listener, Role::Bound, Role::Outgoing] {
            matrix(role, (held, asked), |_, _| true);
        }
    }
}

#[test]
fn v6only_parts_the_families_and_without_it_they_meet() {
    let only = |flags: Flags| Flags { v6only: true, ..flags };
    let rows = [
        // held, its options, asked, its options, whether they meet
        (Role::TimeWait, "127.0.0.1", Flags::NONE, "::", only(Flags::NONE), false),
        (Role::TimeWait, "::ffff:127.0.0.1", Flags::NONE, "::", only(Flags::NONE), false),
        (Role::TimeWait, "::ffff:127.0.0.1", Flags::NONE, "::", Flags::NONE, true),
        (Role::TimeWait, "::ffff:127.0.0.1", Flags::NONE, "127.0.0.2", Flags::NONE, false),
        (Role::Listener, "::", Flags::NONE, "0.0.0.0", Flags::NONE, true),
        (Role::Listener, "::", only(Flags::NONE), "0.0.0.0", Flags::NONE, false),
        (Role::Bound, "0.0.0.0", Flags::NONE, "::", only(Flags::NONE), false),
        (Role::Bound, "0.0.0.0", Flags::NONE, "::", Flags::NONE, true),
        (Role::TimeWait, "::1", only(Flags::NONE), "0.0.0.0", Flags::NONE, false),
        (Role::TimeWait, "::1", only(Flags::NONE), "::", only(Flags::NONE), true),
    ];
    let trials = rows.map(|(role, held, old, asked, new, _)| one(role, held, old, at(asked, new)));
    let Some(answers) = rehearse(&trials) else { return };
    for (row, answer) in rows.iter().zip(answers) {
        assert_eq!(answer, if row.5 { IN_USE } else { Answer::Listens }, "{row:?}");
    }
}

#[test]
fn of_two_that_bound_by_reuseaddr_only_the_first_may_listen() {
    let request = || at("0.0.0.0", Flags::REUSEADDR);
    let bound = one(Role::Bound, "0.0.0.0", Flags::REUSEADDR, request());
    let rival = one(Role::Rival, "0.0.0.0", Flags::REUSEADDR, request());
    let sharing = one(Role::Rival, "0.0.0.0", Flags::BOTH, at("0.0.0.0", Flags::BOTH));
    let Some(answers) = rehearse(&[bound, rival, sharing]) else { return };
    assert_eq!(answers, [Answer::Listens, Answer::ListenRefused(Errno::ADDRESS_IN_USE), Answer::Listens]);
}

/// A server that runs, what its connections left, and a client that took the port: flags of their own each.
#[test]
fn holders_that_could_not_have_been_bound_in_this_order_stand_side_by_side() {
    let holder = |role, address: &str, flags| Holder { role, at: at(address, flags) };
    let population = |old: Flags| {
        vec![
            holder(Role::TimeWait, "127.0.0.1", Flags::NONE),
            holder(Role::Accepted, "127.0.0.1", old),
            holder(Role::Listener, "127.0.0.1", Flags::NONE),
            holder(Role::Outgoing, "192.0.2.7", Flags::NONE),
            holder(Role::OrphanedFinWait2, "::1", old),
        ]
    };
    let trial = |address: &str, new| Trial { holders: population(Flags::BOTH), request: at(address, new) };
    let trials = [
        trial("127.0.0.1", Flags::BOTH),
        trial("192.0.2.7", Flags::BOTH),
        trial("::1", Flags::REUSEADDR),
        trial("::1", Flags::NONE),
        trial("127.0.0.2", Flags::NONE),
    ];
    let Some(answers) = rehearse(&trials) else { return };
    assert_eq!(answers, [IN_USE, IN_USE, Answer::Listens, IN_USE, Answer::Listens]);
}

#[test]
fn a_device_parts_sockets_unless_one_of_them_has_none() {
    let on_device =
        |endpoint: Endpoint, device: &str| Endpoint { device: Some(device.to_owned()), ..endpoint };
    let held = |device: Option<&str>| {
        let plain = at("127.0.0.1", Flags::NONE);
        let at = device.map_or(plain.clone(), |device| on_device(plain, device));
        vec![Holder { role: Role::TimeWait, at }]
    };
    let request = || at("127.0.0.1", Flags::NONE);
    let trials = [
        Trial { holders: held(Some("eth0")), request: request() },
        Trial { holders: held(Some("eth0")), request: on_device(request(), "eth0") },
        Trial { holders: held(None), request: on_device(request(), "eth0") },
        Trial { holders: held(Some("eth0")), request: on_device(request(), "eth1") },
    ];
    let Some(answers) = rehearse(&trials) else { return };
    assert_eq!(answers, [IN_USE, IN_USE, IN_USE, Answer::NotRebuilt(NotRebuilt::Devices)]);
}

#[test]
fn reuseport_of_another_user_does_not_share_or_is_said_not_to_be_rehearsed() {
    let of = |uid| Endpoint { uid: Some(uid), ..at("0.0.0.0", Flags::REUSEPORT) };
    let trial = |role, old, new| Trial { holders: vec![Holder { role, at: of(old) }], request: of(new) };
    let trials = [trial(Role::Listener, 7, 7), trial(Role::Listener, 7, 8), trial(Role::Bound, 7, 8)];
    let Some(answers) = rehearse(&trials) else { return };
    let nobody_else = Answer::NotRebuilt(NotRebuilt::Users);
    assert_eq!(answers[0], Answer::Listens);
    if answers[1..] == [nobody_else, nobody_else] {
        return skip(Need::Users, "a second user");
    }
    assert_eq!(answers[1..], [IN_USE, IN_USE]);
}

#[test]
fn where_namespaces_are_not_permitted_the_refusal_says_so() {
    in_own_host(|_host| {
        forbid(libc::SYS_unshare, None);
        let trial = one(Role::Bound, "0.0.0.0", Flags::NONE, at("0.0.0.0", Flags::NONE));
        match rehearsal::rehearse(&mut Command::new("true"), &[trial]) {
            Err(RehearsalError::NoHost(Refusal::NotPermitted { step: Step::Unshare, .. })) => {}
            other => panic!("{other:?}"),
        }
    });
}

/// Each of a connection's kinds at one address at once, and two that left the same port for different peers.
#[test]
fn two_outgoing_connections_from_one_address_stand_side_by_side() {
    let outgoing = |role| Holder { role, at: at("127.0.0.1", Flags::REUSEADDR) };
    let holders = vec![outgoing(Role::Outgoing), outgoing(Role::OutgoingTimeWait)];
    let trial = |new| Trial { holders: holders.clone(), request: at("0.0.0.0", new) };
    let Some(answers) = rehearse(&[trial(Flags::NONE), trial(Flags::REUSEADDR)]) else { return };
    assert_eq!(answers, [IN_USE, Answer::Listens]);
}

#[test]
fn outside_of_a_host_of_its_own_nothing_is_performed() {
    let refusal = rehearsal::perform(io::empty(), io::sink()).unwrap_err();
    assert!(matches!(refusal, rehearsal::PerformError::Outside), "{refusal:?}");
}

#[test]
fn a_program_that_does_not_perform_is_no_answer() {
    let trial = one(Role::Bound, "0.0.0.0", Flags::NONE, at("0.0.0.0", Flags::NONE));
    match rehearsal::rehearse(Command::new("cat").arg("/dev/null"), &[trial]) {
        Err(
            RehearsalError::NoHost(_)
            | RehearsalError::Conversation(_)
            | RehearsalError::Unfinished { asked: 1, answered: 0 },
        ) => {}
        other => panic!("{other:?}"),
    }
}
