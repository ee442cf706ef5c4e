use std::{io, net::IpAddr, panic::resume_unwind, thread};

use ipnet::IpNet;
use rustix::thread::UnshareFlags;

use super::{AddressError, Refusal, Step, addresses, links, namespaces::loopback_up, routes};
use crate::{
    calls,
    netlink::AnswerError,
    netns::{Netns, NetnsError, NotInside},
    settings::{self, SettingError},
    sockets::{OpenError, ReadError, SocketTable},
};

/// Buckets of a neighbour's own table of connections. The machine's table has so many that an empty dump of it costs
/// 9.5 ms; of one of this size, 0.1 ms. Half of it is the default of `tcp_max_tw_buckets`
/// (linux v6.12 net/ipv4/tcp_ipv4.c `tcp_set_hashinfo`, since 6.1).
const CONNECTION_BUCKETS: (&str, &str) = ("net.ipv4.tcp_child_ehash_entries", "16384");

/// What a new interface begins with: no asking whether somebody has its address already, no asking for routers, no
/// address made up by the kernel. Nobody answers on a wire of two.
const QUIET: [(&str, &str); 4] = [
    ("net.ipv6.conf.default.accept_dad", "0"),
    ("net.ipv6.conf.default.router_solicitations", "0"),
    ("net.ipv6.conf.default.accept_ra", "0"),
    ("net.ipv6.conf.default.addr_gen_mode", "1"),
];

/// A further host inside the [host of our own](super::Host): a network namespace with its loopback up, its own
/// settings and its own socket table.
///
/// Threads are in a namespace, not processes: [`inside`](Self::inside) does work in one that has moved there, and a
/// socket made there stays there, whoever uses it. It has no name in the file system, and goes with this value and
/// the last socket in it.
#[derive(Debug)]
pub struct Neighbour {
    name: String,
    netns: Netns,
}

/// Why there is no further host.
#[derive(Debug, thiserror::Error)]
pub enum NeighbourError {
    /// The kernel does not permit it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No thread is to be had for it.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// Made, and then it could not be held open.
    #[error("cannot hold the new network namespace open")]
    Open(#[from] NetnsError),
    /// One of the settings that it begins with was not taken.
    #[error("cannot prepare the new network namespace")]
    Setting(#[from] SettingError),
}

/// A route that a host did not get.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// There is no such interface, or no thread that could ask for it.
    #[error("cannot ask for a route to {0}")]
    Ask(IpAddr, #[source] io::Error),
    /// The kernel did not take it.
    #[error("cannot add a route to {0}")]
    Answer(IpAddr, #[source] AnswerError),
}

impl Neighbour {
    /// Made in the calling thread's user namespace, which must be one in which settings are ours to write.
    pub(super) fn new(name: &str) -> Result<Self, NeighbourError> {
        small_table()?;
        let netns = thread::scope(|scope| {
            let entrant = thread::Builder::new().name("new-netns".into()).spawn_scoped(scope, begin);
            entrant.map_err(NeighbourError::Thread)?.join().unwrap_or_else(|panic| resume_unwind(panic))
        })?;
        Ok(Self { name: name.to_owned(), netns })
    }

    /// A further one beside this one.
    ///
    /// # Errors
    /// As for [`Host::neighbour`](super::Host::neighbour).
    pub fn another(&self, name: &str) -> Result<Self, NeighbourError> {
        Self::new(name)
    }

    /// What it is called: `client`. The kernel knows nothing of it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its network namespace.
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// What ends all its sockets when everything else has failed; made before, to be at hand.
    ///
    /// # Errors
    /// As for [`SocketTable::open_in`].
    pub fn last_resort(&self) -> Result<LastResort, OpenError> {
        SocketTable::open_in(&self.netns).map(|table| LastResort { table })
    }

    /// Does some work in a thread that has moved there. Sockets that it makes can be used from anywhere.
    ///
    /// # Errors
    /// There is no thread to be had, or it cannot move there.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        self.netns.inside(work).map_err(|outside| match outside {
            NotInside::Enter(error) | NotInside::Thread(error) => error,
        })
    }

    /// Writes a setting of this host (`net.ipv4.tcp_fin_timeout`) and reads it back.
    ///
    /// # Errors
    /// As for [`Host::set`](super::Host::set), or the namespace cannot be entered.
    pub fn set(&self, name: &str, value: &str) -> Result<(), SettingError> {
        if !name.starts_with("net.") {
            return Err(SettingError::Name(name.to_owned()));
        }
        let written = self.inside(|| settings::write(name, value));
        written.map_err(|error| SettingError::Elsewhere(name.to_owned(), error))?
    }

    /// Reads a setting of this host.
    ///
    /// # Errors
    /// As for [`settings::read_in`].
    pub fn read(&self, name: &str) -> Result<String, SettingError> {
        settings::read_in(&self.netns, name)
    }

    /// Gives an interface of this host (`lo`, a [`Device`](super::Device)'s) another address.
    ///
    /// # Errors
    /// There is no such interface, it has that address already, or the kernel refuses it.
    pub fn add_address(&self, interface: &str, address: IpNet) -> Result<(), AddressError> {
        let add = || addresses::add(links::index(interface).map_err(AddressError::Open)?, address);
        self.inside(add).map_err(AddressError::Open)?
    }

    /// Has every ACK to this address, behind an interface of this host, go out at once: none waits for something to go
    /// with.
    ///
    /// # Errors
    /// There is no such interface, or the kernel does not take the route.
    pub fn acknowledge_at_once(&self, interface: &str, to: IpAddr) -> Result<(), RouteError> {
        let ask = |error| RouteError::Ask(to, error);
        let add = || {
            let interface = links::index(interface).map_err(ask)?;
            routes::add_with_quick_acks(interface, to).map_err(|error| RouteError::Answer(to, error))
        };
        self.inside(add).map_err(ask)?
    }

    /// Waits until what is sent to an address of this host stays in it.
    ///
    /// # Errors
    /// As for [`Host::await_address`](super::Host::await_address).
    pub fn await_address(&self, address: IpAddr) -> Result<(), AddressError> {
        let usable = || addresses::usable(addresses::LOOPBACK, address);
        let outcome = self.inside(usable).and_then(|usable| usable);
        outcome.map_err(|source| AddressError::NotTaken { address: address.into(), source })
    }
}

/// Ends all that goes on in a host at once.
#[derive(Debug)]
pub struct LastResort {
    table: SocketTable,
}

impl LastResort {
    /// Ends every TCP socket of that host, so that nobody waits on one for what cannot come any more: calls return
    /// ECONNABORTED. Kernels without `CONFIG_INET_DIAG_DESTROY` end none.
    ///
    /// # Errors
    /// The host's sockets cannot be listed.
    pub fn abort_all(&mut self) -> Result<(), ReadError> {
        self.table.abort_all()
    }
}

/// Has the namespaces that are made from this one get a table of their own.
fn small_table() -> Result<(), NeighbourError> {
    Ok(if_there(settings::write(CONNECTION_BUCKETS.0, CONNECTION_BUCKETS.1))?)
}

/// Moves the calling thread into a new namespace, for good.
pub(super) fn move_in() -> Result<(), NeighbourError> {
    small_table()?;
    begin().map(drop)
}

/// In the thread that moves.
fn begin() -> Result<Netns, NeighbourError> {
    calls::unshare(UnshareFlags::NEWNET).map_err(|errno| Refusal::at(Step::Unshare, errno))?;
    loopback_up().map_err(|errno| Refusal::at(Step::Loopback, errno))?;
    for (name, value) in QUIET {
        if_there(settings::write(name, value))?;
    }
    Ok(Netns::open("/proc/thread-self/ns/net")?)
}

/// A setting that this kernel lacks cannot stand in the way.
fn if_there(written: Result<(), SettingError>) -> Result<(), SettingError> {
    match written {
        Err(SettingError::Absent(_)) => Ok(()),
        outcome => outcome,
    }
}
