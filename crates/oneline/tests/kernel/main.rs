//! The server and the client on the running kernel, in hosts of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "failing is what tests do")]

mod article;
mod common;
