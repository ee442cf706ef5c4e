//! `timewait watch`: who closes first, and whose the sockets in TIME-WAIT are.

mod json;
mod text;

use std::{
    io::{self, BufWriter, IsTerminal as _, Write},
    os::unix::net::UnixStream,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use timewait_facts::Pattern;
use timewait_linux::{
    closes::{Close, Lost, NoProbe, Setup, Watch},
    netns::Netns,
    settings,
};

use crate::{args, print::Paint, signals, words::watch as words};

/// How often the live line is written anew.
const LINE_EVERY: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &args::Watch, paint: Paint) -> anyhow::Result<ExitCode> {
    let stop = signals::stop_wishes().context("cannot listen to Ctrl-C and SIGTERM")?;
    let netns = args.netns.as_deref().map(Netns::open).transpose()?;
    let setup = Setup { address: args.address.unwrap_or_default(), netns, probe: !args.no_probe };
    let mut watch = Watch::open(&setup).map_err(|error| elsewhere(error.into(), args))?;
    let mut out = Out::new(args, paint);
    let opened_before = opened(&setup);
    if !args.quiet {
        tell_beginning(&watch);
    }
    observe(&mut watch, &mut out, &stop)?;
    watch.finish(|close| out.close(close))?;
    out.written()?;
    let opened = opened_before.and_then(|before| Some(opened(&setup)?.saturating_sub(before)));
    let seen = Seen { lost: watch.lost()?, watch: &watch, opened };
    let mut out = out.out;
    if args.json {
        json::summary(&mut out, &seen, args, no_probe(&watch))?;
    } else {
        text::summary(&mut out, &seen, args.each, paint)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// What is to be summed up.
struct Seen<'a> {
    watch: &'a Watch,
    /// What the probe could not tell; `None` without one.
    lost: Option<Lost>,
    /// Ends of connections that the kernel counted meanwhile; `None` where only some of them were watched.
    opened: Option<u64>,
}

/// Ends of connections that were opened so far in the network namespace, by the kernel's own count.
fn opened(setup: &Setup) -> Option<u64> {
    if setup.address != Pattern::default() {
        return None;
    }
    let counters =
        setup.netns.as_ref().map_or_else(settings::tcp_counters, settings::tcp_counters_in).ok()?;
    Some(counters.get("ActiveOpens")? + counters.get("PassiveOpens")?)
}

fn elsewhere(error: anyhow::Error, args: &args::Watch) -> anyhow::Error {
    match &args.netns {
        Some(name) => error.context(format!("cannot look into network namespace {name}")),
        None => error,
    }
}

/// Until the time is over, or somebody wishes it to stop.
fn observe(watch: &mut Watch, out: &mut Out<'_>, stop: &UnixStream) -> anyhow::Result<()> {
    let end = out.args.time.map(|time| Instant::now() + time);
    let mut line = LiveLine::new(!out.args.tells_each() && !out.args.quiet && io::stderr().is_terminal());
    loop {
        let rest = watch.step(|close| out.close(close))?;
        out.written()?;
        line.write(watch)?;
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) || is_wished(stop, rest.min(left.unwrap_or(rest)))? {
            return Ok(line.clear()?);
        }
    }
}

/// Waits for a wish to stop, at most so long.
fn is_wished(stop: &UnixStream, most: Duration) -> io::Result<bool> {
    let most = Timespec::try_from(most.min(LINE_EVERY)).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(stop, PollFlags::IN)], Some(&most)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Says that it has begun, for whoever starts connections only then.
fn tell_beginning(watch: &Watch) {
    let mut lines = vec![words::begins(watch.no_probe().is_none()).to_owned()];
    lines.extend(no_probe(watch).map(|why| words::no_probe(&why)));
    for line in lines {
        // A note that nobody can read is no failure.
        let _ = writeln!(io::stderr(), "timewait: {line}");
    }
}

/// Why there is no probe, where one was wished for.
fn no_probe(watch: &Watch) -> Option<String> {
    let why = watch.no_probe().filter(|why| !matches!(why, NoProbe::NotAsked))?;
    let causes = std::iter::successors(Some(why as &dyn std::error::Error), |cause| cause.source());
    Some(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

/// Where closes go.
struct Out<'a> {
    out: BufWriter<io::StdoutLock<'static>>,
    args: &'a args::Watch,
    paint: Paint,
    columns: text::Columns,
    failed: Option<io::Error>,
}

impl<'a> Out<'a> {
    fn new(args: &'a args::Watch, paint: Paint) -> Self {
        let out = BufWriter::new(io::stdout().lock());
        Self { out, args, paint, columns: text::Columns::default(), failed: None }
    }

    fn close(&mut self, close: &Close) {
        if !self.args.tells_each() || self.failed.is_some() {
            return;
        }
        let outcome = if self.args.json {
            json::close(&mut self.out, close)
        } else {
            text::close(&mut self.out, close, &mut self.columns, self.paint)
        };
        self.failed = outcome.err();
    }

    fn written(&mut self) -> io::Result<()> {
        self.failed.take().map_or_else(|| self.out.flush(), Err)
    }
}

/// One line on standard error that is written over and over.
struct LiveLine {
    shown: bool,
    next: Instant,
}

impl LiveLine {
    fn new(shown: bool) -> Self {
        Self { shown, next: Instant::now() }
    }

    fn write(&mut self, watch: &Watch) -> io::Result<()> {
        let now = Instant::now();
        if !self.shown || now < self.next {
            return Ok(());
        }
        self.next = now + LINE_EVERY;
        let line = words::so_far(watch.elapsed(), &watch.tally().total());
        // A line that wraps could not be written over.
        write!(io::stderr(), "\r\x1b[K{}", line.chars().take(79).collect::<String>())
    }

    fn clear(&self) -> io::Result<()> {
        if self.shown { write!(io::stderr(), "\r\x1b[K") } else { Ok(()) }
    }
}
