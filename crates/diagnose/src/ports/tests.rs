use timewait_facts::{Timer, TimerKind};

use super::*;

const QUESTION: Question = Question {
    from: IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1)),
    to: SocketAddr::new(IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 5)), 5432),
};

fn facts(range: &str, sockets: Vec<Socket>) -> Facts {
    Facts {
        range: range.parse().unwrap(),
        reserved: PortSet::default(),
        sockets,
        reuse: Reuse::Always,
        reuse_delay: Duration::from_secs(1),
        timestamps: true,
    }
}

fn socket(state: State, local: &str, peer: &str) -> Socket {
    Socket::bare(state, local.parse().unwrap(), peer.parse().unwrap())
}

fn waiting(local: &str, expires_ms: u32) -> Socket {
    let timer = Timer { kind: TimerKind::TimeWait, expires_ms, retries: 0 };
    Socket { timer, ..socket(State::TimeWait, local, "10.0.0.5:5432") }
}

fn of(budget: &Budget) -> [u32; 5] {
    [budget.reserved, budget.bound, budget.taken, budget.time_wait, budget.free]
}

#[test]
fn an_untouched_range_is_free_and_its_first_half_cheap() {
    let budget = budget(&QUESTION, &facts("32768 60999", Vec::new()));
    assert_eq!((budget.free, budget.cliff_at, budget.left()), (28_232, 14_116, 28_232));
    assert_eq!((budget.connect_answer(), budget.bind_answer()), (None, None));
}

#[test]
fn a_range_with_an_odd_number_of_ports_is_uneven_unless_it_has_one() {
    let uneven = |range| budget(&QUESTION, &facts(range, Vec::new())).uneven;
    assert_eq!(["100 100", "100 101", "100 102"].map(uneven), [false, false, true]);
}

#[test]
fn every_port_is_counted_once_by_its_strongest_holder() {
    let sockets = vec![
        socket(State::Listen, "0.0.0.0:100", "0.0.0.0:0"),
        socket(State::Established, "10.0.0.1:100", "10.0.0.5:5432"),
        socket(State::Established, "10.0.0.1:101", "10.0.0.5:5432"),
        socket(State::Established, "10.0.0.1:102", "10.0.0.6:5432"),
        socket(State::Established, "10.0.0.2:103", "10.0.0.5:5432"),
        waiting("10.0.0.1:104", 30_000),
        waiting("10.0.0.1:105", 59_500),
        socket(State::BoundInactive, "127.0.0.1:106", "0.0.0.0:0"),
    ];
    let facts = Facts { reserved: "107-108".parse().unwrap(), ..facts("100 109", sockets) };
    let budget = budget(&QUESTION, &facts);
    assert_eq!(of(&budget), [2, 2, 1, 2, 3]);
    assert_eq!((budget.assumed, budget.reusable, budget.left()), (2, 1, 4));
    assert_eq!(budget.cliff_at, 2, "102 and 104; the other even ports are bound or reserved");
}

#[test]
fn a_time_wait_is_reusable_by_its_age_the_setting_and_timestamps_together() {
    let reusable = |change: fn(&mut Facts), expires_ms| {
        let mut facts = facts("104 105", vec![waiting("10.0.0.1:104", expires_ms)]);
        change(&mut facts);
        budget(&QUESTION, &facts).reusable
    };
    assert_eq!([59_001, 59_000, 58_999].map(|left| reusable(|_| {}, left)), [0, 0, 1]);
    assert_eq!(reusable(|facts| facts.reuse = Reuse::Never, 1), 0);
    assert_eq!(reusable(|facts| facts.reuse = Reuse::Loopback, 1), 0, "10.0.0.5 is not loopback");
    assert_eq!(reusable(|facts| facts.timestamps = false, 1), 0);
}

#[test]
fn without_a_port_the_two_calls_answer_differently() {
    let held =
        ["100", "101"].map(|port| socket(State::Established, &format!("10.0.0.1:{port}"), "10.0.0.5:5432"));
    let budget = budget(&QUESTION, &facts("100 101", held.to_vec()));
    assert_eq!(budget.connect_answer(), Some(Answer::NotAvailable));
    assert_eq!(budget.bind_answer(), Some(Answer::InUse));
}

#[test]
fn a_port_is_held_for_the_whole_wait_or_until_connect_may_take_it_over() {
    let facts = facts("32768 60999", Vec::new());
    let over_loopback =
        Question { from: "127.0.0.1".parse().unwrap(), to: "127.0.0.1:9000".parse().unwrap() };
    let held = |question, reuse, timestamps| {
        held_for(question, &Facts { reuse, timestamps, ..facts.clone() }).as_secs()
    };
    assert_eq!(held(&QUESTION, Reuse::Always, true), 1);
    assert_eq!(held(&QUESTION, Reuse::Always, false), 62, "without timestamps no port is taken over");
    assert_eq!(held(&QUESTION, Reuse::Loopback, true), 62);
    assert_eq!(held(&over_loopback, Reuse::Loopback, true), 1);
    assert_eq!(held(&over_loopback, Reuse::Never, true), 62);
}
