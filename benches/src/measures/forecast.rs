//! How long `timewait ports --watch` says that ports will last, against the first EADDRNOTAVAIL.

use std::{
    io::{self, Read as _},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::errno::Errno;
use serde_json::Value;
use timewait_linux::hosts::Host;

use crate::frame::{Bench, Measurement, Section, Table};

pub(crate) const MEASUREMENT: Measurement = Measurement {
    name: "forecast",
    title: "How long ports last",
    about: "Connections are opened at a steady rate and closed from this side, until connect(2) fails; meanwhile `timewait ports \
        --watch=3s` says when that will be.",
    needs: &[],
    // Connections a second.
    cases: [&["50", "100", "200"], &["200"]],
    figures: &[],
    perform,
};

/// Ports that there are.
const PORTS: u16 = 1_500;
/// How long it is watched, from a second after the beginning on.
const WATCHED: &str = "--watch=3s";

fn perform(bench: &Bench<'_>, host: &Host, case: &str) -> anyhow::Result<Section> {
    let rate: u32 = case.parse()?;
    host.set("net.ipv4.ip_local_port_range", &format!("40000 {}", 39_999 + PORTS))?;
    host.set("net.ipv4.tcp_tw_reuse", "0")?;
    let start = Instant::now();
    let opened = AtomicU32::new(0);
    let (said, really, said_at, refused_at) = thread::scope(|scope| -> anyhow::Result<_> {
        let load = scope.spawn(|| until_refused(rate, start, &opened));
        thread::sleep(Duration::from_secs(1));
        let (before, began) = (opened.load(Ordering::Relaxed), Instant::now());
        let output = bench.timewait(&["ports", "--json", WATCHED]).output()?;
        let really = f64::from(opened.load(Ordering::Relaxed) - before) / began.elapsed().as_secs_f64();
        let said_at = start.elapsed();
        let refused_at = load.join().unwrap_or_else(|_| bail!("the load panicked"))?;
        Ok((serde_json::from_slice::<Value>(&output.stdout)?, really, said_at, refused_at))
    })?;
    let forecast = said.pointer("/destinations/0/forecast").context("no forecast")?;
    let seen = forecast.get("new_per_second").and_then(Value::as_f64).context("no rate")?;
    let foretold = forecast.get("refused_in_ms").and_then(Value::as_u64).context("not foretold")?;
    let foretold = Duration::from_millis(foretold).as_secs_f64();
    let real = refused_at.saturating_sub(said_at).as_secs_f64();
    let mut table = Table::new([
        "to be opened a second",
        "opened meanwhile",
        "rate seen",
        "refused, foretold",
        "refused, really",
        "difference",
    ]);
    table.row([
        rate.to_string(),
        format!("{really:.1}"),
        format!("{seen:.1}"),
        format!("in {foretold:.1} s"),
        format!("in {real:.1} s"),
        format!("{:+.1} %", (foretold / real - 1.0) * 100.0),
    ]);
    Ok(Section { tables: vec![table], ..Section::default() })
}

/// Opens and closes at a steady rate; gives the time of the first EADDRNOTAVAIL. What a busy machine delays is not made
/// up for: that would be another rate.
fn until_refused(rate: u32, start: Instant, opened: &AtomicU32) -> anyhow::Result<Duration> {
    let server = TcpListener::bind("127.0.0.1:9000")?;
    let mut due = start.elapsed();
    for number in 0..10 * u32::from(PORTS) {
        opened.store(number, Ordering::Relaxed);
        due = (due + Duration::from_secs(1) / rate).max(start.elapsed());
        thread::sleep(due.saturating_sub(start.elapsed()));
        match open_and_close(&server) {
            Err(error) if error.raw_os_error() == Some(Errno::EADDRNOTAVAIL as i32) => {
                return Ok(start.elapsed());
            }
            outcome => outcome?,
        }
    }
    bail!("ports never ran out")
}

fn open_and_close(server: &TcpListener) -> io::Result<()> {
    let client = TcpStream::connect(server.local_addr()?)?;
    let (mut accepted, _) = server.accept()?;
    drop(client);
    accepted.read_to_end(&mut Vec::new())?;
    Ok(())
}
