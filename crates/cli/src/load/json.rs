use std::{io::Write, time::Duration};

use serde::Serialize;
use timewait_oneline::{
    Load, Report,
    load::{Close, Ended, Failures, Latencies},
};

use super::Ports;
use crate::print::json;

#[derive(Serialize)]
struct Object {
    v: u8,
    to: End,
    close_first: &'static str,
    ended: &'static str,
    elapsed_ms: u64,
    begun: u64,
    connected: u64,
    finished: u64,
    errors: Vec<Failure>,
    cut: u64,
    behind: u64,
    received: u64,
    time_waits: u64,
    waited_before: usize,
    sources: u64,
    ports: u64,
    ports_left: u64,
    most_ports: Option<u64>,
    connect_us: Option<Times>,
    whole_us: Option<Times>,
}

#[derive(Serialize)]
struct End {
    addr: String,
    port: u16,
}

#[derive(Serialize)]
struct Failure {
    call: String,
    errno: String,
    count: u64,
}

/// In microseconds.
#[derive(Serialize)]
struct Times {
    count: u64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Times {
    fn of(latencies: &Latencies) -> Option<Self> {
        let us = |time: Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
        let at = |share| us(latencies.quantile(share));
        (latencies.count() > 0).then(|| Self {
            count: latencies.count(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: us(latencies.max()),
        })
    }
}

pub(super) fn write(out: &mut impl Write, load: &Load, report: &Report, ports: &Ports) -> anyhow::Result<()> {
    let tally = &report.tally;
    let failure = |failures: &Failures| Failure {
        call: failures.call.to_string(),
        errno: failures.errno.name(),
        count: failures.count,
    };
    let object = Object {
        v: json::VERSION,
        to: End { addr: load.to.ip().to_string(), port: load.to.port() },
        close_first: match load.close {
            Close::Server => "server",
            Close::Client => "client",
            Close::Reset => "rst",
        },
        ended: match report.ended {
            Ended::Connections => "connections",
            Ended::Duration => "duration",
            Ended::Ports => "ports",
            Ended::Stopped => "stopped",
        },
        elapsed_ms: u64::try_from(report.elapsed.as_millis())?,
        begun: tally.begun,
        connected: tally.connected,
        finished: tally.finished,
        errors: tally.errors.iter().map(failure).collect(),
        cut: tally.cut,
        behind: report.behind,
        received: tally.received,
        time_waits: tally.time_waits,
        waited_before: ports.waited_before(),
        sources: ports.sources(),
        ports: ports.all(),
        ports_left: ports.left(report.held),
        most_ports: load.most_ports,
        connect_us: Times::of(&report.connect),
        whole_us: Times::of(&report.whole),
    };
    json::write_line(out, &object)?;
    Ok(())
}
