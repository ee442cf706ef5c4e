//! The load generator: opens and closes connections at a rate, and says how long they took and what failed.
//!
//! A connection's time is counted from the moment at which it was to be opened, not from when its turn came: so a server,
//! or a generator, that falls behind shows in the latencies and does not hide in a lower rate.
//!
//! One thread and one epoll instance. Whom it may reach is its caller's to decide; it connects to [`Load::to`] alone.

mod engine;
mod ports;
mod report;
mod sources;
mod talk;

use std::{net::SocketAddr, os::fd::BorrowedFd, time::Duration};

use ipnet::IpNet;
use timewait_linux::Errno;

pub use report::{Ended, Failures, Latencies, Progress, Report, Tally};
pub use sources::Sources;

use crate::Call;

/// `TCP_TIMEWAIT_LEN` and the coarseness of its timer (linux v6.12 include/net/tcp.h; 60.06 to 61.8 s measured).
const WAIT: Duration = Duration::from_secs(62);

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Load {
    /// Whom to connect to.
    pub to: SocketAddr,
    /// Addresses to connect from, in turn, bound with `IP_BIND_ADDRESS_NO_PORT`; empty leaves it to the kernel.
    pub from: Vec<IpNet>,
    /// Connections a second, more than 0; `None` is as fast as possible.
    pub rate: Option<f64>,
    /// Stop after so many.
    pub connections: Option<u64>,
    /// Stop after so long. Those that are open then have two seconds to end.
    pub duration: Duration,
    /// The most that are open at a time.
    pub concurrency: usize,
    /// How a connection ends.
    pub close: Close,
    /// What to say once it is open.
    pub say: Vec<u8>,
    /// Stop when so many local ports are held, by open connections and by ours in TIME-WAIT.
    pub most_ports: Option<u64>,
    /// How long a connection of ours in TIME-WAIT keeps its port from the next to the same destination: the wait, or, where
    /// the kernel uses such ports again (`tcp_tw_reuse`), less.
    pub held_for: Duration,
    /// How long a connection may take before it counts as failed (`ETIMEDOUT`).
    pub patience: Duration,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The server closes first, and waits.
    Server,
    /// We close once something was heard, and wait.
    Client,
    /// We end it by an RST once something was heard; nobody waits.
    Reset,
}

impl Load {
    /// As fast as possible for ten seconds, 64 at a time, to a server that closes first.
    pub const fn to(to: SocketAddr) -> Self {
        Self {
            to,
            from: Vec::new(),
            rate: None,
            connections: None,
            duration: Duration::from_secs(10),
            concurrency: 64,
            close: Close::Server,
            say: Vec::new(),
            most_ports: None,
            held_for: WAIT,
            patience: Duration::from_secs(5),
        }
    }

    /// Does it, until it is done or `stop` is readable. `observer` is told four times a second how it goes.
    ///
    /// # Errors
    /// A call failed that no connection can make fail. What fails for a connection is counted.
    pub fn run(
        &self,
        stop: BorrowedFd<'_>,
        observer: &mut impl FnMut(&Progress<'_>),
    ) -> Result<Report, LoadError> {
        engine::Engine::new(self, stop)?.run(observer)
    }
}

/// The run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A call failed.
    #[error("{call} failed")]
    Call {
        /// The call.
        call: Call,
        /// What it left in errno.
        #[source]
        errno: Errno,
    },
    /// No memory for a histogram.
    #[error("cannot make a histogram")]
    Histogram(#[from] hdrhistogram::CreationError),
}
