//! Ten thousand clients at once: is one turned away?

use std::{
    io::Read as _,
    net::{SocketAddr, TcpStream},
    process::Command,
};

use anyhow::Context as _;
use timewait_linux::{hosts::Host, settings::tcp_counters};

use super::{
    prepare,
    side::{Server, timewait},
};

const CLIENTS: usize = 10_000;
const COUNTERS: [&str; 2] = ["ListenOverflows", "ListenDrops"];

pub(super) fn come(host: &Host) -> anyhow::Result<()> {
    prepare(host)?;
    let at: SocketAddr = "127.0.0.1:9000".parse()?;
    let mut serve = Command::new(timewait()?);
    serve.args(["serve", "-q", "127.0.0.1:9000", "--backlog", "16384"]);
    let _server = Server::start(&mut serve, at)?;
    let before = tcp_counters()?;
    let clients: Result<Vec<_>, _> = (0..CLIENTS).map(|_| TcpStream::connect(at)).collect();
    let clients = clients.context("fewer descriptors than clients")?;
    let mut unserved = 0;
    for mut client in clients {
        let mut line = Vec::new();
        let whole = client.read_to_end(&mut line).is_ok() && line == b"I sent sth to client!\n";
        unserved += usize::from(!whole);
    }
    let after = tcp_counters()?;
    let grown = COUNTERS.map(|name| after.get(name).unwrap_or(&0) - before.get(name).unwrap_or(&0));
    println!("| {CLIENTS} clients that all connect before the first closes | |\n|---|---|");
    for (name, count) in COUNTERS.into_iter().zip(grown) {
        println!("| {name} | {count} |");
    }
    println!("| clients not served | {unserved} |\n");
    Ok(())
}
