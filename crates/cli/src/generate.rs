//! `timewait generate`: man pages and completions, from the definition of the arguments.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::args::{Args, Generate, Generated};

pub(crate) fn run(args: &Generate) -> anyhow::Result<ExitCode> {
    match &args.what {
        Generated::Man { folder: None } => {
            clap_mangen::Man::new(command()).render(&mut io::stdout().lock())?;
        }
        Generated::Man { folder: Some(folder) } => write_pages(folder)?,
        Generated::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut command(), "timewait", &mut script);
            io::stdout().lock().write_all(&script)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Help as it is on any terminal: what is generated must not depend on where.
fn command() -> clap::Command {
    Args::command().term_width(100)
}

fn write_pages(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    clap_mangen::generate_to(command(), folder)
        .with_context(|| format!("cannot write man pages to {}", folder.display()))?;
    Ok(())
}
