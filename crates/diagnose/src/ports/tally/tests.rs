use std::net::IpAddr;

use proptest::prelude::*;
use timewait_facts::{PortSet, Timer, TimerKind};

use super::*;
use crate::ports::budget;

fn facts() -> Facts {
    Facts {
        range: "100 119".parse().unwrap(),
        reserved: "104-105".parse::<PortSet>().unwrap(),
        sockets: Vec::new(),
        reuse: Reuse::Always,
        reuse_delay: Duration::from_secs(1),
        timestamps: true,
    }
}

fn tally(sockets: &[Socket], most: usize) -> Tally {
    let mut tally = Tally { most, ..Tally::new(facts(), Pattern::default()) };
    for socket in sockets {
        tally.bind(socket);
    }
    for socket in sockets {
        tally.add(socket);
    }
    tally
}

fn socket(state: State, port: u16, to: u8, left: u32) -> Socket {
    let peer = match state {
        State::Listen | State::BoundInactive => "0.0.0.0:0".parse().unwrap(),
        _ => SocketAddr::from(([10, 0, 0, to], 80)),
    };
    let bare = Socket::bare(state, SocketAddr::from(([10, 0, 0, 100 + to % 2], port)), peer);
    let timer = Timer { kind: TimerKind::TimeWait, expires_ms: left, retries: 0 };
    if state == State::TimeWait { Socket { timer, ..bare } } else { bare }
}

/// Sockets of which no two are the same connection.
fn sockets() -> impl Strategy<Value = Vec<Socket>> {
    let states = prop::sample::select(&State::ALL[..]);
    let one = (states, 95..125_u16, 0..4_u8, 0..=60_000_u32);
    prop::collection::vec(one, 0..60).prop_map(|drawn| {
        let mut sockets: Vec<Socket> =
            drawn.into_iter().map(|(state, port, to, left)| socket(state, port, to, left)).collect();
        sockets.sort_by_key(|socket| (socket.local, socket.peer));
        sockets.dedup_by_key(|socket| (socket.local, socket.peer));
        sockets
    })
}

proptest! {
    #[test]
    fn every_destination_s_share_is_the_budget_of_that_destination(sockets in sockets()) {
        let tally = tally(&sockets, MOST);
        let all = Facts {
            sockets: sockets.iter().filter(|it| facts().range.contains(it.local.port())).copied().collect(),
            ..facts()
        };
        let common = tally.common();
        for share in tally.shares() {
            let one = budget(&share.question, &all);
            prop_assert_eq!(
                (share.taken, share.time_wait, share.reusable, share.free, share.assumed, share.left()),
                (one.taken, one.time_wait, one.reusable, one.free, one.assumed, one.left())
            );
            prop_assert_eq!(
                (common.reserved, common.bound, common.cliff_at, common.uneven),
                (one.reserved, one.bound, one.cliff_at, one.uneven)
            );
        }
    }

    #[test]
    fn beyond_the_most_destinations_nothing_is_lost_but_to_whom(sockets in sockets()) {
        let held = |tally: &Tally| tally.shares().iter().map(|it| u64::from(it.taken + it.time_wait)).sum::<u64>();
        let (all, few) = (tally(&sockets, MOST), tally(&sockets, 2));
        prop_assert!(few.shares().len() <= 2);
        prop_assert_eq!(held(&few) + few.beyond(), held(&all));
    }
}

#[test]
fn the_destination_with_the_fewest_ports_left_comes_first() {
    let mut sockets: Vec<Socket> = (106..110).map(|port| socket(State::Established, port, 2, 0)).collect();
    sockets.push(socket(State::Established, 110, 4, 0));
    let shares = tally(&sockets, MOST).shares();
    let order: Vec<_> = shares.iter().map(|share| (share.question.to.to_string(), share.left())).collect();
    assert_eq!(order, [("10.0.0.2:80".to_owned(), 14), ("10.0.0.4:80".to_owned(), 17)]);
}

#[test]
fn what_began_to_wait_lately_is_counted_by_what_it_has_left() {
    let sockets: Vec<Socket> = [60_000, 59_999, 59_000, 58_999, 50_000, 49_999, 0]
        .into_iter()
        .zip(106..)
        .map(|(left, port)| socket(State::TimeWait, port, 2, left))
        .collect();
    let share = tally(&sockets, MOST).shares().remove(0);
    assert_eq!([0, 1, 2, 10, 60, 99].map(|seconds| share.made_within(seconds)), [1, 3, 4, 5, 7, 7]);
}

#[test]
fn only_the_destinations_that_are_asked_for_are_counted_and_the_others_hold_their_ports() {
    let mut tally = Tally::new(facts(), "10.0.0.2".parse().unwrap());
    tally.add(&socket(State::Established, 106, 2, 0));
    tally.add(&socket(State::Established, 107, 4, 0));
    let shares = tally.shares();
    assert_eq!(shares.len(), 1);
    assert_eq!((shares[0].taken, shares[0].assumed), (1, 1));
    assert_eq!(shares[0].question.from, IpAddr::from([10, 0, 0, 100]));
}

#[test]
fn a_connection_that_a_listener_of_the_range_accepted_is_no_outgoing_one() {
    let sockets = [socket(State::Listen, 106, 0, 0), socket(State::Established, 106, 2, 0)];
    let tally = tally(&sockets, MOST);
    assert!(tally.shares().is_empty());
    assert_eq!((tally.common().bound, tally.bound_outside(1)), (1, 0));
}
