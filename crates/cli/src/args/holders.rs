//! Who holds a port, and what can be done about it.

use std::time::Duration;

use timewait_facts::Pattern;

use super::{Flags, From, Question, Target, address};

#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "FLAGS describes the socket that one will bind: none, or some of reuseaddr, reuseport, \
    v6only, dual-stack.\n\n\
    What the rules leave open, because no table shows an old socket's flags, is settled by one bind(2) on this host \
    (never listen), if at most 10,000 sockets share the port. Audit logs show it, and the reading of a listener's \
    options (pidfd_getfd), which --no-peek leaves out.\n\n\
    Examples:\n  \
    timewait why :9000\n  \
    timewait why :9000 --flags none\n  \
    timewait why :9000 --wait && ./server      start it as soon as it can\n  \
    timewait why --listening                   which listeners could not be restarted?\n  \
    timewait why --to 10.0.0.5:5432            are local ports left towards there?\n  \
    timewait why :443 --netns 4711             in a container, by a process of it\n\n\
    Exit status: 0 if it would succeed, 1 if not or if it depends, 2 for bad input or could not look."
)]
pub(crate) struct Why {
    /// The address and port that one will bind
    #[arg(required_unless_present_any = ["to", "pid", "listening"], conflicts_with_all = ["to", "pid", "listening"])]
    pub(crate) address: Option<Question>,
    /// Would connect(2) to there find a local port?
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) to: Option<Target>,
    /// With --to: from this address
    #[arg(long, value_name = "ADDRESS", requires = "to")]
    pub(crate) from: Option<From>,
    /// Would the restart of its listeners fail?
    #[arg(long, value_name = "PID", conflicts_with = "listening")]
    pub(crate) pid: Option<u32>,
    /// Would the restart of any listener fail?
    #[arg(long)]
    pub(crate) listening: bool,
    /// Options of the socket
    #[arg(long, value_name = "FLAGS", default_value = "reuseaddr", requires = "address")]
    pub(crate) flags: Flags,
    /// The user who will bind [default: this one]
    #[arg(long, requires = "address", hide_short_help = true)]
    pub(crate) uid: Option<u32>,
    /// The interface that the socket will be bound to
    #[arg(long, value_name = "NAME", requires = "address", hide_short_help = true)]
    pub(crate) device: Option<String>,
    /// Look in another network namespace
    #[arg(long, value_name = "NAME|PATH|PID")]
    pub(crate) netns: Option<String>,
    /// Show all sockets, not 20 of a kind
    #[arg(long)]
    pub(crate) rows: bool,
    /// Wait until it would succeed
    #[arg(long, requires = "address")]
    pub(crate) wait: bool,
    /// With --wait: at most so long
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = address::duration, requires = "wait")]
    pub(crate) timeout: Duration,
    /// Try a bind on this host in any case
    #[arg(long = "try", requires = "address")]
    pub(crate) try_it: bool,
    /// Try no bind on this host
    #[arg(long, conflicts_with = "try_it")]
    pub(crate) no_try: bool,
    /// Read no options of other processes' listeners
    #[arg(long, hide_short_help = true)]
    pub(crate) no_peek: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Only timewait minisockets are ended, TIME-WAIT and orphaned FIN-WAIT-2, each by its \
    cookie: never a connection that is open. It takes CAP_NET_ADMIN, and a kernel with \
    CONFIG_INET_DIAG_DESTROY.\n\n\
    What it risks is what TIME-WAIT is for: a FIN that comes again is answered by an RST, and a late segment of \
    the old connection may reach a new one.\n\n\
    Examples:\n  \
    timewait free :9000              shows them, and asks\n  \
    timewait free :9000 --dry-run    shows them\n  \
    timewait free 127.0.0.1:9000 --yes\n\n\
    Exit status: 0; 1 if one could not be ended; 2 for bad input, or if none may be."
)]
pub(crate) struct Free {
    /// The local address and port that they hold
    pub(crate) address: Pattern,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show what would be ended, and end nothing
    #[arg(short = 'n', long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Look in another network namespace
    #[arg(long, value_name = "NAME|PATH|PID")]
    pub(crate) netns: Option<String>,
}
