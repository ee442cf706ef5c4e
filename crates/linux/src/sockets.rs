//! The socket table: every TCP socket of a network namespace, asked of the kernel itself (`NETLINK_SOCK_DIAG`).
//!
//! - [`SocketTable`]: opened once, asked as often as one likes; [`dump`](SocketTable::dump) hands out rows as they
//!   are parsed, [`find`](SocketTable::find) looks up one connection, [`end`](SocketTable::end) ends
//!   what is left of one
//! - [`Query`]: which rows; the kernel leaves out the others
//! - [`Row`]: what the kernel said of a [`Socket`], read as far as it is asked for
//!
//! A dump is not a snapshot: the kernel locks one bucket of its table at a time, so a socket that changes its state
//! meanwhile may be missing or, rarely, be there twice. Format: linux v6.12 `include/uapi/linux/inet_diag.h`.

mod bytecode;
mod end;
mod error;
mod format;
mod query;
mod row;
mod unmarked;

use std::{net::SocketAddr, ops::ControlFlow, os::fd::OwnedFd};

use rustix::net::netlink;
use timewait_facts::{KernelVersion, Socket};

pub use end::{EndError, Ended};
pub use error::{OpenError, ReadError};
pub use query::Query;
pub use row::{Ipv4End, Row};

use unmarked::Unmarked;

use crate::{
    netlink::{Connection, Ended as AnswerEnded, Request},
    netns::{Netns, NotInside},
};

/// A connection to the kernel's socket table.
///
/// ```
/// use std::ops::ControlFlow;
/// use timewait_facts::States;
/// use timewait_linux::sockets::{Query, SocketTable};
///
/// let mut table = SocketTable::open()?;
/// let of_port_9000 = Query::in_states(States::TIME_WAIT).either("9000".parse()?);
/// table.dump(&of_port_9000, |row| {
///     let [local, peer] = row.ends();
///     println!("{local} {peer} {:?}", row.expires_ms());
///     ControlFlow::Continue(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SocketTable {
    connection: Connection,
}

/// What a dump came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dumped {
    /// How many rows were handed out.
    pub rows: u64,
    /// All of them, or only those until the caller broke off.
    pub complete: bool,
}

/// Whether a kernel lists sockets that are bound and neither listen nor are connected (since 6.8).
///
/// Older kernels leave them out without a word.
pub fn lists_bound(kernel: &KernelVersion) -> bool {
    kernel.at_least(6, 8)
}

impl SocketTable {
    /// Opens the table of the calling thread's network namespace.
    ///
    /// # Errors
    /// The kernel has no `sock_diag`, or something refuses netlink sockets to this process.
    pub fn open() -> Result<Self, OpenError> {
        let connection = Connection::open(Some(netlink::SOCK_DIAG)).map_err(OpenError::from_socket)?;
        Ok(Self { connection })
    }

    /// Opens the table of another network namespace. The calling thread stays where it is.
    ///
    /// # Errors
    /// As [`open`](Self::open), or this process may not enter the namespace.
    pub fn open_in(netns: &Netns) -> Result<Self, OpenError> {
        if netns.is_own() {
            return Self::open();
        }
        netns.inside(Self::open).unwrap_or_else(|outside| {
            Err(match outside {
                NotInside::Enter(error) => OpenError::Enter(error),
                NotInside::Thread(error) => OpenError::Resources(error),
            })
        })
    }

    /// Reads the table over a `NETLINK_SOCK_DIAG` socket that somebody else opened, perhaps in a namespace that this
    /// process may not enter. How long it waits for an answer is that socket's `SO_RCVTIMEO`.
    pub fn over(socket: OwnedFd) -> Self {
        Self { connection: Connection::over(socket) }
    }

    /// Hands out the rows that a query asks for, as they are parsed and without an allocation for any, until `each`
    /// breaks. IPv4 and IPv6 come in one walk of the kernel's.
    ///
    /// After a break the table can be asked again; what the kernel had left to say is thrown away then. While a query without
    /// [`marks`](Query::marks) is answered, the thread does without `CAP_NET_ADMIN`.
    ///
    /// # Errors
    /// Any reason for which the rows handed out are not all. Those handed out are true nevertheless.
    pub fn dump(
        &mut self,
        query: &Query,
        mut each: impl FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<Dumped, ReadError> {
        let _unmarked = (!query.marks).then(Unmarked::begin);
        let mut dumped = Dumped { rows: 0, complete: true };
        let mut requests = vec![format::dump_both(query)];
        // There is one call that walks, so that all of it becomes one loop, down to what `each` does with a row.
        while let Some((request, number)) = requests.pop().filter(|_| dumped.complete) {
            let both = number == format::TCPDIAG_GETSOCK;
            match self.walk((&request, number), &mut dumped, &mut each) {
                Err(error) if both && dumped.rows == 0 && error.is_about_the_request() => {
                    let families = format::FAMILIES.into_iter().rev();
                    requests.extend(families.map(|family| format::dump_family(query, family)));
                }
                outcome => outcome?,
            }
        }
        Ok(dumped)
    }

    /// How many rows a query asks for: what [`dump`](Self::dump) would hand out, counted without a look into each.
    ///
    /// # Errors
    /// As [`dump`](Self::dump); what is wrong within a row is not noticed.
    pub fn count(&mut self, query: &Query) -> Result<u64, ReadError> {
        let _unmarked = Unmarked::begin();
        match self.count_over(&[format::dump_both(query)]) {
            Err(error) if error.is_about_the_request() => {
                self.count_over(&format::FAMILIES.map(|family| format::dump_family(query, family)))
            }
            outcome => outcome,
        }
    }

    fn count_over(&mut self, requests: &[(Request, u16)]) -> Result<u64, ReadError> {
        let mut rows = 0;
        for (request, number) in requests {
            self.connection.ask_for_many(request, |alike| {
                Row::check(alike.first(), *number)?;
                rows += alike.count() as u64;
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(rows)
    }

    /// All rows that a query asks for.
    ///
    /// # Errors
    /// As [`dump`](Self::dump).
    pub fn collect(&mut self, query: &Query) -> Result<Vec<Socket>, ReadError> {
        let mut sockets = Vec::new();
        self.dump(query, |row| {
            sockets.push(row.socket());
            ControlFlow::Continue(())
        })?;
        Ok(sockets)
    }

    /// Looks up one connection by its two ends, without walking the table; it may be in TIME-WAIT. With an
    /// unspecified peer (port 0), a listener.
    ///
    /// A socket that is bound to an interface is found only if `local` names that interface as its IPv6 scope.
    ///
    /// # Errors
    /// Any reason for which nobody knows. A connection that does not exist is `None`.
    pub fn find(&mut self, local: SocketAddr, peer: SocketAddr) -> Result<Option<Socket>, ReadError> {
        let mut found = None;
        let answer = self.connection.ask(&format::find(local, peer), |message| {
            found = Some(Row::parse(message, format::SOCK_DIAG_BY_FAMILY)?.socket());
            Ok(ControlFlow::Continue(()))
        });
        match answer {
            Err(error) if error.errno() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error.into()),
            // Where there is no such connection, the kernel gives the listener that would take it.
            Ok(_) => Ok(found.filter(|socket| same(socket.local, local) && same(socket.peer, peer))),
        }
    }

    #[inline]
    fn walk(
        &mut self,
        (request, number): (&Request, u16),
        dumped: &mut Dumped,
        each: &mut impl FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let ended = self.connection.ask_for_many(request, |alike| {
            // What holds for all of them is not asked again of each: the compiler sees it.
            Row::check(alike.first(), number)?;
            for message in alike {
                let row = Row::parse(message, number)?;
                dumped.rows += 1;
                if each(row).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        dumped.complete = ended == AnswerEnded::Complete;
        Ok(())
    }
}

/// Whether two ends are one, an IPv4 address in IPv6's clothes or not.
fn same(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
}
