//! The server and the client on the running kernel, in hosts of their own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "failing is what tests do"
)]

mod article;
mod bounds;
mod common;
mod crowd;
mod dial;
mod ending;
mod polite;
mod quiet;
mod setup;
mod shortage;
mod stop;
