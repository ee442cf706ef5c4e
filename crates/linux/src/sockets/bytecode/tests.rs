//! The kernel's two readers of a program, written down from their rules: one checks, one runs.

use std::net::SocketAddr;

use proptest::prelude::*;
use timewait_facts::{Socket, State, States};

use super::*;

/// An operation at a place: code, yes, no, operand.
struct At<'a> {
    code: u8,
    yes: usize,
    no: usize,
    operand: &'a [u8],
}

fn at(program: &[u8], place: usize) -> At<'_> {
    let [code, yes, no @ ..] = <[u8; 4]>::try_from(&program[place..place + 4]).unwrap();
    At {
        code,
        yes: yes.into(),
        no: u16::from_ne_bytes(no).into(),
        operand: &program[place + 4..place + usize::from(yes)],
    }
}

/// Every `yes` leads on to the end, every `no` to a place on that way, to the end, or 4 bytes beyond.
fn is_accepted(program: &[u8]) -> bool {
    let mut way = vec![0];
    while let Some(&place) = way.last().filter(|&&place| place < program.len()) {
        way.push(place + at(program, place).yes);
    }
    let leads_on = |&place: &usize| {
        let target = place + at(program, place).no;
        target.is_multiple_of(4) && (way.contains(&target) || target == program.len() + 4)
    };
    way.split_last().is_some_and(|(end, before)| *end == program.len() && before.iter().all(leads_on))
}

fn runs_to_the_end(program: &[u8], local: SocketAddr, peer: SocketAddr) -> bool {
    let mut place = 0;
    while place < program.len() {
        let operation = at(program, place);
        let yes = match operation.code {
            1 => false,
            7 => holds(operation.operand, local),
            8 => holds(operation.operand, peer),
            code => panic!("code {code}"),
        };
        place += if yes { operation.yes } else { operation.no };
    }
    place == program.len()
}

fn holds(condition: &[u8], end: SocketAddr) -> bool {
    let port = i32::from_ne_bytes(condition[4..8].try_into().unwrap());
    let first_bits_agree = |address: &[u8]| {
        (0..usize::from(condition[1])).all(|bit| {
            let of = |bytes: &[u8]| bytes[bit / 8] >> (7 - bit % 8) & 1;
            of(address) == of(&condition[8..])
        })
    };
    let address = match (condition[0], end.ip()) {
        (0, _) => true,
        (2, IpAddr::V4(ip)) => first_bits_agree(&ip.octets()),
        (2, IpAddr::V6(ip)) => ip.to_ipv4_mapped().is_some_and(|ip| first_bits_agree(&ip.octets())),
        (10, IpAddr::V6(ip)) => first_bits_agree(&ip.octets()),
        _ => false,
    };
    address && (port == -1 || port == i32::from(end.port()))
}

fn socket(local: SocketAddr, peer: SocketAddr) -> Socket {
    Socket::bare(State::Established, local, peer)
}

const ADDRESSES: [&str; 7] =
    ["127.0.0.1", "127.0.0.2", "10.0.0.1", "::", "::1", "::ffff:127.0.0.1", "2001:db8::1"];

/// From so few addresses and ports that conditions hold often.
fn ends() -> impl Strategy<Value = SocketAddr> {
    (prop::sample::select(ADDRESSES.as_slice()), 0_u16..3)
        .prop_map(|(address, port)| SocketAddr::new(address.parse().unwrap(), port))
}

fn patterns() -> impl Strategy<Value = Pattern> {
    (ends(), any::<(bool, bool)>(), 0_u8..=128).prop_map(|(end, (address, port), length)| Pattern {
        prefix: address.then(|| IpNet::new(end.ip(), length).unwrap_or(end.ip().into()).trunc()),
        port: port.then_some(end.port()),
    })
}

proptest! {
    #[test]
    fn every_program_is_one_that_the_kernel_accepts_and_means_its_query(
        conditions in [patterns(), patterns(), patterns()],
        local in ends(),
        peer in ends(),
    ) {
        let [on_local, on_peer, on_either] = conditions;
        let query = Query::in_states(States::all()).local(on_local).peer(on_peer).either(on_either);
        let program = program(&query);
        prop_assert!(is_accepted(&program), "{program:?}");
        prop_assert!(program.len() <= 116);
        prop_assert_eq!(runs_to_the_end(&program, local, peer), query.matches(&socket(local, peer)));
    }
}

#[test]
fn either_end_is_tried_one_after_the_other() {
    let query = Query::in_states(States::all()).either("9000".parse().unwrap());
    let port = 9000_i32.to_ne_bytes();
    let mut expected = vec![7, 12];
    expected.extend(16_u16.to_ne_bytes());
    expected.extend([0, 0, 0, 0].into_iter().chain(port));
    expected.extend([1, 4]);
    expected.extend(16_u16.to_ne_bytes());
    expected.extend([8, 12]);
    expected.extend(16_u16.to_ne_bytes());
    expected.extend([0, 0, 0, 0].into_iter().chain(port));
    assert_eq!(program(&query), expected);
}
