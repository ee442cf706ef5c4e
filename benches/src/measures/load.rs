//! `timewait load` against wrk and ab, at the same server, which speaks HTTP for their sake and closes first.

use std::{
    io::Read as _,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use timewait_linux::{hosts::Host, processes};

use super::serve::{Server, each, prepare};
use crate::frame::{Bar, Bench, Cost, Measurement, Peer, Rounds, Sample, Section};

pub(crate) const MEASUREMENT: Measurement = Measurement {
    name: "load",
    title: "The load generator",
    about: "CPU time of the client for each connection, by the kernel's account of the process, in rounds; 64 connections at a \
        time, at `timewait serve -q` with an answer in HTTP, started anew for each. wrk and ab send a request, so `load --say` \
        sends the same one; its two histograms are on.",
    needs: &[Peer::Wrk, Peer::Ab],
    cases: [&["busy"], &["busy"]],
    figures: &[],
    perform,
};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n";
const REQUEST: &str = "GET / HTTP/1.1\\r\\nHost: 127.0.0.1:9000\\r\\nConnection: close\\r\\n\\r\\n";
const URL: &str = "http://127.0.0.1:9000/";
const LOAD: &str = "`timewait load --say` the same request";
const WRK: &str = "wrk, `Connection: close`";
const AB: &str = "ab";

/// A client: what it is called, how it is started, and what its count of connections follows.
struct Client {
    name: &'static str,
    command: Command,
    count: &'static str,
}

fn perform(bench: &Bench<'_>, host: &Host, _case: &str) -> anyhow::Result<Section> {
    prepare(host)?;
    let mut rounds = Rounds::new(bench.pick(31, 3));
    for mut client in clients(bench) {
        rounds = rounds.with(client.name, move || {
            let mut serve = bench.timewait(&["serve", "-q", "127.0.0.1:9000", "--backlog", "16384"]);
            // With a linger every client is waited for: ab does not bear an RST behind its answer.
            let server = Server::start(serve.args(["--linger", "5", "--message", ANSWER]))?;
            let sample = a_connection(&mut client)?;
            server.end()?;
            Ok(sample)
        });
    }
    let compared = rounds.run()?;
    let mut section = Section { tables: vec![each(&compared, 1)], ..Section::default() };
    for peer in [WRK, AB] {
        if let Some(ratio) = compared.ratio(LOAD, peer, Cost::Cpu) {
            let what = format!("{LOAD}: CPU a connection, of {peer}'s");
            section.bars.push(Bar::at_most(what, 0.90, ratio.median));
        }
    }
    Ok(section)
}

fn clients(bench: &Bench<'_>) -> Vec<Client> {
    let time = "1s";
    let load = |more: &[&str]| {
        let mut command = bench.timewait(&["load", "127.0.0.1:9000", "--json", "--duration", time]);
        command.args(more);
        Some(command)
    };
    let close = ["-t1", "-c64", "-d", time, "-H", "Connection: close", URL];
    let all = [
        (LOAD, load(&["--say", REQUEST]), "\"finished\":"),
        ("`timewait load`, which hears and says nothing", load(&[]), "\"finished\":"),
        (WRK, bench.peer(Peer::Wrk, &close), " requests in "),
        (
            AB,
            bench.peer(Peer::Ab, &["-q", "-s", "5", "-n", bench.pick("20000", "10000"), "-c", "64", URL]),
            "Complete requests:",
        ),
    ];
    all.into_iter()
        .filter_map(|(name, command, count)| Some(Client { name, command: command?, count }))
        .collect()
}

/// Runs it once; gives what a connection cost.
fn a_connection(client: &mut Client) -> anyhow::Result<Sample> {
    let mut output = String::new();
    let all = Sample::of_children(|| {
        let command = processes::tether(&mut client.command);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        child.stdout.take().context("a pipe")?.read_to_string(&mut output)?;
        child.wait()?;
        Ok(())
    })?;
    ensure!(all.wall < Duration::from_secs(120), "{} took too long", client.name);
    let count = count(&output, client.count).with_context(|| format!("{}: {output}", client.name))?;
    Ok(all.each_of(count))
}

/// The number beside a text: before it where it begins with a space, or else behind it.
fn count(output: &str, text: &str) -> Option<f64> {
    let (before, behind) = output.split_once(text)?;
    let number = if text.starts_with(' ') {
        before.split_whitespace().last()?
    } else {
        behind.trim_start().split(|c: char| !c.is_ascii_digit()).next()?
    };
    number.parse().ok().filter(|&count| count > 0.0)
}
