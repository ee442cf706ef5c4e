//! The measurements, a file each, in the page's order. A new one: a file, its `mod`, and its line in [`ALL`].

pub(crate) mod bare;
mod busy;
mod forecast;
mod idle;
mod instructions;
mod load;
mod model;
pub(crate) mod serve;
mod table;
mod watch;

use crate::frame::Measurement;

pub(crate) const ALL: &[&Measurement] = &[
    &table::MEASUREMENT,
    &instructions::MEASUREMENT,
    &idle::MEASUREMENT,
    &watch::MEASUREMENT,
    &busy::MEASUREMENT,
    &forecast::MEASUREMENT,
    &serve::MEASUREMENT,
    &serve::variants::MEASUREMENT,
    &load::MEASUREMENT,
    &model::MEASUREMENT,
];
