//! `timewait doctor`: settings against what they really do. It prints the commands that would change them, and runs none.

mod files;
mod host;
mod print;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use timewait_diagnose::settings::{self, Finding, Severity};
use timewait_facts::KernelVersion;
use timewait_linux::{kernel_version, netns::Netns};

use crate::{args::Doctor, print::Paint};

/// Something is wrong.
const WRONG: u8 = 1;

/// What is to be said about a set of files, or about a network namespace.
pub(crate) struct Diagnosis {
    kernel: KernelVersion,
    /// The files, in the order in which they count; `None` for a running host.
    files: Option<Vec<String>>,
    /// The namespace, as it was given or by its name.
    netns: Option<String>,
    /// What `--netns` takes for it, if it is not the own one.
    handle: Option<String>,
    findings: Vec<Finding>,
    /// Settings that could not be read, and why.
    unreadable: Vec<(String, String)>,
    /// Settings that were looked at.
    settings: usize,
    /// Complaints about lines beyond those that are shown.
    left_out: usize,
}

impl Diagnosis {
    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.code.severity() == severity).count()
    }

    fn is_bad(&self) -> bool {
        self.count(Severity::Wrong) > 0
    }
}

pub(crate) fn run(args: &Doctor, paint: Paint) -> anyhow::Result<ExitCode> {
    let kernel = args.kernel.clone().unwrap_or_else(kernel_version);
    let diagnoses = if args.all_netns {
        host::everywhere(!args.no_peek)?
    } else if args.files.is_empty() {
        let netns = args.netns.as_deref().map(Netns::open).transpose()?;
        vec![host::examine(netns.as_ref(), args.netns.clone(), !args.no_peek)?]
    } else {
        vec![files::examine(&args.files, kernel)?]
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (number, diagnosis) in diagnoses.iter().enumerate() {
        if args.json {
            print::json(&mut out, diagnosis)?;
        } else {
            if number > 0 {
                writeln!(out)?;
            }
            print::text(&mut out, diagnosis, paint)?;
        }
    }
    out.flush()?;
    let is_bad = diagnoses.iter().any(Diagnosis::is_bad);
    Ok(if is_bad { ExitCode::from(WRONG) } else { ExitCode::SUCCESS })
}

/// The worst first.
fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    settings::sort(&mut findings);
    findings
}

#[cfg(test)]
mod tests {
    use timewait_diagnose::settings::Code;

    #[test]
    fn every_claim_that_a_finding_names_is_one_that_the_laboratory_tries() {
        let named: Vec<&str> = Code::ALL.iter().filter_map(|code| code.claim()).collect();
        assert!(named.len() > 10, "is this test blind?");
        for claim in named {
            assert!(timewait_lab::claims::find(claim).is_some(), "{claim}");
        }
    }
}
