//! A run of `timewait lab`.

use std::{
    env,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde::Deserialize;

/// One run.
pub(super) struct Run {
    /// From its start to its end, with the program's own beginning and end.
    pub(super) took: Duration,
    pub(super) claims: Vec<Told>,
}

/// What a run tells of a claim: the fields of `timewait lab --json` that matter here.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    pub(super) id: String,
    pub(super) family: String,
    pub(super) contrary: Option<String>,
    pub(super) verdict: String,
    pub(super) reason: Option<String>,
    pub(super) recorded: Option<String>,
    pub(super) decided_by: String,
    pub(super) took_ms: u64,
}

#[derive(Deserialize)]
struct Report {
    claims: Vec<Told>,
}

/// Runs the lab once.
pub(super) fn run(arguments: &[String]) -> anyhow::Result<Run> {
    let start = Instant::now();
    let program = env::current_exe()?.with_file_name("timewait");
    if !program.exists() {
        bail!("no command beside this program: {}", program.display());
    }
    let output = Command::new(program)
        .args(["lab", "--json"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("cannot start the lab")?;
    let took = start.elapsed();
    if output.stdout.is_empty() {
        bail!("the lab tried nothing: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let report: Report = serde_json::from_slice(&output.stdout).context("cannot read what the lab tells")?;
    Ok(Run { took, claims: report.claims })
}

/// An experiment among those of a run: a claim, a family of addresses, and whether in the contrary setup.
pub(super) type Key = (String, String, bool);

impl Told {
    pub(super) fn key(&self) -> Key {
        (self.id.clone(), self.family.clone(), self.contrary.is_some())
    }

    /// The verdict that it must have: the recorded one, or in the contrary setup the other; `None` where this kernel's
    /// series has no record.
    pub(super) fn expected(&self) -> Option<&'static str> {
        let confirmed = self.recorded.as_deref()? == "confirmed";
        Some(if confirmed == self.contrary.is_none() { "confirmed" } else { "refuted" })
    }
}
