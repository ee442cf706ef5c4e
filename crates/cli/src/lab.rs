//! `timewait lab`: each claim about TIME-WAIT, tried on this kernel. A child performs a claim in a host of its own;
//! this process chooses, starts, and shows what was found.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::{Context as _, anyhow, bail};
use timewait_lab::{Entrant, claims};

use crate::{
    args::Lab,
    print::{Paint, json},
};

pub(crate) fn run(args: &Lab, _paint: Paint) -> anyhow::Result<ExitCode> {
    if let Some(part) = &args.act {
        timewait_lab::act(part, &args.claims)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.perform {
        return perform(args);
    }
    bail!("not yet")
}

/// The child's part.
fn perform(args: &Lab) -> anyhow::Result<ExitCode> {
    let (Some(family), [id]) = (args.family, &*args.claims) else { bail!("--perform takes one claim") };
    let claim = find(id)?;
    let lab = timewait_lab::Lab::here(family)?;
    let finding = claim.perform(&lab, args.contrary);
    let mut out = io::stdout().lock();
    json::write_line(&mut out, &finding).context("cannot tell what was found")?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn find(id: &str) -> anyhow::Result<&'static Entrant> {
    claims::find(id)
        .ok_or_else(|| anyhow!("there is no claim '{}'", timewait_facts::Untrusted::show(id.as_bytes())))
}
