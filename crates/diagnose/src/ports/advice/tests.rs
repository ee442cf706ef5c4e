use timewait_facts::PortSet;

use super::*;
use crate::ports::Question;

fn facts(reuse: Reuse, timestamps: bool) -> Facts {
    Facts {
        range: "32768 60999".parse().unwrap(),
        reserved: PortSet::default(),
        sockets: Vec::new(),
        reuse,
        reuse_delay: Duration::from_secs(1),
        timestamps,
    }
}

const COMMON: Common = Common { ports: 28_232, reserved: 0, bound: 0, cliff_at: 14_116, uneven: false };

fn share(to: &str, taken: u32, time_wait: u32) -> Share {
    Share {
        question: Question { from: "10.0.0.1".parse().unwrap(), to: to.parse().unwrap() },
        taken,
        time_wait,
        reusable: 0,
        free: COMMON.ports - taken - time_wait,
        assumed: 0,
        expiring: vec![100; 61],
        closed_here: time_wait,
        closed_there: 0,
    }
}

fn of(share: &Share, facts: &Facts, made: Option<f64>) -> Vec<Advice> {
    let lost_for = Duration::from_secs(60);
    let pace = made.map(|made| Pace { made, growth: 0.0, lost_for });
    advice(&Situation { share, common: COMMON, facts, pace, siblings: (1, share.lost()) }, |_| 3)
}

#[test]
fn at_nine_hundred_a_second_four_addresses_or_all_the_ports_there_are_would_do() {
    let advice = of(&share("10.0.0.5:5432", 20, 20_000), &facts(Reuse::Loopback, true), Some(900.0));
    assert_eq!(
        advice,
        [
            Advice::KeepAlive { saves: 54_000, open: 20 },
            Advice::LetServerClose { moves: 54_000 },
            Advice::SetReuse { now: Reuse::Loopback, delay: Duration::from_secs(1), lost: Some(900) },
            Advice::MoreAddresses { addresses: 4, each: 28_232 },
            Advice::WidenRange { first: 1024, ports: 64_512, listeners: 3 },
        ]
    );
}

#[test]
fn unwatched_the_numbers_are_of_what_is_there_now() {
    let advice = of(&share("10.0.0.5:5432", 20, 15_000), &facts(Reuse::Never, true), None);
    assert!(advice.contains(&Advice::KeepAlive { saves: 15_000, open: 20 }), "{advice:?}");
    assert!(advice.contains(&Advice::SetReuse {
        now: Reuse::Never,
        delay: Duration::from_secs(1),
        lost: None
    }));
    assert!(advice.contains(&Advice::WidenRange { first: 34_816, ports: 30_720, listeners: 3 }));
}

#[test]
fn the_reuse_of_ports_is_judged_by_the_setting_timestamps_and_loopback_together() {
    let said = |to, reuse, timestamps| {
        let advice = of(&share(to, 0, 15_000), &facts(reuse, timestamps), None);
        advice.iter().map(|advice| advice.name()).find(|name| name.contains("tw-reuse")).unwrap()
    };
    assert_eq!(said("10.0.0.5:5432", Reuse::Always, true), "tw-reuse-applies");
    assert_eq!(said("127.0.0.1:5432", Reuse::Loopback, true), "tw-reuse-applies");
    assert_eq!(said("10.0.0.5:5432", Reuse::Loopback, true), "set-tw-reuse");
    assert_eq!(said("10.0.0.5:5432", Reuse::Always, false), "tw-reuse-needs-timestamps");
}

#[test]
fn connections_that_stay_open_are_not_cured_by_keeping_them_open() {
    let advice = of(&share("10.0.0.5:5432", 20_000, 10), &facts(Reuse::Always, true), None);
    let names: Vec<_> = advice.iter().map(|advice| advice.name()).collect();
    assert_eq!(names, ["more-addresses", "widen-range"]);
}

#[test]
fn several_destinations_of_one_source_share_a_pool_only_if_a_port_is_bound_too_early() {
    let (share, facts) = (share("10.0.0.5:5432", 0, 10_000), facts(Reuse::Always, true));
    let situation =
        Situation { share: &share, common: COMMON, facts: &facts, pace: None, siblings: (3, 20_000) };
    let advice = advice(&situation, |_| 0);
    assert!(advice.contains(&Advice::LeavePortToConnect { destinations: 3, held: 20_000 }), "{advice:?}");
}
