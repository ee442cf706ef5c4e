//! How a list is put together: grouped, in an order, cut off.

use std::num::NonZeroUsize;

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Arrange {
    /// A line for each local, peer, state or process
    #[arg(long, value_name = "WHAT", value_enum, hide_possible_values = true, conflicts_with_all = ["count", "verbose"])]
    pub(crate) by: Option<By>,
    /// In the order of left, local, peer or count
    #[arg(long, value_name = "KEY", value_enum, hide_possible_values = true, conflicts_with = "count")]
    pub(crate) sort: Option<Sort>,
    /// No more lines than this
    #[arg(long, value_name = "N", conflicts_with = "count")]
    pub(crate) limit: Option<NonZeroUsize>,
}

/// What sockets are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Local,
    Peer,
    State,
    Process,
}

/// What lines are put in order by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    Left,
    Local,
    Peer,
    Count,
}

impl By {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Peer => "peer",
            Self::State => "state",
            Self::Process => "process",
        }
    }
}

impl Sort {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Local => "local",
            Self::Peer => "peer",
            Self::Count => "count",
        }
    }
}

impl Arrange {
    /// The keys that lines can be put in order by: groups have what they are grouped by, and a count.
    pub(crate) const fn keys(&self) -> &'static [Sort] {
        match self.by {
            None => &[Sort::Left, Sort::Local, Sort::Peer],
            Some(By::Local) => &[Sort::Left, Sort::Local, Sort::Count],
            Some(By::Peer) => &[Sort::Left, Sort::Peer, Sort::Count],
            Some(By::State | By::Process) => &[Sort::Left, Sort::Count],
        }
    }
}
