//! Plain values about a machine: what a row of the socket table says, what its state is called, who owns it,
//! which addresses a person asked about.
//!
//! No I/O, no clock, no rules. `timewait-linux` fills these values, `timewait-diagnose` reasons on them, the
//! command prints them.
//!
//! - [`Socket`], [`Timer`], [`Cookie`]: one row of the socket table; [`Minisocket`]: all that there is to one that waits
//! - [`State`], [`States`]: a TCP state as the kernel numbers it and `ss` names it, and a set of them
//! - [`Pattern`]: the one address grammar of every command
//! - [`Owner`]: the process behind a live socket
//! - [`Workload`]: the container or unit that a control group tells
//! - [`LocalAddresses`]: what addresses a network namespace calls its own
//! - [`PortRange`], [`PortSet`]: ports, as the kernel's settings write them
//! - [`Untrusted`]: bytes that strangers wrote, safe to show
//! - [`KernelVersion`]: what `uname` says, comparable
//!
//! ```
//! use timewait_facts::{Pattern, State};
//!
//! let asked: Pattern = "127.0.0.0/8:9000".parse()?;
//! assert!(asked.matches("127.0.0.1:9000".parse().unwrap()));
//! assert_eq!(State::TimeWait.name(), "time-wait");
//! # Ok::<(), timewait_facts::PatternError>(())
//! ```
#![forbid(unsafe_code)]

mod kernel;
mod local;
mod minisocket;
mod owner;
mod pattern;
mod ports;
mod socket;
mod state;
mod untrusted;
mod workload;

pub use kernel::KernelVersion;
pub use local::{LocalAddress, LocalAddresses, LocalRoute};
pub use minisocket::Minisocket;
pub use owner::Owner;
pub use pattern::{Pattern, PatternError};
pub use ports::{PortRange, PortRangeError, PortSet};
pub use socket::{Cookie, Socket, Timer, TimerKind};
pub use state::{State, States, UnknownState};
pub use untrusted::Untrusted;
pub use workload::Workload;
