//! The rules of bind(2) and listen(2), as `timewait-diagnose` has them, against the running kernel.
//!
//! Populations of sockets on a port are made by the ordinary calls, read back from the socket table, and asked about:
//! by the rules, with the old sockets' flags known and with them withheld; and by a real bind(2) and listen(2).
//! `TIMEWAIT_BIND_CASES=1000000` asks so many questions, from fresh seeds that are printed;
//! `TIMEWAIT_BIND_SEED` gives one again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod judge;
mod population;
mod spec;
mod universe;

use std::env;

use fastrand::Rng;
use judge::{Tally, compare, shrink, table};
use population::{World, ask};
use spec::{DEVICES, Dice, Kind, Options, Question, Step, USERS, ip};
use timewait_diagnose::bind::{Bucket, On, Verdict, predict};
use timewait_linux::hosts::Host;
use timewait_trial::{Need, in_own_host, skip};

/// How often a population is made: a question that leaves a mark in the port's bucket uses one up.
const COPIES: usize = 5;
/// Populations that are read from the socket table at once.
const BATCH: usize = 24;
/// Questions about one population.
const QUESTIONS: usize = 40;

/// The most questions that one host has ports for.
const MOST: usize = 50_000;

/// How many questions, from which seed.
struct Run {
    cases: usize,
    seed: u64,
}

impl Run {
    /// The number given, from a fixed seed; or what the environment says, from a fresh one.
    fn of(cases: usize, seed: u64) -> Self {
        match wished() {
            Some(cases) => Self {
                cases: cases.min(MOST),
                seed: number("TIMEWAIT_BIND_SEED").unwrap_or_else(|| fastrand::u64(..)),
            },
            None => Self { cases, seed },
        }
    }
}

fn wished() -> Option<usize> {
    number("TIMEWAIT_BIND_CASES").and_then(|cases| cases.try_into().ok())
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// How many hosts it takes, one after the other; inside of one, one.
fn hosts() -> usize {
    if Host::entered().is_some() { 1 } else { wished().map_or(1, |cases| cases.div_ceil(MOST)) }
}

/// Compares so many random cases.
fn random_cases(world: &mut World<'_>, run: &Run, bucket: Bucket) -> Tally {
    println!("seed {}", run.seed);
    let mut dice =
        Dice { rng: Rng::with_seed(run.seed), users: world.users(), devices: world.devices().len() };
    let mut tally = Tally::default();
    while tally.cases < run.cases {
        assert!(world.has_ports_for(BATCH * COPIES), "out of ports after {tally:?}");
        let specs: Vec<_> = (0..BATCH).map(|_| dice.population(bucket == Bucket::Unknown)).collect();
        let questions: Vec<Vec<_>> =
            specs.iter().map(|_| (0..QUESTIONS).map(|_| dice.question()).collect()).collect();
        let asked: Vec<_> =
            specs.iter().map(Vec::as_slice).zip(questions.iter().map(Vec::as_slice)).collect();
        ask_all(world, &asked, bucket, &mut tally);
    }
    tally
}

/// Asks each population its questions.
fn ask_all(world: &mut World<'_>, asked: &[(&[Step], &[Question])], bucket: Bucket, tally: &mut Tally) {
    let populations: Vec<_> =
        asked.iter().flat_map(|(steps, _)| [*steps; COPIES]).map(|steps| world.populate(steps)).collect();
    let mut facts = world.facts(&populations);
    for facts in &mut facts {
        facts.bucket = bucket;
    }
    for (index, (steps, questions)) in asked.iter().enumerate() {
        let mut copies = index * COPIES..(index + 1) * COPIES;
        let mut copy = copies.next();
        for question in *questions {
            let Some(at) = copy else { break };
            match compare(world, &facts[at], (question, populations[at].port), tally) {
                Ok(compared) if compared.marked => copy = copies.next(),
                Ok(_) => {}
                Err(found) => {
                    let (steps, found) = shrink(world, (steps, bucket), question, found);
                    panic!("{}", table(&steps, question, &found));
                }
            }
        }
    }
}

/// Says what was compared, and what this machine left out.
fn report(world: &World<'_>, tally: &Tally) {
    println!("{tally:?}");
    let (users, devices) = (USERS.len() - world.users(), DEVICES.len() - world.devices().len());
    if users > 0 {
        skip(Need::Users, &format!("{users} of {} users", USERS.len()));
    }
    if devices > 0 {
        skip(Need::Tools, &format!("{devices} of {} devices, which the program ip makes", DEVICES.len() - 1));
    }
}

#[test]
fn the_rules_answer_as_the_kernel_does_for_random_populations() {
    for _ in 0..hosts() {
        in_own_host(|host| {
            let mut world = World::new(host);
            let run = Run::of(40_000, 1);
            let tally = random_cases(&mut world, &run, Bucket::AsTheFlagsSay);
            report(&world, &tally);
            assert!(tally.cases >= run.cases);
            for both in [&tally.history, &tally.withheld] {
                assert!(both.passed > 0 && both.refused > 0, "both do occur: {tally:?}");
            }
        });
    }
}

#[test]
fn where_flags_were_changed_after_bind_the_rules_still_never_contradict_the_kernel() {
    for _ in 0..hosts() {
        in_own_host(|host| {
            let mut world = World::new(host);
            let tally = random_cases(&mut world, &Run::of(10_000, 2), Bucket::Unknown);
            report(&world, &tally);
            assert!(tally.history.passed > 0 && tally.history.refused > 0, "both do occur: {tally:?}");
        });
    }
}

#[test]
fn every_old_socket_of_a_small_universe_is_judged_as_the_kernel_judges_it() {
    in_own_host(|host| {
        let mut world = World::new(host);
        let tally = universe::ask_all(&mut world);
        report(&world, &tally);
    });
}

/// The same two sockets, and a third that has SO_REUSEPORT alone: it passes if the one with both flags came last,
/// because that one left a mark in the port's bucket. No table shows who came last.
#[test]
fn the_order_of_two_binds_decides_what_no_table_shows() {
    in_own_host(|host| {
        let mut world = World::new(host);
        let bound = |reuseport| Step {
            kind: Kind::Bound,
            ip: ip("127.0.0.1"),
            options: Options { reuseaddr: true, reuseport, ..Options::default() },
            later: None,
            over_ipv4: false,
        };
        let question =
            Question { ip: ip("127.0.0.1"), options: Options { reuseport: true, ..Options::default() } };
        let passed = [[bound(false), bound(true)], [bound(true), bound(false)]].map(|steps| {
            let population = world.populate(&steps);
            let facts = world.facts(std::slice::from_ref(&population)).remove(0);
            let verdict = predict(&question.request(population.port, world.devices()), &facts).bind;
            assert!(matches!(verdict, Verdict::Depends { on: On::History, .. }), "{verdict:?}");
            ask(&question, population.port).0.is_none()
        });
        assert_eq!(passed, [true, false]);
    });
}
