//! `timewait serve`: the article's server.

use std::{
    io::{self, IsTerminal as _, Write},
    net::SocketAddr,
    num::NonZero,
    os::fd::AsFd as _,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use timewait_diagnose::bind::{self, Request};
use timewait_oneline::{Call, Event, Server, Setup, SetupError, Side, server::raise_descriptor_limit};

use crate::{
    args::{self, Color, Serve},
    port_facts::{self, Look},
    print::{Paint, print_failed_call, problem},
    signals,
    words::serve as words,
};

pub(crate) fn run(args: &Serve, color: Color) -> anyhow::Result<ExitCode> {
    let setup = setup(args)?;
    // With the soft limit as it is, it serves all the same: fewer at a time.
    let _ = raise_descriptor_limit();
    let stop = signals::stop_wishes().context("cannot listen to Ctrl-C and SIGTERM")?;
    let server = match Server::listen(&setup) {
        Ok(server) => server,
        Err(error) => {
            // A report that nobody can read does not make it less of a failure.
            let _ = report(&setup, &error, Paint::for_stderr(color));
            return Ok(ExitCode::FAILURE);
        }
    };
    say(&words::listening(server.local_address(), setup.backlog, &option_names(&setup)));
    let clients = !args.quiet && io::stdout().is_terminal();
    let mut log = Log::new(clients);
    let mut tell = |event| log.tell(event);
    let totals = if clients {
        server.run(stop.as_fd(), &mut tell)
    } else {
        server.run_quietly(stop.as_fd(), &mut tell)
    };
    log.flush();
    match totals {
        Ok(totals) => {
            for line in words::totals(&totals) {
                say(&line);
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let message = format!("{} returned -1, {}", error.call, error.errno);
            let _ = writeln!(io::stderr(), "{}", problem(Paint::for_stderr(color), &message));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn setup(args: &Serve) -> anyhow::Result<Setup> {
    let address = args.address.0;
    if args.v6only && address.is_ipv4() {
        bail!("--v6only is for an IPv6 address such as [::]:9000, and {address} is none");
    }
    let message = args.message.clone().map_or_else(|| Setup::default().message, String::into_bytes);
    Ok(Setup {
        address,
        reuseaddr: !args.no_reuseaddr,
        reuseport: args.reuseport,
        v6only: address.is_ipv6().then_some(args.v6only),
        backlog: args.backlog,
        linger: args.linger,
        message,
        close_first: side(args.close_first),
        patience: args.patience,
        connections: args.connections,
        separate_fin: args.separate_fin,
        threads: args.threads.map_or_else(cores, usize::from),
    })
}

/// A thread for each core that this process may use.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

pub(crate) fn side(side: args::Side) -> Side {
    match side {
        args::Side::Server => Side::Server,
        args::Side::Client => Side::Client,
    }
}

fn option_names(setup: &Setup) -> Vec<&'static str> {
    let options = [
        (setup.reuseaddr, "SO_REUSEADDR"),
        (setup.reuseport, "SO_REUSEPORT"),
        (setup.v6only == Some(true), "IPV6_V6ONLY"),
        (setup.linger.is_some(), "SO_LINGER"),
    ];
    options.into_iter().filter_map(|(on, name)| on.then_some(name)).collect()
}

/// What failed, as the article prints it; then what the socket table says about it.
fn report(setup: &Setup, error: &SetupError, paint: Paint) -> io::Result<()> {
    let mut out = io::stderr().lock();
    let call = match error.call {
        Call::Bind => bind::Call::Bind,
        Call::Listen => bind::Call::Listen,
        other => {
            writeln!(out, "{other} returned -1, {}", error.errno)?;
            return writeln!(out, "{}", problem(paint, &words::cannot_serve(setup.address)));
        }
    };
    match port_facts::read(setup.address.port(), Look::default()) {
        Ok(found) => {
            let request = Request {
                reuseaddr: setup.reuseaddr,
                reuseport: setup.reuseport,
                v6only: setup.v6only.unwrap_or(false),
                ..Request::plain(setup.address, rustix::process::geteuid().as_raw())
            };
            let finding = bind::explain(&request, call, port_facts::answer(error.errno), &found.facts);
            let what = (error.call.to_string(), setup.address, error.errno);
            print_failed_call(&mut out, paint, (&what.0, what.1, what.2), &finding)
        }
        Err(no_facts) => {
            writeln!(out, "{} returned -1, {}", error.call, error.errno)?;
            writeln!(out, "{}", problem(paint, &words::holder_unknown(setup.address, &no_facts.to_string())))
        }
    }
}

/// A line for whoever reads along; a server goes on when nobody does.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Lines a second; the clients beyond are counted.
const LINES_A_SECOND: u64 = 10;

/// A line a client, as the article prints it; in a rush, a few and the number of the others.
struct Log {
    /// A line a client is wanted.
    clients: bool,
    served: u64,
    second: Instant,
    lines: u64,
    unsaid: u64,
}

impl Log {
    fn new(clients: bool) -> Self {
        Self { clients, served: 0, second: Instant::now(), lines: 0, unsaid: 0 }
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::Served { peer } => self.served(peer),
            Event::Lost { peer, errno, .. } => self.trouble(|| words::lost(peer, errno)),
            Event::Aborted { errno } => self.trouble(|| words::aborted(errno)),
            Event::Paused { errno, open } => self.trouble(|| words::paused(errno, open)),
            Event::Stopping { open } if open > 0 => say(&words::stopping(open)),
            Event::Stopping { .. } => {}
        }
    }

    fn served(&mut self, peer: SocketAddr) {
        self.served += 1;
        if !self.clients {
            return;
        }
        if self.may_speak() {
            say(&words::client(self.served, peer));
        } else {
            self.unsaid += 1;
        }
    }

    fn trouble(&mut self, line: impl FnOnce() -> String) {
        if self.clients && self.may_speak() {
            say(&line());
        }
    }

    /// Whether this second still has a line to give.
    fn may_speak(&mut self) -> bool {
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.flush();
            (self.second, self.lines) = (Instant::now(), 0);
        }
        self.lines += 1;
        self.lines <= LINES_A_SECOND
    }

    /// Says how many were not told one by one.
    fn flush(&mut self) {
        if self.unsaid > 0 {
            say(&words::and_more(std::mem::take(&mut self.unsaid)));
        }
    }
}
