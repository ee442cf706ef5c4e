//! Inside a host of its own: one case of one measurement.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, bail};
use timewait_linux::hosts::Host;

use super::Peer;
use crate::measures;

/// What a measurement has at hand.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    name: &'a str,
    /// A rough answer is wanted soon.
    pub(crate) quick: bool,
    program: PathBuf,
    /// Those that the measurement needs, and where they are.
    peers: Vec<(Peer, Option<PathBuf>)>,
}

impl Bench<'_> {
    /// The command, built beside this program.
    pub(crate) fn timewait(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program.with_file_name("timewait"));
        command.args(arguments);
        command
    }

    /// Another mode of this program: a baseline of ours.
    pub(crate) fn ourselves(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        command
    }

    /// A program of others, of those that the measurement needs; `None` if it is not installed, which the page says.
    pub(crate) fn peer(&self, peer: Peer, arguments: &[&str]) -> Option<Command> {
        let mut command = Command::new(self.place(peer)?);
        command.args(arguments);
        Some(command)
    }

    /// Where a program of others is, or a part of one.
    pub(crate) fn place(&self, peer: Peer) -> Option<&Path> {
        self.peers.iter().find(|(of, _)| *of == peer)?.1.as_deref()
    }

    /// One of two, the second if it has to be quick.
    pub(crate) fn pick<T>(&self, thorough: T, quick: T) -> T {
        if self.quick { quick } else { thorough }
    }

    /// What is being done, for who waits.
    pub(crate) fn progress(&self, text: &str) {
        eprintln!("{}: {text}", self.name);
    }
}

/// Performs, and hands over the section as JSON on standard output.
pub(crate) fn perform(host: &Host, name: &str, case: &str, quick: bool) -> anyhow::Result<ExitCode> {
    let measurement = measures::ALL.iter().find(|it| it.name == name).context("no such measurement")?;
    let peers = measurement.needs.iter().map(|peer| (*peer, peer.find())).collect();
    let bench = Bench { name, quick, program: program()?, peers };
    let section = (measurement.perform)(&bench, host, case)?;
    println!("{}", serde_json::to_string(&section)?);
    Ok(ExitCode::SUCCESS)
}

/// This program, beside which the command is.
fn program() -> anyhow::Result<PathBuf> {
    let program = env::current_exe()?;
    if program.with_file_name("timewait").exists() {
        Ok(program)
    } else {
        bail!("the command is not built: cargo build --release")
    }
}
