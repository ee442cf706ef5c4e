//! Two TCPs and a bad network, every interleaving of them: why TIME-WAIT lasts two maximum segment lifetimes.
//!
//! The machine is `timewait-tcp`'s, two of them, not a second and simpler one. Both begin ESTABLISHED (or, if asked,
//! with the first SYN), say an octet and close. A segment arrives at most one MSL after it was sent, or twice, or never, in any order; so many may be lost.
//!
//! - [`Bounds`], [`Rules`]: how bad the network may be, which rules the machines have, and how long they wait
//! - [`World`]: two [`Host`]s and what is [`Flying`] between them; its [`Action`]s, and what comes of each
//! - [`explore`]: every world that can be reached, breadth first; [`Explored`] has the answers to each [`Question`]
//! - [`Explored::counterexample`]: the shortest way to where an answer is no, as a trace that can be drawn as a ladder
//!
//! ```
//! use timewait_model::{Bounds, Question, Rules, explore};
//!
//! let bounds = Bounds { msl: 1, ..Bounds::default() };
//! let safe = |wait| explore(&Rules::new(bounds, wait), 1 << 30, |_| ()).unwrap().holds(Question::NothingOldAccepted);
//! assert_eq!([0, 1, 2].map(safe), [false, false, true], "two MSL, found by exploring");
//! ```
//!
//! # Time
//!
//! It goes in ticks, and at each instant anything may arrive in any order. A tick is the end of one instant and the
//! beginning of the next: segments that are MSL old die, then waits that have lasted as long as they are to last end, then
//! everything is a tick older, and what is due is sent again. So a segment may arrive *up to* MSL ticks after it was sent,
//! and a wait of as many ticks still covers that. What dies undelivered was lost; when no more may be lost, it has to
//! arrive before time passes.
//!
//! # Any initial sequence number
//!
//! The next connection may have any. It is run with two that are far from everything old; and whenever an old segment
//! reaches it, that segment is tried on the machine at every place of the window (SEG.SEQ) and of what was sent (SEG.ACK).
//! TCP does not know where a circle of numbers is cut, so this is the same as having chosen other initial numbers. Until the
//! first old segment is accepted, none was, whatever the numbers: they were answered or dropped, and the way up to there is
//! one for all of them. An old segment is accepted if the connection is not what it was: a number, a window, text, a state.
//!
//! # Left out
//!
//! Long windows, much text, congestion control; the handshake of the first connection, but for
//! [`Bounds::handshake`], and that of the next; hosts that lose their memory; an end
//! that opens anew while the other still waits, but for [`Bounds::reopen_on_newer_syn`]. Faults are bounded: what they
//! would do beyond is not known from here. Nobody gives up.
#![forbid(unsafe_code)]

mod bounds;
mod ends;
mod host;
mod network;
mod old;
mod opening;
mod pool;
mod rules;
mod search;
mod story;
mod words;
mod world;

pub use bounds::{Bounds, BoundsError};
pub use host::Host;
pub use network::{Flying, Packet};
pub use rules::Rules;
pub use search::{Explored, Question, TooLarge, explore};
pub use world::{Accepted, Action, After, World, Wrong};
