//! What it costs a connection to be watched: by nobody, by the probe alone, by `watch` with its probe, by samples.
//!
//! Connections are made and closed one after the other over loopback, both ends by one thread, so its processor time is
//! what the processes of a connection pay; what the watch itself uses is measured elsewhere. "The probe alone" is attached and writes its records, and nobody takes them out. Rounds of
//! the four take turns, so that what drifts drifts for all.

use std::{
    io::Read as _,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail};
use rustix::time::{ClockId, clock_gettime};
use timewait_linux::{
    closes::{Setup, Watch},
    hosts::Host,
};

use crate::frame::{Bar, Bench, Measurement, Section, Spread, Table};

pub(crate) const MEASUREMENT: Measurement = Measurement {
    name: "watch",
    title: "A connection that is watched",
    about: "Connections made and closed one after the other over loopback, both ends by one thread, whose processor time is \
        what the processes of a connection pay. *The probe alone* is attached and writes its records, and nobody takes them out.",
    needs: &[],
    cases: [&["loopback"], &["loopback"]],
    figures: &[],
    perform,
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

fn perform(_bench: &Bench<'_>, host: &Host, _case: &str) -> anyhow::Result<Section> {
    // Nothing is left waiting, so every round meets the same table.
    host.set("net.ipv4.tcp_max_tw_buckets", "0")?;
    let listener = TcpListener::bind("127.0.0.1:9000")?;
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        for (by, times) in WATCHERS.into_iter().zip(&mut times) {
            times.push(watched(by, || connections(&listener))? / CONNECTIONS);
        }
    }
    Ok(tell(&times))
}

fn connections(listener: &TcpListener) -> anyhow::Result<Duration> {
    let address = listener.local_addr()?;
    let before = thread_time();
    for _ in 0..CONNECTIONS {
        let mut client = TcpStream::connect(address)?;
        let (mut server, _) = listener.accept()?;
        server.shutdown(Shutdown::Write)?;
        client.read_to_end(&mut Vec::new())?;
        client.shutdown(Shutdown::Write)?;
        server.read_to_end(&mut Vec::new())?;
    }
    Ok(thread_time().saturating_sub(before))
}

/// The processor time of this thread, in which loopback does the other end's work as well.
fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanoseconds.unwrap_or(0))
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

fn tell([nobody, alone, probe, samples]: &[Vec<Duration>; 4]) -> Section {
    let mut table =
        Table::new(["watched by", "CPU of a connection", "of that by nobody, ratio (least to most)"]);
    let micros = |times: &[Duration]| times.iter().map(|time| time.as_secs_f64() * 1e6).collect();
    let of = |times: &[Duration], to: &[Duration]| {
        Spread::of(times.iter().zip(to).map(|(time, to)| time.as_secs_f64() / to.as_secs_f64()).collect())
    };
    for (name, times) in [
        ("nobody", nobody),
        ("the probe alone", alone),
        ("`watch`, by its probe", probe),
        ("`watch --no-probe`", samples),
    ] {
        if let Some((time, ratio)) = Spread::of(micros(times)).zip(of(times, nobody)) {
            table.row([name.to_owned(), format!("{:.2} us", time.median), ratio.text()]);
        }
    }
    let mut section = Section { tables: vec![table], ..Section::default() };
    if let Some(ratio) = of(probe, alone) {
        let what = "`timewait watch`, a connection: of its probe alone";
        section.bars.push(Bar::at_most(what, 1.02, ratio.median));
    }
    section
}
