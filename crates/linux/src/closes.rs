//! Who closes connections first, and whose they were: what only a watcher can know.
//!
//! The kernel keeps no owner of a socket in TIME-WAIT, and no record of who closed first. While one watches, both can be
//! learned:
//!
//! - a **probe** on the tracepoint `inet_sock_set_state` sees every close in the context of the process that closes; it
//!   takes CAP_BPF and CAP_PERFMON
//! - **samples** of the socket table take no privilege: a socket that was sampled while a process held it keeps its
//!   cookie in TIME-WAIT. What comes and goes between two samples is not seen
//!
//! [`Watch`] does either; [`Close`] is what it tells, one for each end of a connection; [`Tally`] sums up. What is a
//! conclusion says so: [`Known::Inferred`], [`Close::first_inferred`].
//!
//! ```no_run
//! use timewait_linux::closes::{Setup, Watch};
//!
//! let mut watch = Watch::open(&Setup { probe: true, ..Setup::default() })?;
//! loop {
//!     let rest = watch.step(|close| println!("{} {} {:?}", close.local, close.peer, close.first))?;
//!     std::thread::sleep(rest);
//! }
//! # #[allow(unreachable_code)]
//! # Ok::<(), timewait_linux::closes::WatchError>(())
//! ```

mod book;
mod close;
mod clues;
mod ends;
mod live;
mod pace;
mod probe;
mod settle;
mod tally;
#[cfg(test)]
mod tests;
mod told;
mod watch;

pub use close::{Attribution, Close, First, FirstBecause, Known, OwnerBecause, Port, Reset};
pub use pace::Cost;
pub use probe::{BtfError, EventError, Lost, NoProbe, ProbeError};
pub use tally::{Attributed, Counts, Row, Tally};
pub use watch::{Setup, Watch, WatchError};
