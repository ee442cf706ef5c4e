//! The command: arguments in, text or JSON out, an exit status. It prints values; it opens no netlink socket and
//! reads no `/proc` itself.
#![forbid(unsafe_code)]

mod args;
mod connect;
mod demo;
mod doctor;
mod everywhere;
mod free;
mod generate;
mod lab;
mod load;
mod ls;
mod model;
mod port_facts;
mod ports;
mod print;
mod serve;
mod signals;
mod table;
mod watch;
mod why;
mod words;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;

use crate::{
    args::{Args, Color, Command},
    print::Paint,
};

/// Could not look, or bad input. Bad news is 1, and each command's own to tell.
const COULD_NOT: u8 = 2;

fn main() -> ExitCode {
    if why::is_rehearsal() {
        return told(why::perform_rehearsal(), Color::Never);
    }
    let args = Args::parse();
    let color = args.color;
    told(run(args), color)
}

/// An outcome's exit status; a failure is told.
fn told(outcome: anyhow::Result<ExitCode>, color: Color) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        if is_broken_pipe(&error) {
            return ExitCode::SUCCESS;
        }
        let line = print::problem(Paint::for_stderr(color), &format!("{error:#}"));
        // Where even this cannot be written, the status still tells.
        let _ = writeln!(io::stderr(), "{line}");
        ExitCode::from(COULD_NOT)
    })
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    let paint = Paint::for_stdout(args.color);
    match args.command {
        Command::Demo(demo) => demo::run(&demo, paint),
        Command::Serve(serve) => serve::run(&serve, args.color),
        Command::Connect(connect) => connect::run(&connect, paint),
        Command::Load(load) => load::run(&load, args.color),
        Command::Ls(ls) => ls::run(&ls, paint),
        Command::Watch(watch) => watch::run(&watch, paint),
        Command::Why(why) => why::run(&why, paint),
        Command::Lab(lab) => lab::run(&lab, paint),
        Command::Model(model) => model::run(&model, paint),
        Command::Ports(ports) => ports::run(&ports, paint),
        Command::Doctor(doctor) => doctor::run(&doctor, paint),
        Command::Free(free) => free::run(&free, paint),
        Command::Generate(generate) => generate::run(&generate),
    }
}

/// Whoever reads our output may stop reading: that is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(io::ErrorKind::BrokenPipe)
    })
}
