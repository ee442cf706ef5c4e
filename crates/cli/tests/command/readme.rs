//! The README's commands, run; their outputs, compared.
//!
//! In a `console` block a line `$ command` is run and the lines below it are what it prints. Digits stand for any
//! number, a run of blanks for any gap, and a line `...` for any lines. A command that ends in `&` goes on while
//! the following ones run. Each block has a host of its own.

use std::{fs, process::Command};

use timewait_trial::{Process, in_own_host};

use crate::{house::workspace, program, watch::may_probe};

/// A command, and the lines that are said to follow it.
struct Entry {
    command: String,
    output: Vec<String>,
}

fn blocks(text: &str) -> Vec<Vec<Entry>> {
    let fenced = text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    fenced.map(entries).collect()
}

fn entries(block: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => entries.push(Entry { command: command.to_owned(), output: Vec::new() }),
            None => entries.last_mut().expect("a block begins with a command").output.push(line.to_owned()),
        }
    }
    entries
}

/// What is left when numbers and gaps are all alike.
fn masked(line: &str) -> String {
    let mut masked = String::new();
    for c in line.trim_end().chars() {
        let c = if c.is_ascii_digit() { '0' } else { c };
        if (c == '0' || c == ' ') && masked.ends_with(c) {
            continue;
        }
        masked.push(c);
    }
    masked
}

/// Whether lines are as written; `...` skips any number of them.
fn agree(written: &[String], printed: &[String]) -> bool {
    match (written.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((dots, rest)), _) if dots.trim() == "..." => {
            (0..=printed.len()).any(|skipped| agree(rest, &printed[skipped..]))
        }
        (Some((line, rest)), Some((print, others))) => masked(line) == masked(print) && agree(rest, others),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// The shell that runs a command, with the program in its path.
fn shell(command: &str) -> Command {
    let folder = std::path::Path::new(program()).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec 2>&1; {command}")]).env("PATH", path).env("COLUMNS", "80");
    shell.current_dir(workspace());
    shell
}

fn play(block: &[Entry]) {
    let mut background = Vec::new();
    for Entry { command, output } in block {
        let printed = if let Some(command) = command.strip_suffix('&') {
            let process = Process::start(&mut shell(&format!("exec {command}")));
            let printed = process.until(output.first().map_or("", |line| line.split(' ').next().unwrap()));
            background.push(process);
            printed
        } else {
            Process::start(&mut shell(command)).finish().stdout
        };
        let printed: Vec<String> = printed.lines().map(str::to_owned).collect();
        assert!(
            agree(output, &printed),
            "$ {command}\nprinted:\n{}\nwritten:\n{}",
            printed.join("\n"),
            output.join("\n")
        );
    }
}

fn play_block(position: usize) {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    play(&blocks(&readme)[position]);
}

#[test]
fn the_first_block_prints_what_the_readme_shows() {
    in_own_host(|_host| play_block(0));
}

#[test]
fn the_second_block_prints_what_the_readme_shows() {
    in_own_host(|_host| play_block(1));
}

#[test]
fn the_third_block_prints_what_the_readme_shows() {
    in_own_host(|_host| play_block(2));
}

#[test]
fn the_fourth_block_prints_what_the_readme_shows() {
    in_own_host(|_host| play_block(3));
}

#[test]
fn the_fifth_block_prints_what_the_readme_shows() {
    in_own_host(|_host| {
        if may_probe() {
            play_block(4);
        }
    });
}

#[test]
fn the_sixth_block_prints_what_the_readme_shows() {
    in_own_host(|_host| play_block(5));
}

#[test]
fn the_seventh_block_prints_what_the_readme_shows() {
    in_own_host(|_host| play_block(6));
}

#[test]
fn the_eighth_block_prints_what_the_readme_shows() {
    in_own_host(|_host| play_block(7));
}

#[test]
fn the_ninth_block_prints_what_the_readme_shows() {
    in_own_host(|_host| play_block(8));
}

#[test]
fn there_is_no_block_without_a_test() {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    assert_eq!(blocks(&readme).len(), 9);
}

#[test]
fn the_comparison_tells_outputs_apart() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let printed = lines("port 47312  59.8 s\nsecond\nthird");
    assert!(agree(&lines("port 40000 1.0 s\nsecond\nthird"), &printed));
    assert!(agree(&lines("port 40000 1.0 s\n..."), &printed));
    assert!(agree(&lines("...\nthird"), &printed));
    assert!(!agree(&lines("port 40000 1.0 s\nsecond"), &printed), "a line is missing");
    assert!(!agree(&lines("pork 40000 1.0 s\n..."), &printed), "a word differs");
    assert!(!agree(&lines("...\nfourth"), &printed));
}
