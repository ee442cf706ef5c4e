//! The wire, between real hosts and their kernels' sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod deeds;
mod ends;
mod media;
mod program;
mod stage;
mod states;
mod tap;
