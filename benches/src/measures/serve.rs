//! `timewait serve` against a blocking loop, the ways to close that were tried, and nginx.

mod busy;
mod nginx;
pub(crate) mod variants;

use std::process::Command;

use timewait_linux::hosts::Host;

use crate::frame::{Bar, Bench, Compared, Cost, Measurement, Peer, Rounds, Section, Table};

pub(crate) use busy::{Server, prepare};

pub(crate) const MEASUREMENT: Measurement = Measurement {
    name: "serve",
    title: "The one-line server",
    about: "CPU time of the server for each connection, by the kernel's account of the process, its start included. All are kept \
        busy by the same `timewait load`, 64 connections at a time, in rounds; each round starts each server anew. The measure \
        is a blocking loop of accept, send, close.",
    needs: &[Peer::Nginx, Peer::NginxStream, Peer::Strace],
    cases: [&["busy", "calls", "crowd"], &["busy", "calls", "crowd"]],
    figures: &[],
    perform,
};

const BLOCKING: &str = "a blocking loop: accept, send, close";
const SERVE: &str = "`timewait serve -q`";
const SEPARATE: &str = "`timewait serve -q --separate-fin`";
const ONE_THREAD: &str = "`timewait serve -q --threads 1`";
const STREAM: &str = "nginx, stream";
const HTTP: &str = "nginx, http (asked first)";

fn perform(bench: &Bench<'_>, host: &Host, case: &str) -> anyhow::Result<Section> {
    prepare(host)?;
    match case {
        "busy" => compare(bench),
        "calls" => calls(bench),
        _ => crowd(bench),
    }
}

/// The command that serves; the address is the same for all.
fn serve(bench: &Bench<'_>, more: &[&str]) -> Command {
    let mut command = bench.timewait(&["serve", "-q", "127.0.0.1:9000", "--backlog", "16384"]);
    command.args(more);
    command
}

fn compare(bench: &Bench<'_>) -> anyhow::Result<Section> {
    // Short rounds, and more of them: then what is compared is measured closer together. But a start is not what is compared.
    let count = bench.pick(40_000, 10_000);
    let folder = nginx::Folder::make()?;
    let contenders: [(&str, Option<Command>, &[u8]); 6] = [
        (BLOCKING, Some(bench.ourselves(&["serve-variant", "close"])), b""),
        (SERVE, Some(serve(bench, &[])), b""),
        (SEPARATE, Some(serve(bench, &["--separate-fin"])), b""),
        (ONE_THREAD, Some(serve(bench, &["--threads", "1"])), b""),
        (STREAM, folder.stream(bench)?, b""),
        (HTTP, folder.http(bench)?, b"GET / HTTP/1.0\r\n\r\n"),
    ];
    let mut rounds = Rounds::new(bench.pick(31, 5));
    for (name, command, say) in contenders {
        if let Some(command) = command {
            rounds = rounds.with(name, move || busy::connections(&command, count, say));
        }
    }
    let compared = rounds.run()?;
    let mut section = Section { tables: vec![each(&compared, count)], ..Section::default() };
    for (name, bound) in [(SERVE, 0.80), (SEPARATE, 1.05)] {
        if let Some(ratio) = compared.ratio(name, BLOCKING, Cost::Cpu) {
            let what = format!("{name}: CPU a connection, of the blocking loop's");
            section.bars.push(Bar::at_most(what, bound, ratio.median));
        }
    }
    Ok(section)
}

/// A row for each, by connection.
pub(super) fn each(compared: &Compared, count: u64) -> Table {
    let mut table = Table::new(["by", "CPU a connection", "ratio (least to most)"]);
    let names: Vec<&str> = compared.names().collect();
    let Some(first) = names.first() else { return table };
    for name in &names {
        let (Some(ms), Some(ratio)) =
            (compared.median_ms(name, Cost::Cpu), compared.ratio(name, first, Cost::Cpu))
        else {
            continue;
        };
        #[allow(clippy::cast_precision_loss, reason = "some thousands")]
        let micros = ms * 1e3 / count as f64;
        let ratio = if name == first { "1".to_owned() } else { ratio.text() };
        table.row([(*name).to_owned(), format!("{micros:.1} us"), ratio]);
    }
    table
}

/// System calls a connection, as strace counts them.
fn calls(bench: &Bench<'_>) -> anyhow::Result<Section> {
    const COUNT: u64 = 2_000;
    let mut section = Section::default();
    for (name, more) in [(SERVE, &[][..]), (SEPARATE, &["--separate-fin"][..])] {
        let Some(mut command) = bench.peer(Peer::Strace, &["-f", "-c", "-U", "name,calls"]) else { continue };
        let mut server = serve(bench, more);
        // It ends by itself; one more comes to see whether it answers.
        server.args(["--connections", &(COUNT + 1).to_string()]);
        command.arg(server.get_program()).args(server.get_args());
        let said = busy::counted(&mut command, COUNT)?;
        let often = |line: &str| {
            let (call, calls) = line.trim().split_once(char::is_whitespace)?;
            let calls: u64 = calls.trim().parse().ok()?;
            (calls * 10 > COUNT && call != "total").then(|| {
                #[allow(clippy::cast_precision_loss, reason = "some thousands")]
                let each = calls as f64 / COUNT as f64;
                format!("{call} {each:.2}")
            })
        };
        let calls: Vec<String> = said.lines().filter_map(often).collect();
        section.notes.push(format!("{name}, system calls a connection (strace -c): {}.", calls.join(", ")));
    }
    Ok(section)
}

/// Ten thousand clients at once: is one turned away?
fn crowd(bench: &Bench<'_>) -> anyhow::Result<Section> {
    const CLIENTS: usize = 10_000;
    let mut server = serve(bench, &[]);
    let (grown, unserved) = busy::crowd(&mut server, CLIENTS)?;
    let mut section = Section::default();
    for (name, count) in grown.into_iter().chain([("clients not served", unserved)]) {
        let what = format!("{SERVE}, {CLIENTS} clients that all connect before the first closes: {name}");
        #[allow(clippy::cast_precision_loss, reason = "at most some thousands")]
        section.bars.push(Bar::at_most(what, 0.0, count as f64));
    }
    Ok(section)
}
