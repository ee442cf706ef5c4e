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

/// Holds a part of the scenarios, by its place, against the kernel.
fn hold(host: &Host, part: usize) {
    let mut surprising = Vec::new();
    let all = Family::BOTH.iter().flat_map(|family| divergences::PARTS[part].iter().map(|it| (it, *family)));
    // Most of the time each waits for the other's answer.
    for some in all.collect::<Vec<_>>().chunks(4) {
        thread::scope(|scope| {
            let performed = some.iter().map(|(it, family)| scope.spawn(|| surprises(host, it, *family)));
            for one in performed.collect::<Vec<_>>() {
                surprising.extend(one.join().unwrap());
            }
        });
    }
    assert!(surprising.is_empty(), "{}", surprising.join("\n"));
}

/// In IPv4 and IPv6 the machine answers as the kernel does, but where it is listed with the reason.
macro_rules! the_machine_answers_as_the_kernel_does {
    ($($when:ident $part:literal)*) => {$(
        #[test]
        fn $when() {
            in_own_host(|host| hold(host, $part));
        }
    )*

        #[test]
        fn no_part_of_the_scenarios_is_left_out() {
            assert_eq!([$($part),*], std::array::from_fn::<usize, { divergences::PARTS.len() }, _>(|part| part));
        }
    };
}

the_machine_answers_as_the_kernel_does! {
    when_a_connection_is_opened 0
    when_nobody_has_accepted_yet 1
    when_text_comes 2
    when_an_attacker_or_an_old_connection_speaks 3
    when_text_is_sent 4
    when_either_side_closes 5
    when_it_is_in_time_wait 6
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
