//! What all measurements share.
//!
//! - [`Measurement`]: what is measured, and what it needs; performed in a host of its own for each of its cases
//! - [`Rounds`], [`Compared`]: contenders that take turns; medians, ratios of pairs, their spread
//! - [`Sample`]: what one run cost: wall time, CPU time, memory
//! - [`Section`]: what a measurement tells: tables, bars, points of a plot
//! - [`Peer`]: programs of others that are compared with, or named as missing

pub(crate) mod inside;
pub(crate) mod machine;
mod measurement;
pub(crate) mod outside;
mod page;
mod peer;
mod plan;
mod plot;
mod rounds;
pub(crate) mod sample;
mod section;

pub(crate) use inside::Bench;
pub(crate) use measurement::{Figure, Measurement};
pub(crate) use peer::Peer;
pub(crate) use plan::Plan;
pub(crate) use rounds::{Compared, Cost, Rounds, Spread};
pub(crate) use sample::Sample;
pub(crate) use section::{Bar, Section, Table};
