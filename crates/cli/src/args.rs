//! The one definition of the arguments: help, errors, man pages and completions come from here.

mod address;
mod arrange;
mod flags;
mod holders;
mod load;
mod model;
mod production;

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};
use timewait_facts::{Pattern, State};

pub(crate) use address::{From, ListenAddress, Question, Target};
pub(crate) use arrange::{Arrange, By, Sort};
pub(crate) use flags::Flags;
pub(crate) use holders::{Free, Why};
pub(crate) use load::{Close, Load};
pub(crate) use model::{Form, Model};
pub(crate) use production::{Doctor, Percent, Ports};

/// Shows what TCP's TIME-WAIT state does to this machine, with real sockets
#[derive(Debug, Parser)]
#[command(name = "timewait", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(help_template = "{about-with-newline}{usage-heading} {usage}\n\n{all-args}{after-help}")]
#[command(after_help = "Start with: timewait demo. Exit status: 0; 1: bad news; 2: it could not look.")]
pub(crate) struct Args {
    /// Colour: auto, always or never
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        global = true,
        hide_possible_values = true
    )]
    #[arg(display_order = 900)]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

// Deferred: the arguments of a command are made once it is the one, which is why what it is about stands here.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// The article, live: the close, the failed restart, and the cure
    Demo(Demo),
    /// The article's server: says one line to each client, closes first
    Serve(Serve),
    /// A telnet that tells how the connection ended, and who waits
    Connect(Connect),
    /// Opens connections on this machine at a rate, and counts what fails
    Load(Load),
    /// Sockets in TIME-WAIT (or any state): addresses, seconds left, owners
    Ls(Ls),
    /// Who closes first, and which process makes the TIME-WAIT sockets
    Watch(Watch),
    /// Would bind(2) succeed here? If not: who, why, until when, what to do
    Why(Why),
    /// The budget of local ports, by destination, with a forecast
    Ports(Ports),
    /// This host's settings, or sysctl files, against what they really do
    Doctor(Doctor),
    /// Ends the sockets in TIME-WAIT that hold a port (asks first)
    Free(Free),
    /// Each claim about TIME-WAIT, tried on this kernel
    Lab(Lab),
    /// Every interleaving of two TCPs and a bad network: why two MSL
    Model(Model),
    /// Man pages and shell completions
    Generate(Generate),
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Also into a pipe or a file
    Always,
    /// Not at all
    Never,
}

#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    timewait demo            the whole story, in a network namespace of its own\n  \
    timewait demo --pause    a step at a time, for a class\n  \
    timewait demo --json     what was observed, as one JSON object\n\n\
    Exit status: 0 if this kernel did all that the story tells, 1 if it did something else,\n\
    2 if it could not be tried.")]
pub(crate) struct Demo {
    /// Wait for Enter between the steps
    #[arg(long, conflicts_with = "json")]
    pub(crate) pause: bool,
    /// Print the observations as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Perform one act, as a child of the demo
    #[arg(long, hide = true)]
    pub(crate) act: Option<String>,
    /// Perform it on this port of loopback, not in a network namespace of its own
    #[arg(long, hide = true, requires = "act")]
    pub(crate) port: Option<u16>,
}

#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    timewait serve                         the article's second program\n  \
    timewait serve --no-reuseaddr          its first: cannot be restarted for 60 s after a client\n  \
    timewait serve --close-first client    the wait is the client's\n  \
    timewait serve [::]:9000 --v6only      IPv6 alone\n  \
    timewait serve --quiet                 at the kernel's speed\n\n\
    Exit status: 0 when stopped (Ctrl-C, SIGTERM, --connections), 1 if a call failed, 2 for bad input.")]
pub(crate) struct Serve {
    /// Where to listen
    #[arg(default_value_t)]
    pub(crate) address: ListenAddress,
    /// Leave out SO_REUSEADDR: the article's first program
    #[arg(long)]
    pub(crate) no_reuseaddr: bool,
    /// Set SO_REUSEPORT as well
    #[arg(long)]
    pub(crate) reuseport: bool,
    /// Connections that may wait for accept; a burst overflows the article's 32
    #[arg(long, value_name = "N", default_value_t = timewait_oneline::Setup::default().backlog,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    pub(crate) backlog: u32,
    /// What to say to each client [default: the article's 22 bytes]
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Set SO_LINGER; 0: close by an RST, no TIME-WAIT
    #[arg(long, value_name = "SECONDS")]
    pub(crate) linger: Option<u16>,
    /// Who closes first, and so waits: server or client
    #[arg(long, value_name = "SIDE", value_enum, default_value_t, hide_possible_values = true)]
    pub(crate) close_first: Side,
    /// How long a client is waited for that does not read, or is to close first and does not
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = address::duration, hide_short_help = true)]
    pub(crate) patience: Duration,
    /// Stop after so many connections
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) connections: Option<u64>,
    /// The FIN in a segment of its own, as the article's
    #[arg(long)]
    pub(crate) separate_fin: bool,
    /// Threads that accept, with -q [default: a core each]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// On an IPv6 address, take no IPv4 connections
    #[arg(long)]
    pub(crate) v6only: bool,
    /// No line a client
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Who sends the first FIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    /// The server
    #[default]
    Server,
    /// The client
    Client,
}

#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    timewait connect :9000\n  \
    timewait connect --close-first client :9000\n  \
    timewait connect --from 127.0.0.2:40000 127.0.0.1:9000\n  \
    printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timewait connect localhost:80\n\n\
    Exit status: 0 if the connection was opened and ended by a FIN, 1 if not, 2 for bad input.")]
pub(crate) struct Connect {
    /// Where to connect to: an address or a name, and a port
    pub(crate) address: Target,
    /// Bind this address, or address and port, first
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    pub(crate) from: Option<From>,
    /// server: wait for it to close; client: close once something was heard
    #[arg(long, value_name = "SIDE", value_enum, default_value_t, hide_possible_values = true)]
    pub(crate) close_first: Side,
    /// How long to wait for the connection, and through a silence
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = address::duration)]
    pub(crate) timeout: Duration,
    /// Print only what the peer says
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_long_help = "ADDRESS is a port (9000, :9000), an address (127.0.0.1, ::1), both \
    (127.0.0.1:9000, [::1]:443), or a prefix (10.0.0.0/8, with or without a port).\n\n\
    Examples:\n  \
    timewait ls                               everything in TIME-WAIT\n  \
    timewait ls :9000                         with this port on either end\n  \
    timewait ls --peer 10.0.0.0/8 --count     how many, towards that network\n  \
    timewait ls --state fin-wait-2,close-wait\n  \
    timewait ls --by peer --limit 10          whose they are, the most first\n  \
    timewait ls --sort left --limit 10        those that wait longest\n  \
    timewait ls --all --netns 4711 :443       in the network namespace of process 4711\n  \
    timewait ls --all-netns :443              in all of them, named by unit or container (root)\n\n\
    --by local and --by peer take any port (*) as one where the kernel chose it: that of the peer where this side \
    listens, or has a port outside net.ipv4.ip_local_port_range; else this side's. --by process needs states in which a \
    process can hold a socket, such as --all: in time-wait none does. Without --sort, rows come as the kernel has them, and \
    groups by their count; left, and count, put the largest first. With \
    --all-netns, --by, --sort and --limit hold for each namespace.\n\n\
    A list is not a snapshot: the kernel walks its table while sockets come and go.\n\
    Exit status: 0, also when there is none; 2 if it could not look.")]
pub(crate) struct Ls {
    /// Only sockets with this address on either end
    pub(crate) address: Option<Pattern>,
    /// ADDRESS is meant for this side
    #[arg(long, requires = "address", conflicts_with = "peer")]
    pub(crate) local: bool,
    /// ADDRESS is meant for the other side
    #[arg(long, requires = "address")]
    pub(crate) peer: bool,
    /// Sockets in these states
    #[arg(short, long, value_name = "STATE,...", value_delimiter = ',', conflicts_with_all = ["listening", "all"])]
    pub(crate) state: Vec<State>,
    /// Sockets that listen
    #[arg(short, long, conflicts_with = "all")]
    pub(crate) listening: bool,
    /// Sockets in every state
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Only how many there are
    #[arg(short, long)]
    pub(crate) count: bool,
    #[command(flatten)]
    pub(crate) arrange: Arrange,
    /// Look in another network namespace
    #[arg(long, value_name = "NAME|PATH|PID")]
    pub(crate) netns: Option<String>,
    /// Look in every network namespace (root)
    #[arg(long, conflicts_with = "netns")]
    pub(crate) all_netns: bool,
    /// A JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Also timers, queues, users, inodes and cookies
    #[arg(short, long, conflicts_with_all = ["json", "count"])]
    pub(crate) verbose: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_long_help = "ADDRESS is as for `timewait ls`: a port, an address, both, or a prefix.\n\n\
    With CAP_BPF and CAP_PERFMON (root has them) a probe in the kernel sees every close, in the process that closes. \
    Without, the socket table is sampled: what comes and goes between two samples is not seen, and what was inferred is \
    marked so.\n\n\
    Examples:\n  \
    timewait watch --for 30s            everything that closes in 30 seconds\n  \
    timewait watch :443 --each          a line for each, until Ctrl-C\n  \
    timewait watch --json --for 1m      an object for each, then the sums\n  \
    timewait watch --netns 4711         in the network namespace of process 4711\n\n\
    Exit status: 0; 2 for bad input, or if it could not look.")]
pub(crate) struct Watch {
    /// Only connections with this address on either end
    pub(crate) address: Option<Pattern>,
    /// For how long [default: until Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = address::duration)]
    pub(crate) time: Option<Duration>,
    /// A line for each connection that closes
    #[arg(short, long)]
    pub(crate) each: bool,
    /// Sample the socket table, also where a probe is permitted
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// Print the result alone: no notes, no live line
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Look in another network namespace
    #[arg(long, value_name = "NAME|PATH|PID")]
    pub(crate) netns: Option<String>,
    /// A JSON object a line: each connection that closes, then the sums
    #[arg(long)]
    pub(crate) json: bool,
}

impl Watch {
    /// Whether closes are told one by one.
    pub(crate) fn tells_each(&self) -> bool {
        self.each || self.json
    }
}

#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Every experiment runs in network namespaces of its own; this host is not touched.\n\n\
    Examples:\n  \
    timewait lab                              the fast ones, as many at once as pays\n  \
    timewait lab old-duplicate                one in detail: each step, the packets, the rows\n  \
    timewait lab --all --report lab.html      all of them, and a page to show\n  \
    timewait lab --article                    what the article got right, and what wrong\n  \
    timewait lab lost-last-ack --pcap .       the packets, for Wireshark\n\n\
    Exit status: 2 if a claim could not be tried, else 1 if a verdict differs from the one\n\
    that a kernel of this series gave before, else 0."
)]
pub(crate) struct Lab {
    /// Only these, in detail
    #[arg(value_name = "CLAIM")]
    pub(crate) claims: Vec<String>,
    /// Also those that need a whole minute or more
    #[arg(short, long, conflicts_with = "claims")]
    pub(crate) all: bool,
    /// Only the article's own statements, in its order
    #[arg(long, conflicts_with_all = ["claims", "all"])]
    pub(crate) article: bool,
    /// List the claims, and try none
    #[arg(short, long, conflicts_with_all = ["pcap", "report"])]
    pub(crate) list: bool,
    /// Only over this family: ipv4 or ipv6
    #[arg(long, value_name = "FAMILY")]
    pub(crate) family: Option<timewait_lab::Family>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Write what was on the wires there, a pcapng file each
    #[arg(long, value_name = "DIR")]
    pub(crate) pcap: Option<PathBuf>,
    /// Write a page that needs nothing else
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    /// Perform one claim here, as a child of the lab
    #[arg(long, hide = true, requires = "family")]
    pub(crate) perform: bool,
    /// With --perform: in its contrary setup
    #[arg(long, hide = true, requires = "perform")]
    pub(crate) contrary: bool,
    /// Play a part in a claim, as a child of who performs it; its words follow
    #[arg(long, hide = true, value_name = "PART", conflicts_with_all = ["perform", "all", "article", "list"])]
    pub(crate) act: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    #[command(subcommand)]
    pub(crate) what: Generated,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Generated {
    /// The man pages
    Man {
        /// Write all pages there, a file each [default: the main page to standard output]
        folder: Option<PathBuf>,
    },
    /// A completion script, to standard output
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}
