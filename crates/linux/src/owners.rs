//! Who holds a socket: one pass over `/proc`.
//!
//! A socket and the processes that hold it meet in the socket's inode: `/proc/PID/fd/3` is a link to
//! `socket:[12345]`. A TIME-WAIT socket has no inode; nothing here finds its owner, and nothing guesses it.

mod descriptor;
mod pass;

use std::{collections::HashMap, io, num::NonZeroU32};

pub(crate) use descriptor::{Descriptor, descriptor, id_here};
pub(crate) use pass::known;
use timewait_facts::Owner;

/// The owners of all sockets that this process may see, as they were during one pass.
///
/// What it is *not*: a snapshot. A process that ended or a socket that changed hands during the pass may be missing
/// or be there still. Descriptors are those of a process's first thread (nearly always everyone's).
#[derive(Clone, Debug, Default)]
pub struct Owners {
    /// Each combination of process and number of processes once, however many sockets it holds.
    holders: Vec<Owner>,
    by_inode: HashMap<NonZeroU32, usize>,
    hidden: u32,
}

impl Owners {
    /// Looks into every process of this `/proc`. Processes that end meanwhile are no error.
    ///
    /// # Errors
    /// `/proc` cannot be listed, or descriptors or memory ran out.
    pub fn read() -> io::Result<Self> {
        pass::over("/proc")
    }

    /// Looks into these processes only: cheaper where it is known who comes into question. Whoever else holds one of
    /// their sockets is not counted.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_of(pids: &[u32]) -> io::Result<Self> {
        pass::into("/proc", pids)
    }

    /// Who holds the socket with this inode ([`Socket::inode`](timewait_facts::Socket)).
    pub fn of(&self, inode: NonZeroU32) -> Option<&Owner> {
        self.holders.get(*self.by_inode.get(&inode)?)
    }

    /// How many processes could not be looked into: those of other users, without `CAP_SYS_PTRACE`. The kernel's own
    /// threads do not count. With `/proc` mounted `hidepid=2`, such processes are not even listed.
    pub fn hidden_processes(&self) -> u32 {
        self.hidden
    }
}
