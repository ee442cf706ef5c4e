//! The server: one line to each client, and an orderly close that this side begins.
//!
//! For each client it sends the message, then its FIN: so the wait is the server's, as in the article. It then
//! reads and discards what the client says until the client's FIN, and only then closes the descriptor. A close(2)
//! with unread input would send an RST, which could take the message with it (RFC 2525, section 2.17).
//!
//! A run is one thread and one epoll instance, or, where nobody wants to hear of each client, several threads that do
//! nothing but accept, send and close, and the one with epoll for all that takes longer. Nothing is allocated for a
//! connection once the tables have grown to the most that were open at a time.

mod acceptor;
mod conversation;
mod crew;
mod door;
mod event;
mod limit;
mod listen;
mod setup;
mod worker;

use std::{
    net::SocketAddr,
    os::fd::{BorrowedFd, OwnedFd},
    sync::Arc,
    thread::{self, ScopedJoinHandle},
};

pub use event::{ClosedFirst, Event, Totals};
pub use limit::raise_descriptor_limit;
pub use listen::SetupError;
use rustix::io;
pub use setup::Setup;
use timewait_linux::Errno;

use crate::Call;
use acceptor::Acceptor;
use crew::Crew;
use worker::{Entrance, Worker};

/// How many bytes one read discards.
const SCRATCH: usize = 64 * 1024;

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
        let entrance = Entrance::Listener(Arc::new(self.listener));
        Worker::new(&self.setup, entrance, stop, observer)?.run()
    }

    /// The same at the kernel's speed: [`Setup::threads`] threads accept, and of single clients nothing is told.
    ///
    /// A connection is an accept4(2), a send(2), a recv(2) that tells whether the client has said something or closed, a
    /// shutdown(2), and a close(2); nothing is allocated for it. Clients that are not done with so soon, because they are not on
    /// this host or have said something, are waited for as in [`run`](Self::run), by the calling thread.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_quietly(
        self,
        stop: BorrowedFd<'_>,
        observer: &mut impl FnMut(Event),
    ) -> Result<Totals, RunError> {
        let setup = &self.setup;
        let mut quiet = |event: Event| {
            if !event.is_of_a_client() {
                observer(event);
            }
        };
        let listener = Arc::new(self.listener);
        let failed = |call| move |errno: io::Errno| RunError { call, errno: errno.into() };
        let crew = Crew::new(setup, listener.clone()).map_err(failed(Call::Eventfd))?;
        io::ioctl_fionbio(&*listener, false).map_err(failed(Call::SetOption("FIONBIO")))?;
        thread::scope(|scope| {
            // However this ends, the threads are to end as well.
            let _end = crew.closes_with_this();
            // First of all: the threads may leave no descriptor for what it needs.
            let mut worker = Worker::new(setup, Entrance::Crew(&crew), stop, &mut quiet)?;
            let threads = spawn(scope, &crew);
            if threads.is_empty() {
                worker.relieve_crew()?;
            }
            let outcome = worker.run();
            crew.close();
            let join = |thread: ScopedJoinHandle<'_, Totals>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            let accepted = threads.into_iter().map(join).fold(Totals::default(), Totals::plus);
            outcome.map(|worked| worked.plus(accepted))
        })
    }
}

/// Starts the threads that accept: as many as there are to be, or as the system gives.
fn spawn<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    crew: &'scope Crew<'scope>,
) -> Vec<ScopedJoinHandle<'scope, Totals>> {
    let start = |number: usize| {
        let (presence, acceptor) = (crew.enter(number), Acceptor::new(crew, number));
        let thread = thread::Builder::new().name(format!("accept-{number}"));
        let accept = move || {
            let _presence = presence;
            acceptor.run()
        };
        thread.spawn_scoped(scope, accept).ok()
    };
    (0..crew.threads()).map_while(start).collect()
}
