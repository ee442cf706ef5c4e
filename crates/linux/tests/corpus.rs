//! Answers kept as files: some as a kernel gave them, most with one thing wrong. Each says what it must come to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod wire;

use std::{error::Error, fs, path::Path};

use timewait_facts::States;
use timewait_linux::sockets::Query;
use wire::FakeKernel;

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
    match FakeKernel::that_says(datagrams).collect(&Query::in_states(States::all())) {
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 22);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let (expected, datagrams) = parse(&text);
        assert_eq!(outcome(&datagrams), expected, "{}", file.display());
    }
}
