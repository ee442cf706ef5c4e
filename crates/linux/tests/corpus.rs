//! Answers kept as files: some as a kernel gave them, most with one thing wrong. Each says what it must come to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod wire;

use std::{error::Error, fs};

use timewait_facts::States;
use timewait_linux::sockets::Query;
use wire::FakeKernel;

/// The files, within this program: where it runs, they may not be.
macro_rules! kept {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("corpus/", $name, ".hex")))),*]
    };
}

const KEPT: [(&str, &str); 22] = kept![
    "another-question-s-answer",
    "attribute-longer-than-message",
    "attribute-of-length-zero",
    "attribute-stub",
    "cut-in-attribute",
    "cut-in-header",
    "cut-in-row",
    "end-mark-too-short",
    "end-mark-with-errno",
    "end-mark-with-positive-error",
    "family-of-tomorrow",
    "half-open",
    "mark-too-short",
    "message-longer-than-datagram",
    "message-of-length-zero",
    "no-end-mark",
    "refused",
    "row-too-short",
    "state-of-tomorrow",
    "trailing-bytes",
    "unknown-attribute",
    "whole-dump",
];

/// `# expect: ...`, and datagrams in hexadecimal with an empty line before each.
fn parse(text: &str) -> (&str, Vec<Vec<u8>>) {
    let expected = text.lines().find_map(|line| line.strip_prefix("# expect: ")).expect("an expectation");
    let datagram = |block: &str| {
        let digits = block.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace);
        digits.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect::<Vec<u8>>()
    };
    (expected, text.split("\n\n").map(datagram).filter(|bytes| !bytes.is_empty()).collect())
}

/// `N rows: STATE, STATE, ...`, or what is wrong.
fn outcome(datagrams: &[Vec<u8>]) -> String {
    let (_kernel, mut table) = FakeKernel::that_says(datagrams);
    match table.collect(&Query::in_states(States::all())) {
        Ok(rows) => {
            let states: Vec<String> = rows.iter().map(|row| row.state.to_string()).collect();
            format!("{} rows: {}", rows.len(), states.join(", "))
        }
        Err(error) => chain(&error),
    }
}

fn chain(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {}", chain(source)))
}

/// The files are as a little-endian machine has them.
#[cfg(target_endian = "little")]
#[test]
fn every_kept_answer_comes_to_what_it_says() {
    for (name, text) in KEPT {
        let (expected, datagrams) = parse(text);
        assert_eq!(outcome(&datagrams), expected, "{name}");
    }
}

#[test]
fn no_kept_answer_is_forgotten() {
    // Absent where the test runs away from its sources.
    let Ok(folder) = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus")) else { return };
    let mut names: Vec<_> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, KEPT.map(|(name, _)| format!("{name}.hex")));
}
