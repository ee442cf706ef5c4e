//! What it costs a connection to be watched: by nobody, by the probe alone, by `watch` with its probe, by samples.
//!
//! Connections are made and closed one after the other over loopback, both ends by one thread, so the time of one is
//! what its processes pay. "The probe alone" is attached and writes its records, and nobody takes them out. Rounds of
//! the four take turns, so that what drifts drifts for all.

use std::{
    env,
    io::Read as _,
    net::{Shutdown, TcpListener, TcpStream},
    process::{Command, ExitCode},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use timewait_linux::{
    closes::{Setup, Watch},
    hosts::{self, Host},
    kernel_version,
};

/// Connections of a round: their records fit into the probe's ring, also if nobody takes them out.
const CONNECTIONS: u32 = 4_000;
const ROUNDS: usize = 21;

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Nobody,
    ProbeAlone,
    Probe,
    Samples,
}

const WATCHERS: [By; 4] = [By::Nobody, By::ProbeAlone, By::Probe, By::Samples];

/// Measures, in a host of its own, and prints a table in Markdown.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let Some(host) = Host::entered() else {
        let mut command = Command::new(env::current_exe()?);
        let status = hosts::isolate(command.args(env::args().skip(1)))?.wait()?;
        return if status.success() {
            Ok(ExitCode::SUCCESS)
        } else {
            bail!("the measurement failed ({status})")
        };
    };
    // Nothing is left waiting, so every round meets the same table.
    host.set("net.ipv4.tcp_max_tw_buckets", "0")?;
    let listener = TcpListener::bind("127.0.0.1:9000")?;
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        for (by, times) in WATCHERS.into_iter().zip(&mut times) {
            times.push(watched(by, || connections(&listener))? / CONNECTIONS);
        }
    }
    print(times.map(median));
    Ok(ExitCode::SUCCESS)
}

fn connections(listener: &TcpListener) -> anyhow::Result<Duration> {
    let address = listener.local_addr()?;
    let start = Instant::now();
    for _ in 0..CONNECTIONS {
        let mut client = TcpStream::connect(address)?;
        let (mut server, _) = listener.accept()?;
        server.shutdown(Shutdown::Write)?;
        client.read_to_end(&mut Vec::new())?;
        client.shutdown(Shutdown::Write)?;
        server.read_to_end(&mut Vec::new())?;
    }
    Ok(start.elapsed())
}

/// Does some work while a watch, in a thread of its own, sees it.
fn watched(by: By, work: impl FnOnce() -> anyhow::Result<Duration>) -> anyhow::Result<Duration> {
    if by == By::Nobody {
        return work();
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (ready, is_ready) = channel();
        let watcher = scope.spawn({
            let over = &over;
            move || watch_until(by, over, &ready)
        });
        let outcome = is_ready.recv().context("the watch did not begin").and_then(|()| work());
        over.store(true, Ordering::Relaxed);
        watcher.join().unwrap_or_else(|_| bail!("the watch panicked"))?;
        outcome
    })
}

fn watch_until(by: By, over: &AtomicBool, ready: &Sender<()>) -> anyhow::Result<()> {
    let probed = by != By::Samples;
    let mut watch = Watch::open(&Setup { probe: probed, ..Setup::default() })?;
    if let Some(why) = watch.no_probe().filter(|_| probed) {
        bail!("no probe: {why}");
    }
    ready.send(())?;
    while !over.load(Ordering::Relaxed) {
        let rest = if by == By::ProbeAlone { Duration::MAX } else { watch.step(|_| {})? };
        thread::sleep(rest.min(Duration::from_millis(50)));
    }
    match watch.lost()? {
        Some(lost) if lost.changes() > 0 => bail!("the probe lost records: this is not what it costs"),
        _ => Ok(()),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn print([nobody, alone, probe, samples]: [Duration; 4]) {
    let row = |name: &str, time: Duration| {
        let more = time.as_secs_f64() / nobody.as_secs_f64() - 1.0;
        println!("| {name} | {:.2} us | {:+.1} % |", time.as_secs_f64() * 1e6, more * 100.0);
    };
    println!(
        "Linux {}, {ROUNDS} rounds of {CONNECTIONS} connections, medians; both ends of a connection in one thread.\n",
        kernel_version().number()
    );
    println!("| watched by | a connection | more than by nobody |\n|---|---|---|");
    row("nobody", nobody);
    row("the probe alone", alone);
    row("`watch`, by its probe", probe);
    row("`watch --no-probe`", samples);
    let over = probe.as_secs_f64() / alone.as_secs_f64() - 1.0;
    println!("\n`watch` costs {:+.1} % beyond its probe alone; the target is 2 % at most.", over * 100.0);
}
