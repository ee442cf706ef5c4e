//! x
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
