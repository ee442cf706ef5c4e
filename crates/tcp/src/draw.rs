//! Drawings, as text and as SVG: what was seen between two hosts as a ladder, and the diagram of the states.
//!
//! - [`Ladder`]: a [`Trace`](crate::Trace) laid out once, printed [as text](Ladder::text) or [as SVG](Ladder::svg)
//! - [`diagram`]: the state-transition diagram, drawn from [`TABLE`](crate::TABLE)
//! - [`Page`]: how wide a drawing in text may be, and whether it is to keep to ASCII
//! - [`Drawing`], [`Span`], [`Role`]: a drawing in text, whose parts say what they are; colour is the printer's choice
//! - [`side_by_side`]: ladders next to each other, where there is room
//!
//! What strangers wrote (the text of segments, names, notes) is shown in visible ASCII alone: nothing in a drawing acts
//! on a terminal or a page, and every character is one column wide.
//!
//! ```
//! use core::time::Duration;
//! use timewait_tcp::{Fate, Flags, Row, Seen, Segment, Seq, Side, StateName, Trace, draw::{Ladder, Page}};
//!
//! let fin = Segment { flags: Flags::FIN, ..Segment::ack(Seq::new(7023), Seq::new(1)) };
//! let mut trace = Trace { left: "client".into(), right: "server".into(), ..Trace::default() };
//! trace.rows = vec![
//!     Row {
//!         at: Duration::ZERO,
//!         seen: Seen::Segment {
//!             from: Side::Right, connection: 1, segment: fin, fate: Fate::Delivered, note: String::new(),
//!         },
//!     },
//!     Row {
//!         at: Duration::ZERO,
//!         seen: Seen::State { side: Side::Right, connection: 1, state: StateName::FinWait1 },
//!     },
//! ];
//! let drawn = Ladder::of(&trace).text(Page::default()).to_string();
//! assert!(drawn.lines().any(|line| line.contains("◄─") && line.ends_with("│ fin-wait-1")));
//! ```

pub mod diagram;
mod ladder;
mod palette;
mod spans;
mod svg;
mod visible;

pub use ladder::{Ladder, side_by_side};
pub use spans::{Drawing, Page, Role, Span};
