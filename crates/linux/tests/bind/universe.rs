//! A small universe, all of it: one old socket of each kind, on each address, with each set of flags, and each
//! question beside it.

use std::collections::BTreeMap;

use timewait_diagnose::bind::{Answer, Verdict, predict};

use crate::{
    judge::{Tally, compare, table, withheld},
    population::World,
    spec::{End, Kind, Options, Question, Step, ip},
};

const KINDS: [Kind; 9] = [
    Kind::Bound,
    Kind::Listener,
    Kind::Accepted { listener_stays: false, end: End::Established },
    Kind::Accepted { listener_stays: false, end: End::Orphan },
    Kind::Accepted { listener_stays: false, end: End::TimeWait },
    Kind::Outgoing(End::Established),
    Kind::Outgoing(End::TimeWait),
    Kind::Chosen(End::Established),
    Kind::Chosen(End::TimeWait),
];

/// An address and IPV6_V6ONLY; and whether a connection is IPv4's.
const PLACES: [((&str, bool), bool); 8] = [
    (("0.0.0.0", false), true),
    (("127.0.0.1", false), true),
    (("10.9.9.1", false), true),
    (("::", false), true),
    (("::", false), false),
    (("::", true), false),
    (("::1", false), false),
    (("::ffff:127.0.0.1", false), true),
];

/// SO_REUSEADDR and SO_REUSEPORT.
const FLAGS: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

fn options((reuseaddr, reuseport): (bool, bool), v6only: bool) -> Options {
    Options { reuseaddr, reuseport, v6only, ..Options::default() }
}

fn questions() -> Vec<Question> {
    let about = |((address, v6only), _)| {
        FLAGS.map(|flags| Question { ip: ip(address), options: options(flags, v6only) })
    };
    PLACES.into_iter().flat_map(about).collect()
}

/// What a process that cannot read the flags is told, and what the kernel answers, for each set of flags.
#[derive(Default)]
struct Group {
    blind: Vec<Verdict>,
    kernel: Vec<Option<Answer>>,
}

/// Asks every question beside every old socket. A prediction without the flags must be certain where they do not
/// matter, and leave open what they decide: by the kernel's answers, not by the rules'.
pub(crate) fn ask_all(world: &mut World<'_>) -> Tally {
    let mut tally = Tally::default();
    for kind in KINDS {
        let mut groups = BTreeMap::new();
        for ((address, v6only), over_ipv4) in PLACES {
            let step = Step {
                kind,
                ip: ip(address),
                options: options((false, false), v6only),
                later: None,
                over_ipv4,
            };
            ask_about(world, step, &mut groups, &mut tally);
        }
        for (case, group) in &groups {
            check(case, group);
        }
    }
    tally
}

fn ask_about(world: &mut World<'_>, step: Step, groups: &mut BTreeMap<String, Group>, tally: &mut Tally) {
    let questions = questions();
    let steps = FLAGS.map(|flags| Step { options: options(flags, step.options.v6only), ..step });
    let cases = || steps.iter().flat_map(|step| questions.iter().map(move |question| (step, question)));
    let populations: Vec<_> = cases().map(|(step, _)| world.populate(&[*step])).collect();
    let facts = world.facts(&populations);
    for (((step, question), population), facts) in cases().zip(&populations).zip(&facts) {
        let compared = compare(world, facts, (question, population.port), tally)
            .unwrap_or_else(|found| panic!("{}", table(&[*step], question, &found)));
        let blind = withheld(facts);
        // All that can be seen of the old socket, if there is one.
        let visible = blind.occupants.iter().map(|old| (old.socket.local.ip(), old.socket.v6only));
        let case = format!("{:?} {:?} {question:?}", step.kind, visible.collect::<Vec<_>>());
        let group = groups.entry(case).or_default();
        group.blind.push(predict(&question.request(population.port, world.devices()), &blind).bind);
        group.kernel.push(compared.answers.0);
    }
}

/// The predictions of what looks alike are alike; they are open just where the kernel's answers differ. (An orphan in
/// FIN-WAIT-2 is a minisocket, or still a whole one for as long, as its last ACK came: the reasons differ by a word.)
fn check(case: &str, Group { blind, kernel }: &Group) {
    let is_open = |verdict: &Verdict| matches!(verdict, Verdict::Depends { .. });
    let open = is_open(&blind[0]);
    assert!(blind.iter().all(|verdict| is_open(verdict) == open), "{case}: {blind:?}");
    let differ = kernel.iter().any(|answer| *answer != kernel[0]);
    assert_eq!(open, differ, "{case}: {:?}, {kernel:?}", blind[0]);
}
