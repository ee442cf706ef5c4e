//! TCP as RFC 9293 has it: its words, its machine, a host's connections, and what was seen of them on a wire.
//!
//! No I/O, no clock, no `std`: time comes in as an argument, segments and steps are values.
//!
//! - [`Seq`]: a sequence number, a point on a circle
//! - [`Segment`], [`Flags`], [`Options`], [`Timestamps`]: what travels
//! - [`StateName`]: the eleven states' names
//! - [`State`]: a connection; a segment, a call or a timeout answers with a [`Step`]: the next state, what to send, which
//!   [`Event`]s to tell
//! - [`TABLE`], [`Arrow`], [`On`]: every step between them, and the rule that allows it
//! - [`Profile`]: what standards and kernels do differently
//! - [`endpoint`]: a host's connections, found by their ends, and how a stranger drives them
//! - [`Instant`]: a point in time, the caller's
//! - [`Trace`], [`Row`], [`Seen`], [`Fate`], [`Side`]: what was seen between two hosts, in order
//! - [`draw`]: what was seen as a ladder, and the states as a diagram, in text and in SVG
//!
//! ```
//! use timewait_tcp::{Instant, Profile, Segment, Seq, State, StateName};
//!
//! let (now, profile) = (Instant::START, &Profile::RFC_9293);
//! let listening = State::Closed.listen(Seq::new(300)).next;
//! let step = listening.on_segment(Segment::syn(Seq::new(100)), now, profile);
//! assert_eq!(step.send[0].ack, Some(Seq::new(101)), "a SYN takes a number of its own");
//! assert_eq!(step.arrows[0].by, "RFC 9293 §3.10.7.2, third");
//!
//! let step = step.next.on_segment(Segment::ack(Seq::new(101), Seq::new(301)), now, profile);
//! assert_eq!(step.next.name(), StateName::Established);
//! ```
//!
//! Left out: congestion control, and with it fast retransmit (what is lost costs a whole timeout); measured round trips (how
//! long a wait is, the profile says); SACK, urgent data, keep-alive, path MTU, ICMP, options on an RST, security
//! compartments.
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
