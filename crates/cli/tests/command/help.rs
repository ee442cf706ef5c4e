//! Help, as printed.

use crate::{assert_screen, run};

const COMMANDS: [&[&str]; 16] = [
    &[],
    &["demo"],
    &["serve"],
    &["connect"],
    &["load"],
    &["ls"],
    &["watch"],
    &["why"],
    &["ports"],
    &["doctor"],
    &["free"],
    &["lab"],
    &["model"],
    &["generate"],
    &["generate", "man"],
    &["generate", "completions"],
];

#[test]
fn short_help_fits_a_terminal_of_24_lines_and_80_columns() {
    for command in COMMANDS {
        let help = run(&[command, &["-h"]].concat());
        assert!(help.status.success() && help.stderr.is_empty());
        assert!(help.stdout.lines().count() <= 24, "{command:?}: {}", help.stdout);
        assert!(help.stdout.lines().all(|line| line.chars().count() <= 80), "{command:?}: {}", help.stdout);
    }
}

#[test]
fn short_help_reads_well() {
    for command in COMMANDS {
        let help = run(&[command, &["-h"]].concat()).stdout;
        assert_screen!(format!("help-{}", [&["timewait"], command].concat().join("-")), help);
    }
}

#[test]
fn long_help_has_examples_and_the_exit_status() {
    for command in
        ["demo", "serve", "connect", "load", "ls", "watch", "why", "ports", "doctor", "free", "lab", "model"]
    {
        let help = run(&[command, "--help"]).stdout;
        assert!(help.contains("Examples:") && help.contains("Exit status:"), "{help}");
        assert_screen!(format!("long-help-{command}"), help);
    }
}

#[test]
fn without_a_command_the_help_is_shown_and_it_counts_as_bad_input() {
    let answer = run(&[]);
    assert_eq!(answer.status.code(), Some(2));
    assert!(answer.stderr.contains("Usage: timewait"), "{}", answer.stderr);
}
