use std::{error::Error, fmt, io, time::Duration};

use timewait_linux::{
    hosts::{AddressError, DeviceError, NeighbourError},
    settings::SettingError,
    sockets::{OpenError, ReadError},
};

use super::BuildError;

/// Why there is no wire between two hosts.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// No way to get packets from a host to this process.
    #[error("no wire can be had: TUN: {}; veth: {}", Causes(tun), Causes(veth))]
    NoMedium {
        /// Why not by a TUN interface.
        tun: DeviceError,
        /// Why not by a veth pair and a packet socket.
        veth: DeviceError,
    },
    /// The medium that was asked for is not to be had.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// No room to keep the wire's ends of veth pairs in.
    #[error("cannot make a host for the wire's own ends")]
    Room(#[from] NeighbourError),
    /// A host does not take its address on the wire.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A setting is not taken, or cannot be read.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A host's socket table is not to be had.
    #[error(transparent)]
    Table(#[from] OpenError),
    /// No thread or no descriptor is to be had for it.
    #[error("cannot start the wire's thread")]
    Thread(#[source] io::Error),
}

/// Why the wire cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The wire is no more: nothing passes since.
    #[error("the wire broke: {0}")]
    Broken(Breakage),
    /// What was waited for did not come.
    #[error("waited {} s in vain for {what}; {since} packets came", waited.as_secs())]
    InVain {
        /// What was waited for.
        what: String,
        /// For how long.
        waited: Duration,
        /// How many packets were taken since the mark.
        since: u64,
    },
    /// Nothing is held by this name.
    #[error("no packet is held as '{0}'")]
    NothingHeld(String),
    /// The host does not take the packet.
    #[error("cannot send a packet to the host")]
    Send(#[source] io::Error),
    /// No packet can carry the segment.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// What ended a wire.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Breakage {
    /// A host's interface gives or takes no packets any more.
    #[error("the interface of a host failed: {0}")]
    Device(String),
    /// A host's socket table cannot be read any more.
    #[error("{0}")]
    States(String),
    /// Packets were lost that no rule named.
    #[error("{0} packets came faster than they were taken, and are lost")]
    Overflow(u32),
    /// More is held or delayed than there is room for.
    #[error("more than {0} packets are held or delayed")]
    TooManyHeld(usize),
    /// A rule made a segment that no packet can carry.
    #[error("{0}")]
    Build(#[from] BuildError),
    /// The wire was taken away from the program at its end.
    #[error("it was taken away")]
    Ended,
    /// The thread that passes packets on has panicked, in a rule's closure most likely.
    #[error("its thread has panicked")]
    Panic,
}

impl From<Breakage> for WireError {
    fn from(breakage: Breakage) -> Self {
        Self::Broken(breakage)
    }
}

impl From<ReadError> for Breakage {
    fn from(error: ReadError) -> Self {
        Self::States(Causes(&error).to_string())
    }
}

impl Breakage {
    pub(super) fn device(error: &io::Error) -> Self {
        Self::Device(error.to_string())
    }
}

/// An error and what caused it, in one line.
pub(super) struct Causes<'a>(pub(super) &'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
