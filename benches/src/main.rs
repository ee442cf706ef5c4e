//! What is claimed about speed, measured side by side on the machine that runs it.
//!
//! `cargo xtask bench` builds the command, makes hosts of its own, measures there what the list in
//! [`measures`] names, each against what people would use instead, by turns (A B B A), and writes
//! `docs/performance.md`. Times are of this machine and this moment; the ratios are what holds.
//!
//! - [`frame`]: what all measurements share: rounds, samples, peers, the page, plots
//! - [`measures`]: the measurements, a file each
//! - [`stress`]: whether the lab's verdicts hold in many runs: `cargo xtask stress`, which writes `docs/lab-performance.md`
//! - [`crowd`]: many sockets in TIME-WAIT, made fast
#![forbid(unsafe_code)]

mod crowd;
#[allow(dead_code, reason = "what measurements share is there before each part of it is used")]
mod frame;
mod measures;
mod stress;

use std::{env, process::ExitCode};

use anyhow::bail;
use timewait_linux::hosts::Host;

use crate::frame::{Plan, inside, outside, sample};

const USAGE: &str = "\
usage: cargo xtask bench [--quick] [NAME...]   measures, and prints what came out;
                                              all of it without --quick: writes docs/performance.md
       cargo xtask bench --list               what is measured, what it needs, what is missing
       cargo xtask stress [--help]            many runs of the lab: whether its verdicts hold
       cargo xtask crowd N GROUPS COMMAND...  runs a command in a host of its own, among N sockets in TIME-WAIT
                                              on port 9000 of so many addresses";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match (words.as_slice(), Host::entered()) {
        (["sample", command @ ..], _) => sample::take(command),
        (["bare", rest @ ..], _) => measures::bare::run(rest),
        (["serve-variant", name], _) => measures::serve::variants::serve(name),
        (["inside", name, case, quick], Some(host)) => inside::perform(&host, name, case, *quick == "quick"),
        (["crowd", ..], _) => crowd::run(&words),
        (["bench", "--list"], _) => Ok(outside::list()),
        (["bench", rest @ ..], _) => match Plan::read(rest) {
            Ok(plan) => outside::perform(&plan),
            Err(wrong) => bail!("{wrong}\n{USAGE}"),
        },
        (["stress", ..], _) => stress::main(&arguments),
        (["--help" | "-h"], _) => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("{USAGE}"),
    }
}
