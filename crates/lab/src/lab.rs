use std::{net::IpAddr, rc::Rc};

use timewait_linux::{hosts::Host, sockets::SocketTable};

use crate::{Drawing, Entry, Family, Trouble, journal::Journal, site::Site};

/// Where one experiment runs: a host that nobody else has.
///
/// What an experiment does is written down as it is done, so that people can follow it; no verdict reads that.
#[derive(Debug)]
pub struct Lab {
    host: Host,
    family: Family,
    journal: Rc<Journal>,
}

impl Lab {
    /// In the host that this process was put into (see `timewait_linux::hosts`), with a table of its own: experiments read
    /// it often.
    ///
    /// # Errors
    /// It was not: here nothing may be tried. Or the kernel does not permit the table.
    pub fn here(family: Family) -> Result<Self, Trouble> {
        let host = Host::entered().ok_or(Trouble::Outside)?.with_small_table()?;
        Ok(Self { host, family, journal: Rc::default() })
    }

    /// The family of addresses for which the claim is tried.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// This host alone, reached over its loopback interface.
    ///
    /// # Errors
    /// Its address cannot be used, or its socket table not be asked.
    pub(crate) fn alone(&self) -> Result<Site, Trouble> {
        let address = self.loopback(1);
        self.host.await_address(address)?;
        Ok(Site::new("host", address, SocketTable::open()?, Rc::clone(&self.journal)))
    }

    /// An address of the loopback interface: 127.0.0.n; of IPv6's there is one, and `fd7f::n` must be
    /// [added](Self::host).
    pub(crate) fn loopback(&self, number: u8) -> IpAddr {
        match (self.family, number) {
            (Family::Ipv4, _) => IpAddr::from([127, 0, 0, number]),
            (Family::Ipv6, 1) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
            (Family::Ipv6, _) => IpAddr::from([0xfd7f, 0, 0, 0, 0, 0, 0, number.into()]),
        }
    }

    /// Another address of this host, which can be used.
    ///
    /// # Errors
    /// It cannot be had.
    pub(crate) fn second_address(&self) -> Result<IpAddr, Trouble> {
        let address = self.loopback(2);
        if self.family == Family::Ipv6 {
            self.host.add_address(address.into())?;
        }
        Ok(address)
    }

    /// The host, for what is rarely needed of it.
    pub(crate) const fn host(&self) -> &Host {
        &self.host
    }

    /// Begins a part of the experiment: `with tcp_fin_timeout = 5`.
    pub(crate) fn case(&self, what: impl Into<String>) {
        self.journal.write(Entry::Case(what.into()));
    }

    /// Writes down what was done, or happened.
    pub(crate) fn did(&self, what: impl Into<String>) {
        self.journal.write(Entry::Did(what.into()));
    }

    /// Writes a setting of this host and reads it back.
    ///
    /// # Errors
    /// The kernel has no such setting, or does not take the value.
    pub(crate) fn set(&self, name: &str, value: &(impl ToString + ?Sized)) -> Result<(), Trouble> {
        let value = value.to_string();
        self.host.set(name, &value)?;
        self.journal.write(Entry::Set { host: "host".to_owned(), name: name.to_owned(), value });
        Ok(())
    }

    pub(crate) fn journal(&self) -> Rc<Journal> {
        Rc::clone(&self.journal)
    }

    pub(crate) fn take_journal(&self) -> (Vec<Entry>, Vec<Drawing>) {
        self.journal.take()
    }
}
