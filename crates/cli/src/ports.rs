//! `timewait ports`: the budget of local ports, by destination; watched for a while, when it will be used up.

mod judge;
mod look;
mod print;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use timewait_linux::netns::Netns;

use crate::{args::Ports, everywhere::spaces, print::Paint};
use judge::Report;
use look::Place;

/// A destination is short of ports.
const SHORT: u8 = 1;

pub(crate) fn run(args: &Ports, paint: Paint) -> anyhow::Result<ExitCode> {
    let looks = if args.all_netns {
        look::everywhere(&spaces()?, args)?
    } else {
        let netns = args.netns.as_deref().map(Netns::open).transpose()?;
        look::at(Place { netns: netns.as_ref(), name: args.netns.clone() }, args)?
    };
    let reports: Vec<Report> = looks.iter().map(|look| Report::of(look, args)).collect();
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (number, report) in reports.iter().enumerate() {
        if args.json {
            print::json(&mut out, report)?;
        } else {
            if number > 0 {
                writeln!(out)?;
            }
            print::text(&mut out, report, paint)?;
        }
    }
    out.flush()?;
    let is_short = reports.iter().any(|report| report.is_bad);
    Ok(if is_short { ExitCode::from(SHORT) } else { ExitCode::SUCCESS })
}
