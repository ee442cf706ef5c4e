//! The one-line server and the load generator, against what people would use instead.
//!
//! `cargo run --release -p timewait-benches -- load` prints a section for docs/performance.md. Each comparison runs in a
//! host of its own: one after the other, then again, so that what disturbs the machine disturbs all of them. The measure
//! is the processor time of the program in question for each connection, by what the kernel has accounted to it.

mod blocking;
mod clients;
mod crowd;
mod servers;
mod side;

use std::{
    env,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, bail};
use timewait_linux::hosts::{self, Host};

/// Runs of each, of which the median counts.
const RUNS: usize = 7;

/// What this process is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The whole section.
    Section,
    /// The blocking server, as a child.
    Blocking,
    /// The comparison of servers, in a host of its own.
    Servers,
    /// The comparison of clients, likewise.
    Clients,
    /// Many clients at once, likewise.
    Crowd,
}

impl Part {
    pub(crate) fn asked_for() -> Option<Self> {
        Some(match env::args().nth(1)?.as_str() {
            "load" => Self::Section,
            "load-blocking" => Self::Blocking,
            "load-servers" => Self::Servers,
            "load-clients" => Self::Clients,
            "load-crowd" => Self::Crowd,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Section => "load",
            Self::Blocking => "load-blocking",
            Self::Servers => "load-servers",
            Self::Clients => "load-clients",
            Self::Crowd => "load-crowd",
        }
    }

    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match (self, Host::entered()) {
            (Self::Section, _) => section()?,
            (Self::Blocking, _) => blocking::serve()?,
            (Self::Servers, Some(host)) => servers::compare(&host)?,
            (Self::Clients, Some(host)) => clients::compare(&host)?,
            (Self::Crowd, Some(host)) => crowd::come(&host)?,
            (Self::Servers | Self::Clients | Self::Crowd, None) => bail!("this part needs a host of its own"),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn section() -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism()?;
    println!("## The server and the load generator\n");
    println!(
        "Linux {}, {cores} cores, {RUNS} runs of each in turn; processor time of the program for each connection, by",
        timewait_linux::kernel_version().number()
    );
    println!(
        "the kernel's account of the process; ratios are medians of those of each round, and their range.\n"
    );
    for part in [Part::Servers, Part::Clients, Part::Crowd] {
        let mut command = Command::new(env::current_exe()?);
        let status = hosts::isolate(command.arg(part.name()))?.wait()?;
        if !status.success() {
            println!("*Not measured: {} ended with {status}.*\n", part.name());
        }
    }
    Ok(())
}

/// Settings under which no port runs out and no queue is too short.
fn prepare(host: &Host) -> anyhow::Result<()> {
    host.set("net.core.somaxconn", "16384").context("somaxconn")?;
    host.set("net.ipv4.tcp_max_syn_backlog", "16384")?;
    host.set("net.ipv4.ip_local_port_range", "1024 65535")?;
    // Server and client are one host, and the ports below are the servers'.
    host.set("net.ipv4.ip_local_reserved_ports", "9000-9010")?;
    timewait_oneline::server::raise_descriptor_limit()?;
    Ok(())
}
