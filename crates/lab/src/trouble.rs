use std::io;

use timewait_linux::{
    Errno,
    flags::GiveError,
    hosts::{AddressError, NeighbourError, RouteError},
    settings::SettingError,
    sockets::{EndError, OpenError, ReadError},
};

use crate::wire::{JoinError, WireError};

/// Why an experiment came to no evidence.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// This process is in no host of its own: nothing may be tried here.
    #[error("not in a network namespace of its own")]
    Outside,
    /// A system call that the experiment rests on failed.
    #[error("{what} on the {host}: {}", name(source))]
    Call {
        /// On which host.
        host: String,
        /// The call.
        what: String,
        /// What it answered.
        source: io::Error,
    },
    /// What should have come about did not, within the time that it has.
    #[error("waited {seconds} s on the {host} for this, in vain: {what}")]
    Waited {
        /// On which host.
        host: String,
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
    },
    /// What the experiment takes for granted is not so.
    #[error("{0}")]
    Otherwise(String),
    /// A setting of the experiment's own host cannot be written or read.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// An address cannot be had.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A route cannot be had.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The socket table cannot be asked.
    #[error(transparent)]
    Table(#[from] OpenError),
    /// The socket table did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is no further host to be had.
    #[error(transparent)]
    Neighbour(#[from] NeighbourError),
    /// The hosts cannot be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The wire broke, or what was to come over it did not.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A socket in TIME-WAIT cannot be ended.
    #[error(transparent)]
    End(#[from] EndError),
    /// Another process's listener cannot be given an option.
    #[error(transparent)]
    Give(#[from] GiveError),
}

fn name(error: &io::Error) -> String {
    Errno::of(error).map_or_else(|| error.to_string(), |errno| errno.to_string())
}
