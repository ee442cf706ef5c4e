//! The command as people run it: the real program, in hosts of their own where it touches the network.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_push_string,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "failing is what tests do, and nobody waits for them"
)]

mod all_netns;
mod arrange;
mod connect;
mod demo;
mod doctor;
mod free;
mod generate;
mod help;
mod house;
mod input;
mod lab;
mod load;
mod ls;
mod machine;
mod model;
mod ports;
mod readme;
mod serve;
mod watch;
mod why;

use std::process::Command;

use timewait_trial::{Finished, Process};

/// The program under test, with a fixed environment: no colour, no terminal.
fn timewait(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).env("COLUMNS", "80").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_timewait")
}

/// Runs the program to its end, its standard input empty.
fn run(arguments: &[&str]) -> Finished {
    Process::start(&mut timewait(arguments)).finish()
}

/// Runs the program to its end without a capability that this process has; needs the tool `setpriv`.
fn run_without(capability: &str, arguments: &[&str]) -> Finished {
    let without = format!("-{capability}");
    let mut setpriv = Command::new("setpriv");
    setpriv.args(["--bounding-set", &without, "--inh-caps", &without, program()]).args(arguments);
    Process::start(&mut setpriv).finish()
}

/// Starts `timewait serve` and waits until it listens.
fn serve(arguments: &[&str]) -> Process {
    let server = Process::start(timewait(&["serve"]).args(arguments));
    server.until("listening on");
    server
}

/// What a person sees of a finished program: both streams, and the status.
fn seen(finished: &Finished) -> String {
    let status = finished.status.code().map_or_else(|| "by a signal".to_owned(), |code| code.to_string());
    format!("{}{}[exit {status}]", finished.stdout, finished.stderr)
}

/// Compares with a snapshot in which what differs from run to run is masked, at its width: ports that the kernel
/// chose, seconds left, times of day, process ids.
macro_rules! assert_screen {
    ($name:expr, $screen:expr) => {
        insta::with_settings!({
            prepend_module_to_snapshot => false,
            snapshot_path => "../snapshots",
            omit_expression => true,
            filters => vec![
                (r"(could not be tried); \d+\.\d s", "$1; N.N s"),
                // A ladder's times, and the row at which a state is seen, differ from run to run.
                (r"(?m)^ *ms +\w+ +\w+\n(.*[│┊┃⋮].*\n)+", "   [a ladder]\n"),
                // Tests that run at the same time have hosts of their own with the same ports.
                (r"(?m)^(  note   |         )\d+ sockets? in other network namespaces:[^\n]*\n(         [^\n]*\n)*", ""),
                (r"\b\d\d\.\d s", "NN.N s"),
                (r"\b\d\d:\d\d:\d\d\b", "HH:MM:SS"),
                (r"command-[0-9a-f]+", "the-test"),
                (r"the-test \(\d+\)", "the-test (PID)"),
                (r"timewait \(\d+\)", "timewait (PID)"),
                (r"\(pid \d+", "(pid PID"),
                (r"\b[3-6]\d{4}\b", "PPPPP"),
                (r"Linux \d+\.\d+\.\d+", "Linux N.N.N"),
            ],
        }, { insta::assert_snapshot!($name, $screen) })
    };
}
pub(crate) use assert_screen;
