//! The rules of bind(2) and listen(2), as the kernel has them: what a call will answer, and why one was refused.
//!
//! For TCP, two sockets share a port on overlapping addresses only if both have SO_REUSEADDR and the older does not
//! listen, or both have SO_REUSEPORT (and, for live ones, the same user). Sockets of connections, waiting ones
//! included, count like any other, with the flags that the socket had when it was closed.
//!
//! - [`predict`]: what bind(2) and then listen(2) will answer; certain, or [depending](On) on what no table shows
//! - [`learn`]: what the outcome of a bind(2) that was tried tells about flags that no table shows
//! - [`explain`]: why a call was refused. The refusal itself is information: it settles what a prediction leaves open
//! - [`Request`], [`Facts`], [`Occupant`]: what is asked for, and what is known; a [`Census`] counts a million sockets
//!
//! Each rule is a small function that names the kernel's. The rules are those of 6.9 and later, and of the stable
//! kernels that got its corrections; `docs/bind.md` has them as a table, and says what earlier kernels do otherwise.
//! Not modelled: VRFs, IP_FREEBIND and IP_TRANSPARENT, BPF programs and security modules that refuse a bind.

mod admission;
mod census;
mod explain;
mod facts;
mod history;
mod learn;
mod outcome;
mod overlap;
mod remedy;
mod sharing;

pub use census::Census;
pub use explain::{explain, finding};
pub use facts::{Bucket, Facts, LocalPorts, Nonlocal, Occupant, Request, Roles};
pub use learn::learn;
pub use outcome::{Answer, Call, Failure, On, Prediction, Reason, Verdict, predict};
pub use remedy::after;
pub use sharing::{Clash, Flags};

#[cfg(test)]
mod tests;
