//! What is claimed about speed, measured side by side on the machine that runs it.
//!
//! `cargo build --release && cargo run --release -p timewait-benches` makes a host of its own, fills port 9000 there
//! with sockets in TIME-WAIT, and times what people would run against the kernel's own cost of handing the same
//! sockets over. Times are of this machine and this moment; the ratios are what holds. The result goes to standard
//! output as a table in Markdown.
#![forbid(unsafe_code)]

mod crowd;
mod forecast;
mod timing;
mod watch;

use std::{
    env,
    ops::ControlFlow,
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, bail};
use timewait_facts::States;
use timewait_linux::{
    hosts::{self, Host},
    kernel_version,
    sockets::{Query, SocketTable},
};

use crate::timing::{Measured, measure};

/// How many sockets are in TIME-WAIT for each row. The last takes about a minute to make, and lives as long.
const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// Runs of each, of which the median counts.
const RUNS: usize = 5;

fn main() -> anyhow::Result<ExitCode> {
    if env::args().nth(1).as_deref() == Some("forecast") {
        return forecast::main();
    }
    if env::args().nth(1).as_deref() == Some("watch") {
        return watch::run();
    }
    if let Some(host) = Host::entered() {
        let size = env::args().nth(1).and_then(|size| size.parse().ok()).context("how many sockets?")?;
        return measure_at(&host, size);
    }
    println!("# Performance\n");
    println!(
        "Written by `cargo build --release && cargo run --release -p timewait-benches > docs/performance.md`.\n"
    );
    let cores = std::thread::available_parallelism()?;
    println!(
        "Linux {}, {cores} cores, {RUNS} runs of each, medians of the wall time; in brackets the ratio to a",
        kernel_version().number()
    );
    println!(
        "dump of the same sockets that only counts them, which is the kernel's own cost; then the largest memory of"
    );
    println!(
        "any process up to there. The ratios are what holds; the times are of that machine on that day.\n"
    );
    println!(
        "| sockets in TIME-WAIT on the port | a dump that counts | `why --no-try` | `ls --count` | `ss` |"
    );
    println!("|---|---|---|---|---|");
    for size in SIZES {
        // A host for each size: what the one before left behind goes with it.
        let mut command = Command::new(env::current_exe()?);
        let status = hosts::isolate(command.arg(size.to_string()))?.wait()?;
        if !status.success() {
            bail!("the measurement with {size} sockets failed ({status})");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn measure_at(host: &Host, size: u32) -> anyhow::Result<ExitCode> {
    crowd::gather(host, size)?;
    let program = timewait()?;
    let query = Query::in_states(States::all()).local(":9000".parse()?);
    let mut table = SocketTable::open()?;
    let mut rows = 0;
    let bare = measure(RUNS, || {
        rows = table.dump(&query, |_| ControlFlow::Continue(()))?.rows;
        Ok(())
    })?;
    let run = |arguments: &[&str]| timing::run(RUNS, Command::new(&program).args(arguments));
    let why = run(&["why", "127.0.0.1:9000", "--no-try"])?;
    let count = run(&["ls", "--count", "--local", ":9000"])?;
    let ss =
        timing::run(RUNS, Command::new("ss").args(["-Htan", "state", "time-wait", "sport", "=", ":9000"]))
            .ok();
    let cell = |measured: &Measured| {
        let ratio = measured.wall.as_secs_f64() / bare.wall.as_secs_f64();
        format!(
            "{:.1} ms ({ratio:.2}), {} MB",
            measured.wall.as_secs_f64() * 1e3,
            (measured.peak_kib + 1023) / 1024
        )
    };
    println!(
        "| {rows} | {:.1} ms (1) | {} | {} | {} |",
        bare.wall.as_secs_f64() * 1e3,
        cell(&why),
        cell(&count),
        ss.map_or_else(|| "not installed".to_owned(), |ss| cell(&ss)),
    );
    Ok(ExitCode::SUCCESS)
}

/// The command, built beside this program.
fn timewait() -> anyhow::Result<PathBuf> {
    let program = env::current_exe()?.with_file_name("timewait");
    if program.exists() { Ok(program) } else { bail!("build it first: cargo build --release") }
}
