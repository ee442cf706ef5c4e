use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use timewait_linux::hosts::Host;

use crate::{
    crowd::Crowd,
    frame::{Bar, Bench, Measurement, Peer, Section, Table},
};

pub(crate) const MEASUREMENT: Measurement = Measurement {
    name: "instructions",
    title: "Instructions a row",
    about: "What `timewait ls` itself executes for a socket, as valgrind's callgrind counts it: the parser, the formatter, and the \
        writing up to the system call, without the kernel. The same question asked of a port that nobody has is taken off. It \
        does not depend on what else the machine does, so a regression shows where times are too noisy; the bounds are some \
        15 % above what was counted when they were set.",
    needs: &[Peer::Valgrind],
    cases: [&["10000"], &["10000"]],
    figures: &[],
    perform,
};

/// What is asked, and the most instructions that it may take for a socket.
const QUESTIONS: [(&str, &[&str], f64); 4] = [
    ("`timewait ls`", &[], 380.0),
    ("`timewait ls --json`", &["--json"], 380.0),
    ("`timewait ls --by local`", &["--by", "local"], 275.0),
    ("`timewait ls --count`", &["--count"], 15.0),
];

fn perform(bench: &Bench<'_>, host: &Host, case: &str) -> anyhow::Result<Section> {
    let mut section = Section::default();
    let size: u32 = case.parse()?;
    Crowd::gather(host, size, 100)?;
    let mut table = Table::new(["by", "instructions a socket"]);
    for (name, arguments, bound) in QUESTIONS {
        let Some(all) = counted(bench, &[&["ls", ":9000"], arguments])? else { return Ok(section) };
        let Some(none) = counted(bench, &[&["ls", ":9"], arguments])? else { return Ok(section) };
        #[allow(clippy::cast_precision_loss, reason = "some millions")]
        let each = all.saturating_sub(none) as f64 / f64::from(size);
        table.row([name.to_owned(), format!("{each:.0}")]);
        section.bars.push(Bar::at_most(format!("{name}: instructions a socket"), bound, each));
    }
    section.tables.push(table);
    Ok(section)
}

/// Instructions that the command executes in user space; `None` without valgrind.
fn counted(bench: &Bench<'_>, arguments: &[&[&str]]) -> anyhow::Result<Option<u64>> {
    let Some(mut valgrind) =
        bench.peer(Peer::Valgrind, &["--tool=callgrind", "--callgrind-out-file=/dev/null"])
    else {
        return Ok(None);
    };
    let ours: Command = bench.timewait(&arguments.concat());
    valgrind.arg(ours.get_program()).args(ours.get_args());
    let output = valgrind.stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "callgrind failed ({}): {said}", output.status);
    let line =
        said.lines().find_map(|line| line.split_once("Collected :")).context("callgrind told no sum")?;
    Ok(Some(line.1.trim().parse()?))
}
