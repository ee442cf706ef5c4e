//! Outside: builds, starts a host for each case, puts together what they tell.

use std::{
    env, fs,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, bail};
use timewait_linux::hosts;

use super::{Measurement, Peer, Plan, Section, machine, page, plot};
use crate::measures;

/// A measurement and what it told.
pub(super) type Told = (&'static Measurement, Section);

pub(crate) fn perform(plan: &Plan) -> anyhow::Result<ExitCode> {
    build()?;
    let mut told = Vec::new();
    for measurement in plan.measurements() {
        told.push((measurement, measure(measurement, plan.quick)?));
    }
    let page = page::write(&told, &machine::describe()?, plan);
    print!("{page}");
    if plan.is_whole() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        fs::write(docs.join("performance.md"), &page)?;
        for (measurement, section) in &told {
            for figure in measurement.figures {
                fs::write(docs.join(figure.file()), plot::draw(figure, &section.points))?;
            }
        }
        eprintln!("written: docs/performance.md");
    }
    let missed = told.iter().flat_map(|(_, section)| &section.bars).filter(|bar| !bar.met).count();
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The command, as people get it; where this program was not started by cargo, it has to be there already.
pub(crate) fn build() -> anyhow::Result<()> {
    let Some(cargo) = env::var_os("CARGO") else { return Ok(()) };
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--package", "timewait", "--manifest-path"]).arg(manifest);
    let status = command.status()?;
    if status.success() { Ok(()) } else { bail!("the command could not be built ({status})") }
}

fn measure(measurement: &Measurement, quick: bool) -> anyhow::Result<Section> {
    let [thorough, short] = measurement.cases;
    let mut section = Section::default();
    for case in if quick { short } else { thorough } {
        let mut command = Command::new(env::current_exe()?);
        command.args(["inside", measurement.name, case, if quick { "quick" } else { "thorough" }]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let output = hosts::isolate(&mut command)?.wait_with_output()?;
        if !output.status.success() {
            bail!("{} {case} failed ({})", measurement.name, output.status);
        }
        let told = serde_json::from_slice(&output.stdout);
        section.extend(told.with_context(|| format!("what {} {case} told", measurement.name))?);
    }
    Ok(section)
}

/// What is measured, what it needs, and what is missing.
pub(crate) fn list() -> ExitCode {
    for measurement in measures::ALL {
        println!("{:10} {}", measurement.name, measurement.title);
        for peer in measurement.needs {
            println!("{:10} {}", "", needed(*peer));
        }
    }
    println!("\nAll of it needs network namespaces: root, or user namespaces that are allowed.");
    ExitCode::SUCCESS
}

fn needed(peer: Peer) -> String {
    match peer.find() {
        Some(place) => format!("needs {}: {}", peer.name(), place.display()),
        None => format!("needs {}: missing (Debian: apt-get install {})", peer.name(), peer.package()),
    }
}
