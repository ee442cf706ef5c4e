//! The machine of `timewait-tcp` and this kernel, told the same: what each answers, line by line.
//!
//!     $ cargo run -p timewait-lab --example against-the-kernel               every scenario, those lines at which they differ
//!     $ cargo run -p timewait-lab --example against-the-kernel -- syn-again  one of them, all lines

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    process::Command,
};

use timewait_lab::{
    Family,
    divergences::{self, Line, Scenario},
};
use timewait_linux::hosts::{self, Host};

fn main() -> Result<(), Box<dyn Error>> {
    let names: Vec<String> = env::args().skip(1).collect();
    let Some(host) = Host::entered() else {
        let status = hosts::isolate(Command::new(env::current_exe()?).args(&names))?.wait()?;
        std::process::exit(status.code().unwrap_or(1));
    };
    if let Some(name) = names.iter().find(|name| divergences::scenarios().all(|it| it.id != **name)) {
        let known: Vec<_> = divergences::scenarios().map(|scenario| scenario.id).collect();
        return Err(format!("no scenario is called '{name}'; there are {}", known.join(", ")).into());
    }
    let chosen = |scenario: &&Scenario| names.is_empty() || names.iter().any(|name| name == scenario.id);
    for scenario in divergences::scenarios().filter(chosen) {
        let kernel = divergences::by_kernel(&host, scenario, Family::Ipv4)?.lines;
        let machine = divergences::by_machine(scenario, Family::Ipv4)?.lines;
        match tell(scenario, &kernel, &machine, !names.is_empty()) {
            // Whoever reads only the beginning has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            told => told?,
        }
    }
    Ok(())
}

/// Line by line; those at which both answer the same only if `all` are wanted.
fn tell(scenario: &Scenario, kernel: &[Line], machine: &[Line], all: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {} ({})", scenario.id, scenario.about, scenario.by)?;
    for (kernel, machine) in kernel.iter().zip(machine) {
        if kernel.answer != machine.answer {
            writeln!(out, "  {}", kernel.step)?;
            writeln!(out, "      kernel   {}\n      machine  {}", kernel.answer, machine.answer)?;
        } else if all {
            writeln!(out, "  {}\n      both     {}", kernel.step, kernel.answer)?;
        }
    }
    Ok(())
}
