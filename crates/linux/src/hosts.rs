//! Hosts of our own: a child of this program, executed anew, alone in new user, pid and network namespaces.
//!
//! `CLONE_NEWUSER` needs a process with a single thread, so nothing can move into such a namespace by itself: the
//! work is done by a child. [`isolate`] starts it. Between its fork and its exec it
//!
//! 1. enters new namespaces (as root without, as an ordinary user with a user namespace, in which that user is
//!    root),
//! 2. takes the loopback interface up,
//! 3. forks once more, since a pid namespace begins with the next child. The one that stays behind does nothing but
//!    wait and pass on the exit status; the new one is process 1 of the namespace and executes the command.
//!
//! The kernel kills everything in a pid namespace when its process 1 ends, process 1 when the waiting one ends, and
//! that when its parent ends. Sockets, addresses and settings go with the network namespace, which has no name and
//! is mounted nowhere. So nothing survives, also after SIGKILL at any place of this chain.
//!
//! What needs no process but its own is done by a copy of this one instead, which executes nothing (`copied`).
//!
//! Inside, [`Host::entered`] gives the proof that it *is* inside, without which no setting can be written. From there,
//! [`Host::neighbour`] makes further hosts, and [`Device`] is our end of an interface of such a one.

mod addresses;
mod copied;
mod device;
mod links;
mod namespaces;
mod neighbour;
mod refusal;
mod routes;

use std::{
    env, fs, io,
    net::IpAddr,
    process::{Child, Command},
};

use ipnet::IpNet;

pub use addresses::AddressError;
pub(crate) use copied::Copied;
pub use device::{Device, DeviceError, LoopbackEars, Medium};
pub use neighbour::{LastResort, Neighbour, NeighbourError, RouteError};
pub use refusal::{Refusal, Step};

use crate::settings::{self, SettingError};

/// Carries the network namespace that the child left, by its inode; its presence alone proves nothing.
const OUTSIDE: &str = "TIMEWAIT_OUTSIDE_NETNS";

/// Starts a command as process 1 of namespaces of its own, its loopback interface up.
///
/// It ends with the thread that started it (see [`crate::processes::tether`]). Its exit status is passed on; if a
/// signal ended it, the status is 128 plus the signal's number.
///
/// # Errors
/// [`Refusal`]: what was tried, what the kernel answered, and which setting would allow it.
pub fn isolate(command: &mut Command) -> Result<Child, Refusal> {
    let outside = own_netns().map_err(Refusal::Start)?;
    namespaces::spawn(command.env(OUTSIDE, outside.to_string()))
}

/// The inode of this thread's network namespace: its identity.
fn own_netns() -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(fs::metadata("/proc/thread-self/ns/net")?.ino())
}

/// Proof that this process runs in a host of its own, whose settings and addresses are nobody else's.
#[derive(Debug)]
pub struct Host {
    _entered: (),
}

impl Host {
    /// The host that [`isolate`] put this process into; `None` outside.
    ///
    /// The network namespace must differ from the one that the parent was in, whatever the environment says.
    pub fn entered() -> Option<Self> {
        let outside: u64 = env::var(OUTSIDE).ok()?.parse().ok()?;
        (own_netns().ok()? != outside).then_some(Self { _entered: () })
    }

    /// Moves this thread, and the children that it will have, into a network namespace with a small table of connections,
    /// as a [`Neighbour`] has one. For who reads the table often: each dump walks all its buckets, and by default a namespace
    /// shares the machine's table, which may have hundreds of thousands.
    ///
    /// What was set or made before stays behind. A kernel before 6.1 knows no such tables, and shares the machine's.
    ///
    /// # Errors
    /// The kernel does not permit a further namespace.
    pub fn with_small_table(self) -> Result<Self, NeighbourError> {
        neighbour::move_in()?;
        Ok(self)
    }

    /// Writes a setting of this host (`net.ipv4.tcp_fin_timeout`) and reads it back.
    ///
    /// # Errors
    /// The setting is not one of a network namespace, the kernel has none of this name, refuses, or reads back
    /// another value.
    pub fn set(&self, name: &str, value: &str) -> Result<(), SettingError> {
        if name.starts_with("net.") {
            settings::write(name, value)
        } else {
            Err(SettingError::Name(name.to_owned()))
        }
    }

    /// Gives this host's loopback interface another address; the whole prefix is this host's from then on.
    ///
    /// # Errors
    /// It has that address already, the kernel refuses it, or it cannot be used afterwards.
    pub fn add_address(&self, address: IpNet) -> Result<(), AddressError> {
        addresses::add(addresses::LOOPBACK, address)
    }

    /// Waits until what is sent to an address of this host stays in it.
    ///
    /// For a moment after the host's beginning that is not so for `::1`: its route comes later than the address. A first SYN that is
    /// lost to that is sent again after a second only.
    ///
    /// # Errors
    /// It is no address of this host, or stays deaf.
    pub fn await_address(&self, address: IpAddr) -> Result<(), AddressError> {
        addresses::usable(addresses::LOOPBACK, address)
            .map_err(|source| AddressError::NotTaken { address: address.into(), source })
    }

    /// A further host inside this one: a network namespace of its own, with its own settings and socket table.
    ///
    /// # Errors
    /// The kernel does not permit one more, or a setting that it begins with is not taken.
    pub fn neighbour(&self, name: &str) -> Result<Neighbour, NeighbourError> {
        Neighbour::new(name)
    }
}
