//! The server: one line to each client, and an orderly close that this side begins.
//!
//! For each client it sends the message, then its FIN: so the wait is the server's, as in the article. It then
//! reads and discards what the client says until the client's FIN, and only then closes the descriptor. A close(2)
//! with unread input would send an RST, which could take the message with it (RFC 2525, section 2.17).
//!
//! A run is one thread and one epoll instance. Nothing is allocated for a connection once the tables have grown to
//! the most that were open at a time.

mod conversation;
mod door;
mod event;
mod limit;
mod listen;
mod setup;
mod slots;
mod worker;

use std::{
    net::SocketAddr,
    os::fd::{BorrowedFd, OwnedFd},
};

pub use event::{ClosedFirst, Event, Totals};
pub use limit::raise_descriptor_limit;
pub use listen::SetupError;
pub use setup::Setup;
use timewait_linux::Errno;

use crate::Call;

/// A socket that listens, and what to do with those who connect to it.
#[derive(Debug)]
pub struct Server {
    listener: OwnedFd,
    local: SocketAddr,
    setup: Setup,
}

/// The run cannot go on: a call failed that no client can make fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server cannot go on: {call} failed")]
pub struct RunError {
    /// The call.
    pub call: Call,
    /// What it left in errno.
    #[source]
    pub errno: Errno,
}

impl Server {
    /// Makes the socket, sets its options, binds it and listens.
    ///
    /// # Errors
    /// The first call that failed. `EADDRINUSE` comes from bind(2), or from listen(2) when another socket that
    /// shares the port began to listen in between.
    pub fn listen(setup: &Setup) -> Result<Self, SetupError> {
        let (listener, local) = listen::listen(setup)?;
        Ok(Self { listener, local, setup: setup.clone() })
    }

    /// Where it listens: the port that the kernel chose if port 0 was asked for.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Serves until `stop` is readable, or until [`Setup::connections`] clients were served.
    ///
    /// `stop` is a pipe or a socket that nobody else reads, one byte a wish. The first byte, or its end, ends the
    /// listening: clients that the kernel had already connected are still accepted, then the listener is closed,
    /// and those who are being served have two seconds to be finished with. A second byte ends at once.
    ///
    /// # Errors
    /// A call failed for a reason that is neither a client's nor a passing shortage.
    pub fn run(self, stop: BorrowedFd<'_>, observer: &mut impl FnMut(Event)) -> Result<Totals, RunError> {
        worker::Worker::new(&self.setup, self.listener, stop, observer)?.run()
    }
}
