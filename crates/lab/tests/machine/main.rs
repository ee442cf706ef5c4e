//! The machine of `timewait-tcp` at the end of a wire: held against the kernel, and talking to its programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod against;
mod talks;
