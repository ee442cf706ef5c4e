//! `timewait load` against wrk and ab, at the same server, which speaks HTTP for their sake and closes first.

use std::process::Command;

use timewait_linux::hosts::Host;

use super::{
    RUNS, prepare,
    side::{Ran, Rounds, Server, has, number_after, print, run, timewait},
};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n";
const REQUEST: &str = "GET / HTTP/1.1\\r\\nHost: 127.0.0.1:9000\\r\\nConnection: close\\r\\n\\r\\n";
const URL: &str = "http://127.0.0.1:9000/";

/// A client: what it is called, its arguments, and what its count of connections follows.
struct Client {
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    count: &'static str,
}

const CLIENTS: [Client; 4] = [
    Client {
        name: "wrk, `Connection: close`",
        program: "wrk",
        arguments: &["-t1", "-c64", "-d2s", "-H", "Connection: close", URL],
        count: "Latency",
    },
    Client {
        name: "`timewait load`",
        program: "timewait",
        arguments: &["load", "127.0.0.1:9000", "--duration", "2s", "--json"],
        count: "\"finished\":",
    },
    Client {
        name: "`timewait load --say` the same request",
        program: "timewait",
        arguments: &["load", "127.0.0.1:9000", "--duration", "2s", "--json", "--say", REQUEST],
        count: "\"finished\":",
    },
    Client {
        name: "ab",
        program: "ab",
        arguments: &["-q", "-s", "5", "-n", "40000", "-c", "64", URL],
        count: "Complete requests:",
    },
];

pub(super) fn compare(host: &Host) -> anyhow::Result<()> {
    prepare(host)?;
    let program = timewait()?;
    let mut rows: Vec<(&str, Rounds)> = CLIENTS.iter().map(|client| (client.name, Rounds::new())).collect();
    for _ in 0..RUNS {
        for (client, (_, rounds)) in CLIENTS.iter().zip(&mut rows) {
            if client.program != "timewait" && !has(client.program) {
                rounds.push(None);
                continue;
            }
            let mut serve = Command::new(&program);
            serve.args(["serve", "-q", "127.0.0.1:9000", "--backlog", "16384", "--message", ANSWER]);
            // A new one for each, so that none finds what another left.
            let _server = Server::start(&mut serve, "127.0.0.1:9000".parse()?)?;
            let mut command = match client.program {
                "timewait" => Command::new(&program),
                other => Command::new(other),
            };
            let ran = run(command.args(client.arguments))?;
            rounds.push(connections(client, &ran).map(|count| ran.cpu * 1e6 / count));
        }
    }
    println!("64 connections at a time, at `timewait serve -q` with an answer in HTTP:\n");
    print("client", &rows);
    for missing in ["wrk", "ab"].into_iter().filter(|program| !has(program)) {
        println!("{missing} is not installed.\n");
    }
    println!("wrk and ab send a request, which `load` does only with `--say`; its two histograms are on.\n");
    Ok(())
}

/// How many connections it made; wrk says so before the word that follows its count.
fn connections(client: &Client, ran: &Ran) -> Option<f64> {
    let count = if client.program == "wrk" {
        let (before, _) = ran.output.split_once(" requests in ")?;
        before.split_whitespace().last()?.parse().ok()
    } else {
        number_after(&ran.output, client.count)
    };
    count.filter(|&count: &f64| count > 0.0)
}
