//! A host as an experiment uses it: sockets are made there, and its socket table is read.

mod calls;
mod flags;
mod pair;
mod table;

use std::{
    cell::RefCell,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    rc::Rc,
    time::Duration,
};

use timewait_linux::{hosts::Neighbour, sockets::SocketTable};

pub(crate) use calls::{Dial, Listener};
pub(crate) use flags::Flags;
pub(crate) use pair::{Close, Pair, read_to_end};
pub(crate) use table::{waiting_at, waiting_towards};

use crate::{Entry, Trouble, journal::Journal};

/// The article's port.
pub(crate) const PORT: u16 = 9000;

/// The longest that an experiment waits for anything that should be there at once. It decides nothing but failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A host as an experiment uses it.
#[derive(Debug)]
pub(crate) struct Site {
    name: &'static str,
    address: IpAddr,
    table: RefCell<SocketTable>,
    /// Where it is, if not where this process is.
    elsewhere: Option<Neighbour>,
    journal: Rc<Journal>,
}

impl Site {
    pub(crate) fn new(name: &'static str, address: IpAddr, table: SocketTable, journal: Rc<Journal>) -> Self {
        Self { name, address, table: RefCell::new(table), elsewhere: None, journal }
    }

    /// A neighbour, by its address on the wire.
    pub(crate) fn of(
        name: &'static str,
        neighbour: Neighbour,
        address: IpAddr,
        journal: Rc<Journal>,
    ) -> Result<Self, Trouble> {
        let table = RefCell::new(SocketTable::open_in(neighbour.netns())?);
        Ok(Self { name, address, table, elsewhere: Some(neighbour), journal })
    }

    /// Does what must be done in its network namespace: making a socket, above all.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        match &self.elsewhere {
            Some(neighbour) => neighbour.inside(work),
            None => Ok(work()),
        }
    }

    /// The neighbour that it is, if it is one.
    pub(crate) const fn neighbour(&self) -> Option<&Neighbour> {
        self.elsewhere.as_ref()
    }

    /// Writes a setting of a neighbour, and reads it back.
    ///
    /// # Errors
    /// This is no neighbour ([`Lab::set`](crate::Lab) is for this process's own host), or the kernel does not take it.
    pub(crate) fn set(&self, name: &str, value: &(impl ToString + ?Sized)) -> Result<(), Trouble> {
        let neighbour = self.neighbour().ok_or(Trouble::Outside)?;
        let value = value.to_string();
        neighbour.set(name, &value)?;
        let name = name.to_owned();
        self.journal.write(Entry::Set { host: self.name.to_owned(), name, value });
        Ok(())
    }

    /// Its own address and this port.
    pub(crate) const fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }

    /// Every address of the family, and this port.
    pub(crate) const fn any(&self, port: u16) -> SocketAddr {
        match self.address {
            IpAddr::V4(_) => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
            IpAddr::V6(_) => SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port),
        }
    }

    /// Writes down a call and its answer.
    pub(crate) fn called(&self, call: impl Into<String>, answer: &impl ToString) {
        self.journal.write(Entry::Called {
            host: self.name.to_owned(),
            call: call.into(),
            answer: answer.to_string(),
        });
    }

    /// Writes down what was done, or happened.
    pub(crate) fn did(&self, what: impl Into<String>) {
        self.journal.write(Entry::Did(what.into()));
    }

    /// The error that a failed call is, where the experiment rests on it.
    pub(crate) fn failed(&self, what: &str) -> impl FnOnce(io::Error) -> Trouble {
        let (host, what) = (self.name.to_owned(), what.to_owned());
        move |source| Trouble::Call { host, what, source }
    }

    /// What was waited for in vain.
    pub(crate) fn in_vain(&self, what: &str) -> Trouble {
        Trouble::Waited { host: self.name.to_owned(), what: what.to_owned(), seconds: PATIENCE.as_secs() }
    }
}
