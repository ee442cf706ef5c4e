//! x
#![forbid(unsafe_code)]
#![allow(missing_docs, clippy::all)]
mod bounds;
mod host;
mod network;
mod old;
mod rules;
mod search;
mod world;
pub use bounds::{Bounds, BoundsError};
pub use rules::Rules;
pub use search::{explore, Explored};
pub use world::{World, Action};
