//! The same scripts for the kernel and for the machine.

use std::{collections::BTreeSet, fs, path::Path, thread};

use timewait_lab::{
    Family, Trouble,
    divergences::{self, Performed, Scenario},
};
use timewait_linux::hosts::Host;
use timewait_trial::in_own_host;

/// What differs and is not listed, and what is listed and does not differ.
fn surprises(host: &Host, scenario: &Scenario, family: Family) -> Vec<String> {
    let (kernel, machine) = thread::scope(|scope| {
        let machine = scope.spawn(|| divergences::by_machine(scenario, family));
        (divergences::by_kernel(host, scenario, family), machine.join().unwrap())
    });
    let lines = |outcome: Result<Performed, Trouble>| match outcome {
        Ok(performed) => performed.lines,
        Err(trouble) => panic!("{}: {trouble}", scenario.id),
    };
    let found = divergences::differences(&lines(kernel), &lines(machine));
    let new = found.iter().filter(|found| !scenario.differs.iter().any(|known| known.is(found)));
    let gone = scenario.differs.iter().filter(|known| !found.iter().any(|found| known.is(found)));
    let tell = |what: &str, at: &str, kernel: &str, machine: &str| {
        format!(
            "{} in {family}, {what} at '{at}':\n    kernel   {kernel}\n    machine  {machine}",
            scenario.id
        )
    };
    let new = new.map(|it| tell("not listed", &it.at, &it.kernel, &it.machine));
    new.chain(gone.map(|it| tell("listed, and gone", it.at, it.kernel, it.machine))).collect()
}

fn hold(host: &Host, family: Family) {
    let mut surprising = Vec::new();
    let all: Vec<_> = divergences::scenarios().collect();
    // Most of the time each waits for the other's answer.
    for some in all.chunks(4) {
        thread::scope(|scope| {
            let performed = some.iter().map(|scenario| scope.spawn(|| surprises(host, scenario, family)));
            for one in performed.collect::<Vec<_>>() {
                surprising.extend(one.join().unwrap());
            }
        });
    }
    assert!(surprising.is_empty(), "{}", surprising.join("\n"));
}

#[test]
fn in_ipv4_the_machine_answers_as_the_kernel_does_but_where_it_is_listed_with_the_reason() {
    in_own_host(|host| hold(host, Family::Ipv4));
}

#[test]
fn in_ipv6_the_machine_answers_as_the_kernel_does_but_where_it_is_listed_with_the_reason() {
    in_own_host(|host| hold(host, Family::Ipv6));
}

#[test]
fn every_scenario_has_a_name_of_its_own_and_every_difference_a_reason() {
    let names: BTreeSet<_> = divergences::scenarios().map(|scenario| scenario.id).collect();
    assert_eq!(names.len(), divergences::scenarios().count());
    for scenario in divergences::scenarios() {
        for known in scenario.differs {
            assert!(
                known.because.ends_with('.') && known.kernel != known.machine,
                "{}: {known:?}",
                scenario.id
            );
        }
    }
}

#[test]
fn the_page_in_docs_is_the_one_that_is_drawn() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/divergences.md");
    let kept = fs::read_to_string(kept).unwrap();
    assert_eq!(kept, divergences::page(), "docs/generate writes it anew");
}
