//! TCP as RFC 9293 has it: its words, and what was seen of it on a wire.
//!
//! No I/O, no clock, no `std`: time comes in as an argument, segments are values.
//!
//! - [`Seq`]: a sequence number, a point on a circle
//! - [`Segment`], [`Flags`], [`Options`], [`Timestamps`]: what travels
//! - [`StateName`]: the eleven states
//! - [`TABLE`], [`Arrow`], [`On`]: every step between them, and the rule that allows it
//! - [`Profile`]: what standards and kernels do differently
//! - [`Instant`]: a point in time, the caller's
//! - [`Trace`], [`Row`], [`Seen`], [`Fate`], [`Side`]: what was seen between two hosts, in order
//! - [`State`], [`Step`], [`Event`]: one connection: a state, and what comes of a segment, a call or a timeout
//! - [`endpoint`]: a host's connections, by their four numbers
//! - [`draw`]: what was seen as a ladder, and the states as a diagram, in text and in SVG
//!
//! ```
//! use timewait_tcp::{Flags, Segment, Seq};
//!
//! let last = Segment { flags: Flags::FIN, ..Segment::ack(Seq::new(u32::MAX), Seq::new(1)) };
//! assert_eq!(last.len(), 1, "a FIN takes a number of its own");
//! assert_eq!(last.end(), Seq::new(0), "and numbers go round");
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod arrives;
mod calls;
mod context;
pub mod draw;
pub mod endpoint;
pub mod profile;
mod segment;
mod seq;
pub mod state;
mod step;
pub mod table;
mod time;
mod timeouts;
pub mod trace;

use context::Context;
pub use profile::Profile;
pub use segment::{Flags, Options, Segment, Timestamps};
pub use seq::Seq;
pub use state::{
    CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, Other, Outbox, State, StateName,
    SynReceived, SynSent, TimeWait,
};
pub use step::{CallError, Event, Step};
pub use table::{Arrow, On, TABLE};
pub use time::Instant;
pub use trace::{Fate, Row, Seen, Side, Trace};
