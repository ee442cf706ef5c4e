mod predictions;

use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::*;
use crate::{Because, Code, Finding, Remedy, Role, Until};
use timewait_facts::{Owner, Socket, State, Timer, TimerKind, Untrusted};

const PLAIN: Request =
    Request::plain(SocketAddr::new(IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED), 9000), 1000);
const REUSEADDR: Request = Request { reuseaddr: true, ..PLAIN };

fn socket(state: State, local: &str, wait_ms: Option<u32>) -> (Socket, Option<Owner>) {
    let timer =
        wait_ms.map_or(Timer::OFF, |expires_ms| Timer { kind: TimerKind::TimeWait, expires_ms, retries: 0 });
    let peer = "127.0.0.1:51234".parse().unwrap();
    (Socket { timer, ..Socket::bare(state, local.parse().unwrap(), peer) }, None)
}

fn waiting(ms: u32) -> (Socket, Option<Owner>) {
    socket(State::TimeWait, "127.0.0.1:9000", Some(ms))
}

fn owned((socket, _): (Socket, Option<Owner>)) -> (Socket, Option<Owner>) {
    let command = Untrusted::from(&b"nginx"[..]);
    (socket, Some(Owner { pid: 7, command, cgroup: None, processes: 1 }))
}

fn in_use(request: &Request, sockets: Vec<(Socket, Option<Owner>)>) -> Finding {
    let occupants = sockets.into_iter().map(|(socket, owner)| Occupant::of(socket, owner)).collect();
    let facts = Facts { occupants, bound_listed: true, unprivileged_from: Some(1024), ..Facts::default() };
    explain(request, Call::Bind, Answer::InUse, &facts)
}

#[test]
fn time_wait_alone_holds_until_the_last_of_them_expires() {
    let finding = in_use(&PLAIN, vec![waiting(12_400), waiting(57_400), waiting(3_000)]);
    assert_eq!(finding.code, Code::HeldByWaiting);
    assert_eq!(finding.until, Until::Expires(Duration::from_millis(57_400)));
    assert_eq!(finding.holders.len(), 1);
    assert_eq!(finding.holders[0].count, 3);
}

#[test]
fn a_plain_socket_is_told_to_set_the_flag_first_and_to_wait_second() {
    let finding = in_use(&PLAIN, vec![waiting(57_400)]);
    assert_eq!(finding.because, Because::NewLacksReuse);
    assert_eq!(finding.remedies, [Remedy::SetReuseaddr, Remedy::Wait(Duration::from_millis(57_400))]);
}

#[test]
fn a_socket_that_has_the_flag_is_never_advised_to_set_it() {
    let finding = in_use(&REUSEADDR, vec![waiting(57_400)]);
    assert_eq!(finding.because, Because::OldLacksReuseaddr);
    assert!(!finding.remedies.contains(&Remedy::SetReuseaddr));
    assert_eq!(finding.remedies[0], Remedy::Wait(Duration::from_millis(57_400)));
}

#[test]
fn reuseport_alone_does_not_pass_a_wait_that_lacks_it() {
    let request = Request { reuseport: true, ..PLAIN };
    assert_eq!(in_use(&request, vec![waiting(1)]).because, Because::OldLacksReuseport);
}

#[test]
fn a_listener_outweighs_what_waits_beside_it() {
    let listener = owned(socket(State::Listen, "0.0.0.0:9000", None));
    let finding = in_use(&REUSEADDR, vec![waiting(57_400), listener]);
    assert_eq!(finding.code, Code::HeldByListener);
    assert_eq!(finding.until, Until::Released);
    assert!(matches!(&finding.remedies[0], Remedy::EndOwner(owner) if owner.pid == 7));
    assert_eq!(finding.holders.len(), 2, "what waits is still told");
}

#[test]
fn a_listener_whose_owner_cannot_be_seen_calls_for_root() {
    let finding = in_use(&PLAIN, vec![socket(State::Listen, "0.0.0.0:9000", None)]);
    assert_eq!(finding.remedies[0], Remedy::LookAsRoot);
}

#[test]
fn open_connections_of_a_server_that_is_gone_end_nobody_knows_when() {
    let open = socket(State::CloseWait, "127.0.0.1:9000", None);
    let orphan = socket(State::FinWait2, "127.0.0.1:9000", Some(58_000));
    let finding = in_use(&REUSEADDR, vec![orphan, open]);
    assert_eq!(finding.code, Code::HeldByConnections);
    assert_eq!(finding.until, Until::ConnectionsEnd);
    assert_eq!(finding.holders[1].role, Role::OrphanedFinWait2);
}

#[test]
fn a_second_socket_that_passed_bind_is_refused_at_listen() {
    let (listener, owner) = socket(State::Listen, "0.0.0.0:9000", None);
    let facts = Facts { occupants: vec![Occupant::of(listener, owner)], ..Facts::default() };
    let finding = explain(&REUSEADDR, Call::Listen, Answer::InUse, &facts);
    assert_eq!(finding.because, Because::SecondListener);
}

#[test]
fn what_no_table_shows_is_said_to_be_unseen() {
    let finding = in_use(&PLAIN, vec![]);
    assert_eq!(finding.code, Code::HeldByUnseen);
    assert_eq!(finding.until, Until::Unknown);
}

#[test]
fn another_specific_address_or_port_does_not_hold_this_one() {
    let request = Request { address: "127.0.0.2:9000".parse().unwrap(), ..PLAIN };
    assert_eq!(in_use(&request, vec![waiting(1)]).code, Code::HeldByUnseen);
    let request = Request { address: "127.0.0.1:9001".parse().unwrap(), ..PLAIN };
    assert_eq!(in_use(&request, vec![waiting(1)]).code, Code::HeldByUnseen);
}

#[test]
fn the_ipv4_clients_of_a_dual_stack_server_hold_the_ipv4_port_and_not_the_v6only_one() {
    let mapped = || socket(State::TimeWait, "[::ffff:127.0.0.1]:9000", Some(1));
    assert_eq!(in_use(&PLAIN, vec![mapped()]).code, Code::HeldByWaiting);
    let dual = Request { address: "[::]:9000".parse().unwrap(), ..PLAIN };
    assert_eq!(in_use(&dual, vec![mapped()]).code, Code::HeldByWaiting);
    let v6only = Request { v6only: true, ..dual };
    assert_eq!(in_use(&v6only, vec![mapped()]).code, Code::HeldByUnseen);
}

#[test]
fn a_privileged_port_names_the_first_that_is_not() {
    let request = Request { address: "0.0.0.0:80".parse().unwrap(), ..PLAIN };
    let facts = Facts { unprivileged_from: Some(1024), ..Facts::default() };
    let finding = explain(&request, Call::Bind, Answer::NotPermitted, &facts);
    assert_eq!(finding.because, Because::Privileged { unprivileged_from: 1024 });
}

#[test]
fn a_refusal_of_a_high_port_is_not_explained_by_privilege() {
    let facts = Facts { unprivileged_from: Some(1024), ..Facts::default() };
    let finding = explain(&PLAIN, Call::Bind, Answer::NotPermitted, &facts);
    assert_eq!((finding.code, finding.remedies), (Code::Unexplained, vec![]));
}
